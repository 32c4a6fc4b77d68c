//! What `shipway try --trouble` can make go wrong: a table of how, and of the exit code that `deploy` answers with.

/// Where the trouble comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Further arguments of `deploy`.
    Arguments(&'static [&'static str]),
    /// The built-in page misbehaves: its environment variables.
    Page(&'static [(&'static str, &'static str)]),
    /// Rules of the sandbox's wire, as its world files write them.
    Wire(&'static str),
    /// The image is deleted once the new revision is registered.
    ImageVanishes,
    /// Somebody else updates the service while the deployment runs.
    SomebodyElseDeploys,
}

#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    pub name: &'static str,
    pub about: &'static str,
    pub exit_code: u8,
    pub how: How,
    /// Whether the service's circuit breaker rolls back, or only stops.
    pub rolls_back: bool,
}

impl Trouble {
    pub fn find(name: &str) -> Option<&'static Trouble> {
        TROUBLES.iter().find(|trouble| trouble.name == name)
    }

    pub fn needs_page(&self) -> bool {
        matches!(self.how, How::Page(_))
    }
}

const fn trouble(name: &'static str, exit_code: u8, how: How, about: &'static str) -> Trouble {
    Trouble {
        name,
        about,
        exit_code,
        how,
        rolls_back: false,
    }
}

pub const TROUBLES: &[Trouble] = &[
    trouble(
        "crash-loop",
        1,
        How::Page(&[("PAGE_CRASH_AFTER", "2")]),
        "the container exits with 1 two seconds after its start",
    ),
    trouble(
        "exec-format-error",
        6,
        How::Arguments(&["--platform", "linux/arm64"]),
        "the image is for another architecture than the task definition",
    ),
    trouble(
        "unhealthy",
        1,
        How::Page(&[("PAGE_STATUS", "500")]),
        "the page answers health checks with 500",
    ),
    trouble(
        "wrong-address",
        1,
        How::Page(&[("PAGE_LISTEN", "127.0.0.1")]),
        "the page listens on its own loopback address only",
    ),
    trouble(
        "out-of-memory",
        1,
        How::Page(&[("PAGE_EAT_MEMORY", "1")]),
        "the container takes more memory than it may",
    ),
    trouble(
        "image-missing",
        1,
        How::ImageVanishes,
        "the image is deleted between the preflight and the pull",
    ),
    Trouble {
        name: "rollback",
        about: "the container crashes and the circuit breaker rolls back",
        exit_code: 1,
        how: How::Page(&[("PAGE_CRASH_AFTER", "2")]),
        rolls_back: true,
    },
    trouble(
        "superseded",
        0,
        How::SomebodyElseDeploys,
        "a newer deployment takes over",
    ),
    trouble(
        "throttled",
        0,
        How::Wire("{operation: 'Describe*', service: ecs, do: throttle, times: 25}"),
        "AWS throttles for a while",
    ),
    trouble(
        "denied",
        4,
        How::Wire("{operation: UpdateService, service: ecs, do: denied}"),
        "the role may not update the service",
    ),
];

#[cfg(test)]
mod tests {
    use super::{TROUBLES, Trouble};

    #[test]
    fn names_are_found_and_differ() {
        for trouble in TROUBLES {
            assert_eq!(
                Trouble::find(trouble.name).map(|found| found.about),
                Some(trouble.about)
            );
        }
        assert!(Trouble::find("boredom").is_none());
    }
}
