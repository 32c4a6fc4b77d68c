//! Scripts of observations → what is told, and how it ends, at exact times.

mod counts;
mod denied;
mod ends;
mod fail_fast;
mod fail_late;
mod hopeless;
mod matching;
mod overtaken;
mod properties;
mod script;
mod serves;
mod settling;
mod strategies;
