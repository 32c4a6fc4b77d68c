pub struct Agenda;
