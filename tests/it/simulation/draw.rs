//! A world by chance: what a seed draws of services, tasks, trouble, other people and arguments. Knows what a world file can
//! say. Does not know what should come of it.

mod dice;
mod incidents;

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};
use shipway_sandbox::scenario::WorldFile;

use crate::harness::overlay::overlay;

use dice::{Dice, seconds};
use incidents::{behaviours, timeline, trouble};

/// The world of the scenarios, with a second target group.
const WORLD: &str = include_str!("../../scenarios/world.yml");
/// What a world with a strategy other than ROLLING adds.
const SHIFTING: &str = include_str!("../../worlds/shifting.yml");
/// The windows of every target group that are drawn stay below this, so that none is clamped.
const LONGEST_WINDOW: Duration = Duration::from_secs(120);
const SHORTEST_WINDOW: Duration = Duration::from_secs(15);
const UNBALANCED: Duration = Duration::from_secs(40);

/// What a seed stands for. Two seeds share a world: the odd one has trouble on the way to seeing it.
#[derive(Clone, Debug)]
pub struct Drawn {
    pub seed: u64,
    /// Laid over the base world.
    pub world: Value,
    pub args: Vec<String>,
    /// The run begins so long after the world's start.
    pub begins: Duration,
    pub limit: Duration,
    pub wait_until: &'static str,
    /// How long all has to stay well.
    pub window: Duration,
    pub superseded_fails: bool,
    pub fail_fast: bool,
    pub keeps: bool,
    /// How old an answer may be.
    pub stale: Duration,
    /// What may not be read, if anything.
    pub denied: Option<&'static str>,
    /// Whether anything stands between us and the world.
    pub troubled: bool,
    /// Traffic is shifted: a strategy other than ROLLING.
    pub shifts: bool,
    pub latency: Duration,
}

impl Drawn {
    pub fn of(seed: u64) -> Drawn {
        let mut dice = Dice(fastrand::Rng::with_seed(seed / 2 + 1));
        let mut drawn = world(&mut dice, seed);
        if seed % 2 == 1 {
            let mut dice = Dice(fastrand::Rng::with_seed(seed ^ 0x5eed));
            trouble(&mut dice, &mut drawn);
        }
        drawn
    }

    /// The world file, whole.
    pub fn file(&self) -> WorldFile {
        let mut file = base(self.shifts).clone();
        overlay(&mut file, &yaml(&self.world));
        serde_yaml::from_value(file).expect("the world file")
    }

    /// As a scenario file begins.
    pub fn scenario(&self) -> String {
        let scenario = json!({ "args": self.args, "world": self.world });
        serde_yaml::to_string(&yaml(&scenario)).unwrap()
    }
}

/// Numbers of arbitrary precision are a secret between serde_json and itself.
fn yaml(json: &Value) -> serde_yaml::Value {
    match json {
        Value::Null => serde_yaml::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number.as_u64().expect("whole numbers").into(),
        Value::String(text) => text.as_str().into(),
        Value::Array(list) => serde_yaml::Value::Sequence(list.iter().map(yaml).collect()),
        Value::Object(map) => serde_yaml::Value::Mapping(
            map.iter()
                .map(|(key, value)| (key.as_str().into(), yaml(value)))
                .collect(),
        ),
    }
}

fn base(shifts: bool) -> &'static serde_yaml::Value {
    static BASES: OnceLock<[serde_yaml::Value; 2]> = OnceLock::new();
    let [rolls, does_shift] = BASES.get_or_init(|| {
        let mut base: serde_yaml::Value = serde_yaml::from_str(WORLD).unwrap();
        let over = "{ past: 4m, target-groups: [{ name: web }, { name: admin }], load-balancers: { web-alb: { listeners: [
            { port: 80, rules: [
                { priority: 10, host: www.example.com, forward: [web] }, { priority: 20, host: admin.example.com, forward: [admin] }
            ] }
        ] } } }";
        let mut shifting: serde_yaml::Value = base.clone();
        overlay(&mut base, &serde_yaml::from_str(over).unwrap());
        overlay(&mut shifting, &serde_yaml::from_str("{ past: 4m }").unwrap());
        overlay(&mut shifting, &serde_yaml::from_str(SHIFTING).unwrap());
        [base, shifting]
    });
    if shifts { does_shift } else { rolls }
}

/// ARNs of the two target groups: a world's ids follow from its seed, which is the same for all.
fn groups() -> &'static [String; 2] {
    static GROUPS: OnceLock<[String; 2]> = OnceLock::new();
    GROUPS.get_or_init(|| {
        let file: WorldFile = serde_yaml::from_value(base(false).clone()).unwrap();
        let world = file.build(SystemTime::UNIX_EPOCH).unwrap();
        let of = |name: &str| {
            let mut groups = world.elbv2.target_groups.values();
            groups.find(|g| g.name == name).unwrap().arn.clone()
        };
        [of("web"), of("admin")]
    })
}

