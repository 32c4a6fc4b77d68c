pub struct Ecs;
