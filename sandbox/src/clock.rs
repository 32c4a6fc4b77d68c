//! The only clock of the sandbox: tokio's, so that paused time and real time are one type.

use std::time::SystemTime;

/// Wall-clock time that moves with tokio's clock: real in a normal runtime, virtual in one started paused.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: SystemTime,
    start: tokio::time::Instant,
}

impl Clock {
    /// A clock that reads the machine's present time now.
    pub fn real() -> Clock {
        Clock::starting_at(SystemTime::now())
    }

    /// A clock that reads `epoch` now. Call inside the runtime whose time it shall follow.
    pub fn starting_at(epoch: SystemTime) -> Clock {
        Clock {
            epoch,
            start: tokio::time::Instant::now(),
        }
    }

    pub fn now(&self) -> SystemTime {
        self.epoch + self.start.elapsed()
    }
}