fn world(dice: &mut Dice, seed: u64) -> Drawn {
    let mut service = Map::new();
    let mut raw = Map::new();
    let mut world = Map::new();

    let daemon = dice.chance(3);
    let desired = dice.weighed(&[(6, 0), (26, 1), (34, 2), (16, 3), (8, 4), (5, 5), (5, 6)]);
    service.insert("desired".into(), json!(desired));
    if daemon {
        service.insert("launch-type".into(), json!("EC2"));
        raw.insert("schedulingStrategy".into(), json!("DAEMON"));
    } else if dice.chance(8) {
        let spot = json!([{ "capacityProvider": "FARGATE_SPOT", "weight": 1 }]);
        raw.insert("capacityProviderStrategy".into(), spot);
    }
    world.insert(
        "clusters".into(),
        json!([{ "name": "prod", "capacity-providers": ["FARGATE", "FARGATE_SPOT"] }]),
    );
    let shifts = !daemon && dice.chance(14);
    let mut window = balance(dice, &mut world, &mut raw, shifts);
    let configuration = match shifts {
        true => shift(dice, &mut world),
        false => configure(dice, daemon),
    };
    service.insert("deployment".into(), configuration);
    if dice.chance(15) {
        let check = json!({
            "command": ["CMD-SHELL", "true"], "interval": dice.of(&[5, 10, 30]),
            "retries": dice.between(1, 3), "startPeriod": dice.of(&[0, 0, 20]),
        });
        service.insert("health-check".into(), check);
    }
    if dice.chance(20) {
        service.insert("grace-period".into(), json!(dice.of(&[30, 60, 120])));
    }
    if dice.chance(12) {
        // Its first deployment may not have come up yet.
        world.insert("past".into(), json!(seconds(dice.between(1, 60))));
    }
    if dice.chance(6) {
        world.insert("service-deployments".into(), json!("unavailable"));
    }
    if dice.chance(25) {
        let timings = json!({
            "provisioning": dice.time(0, 6), "pending": dice.time(0, 20), "activating": dice.time(0, 3),
            "stopping": dice.time(0, 10), "deprovisioning": dice.time(0, 6),
        });
        world.insert("timings".into(), timings);
    }
    service.insert("service".into(), Value::Object(raw));
    world.insert("services".into(), json!({ "web": service }));
    world.insert("behaviours".into(), behaviours(dice));
    world.insert("timeline".into(), timeline(dice, desired));
    let latency = Duration::from_millis(dice.weighed(&[(3, 0), (4, 40), (2, 120), (1, 400)]));
    world.insert(
        "trouble".into(),
        json!({ "latency": format!("{}ms", latency.as_millis()) }),
    );

    let minutes = minutes(dice).max(if shifts { 8 } else { 0 });
    let wait_until = dice.weighed(&[(76, "healthy"), (21, "deployed"), (3, "none")]);
    let mut args = vec![
        format!("--wait-until={wait_until}"),
        format!("--wait-for-minutes={minutes}"),
    ];
    let image = dice.weighed(&[(85, "v2"), (15, "v1")]);
    args.extend(["--image".into(), image.into()]);
    args.extend(["--ecr-repository".into(), "web".into()]);
    if image == "v1" && dice.chance(40) {
        args.push("--force-new-deployment".into());
    }
    if !daemon && dice.chance(if image == "v1" { 50 } else { 10 }) {
        args.push(format!("--desired-count={}", dice.below(4)));
    }
    if dice.chance(35) {
        let long = dice.weighed(&[(2, 0), (2, 5), (3, 20), (1, 50)]);
        args.push(format!("--stable-for={long}"));
        window = Duration::from_secs(long);
    }
    if shifts {
        args.push(format!(
            "--on-pause={}",
            dice.of(&["return", "wait", "continue"])
        ));
    }
    let superseded_fails = dice.chance(20);
    if superseded_fails {
        args.push("--on-superseded=fail".into());
    }
    let fail_fast = !dice.chance(25);
    args.push(format!("--fail-fast={fail_fast}"));
    let keeps = dice.chance(30);
    if keeps {
        args.push("--on-failure=keep".into());
    }
    Drawn {
        seed,
        world: Value::Object(world),
        args,
        begins: Duration::from_secs(dice.weighed(&[(3, 0), (1, dice_later(seed))])),
        limit: Duration::from_secs(60 * minutes),
        wait_until,
        window,
        superseded_fails,
        fail_fast,
        keeps,
        stale: Duration::ZERO,
        denied: None,
        troubled: false,
        shifts,
        latency,
    }
}

/// Some runs begin while a deployment of somebody else is on its way.
fn dice_later(seed: u64) -> u64 {
    5 + seed / 2 % 50
}

