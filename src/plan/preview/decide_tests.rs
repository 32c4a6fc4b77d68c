//! Tables of what each event asks for.
