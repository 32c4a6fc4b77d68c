//! How long ECS waits by its settings while it shifts traffic: a limit that is no longer than that cannot see the end. Knows
//! ECS's defaults, and nothing of how far a deployment is.

use std::time::Duration;

use crate::model::service::DeploymentConfiguration;

/// Defaults of LinearConfiguration and CanaryConfiguration (ECS API).
const STEP_PERCENT: f64 = 10.0;
const STEP_MINUTES: u32 = 6;
const CANARY_MINUTES: u32 = 10;

/// All bakes together; `None` where no traffic is shifted.
pub(super) fn together(configuration: &DeploymentConfiguration) -> Option<Duration> {
    let minutes = match configuration.strategy.as_str() {
        "BLUE_GREEN" => 0,
        "LINEAR" => {
            let linear = configuration.linear.clone().unwrap_or_default();
            let percent = linear.percent.unwrap_or(STEP_PERCENT).clamp(1.0, 100.0);
            // After the last step there is no bake of its own.
            let between = (100.0 / percent).ceil() as u32 - 1;
            between.saturating_mul(linear.bake_time_in_minutes.unwrap_or(STEP_MINUTES))
        }
        "CANARY" => {
            let canary = configuration.canary.clone().unwrap_or_default();
            canary.bake_time_in_minutes.unwrap_or(CANARY_MINUTES)
        }
        _ => return None,
    };
    let all = minutes.saturating_add(configuration.bake_time_in_minutes.unwrap_or(0));
    Some(Duration::from_secs(60 * u64::from(all)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::service::TrafficStep;

    #[test]
    fn bakes_add_up() {
        let step = |percent, bake_time_in_minutes| TrafficStep {
            percent,
            bake_time_in_minutes,
        };
        for (strategy, bake, of_step, minutes) in [
            ("ROLLING", Some(5), None, None),
            ("", None, None, None),
            ("BLUE_GREEN", Some(5), None, Some(5)),
            ("LINEAR", Some(10), None, Some(9 * 6 + 10)),
            ("LINEAR", None, Some(step(Some(40.0), Some(3))), Some(6)),
            ("LINEAR", None, Some(step(Some(100.0), Some(3))), Some(0)),
            ("LINEAR", None, Some(step(Some(0.0), Some(1))), Some(99)),
            ("CANARY", Some(3), None, Some(13)),
            ("CANARY", Some(3), Some(step(None, Some(0))), Some(3)),
        ] {
            let configuration = DeploymentConfiguration {
                strategy: strategy.to_owned(),
                bake_time_in_minutes: bake,
                linear: of_step.clone(),
                canary: of_step.clone(),
                ..DeploymentConfiguration::default()
            };
            let expected = minutes.map(|m| Duration::from_secs(60 * m));
            assert_eq!(together(&configuration), expected, "{strategy} {of_step:?}");
        }
    }
}
