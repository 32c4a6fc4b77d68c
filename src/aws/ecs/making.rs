//! What is made and changed in Amazon ECS: services (CreateService), task definitions of previews. One API operation a function.
