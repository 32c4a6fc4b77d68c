//! What the settings ask of a service, in the plan's words: the same for a deploy and for a plan that only shows it.

use crate::inputs::arguments::Overrides;
use crate::inputs::trigger::Trigger;
use crate::inputs::values::KeyValue;
use crate::plan::Wanted;
use crate::plan::service::{WantedImage, tag_value};

/// `commit` is the one that the image stands for.
pub fn wanted(
    overrides: &Overrides,
    image: WantedImage,
    commit: Option<&str>,
    trigger: Option<&Trigger>,
) -> Wanted {
    let pairs = |list: &[KeyValue]| {
        list.iter()
            .map(|p| (p.key.clone(), p.value.clone()))
            .collect()
    };
    let mut tags = Vec::new();
    let mut tag = |name: &str, value: Option<String>| {
        tags.extend(value.map(|v| (format!("shipway:{name}"), tag_value(&v))))
    };
    tag("commit", commit.map(str::to_owned));
    tag(
        "run",
        trigger.and_then(|t| t.run_id).map(|id| id.to_string()),
    );
    tag("repository", trigger.map(|t| t.repository.clone()));
    Wanted {
        image: Some(image),
        environment_variables: pairs(&overrides.environment_variables),
        secrets: pairs(&overrides.secrets),
        command: overrides.command.as_ref().map(|c| c.0.clone()),
        desired_count: overrides.desired_count,
        force_new_deployment: overrides.force_new_deployment,
        tags,
    }
}
