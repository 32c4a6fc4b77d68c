pub struct Elbv2;
