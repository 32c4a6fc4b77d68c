//! What the plan changed in the task definition, as a diff. Values that may be secrets are not in a `Difference`.

use super::announcement::Announcement;
use crate::model::Untrusted;
use crate::plan::Difference;
use crate::report::escape;

/// A task definition is 64 KiB at most; two of them and their paths fit.
const DIFF_LIMIT: usize = 200_000;

pub(super) fn difference(about: &Announcement) -> Option<(String, String)> {
    let differences: Vec<&Difference> = about
        .plan
        .iter()
        .flat_map(|planned| &planned.differences)
        .collect();
    if differences.is_empty() {
        return None;
    }
    let mut diff = Vec::new();
    for difference in &differences {
        diff.push(format!("@@ {} @@", one_line(&difference.path)));
        if difference.was.is_some() && difference.was == difference.becomes {
            // Another value that is not shown.
            diff.push(format!(
                "- {}",
                one_line(difference.was.as_deref().unwrap_or_default())
            ));
            diff.push("+ (another value, not shown)".to_owned());
            continue;
        }
        diff.extend(difference.was.iter().map(|v| format!("- {}", one_line(v))));
        diff.extend(
            difference
                .becomes
                .iter()
                .map(|v| format!("+ {}", one_line(v))),
        );
    }
    let title = match differences.len() {
        1 => "Task definition: 1 difference".to_owned(),
        n => format!("Task definition: {n} differences"),
    };
    Some((
        title,
        escape::markdown_diff(&Untrusted::new(diff.join("\n")), DIFF_LIMIT),
    ))
}

/// A value's own lines must not look like lines of the diff.
fn one_line(value: &str) -> String {
    value.replace(['\n', '\r'], " ")
}
