//! AWS's documented request limits: token buckets of an account in a region. Knows no service's words for a refusal.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::Asked;
use crate::iam::policy::glob;

struct Bucket {
    left: f64,
    at: SystemTime,
}

/// How full each bucket is: an account has its own in every region.
#[derive(Default)]
pub struct Buckets(BTreeMap<(String, &'static str), Bucket>);

/// One bucket: who draws on it, what may come at once, and what comes back a second.
pub struct Limit {
    pub name: &'static str,
    service: &'static str,
    /// Names, or globs.
    operations: &'static [&'static str],
    pub burst: f64,
    pub per_second: f64,
}

impl Limit {
    /// Whether such a call draws on it.
    pub fn concerns(&self, service: &str, operation: &str) -> bool {
        let mut operations = self.operations.iter();
        self.service == service && operations.any(|of| glob(of, operation))
    }
}

const fn limit(
    name: &'static str,
    service: &'static str,
    operations: &'static [&'static str],
    burst: f64,
    per_second: f64,
) -> Limit {
    Limit {
        name,
        service,
        operations,
        burst,
        per_second,
    }
}

/// AWS's tables: "Request throttling for the Amazon ECS API", "Throttling for the Elastic Load Balancing API" and "Systems
/// Manager endpoints and quotas" (Parameter Store's default throughput, where a second's worth is what may come at once).
/// Application Auto Scaling documents quotas of its nouns, but no rates: a world file's rules can throttle it.
pub const LIMITS: &[Limit] = &[
    limit(
        "ecs services",
        "ecs",
        &["CreateService", "UpdateService", "DeleteService"],
        50.0,
        5.0,
    ),
    limit(
        "ecs read services",
        "ecs",
        &["DescribeServices", "ListServices"],
        100.0,
        20.0,
    ),
    limit(
        "ecs describe service deployments",
        "ecs",
        &["DescribeServiceDeployments"],
        50.0,
        20.0,
    ),
    limit(
        "ecs list service deployments",
        "ecs",
        &["ListServiceDeployments"],
        50.0,
        20.0,
    ),
    limit(
        "ecs describe service revisions",
        "ecs",
        &["DescribeServiceRevisions"],
        50.0,
        20.0,
    ),
    limit(
        "ecs describe task definition",
        "ecs",
        &["DescribeTaskDefinition"],
        50.0,
        20.0,
    ),
    limit(
        "ecs tasks",
        "ecs",
        &["DescribeTasks", "ListTasks"],
        100.0,
        20.0,
    ),
    limit(
        "ecs task definitions",
        "ecs",
        &["RegisterTaskDefinition", "DeregisterTaskDefinition"],
        20.0,
        1.0,
    ),
    limit(
        "ecs tags",
        "ecs",
        &["TagResource", "UntagResource"],
        20.0,
        10.0,
    ),
    limit("ecs run", "ecs", &["RunTask", "StopTask"], 100.0, 40.0),
    limit(
        "ecs delete task definitions",
        "ecs",
        &["DeleteTaskDefinitions"],
        5.0,
        1.0,
    ),
    limit(
        "elb describe",
        "elasticloadbalancing",
        &["Describe*"],
        40.0,
        10.0,
    ),
    limit(
        "elb targets",
        "elasticloadbalancing",
        &["RegisterTargets", "DeregisterTargets"],
        20.0,
        4.0,
    ),
    limit(
        "elb change",
        "elasticloadbalancing",
        &["Create*", "Delete*", "Modify*", "Set*", "Add*", "Remove*"],
        20.0,
        3.0,
    ),
    limit(
        "ssm get",
        "ssm",
        &["GetParameter", "GetParameters", "GetParametersByPath"],
        40.0,
        40.0,
    ),
    limit("ssm put", "ssm", &["PutParameter"], 3.0, 3.0),
    limit("elb account", "elasticloadbalancing", &["*"], 40.0, 10.0),
];

impl Buckets {
    /// Takes a token of every bucket that the call draws on; none is taken where one is empty.
    pub fn take(&mut self, asked: Asked<'_>, now: SystemTime) -> bool {
        let concerned: Vec<&Limit> = LIMITS
            .iter()
            .filter(|limit| limit.concerns(asked.service, asked.operation))
            .collect();
        let key = |limit: &Limit| (asked.region.to_owned(), limit.name);
        for limit in &concerned {
            let bucket = self.0.entry(key(limit)).or_insert(Bucket {
                left: limit.burst,
                at: now,
            });
            let passed = now.duration_since(bucket.at).unwrap_or_default();
            bucket.left = (bucket.left + passed.as_secs_f64() * limit.per_second).min(limit.burst);
            bucket.at = now;
        }
        let has_one = |limit: &&Limit| self.0.get(&key(limit)).is_some_and(|b| b.left >= 1.0);
        let enough = concerned.iter().all(has_one);
        for limit in concerned.iter().filter(|_| enough) {
            if let Some(bucket) = self.0.get_mut(&key(limit)) {
                bucket.left -= 1.0;
            }
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// How many of so many calls at once are refused, so long after the start.
    fn refused(buckets: &mut Buckets, call: (&str, &str, &str), calls: u32, seconds: u64) -> usize {
        let (region, service, operation) = call;
        let asked = Asked {
            service,
            operation,
            region,
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        (0..calls).filter(|_| !buckets.take(asked, now)).count()
    }

    #[test]
    fn the_accounts_bucket_is_shared_by_all_of_elb() {
        let (mut buckets, region) = (Buckets::default(), "eu-west-1");
        let mut elb = |operation, calls, seconds| {
            refused(
                &mut buckets,
                (region, "elasticloadbalancing", operation),
                calls,
                seconds,
            )
        };
        assert_eq!(elb("DescribeRules", 30, 0), 0);
        assert_eq!(elb("CreateRule", 11, 0), 1);
        assert_eq!(elb("CreateRule", 1, 1), 0);
    }

    #[test]
    fn what_is_documented_is_kept_in_each_region() {
        let mut buckets = Buckets::default();
        for (service, operations, burst, per_second) in [
            ("ecs", ["CreateService", "UpdateService"], 50, 5),
            ("ecs", ["DescribeServices", "ListServices"], 100, 20),
            ("ecs", ["DescribeTasks", "ListTasks"], 100, 20),
            ("ecs", ["TagResource", "UntagResource"], 20, 10),
            (
                "ecs",
                ["RegisterTaskDefinition", "DeregisterTaskDefinition"],
                20,
                1,
            ),
            ("ssm", ["GetParameter", "GetParametersByPath"], 40, 40),
            ("ssm", ["PutParameter", "PutParameter"], 3, 3),
        ] {
            for region in ["eu-west-1", "us-east-1"] {
                let of = |operation| (region, service, operation);
                let half = burst / 2;
                assert_eq!(
                    refused(&mut buckets, of(operations[0]), half, 0),
                    0,
                    "{operations:?}"
                );
                assert_eq!(
                    refused(&mut buckets, of(operations[1]), burst - half + 1, 0),
                    1,
                    "{operations:?}"
                );
                let left = usize::try_from(burst - per_second).unwrap();
                assert_eq!(
                    refused(&mut buckets, of(operations[0]), burst, 1),
                    left,
                    "{operations:?}"
                );
            }
        }
    }
}
