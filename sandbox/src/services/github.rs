pub struct GitHub;
