pub struct Behaviours;
