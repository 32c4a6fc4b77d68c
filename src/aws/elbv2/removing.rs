//! What is removed from Elastic Load Balancing v2: rules, target groups. One API operation a function.
