//! Scripts of observations → what is told, and how it ends, at exact times.

mod causes;
mod counts;
mod denied;
mod diagnosing;
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
mod unused;
