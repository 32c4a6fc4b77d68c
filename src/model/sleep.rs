//! What a service was before it went to sleep, as one line of text that a tag can hold. Knows the text's form and the tags'
//! keys; neither who writes it nor when.

use jiff::Timestamp;

use super::autoscaling::{Bounds, SuspendedState};

/// Tag of a sleeping service: a `Saved`.
pub const SCALE: &str = "shipway:scale";
/// Tag of a service that is never put to sleep, whatever its value.
pub const KEEP_AWAKE: &str = "shipway:keep-awake";
/// ECS's limit of tags on a resource.
pub const TAGS_MAX: usize = 50;

/// The form that this version writes and reads.
const VERSION: &str = "v1";
const TIME: &str = "%Y-%m-%dT%H:%M:%SZ";

/// `v1/d=3/min=2/max=10/sus=000/at=2026-11-24T20:23:00Z/run=16839201733`: tags take letters, digits, spaces and
/// `+ - = . _ : / @`, 256 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    pub desired_count: u32,
    /// Of the scalable target, where there was one.
    pub bounds: Option<Bounds>,
    /// In whole seconds.
    pub at: Timestamp,
    /// GitHub's run that put it to sleep.
    pub run: Option<u64>,
}

/// Why a text is no `Saved`. It is left as it is: somebody wrote it who knows what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRead {
    /// Another version's.
    Version,
    Form,
}

impl Saved {
    /// To whole seconds, as the text has it.
    pub fn new(
        desired_count: u32,
        bounds: Option<Bounds>,
        at: Timestamp,
        run: Option<u64>,
    ) -> Saved {
        Saved {
            desired_count,
            bounds,
            at: Timestamp::from_second(at.as_second()).unwrap_or(at),
            run,
        }
    }

    pub fn text(&self) -> String {
        let mut text = format!("{VERSION}/d={}", self.desired_count);
        if let Some(bounds) = &self.bounds {
            let suspended = &bounds.suspended;
            let bit = |set: bool| if set { '1' } else { '0' };
            text.push_str(&format!(
                "/min={}/max={}/sus={}{}{}",
                bounds.min,
                bounds.max,
                bit(suspended.dynamic_scaling_in),
                bit(suspended.dynamic_scaling_out),
                bit(suspended.scheduled_scaling)
            ));
        }
        text.push_str(&format!("/at={}", self.at.strftime(TIME)));
        if let Some(run) = self.run {
            text.push_str(&format!("/run={run}"));
        }
        text
    }

    /// Only what `text` writes, letter by letter: what is nearly right was not written by us.
    pub fn parse(text: &str) -> Result<Saved, NotRead> {
        let (version, rest) = text.split_once('/').unwrap_or((text, ""));
        if version != VERSION {
            let of_another = version
                .strip_prefix('v')
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
            return Err(if of_another {
                NotRead::Version
            } else {
                NotRead::Form
            });
        }
        let saved = members(rest).ok_or(NotRead::Form)?;
        if saved.text() == text {
            Ok(saved)
        } else {
            Err(NotRead::Form)
        }
    }
}

fn members(text: &str) -> Option<Saved> {
    let mut members = text.split('/').map(|m| m.split_once('=')).peekable();
    let mut next = |key: &str| {
        members
            .next_if(|m| m.is_some_and(|(k, _)| k == key))
            .flatten()
            .map(|(_, value)| value)
    };
    let desired_count = next("d")?.parse().ok()?;
    let bounds = match next("min") {
        None => None,
        Some(min) => Some(Bounds {
            min: min.parse().ok()?,
            max: next("max")?.parse().ok()?,
            suspended: suspended(next("sus")?)?,
        }),
    };
    let at = next("at")?.parse().ok()?;
    let run = match next("run") {
        None => None,
        Some(run) => Some(run.parse().ok()?),
    };
    members.next().is_none().then_some(Saved {
        desired_count,
        bounds,
        at,
        run,
    })
}

fn suspended(bits: &str) -> Option<SuspendedState> {
    let bits: Vec<bool> = bits.chars().map(|c| c == '1').collect();
    let [dynamic_scaling_in, dynamic_scaling_out, scheduled_scaling] = bits[..] else {
        return None;
    };
    Some(SuspendedState {
        dynamic_scaling_in,
        dynamic_scaling_out,
        scheduled_scaling,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn saved() -> impl Strategy<Value = Saved> {
        let bounds =
            (any::<u32>(), any::<u32>(), any::<[bool; 3]>()).prop_map(|(min, max, sus)| Bounds {
                min,
                max,
                suspended: SuspendedState {
                    dynamic_scaling_in: sus[0],
                    dynamic_scaling_out: sus[1],
                    scheduled_scaling: sus[2],
                },
            });
        // The years 1970 to 9999: more has no four digits.
        let at = (0..253_402_300_799_i64).prop_map(|s| Timestamp::from_second(s).unwrap());
        (
            any::<u32>(),
            proptest::option::of(bounds),
            at,
            proptest::option::of(any::<u64>()),
        )
            .prop_map(|(desired, bounds, at, run)| Saved::new(desired, bounds, at, run))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_fits_a_tag(saved in saved()) {
            let text = saved.text();
            prop_assert_eq!(Saved::parse(&text), Ok(saved));
            prop_assert!(text.len() <= 256, "{}", text);
            prop_assert!(text.chars().all(|c| c.is_ascii_alphanumeric() || " +-=._:/@".contains(c)), "{}", text);
        }

        #[test]
        fn nothing_else_is_read(text in "(v1|v2|v|x)?(/(d|min|max|sus|at|run)=[0-9T:Z-]{0,20}){0,7}/?") {
            if let Ok(saved) = Saved::parse(&text) {
                prop_assert_eq!(saved.text(), text);
            }
        }
    }

    #[test]
    fn texts() {
        let at = "2026-11-24T20:23:00Z".parse().unwrap();
        let bounds = Bounds {
            min: 2,
            max: 10,
            suspended: SuspendedState::default(),
        };
        let saved = Saved::new(3, Some(bounds), at, Some(16_839_201_733));
        let text = "v1/d=3/min=2/max=10/sus=000/at=2026-11-24T20:23:00Z/run=16839201733";
        assert_eq!(saved.text(), text);
        for (text, why) in [
            ("", NotRead::Form),
            ("true", NotRead::Form),
            ("v2/d=3", NotRead::Version),
            ("v12", NotRead::Version),
            ("v1", NotRead::Form),
            ("v1/d=3", NotRead::Form),
            ("v1/d=03/at=2026-11-24T20:23:00Z", NotRead::Form),
            ("v1/d=3/min=2/at=2026-11-24T20:23:00Z", NotRead::Form),
            (
                "v1/d=3/min=2/max=10/sus=0x0/at=2026-11-24T20:23:00Z",
                NotRead::Form,
            ),
            ("v1/d=3/at=2026-11-24T20:23:00+01:00", NotRead::Form),
            ("v1/d=3/at=2026-11-24T20:23:00Z/", NotRead::Form),
            ("v1/d=3/at=2026-11-24T20:23:00Z/run=1/more=2", NotRead::Form),
        ] {
            assert_eq!(Saved::parse(text), Err(why), "{text}");
        }
    }
}
