//! What is made and changed in Elastic Load Balancing v2: target groups, rules, tags. One API operation a function.
