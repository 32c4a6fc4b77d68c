//! Which verdict is which state, and that GitHub takes the words.

use super::*;
use crate::report::Text;

fn ended(status: Status, revision: Option<&str>, cause: &str) -> Announcement {
    Announcement {
        service: "web".to_owned(),
        url: Some("https://www.example.com".to_owned()),
        revision: revision.map(str::to_owned),
        state: State::Ended {
            status,
            cause: (!cause.is_empty()).then(|| Text::new().quote(&cause.into())),
            failure: None,
        },
        ..Announcement::default()
    }
}

#[test]
fn each_verdict_has_its_state_and_only_a_success_an_address() {
    use DeploymentState::{Error, Failure, InProgress, Inactive, Pending, Success};
    let table = [
        (Status::Serving, Success),
        (Status::Deployed, Success),
        (Status::Unchanged, Success),
        (Status::Started, InProgress),
        (Status::Paused, Pending),
        (Status::Superseded, Inactive),
        (Status::RolledBack, Failure),
        (Status::Failed, Failure),
        (Status::TimedOut, Failure),
        (Status::NotStarted, Failure),
        (Status::Unknown, Error),
        (Status::Cancelled, Error),
    ];
    for (status, state) in table {
        let shown = of(&ended(status, Some("web:2"), ""), true);
        assert_eq!(shown.state, state, "{status:?}");
        assert_eq!(
            shown.environment_url.is_some(),
            state == Success,
            "{status:?}"
        );
    }
    let untouched = ended(Status::Cancelled, None, "");
    assert_eq!(of(&untouched, false).state, Inactive);
    // The service was being changed when the signal came, and nobody knows what became of it.
    assert_eq!(of(&untouched, true).state, Error);
    assert!(!deploys(&untouched));
}

#[test]
fn until_the_service_is_touched_it_is_queued() {
    let at = |phase| Announcement {
        state: State::InProgress {
            phase,
            since: String::new(),
        },
        ..Announcement::default()
    };
    let shown = of(&at(Phase::Build), false);
    assert_eq!(
        (shown.state, shown.description.as_str()),
        (DeploymentState::Queued, "Building the image")
    );
    assert_eq!(
        of(&at(Phase::Update), false).state,
        DeploymentState::InProgress
    );
}

proptest::proptest! {
    /// GitHub refuses a longer one, and then nobody is told how it ended.
    #[test]
    fn the_description_is_one_line_of_140_at_most(cause in "(?s).{0,400}") {
        let description = of(&ended(Status::Failed, None, &cause), true).description;
        proptest::prop_assert!(description.encode_utf16().count() <= 140);
        let control = description.contains(char::is_control);
        proptest::prop_assert!(!control);
        proptest::prop_assert!(description.starts_with("web not deployed"));
    }
}