/// Target groups, and the window that follows from them.
fn balance(
    dice: &mut Dice,
    world: &mut Map<String, Value>,
    raw: &mut Map<String, Value>,
    shifts: bool,
) -> Duration {
    let number = if shifts {
        1
    } else {
        dice.weighed(&[(18, 0), (68, 1), (14, 2)])
    };
    let names = if shifts {
        ["web", "web-2"]
    } else {
        ["web", "admin"]
    };
    let mut files = Map::new();
    let mut window = Duration::ZERO;
    for (index, name) in names.into_iter().enumerate() {
        let (interval, unhealthy) = dice.weighed(&[
            (4, (5, 2)),
            (4, (10, 2)),
            (2, (5, 5)),
            (2, (10, 3)),
            (3, (30, 2)),
        ]);
        let file = json!({
            "interval": seconds(interval), "timeout": "2s", "unhealthy-threshold": unhealthy,
            "healthy-threshold": dice.of(&[2, 2, 5]),
            "deregistration-delay": seconds(dice.weighed(&[(2, 0), (3, 5), (3, 30), (2, 120), (1, 300)])),
        });
        files.insert(name.into(), file);
        if index < number {
            window = window.max(Duration::from_secs(interval * unhealthy));
        }
    }
    world.insert("target-groups".into(), Value::Object(files));
    if shifts {
        return window.clamp(SHORTEST_WINDOW, LONGEST_WINDOW);
    }
    let arns = groups();
    let entries: Vec<Value> = (arns.iter().take(number))
        .map(|arn| json!({ "targetGroupArn": arn, "containerName": "web", "containerPort": 80 }))
        .collect();
    raw.insert("loadBalancers".into(), json!(entries));
    match number {
        0 => UNBALANCED,
        _ => window.clamp(SHORTEST_WINDOW, LONGEST_WINDOW),
    }
}

/// A strategy that shifts traffic, and its hooks.
fn shift(dice: &mut Dice, world: &mut Map<String, Value>) -> Value {
    let mut configuration = dice.of(&[
        json!({ "strategy": "BLUE_GREEN" }),
        json!({ "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 50, "stepBakeTimeInMinutes": 1 } }),
        json!({ "strategy": "CANARY", "canaryConfiguration": { "canaryPercent": 10, "canaryBakeTimeInMinutes": 1 } }),
    ]);
    configuration["bakeTimeInMinutes"] = json!(dice.below(2));
    let stage = dice.of(&[
        "PRE_SCALE_UP",
        "POST_SCALE_UP",
        "POST_TEST_TRAFFIC_SHIFT",
        "POST_PRODUCTION_TRAFFIC_SHIFT",
    ]);
    match dice.below(5) {
        0 => {
            configuration["lifecycleHooks"] =
                json!([{ "targetType": "PAUSE", "lifecycleStages": [stage] }])
        }
        1 => {
            let function = "arn:aws:lambda:eu-west-1:111122223333:function:smoke-test";
            configuration["lifecycleHooks"] =
                json!([{ "hookTargetArn": function, "lifecycleStages": [stage] }]);
            let answer = dice.weighed(&[(2, "SUCCEEDED"), (1, "FAILED")]);
            let hook =
                json!({ "function": "smoke-test", "after": dice.time(1, 60), "answer": answer });
            world.insert("lifecycle-hooks".into(), json!([hook]));
        }
        _ => {}
    }
    if dice.chance(20) {
        configuration["alarms"] =
            json!({ "enable": true, "rollback": dice.chance(70), "alarmNames": ["web-5xx"] });
    }
    configuration
}

fn minutes(dice: &mut Dice) -> u64 {
    dice.weighed(&[(3, 1), (7, 3), (4, 5), (1, 8)])
}

/// Percents, breaker, alarms and early success.
fn configure(dice: &mut Dice, daemon: bool) -> Value {
    let (least, most) = dice.weighed(&[
        (60, (100, 200)),
        (10, (50, 200)),
        (10, (50, 100)),
        (8, (0, 100)),
        (8, (100, 150)),
        (4, (100, 100)),
    ]);
    let (least, most) = if daemon { (0, 100) } else { (least, most) };
    let mut breaker = json!({ "enable": dice.chance(75), "rollback": dice.chance(75) });
    if dice.chance(12) {
        breaker["resetOnHealthyTask"] = json!(false);
    }
    if dice.chance(15) {
        breaker["thresholdConfiguration"] = dice.of(&[
            json!({ "type": "COUNT", "value": 1 }),
            json!({ "type": "COUNT", "value": 8 }),
            json!({ "type": "UNBOUNDED_PERCENT", "value": 100 }),
        ]);
    }
    let mut configuration = json!({
        "minimumHealthyPercent": least, "maximumPercent": most, "deploymentCircuitBreaker": breaker,
    });
    if dice.chance(12) {
        configuration["alarms"] =
            json!({ "enable": true, "rollback": dice.chance(70), "alarmNames": ["web-5xx"] });
    }
    if !daemon && dice.chance(8) {
        configuration["earlySuccessCriteria"] = json!({
            "enable": true, "healthyPercent": dice.of(&[least.max(50), 100]),
            "sourceServiceRevisionCleanup": dice.of(&["BLOCKING", "DEFERRED"]),
        });
    }
    configuration
}
