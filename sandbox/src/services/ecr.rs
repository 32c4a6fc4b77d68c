pub struct Ecr;
