//! What must hold of previews, whatever happens: in one world, seen as a whole.

mod interleavings;
mod real;
mod room;
mod stage;
mod sweep;
mod whole;
