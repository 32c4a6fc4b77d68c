mod second_revision;
mod try_once;
