pub struct Iam;
