//! What is removed from Amazon ECS, and what is listed for it: DeleteService, ListServices, ListTaskDefinitions, DeregisterTaskDefinition.
