pub struct Logs;
