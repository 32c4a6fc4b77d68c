//! A preview from its first deploy to its end, and what the whole world has to show for it: in virtual time.

use shipway_sandbox::scenario::WorldFile;
use shipway_sandbox::world::inventory::Inventory;

use super::stage::{Order, Stage, Start, play};

const SEVEN: Start = Start::Pull(7);
const EIGHT: Start = Start::Pull(8);

/// What a preview leaves by design: what was told on the pull request. Images of commits stay as well; here they were there
/// before.
pub fn told(name: &str, pull: u64) -> bool {
    name == format!("pull-request {pull}")
        || name.starts_with(&format!("comment on {pull} "))
        || name.starts_with(&format!("deployment preview-pr-{pull} "))
}

/// Whether a name in an inventory is of the preview of a pull request, its `pr-N` tag at an image included.
pub fn of_preview(name: &str, pull: u64) -> bool {
    let own = format!(" pr-{pull}-web-");
    (name.contains(&own) || name.contains(&own.replacen(' ', "/", 1)))
        || name.contains(&format!("host-header pr-{pull}.preview."))
        || name.starts_with("image web-previews@")
        || told(name, pull)
}

/// Everything but what `pull` was told.
pub fn untold(inventory: Inventory, pull: u64) -> Inventory {
    inventory.without(|name| told(name, pull))
}

#[track_caller]
fn only_of(changes: &[String], pull: u64) {
    let foreign = changes
        .iter()
        .filter(|line| !of_preview(line[2..].split(": ").next().unwrap_or_default(), pull));
    let foreign: Vec<_> = foreign.collect();
    assert!(foreign.is_empty(), "{foreign:#?}");
}

#[test]
fn a_preview_comes_changes_and_goes_and_nothing_else_does() {
    play(async {
        let stage = Stage::set(|_| ());
        let ran = stage.run(Order::of(EIGHT)).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        stage.settle().await;
        let before = stage.inventory();

        let ran = stage.run(Order::of(SEVEN)).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        let url = ran.output("url");
        assert_eq!(
            url.trim_end_matches('/'),
            "https://pr-7.preview.example.com"
        );
        stage.settle().await;
        let made = stage.inventory();
        only_of(&before.changes(&made), 7);

        stage.push(7);
        let ran = stage.run(Order::of(SEVEN)).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        stage.settle().await;
        only_of(&made.changes(&stage.inventory()), 7);

        stage.sandbox.with_world(|w| w.github.merge_pull(7));
        let ran = stage.run(Order::of(SEVEN)).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        assert_eq!(ran.output("preview-state"), "removed");
        stage.settle().await;
        let left = untold(before, 7).changes(&untold(stage.inventory(), 7));
        assert_eq!(left, [""; 0]);
    });
}

#[test]
fn a_second_up_changes_nothing() {
    play(async {
        let stage = Stage::set(|_| ());
        let ran = stage.run(Order::of(SEVEN)).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        stage.settle().await;
        let (before, calls) = (stage.inventory(), stage.recorded().len());
        let ran = stage.run(Order::of(SEVEN)).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        assert_eq!(ran.output("changed"), "false", "{}", ran.said);
        let changing = stage.recorded().split_off(calls).into_iter().filter(|r| {
            r.service != "github"
                && r.error.is_none()
                && !["Describe", "List", "Get", "BatchGet", "Assume", "Simulate"]
                    .iter()
                    .any(|p| r.operation.starts_with(p))
        });
        let names: Vec<String> = changing.map(|r| r.name()).collect();
        // When it expires is told anew.
        let tags = |n: &String| n.ends_with(":AddTags") || n.ends_with(":TagResource");
        assert!(names.iter().all(tags), "{names:?}");
        stage.settle().await;
        let expires = |inventory: Inventory| {
            let mut inventory = untold(inventory, 7);
            for facts in inventory.0.values_mut() {
                if let Some(tags) = facts.get_mut("tags").and_then(|t| t.as_object_mut()) {
                    tags.remove("shipway:expires");
                }
            }
            inventory
        };
        assert_eq!(
            expires(before).changes(&expires(stage.inventory())),
            [""; 0]
        );
    });
}

#[test]
fn a_pull_request_is_opened_again_while_its_preview_drains() {
    play(async {
        let stage = Stage::set(|_| ());
        stage.run(Order::of(SEVEN)).await;
        stage.sandbox.with_world(|w| w.github.close_pull(7));
        let down = stage.run(Order::of(SEVEN)).await;
        assert_eq!(down.exit, Some(0), "{}", down.said);
        stage.sandbox.with_world(|w| w.github.reopen_pull(7));
        let again = stage.run(Order::of(SEVEN)).await;
        assert_eq!(again.exit, Some(0), "{}", again.said);
        assert_eq!(again.output("preview-state"), "ready");
    });
}

#[test]
fn a_fork_gets_no_role_and_no_preview_but_a_clear_line() {
    play(async {
        let stage = Stage::set(|_| ());
        let before = stage.inventory();
        let ran = stage.run(Order::of(Start::Fork(7))).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        assert!(ran.said.contains("fork"), "{}", ran.said);
        assert_eq!(ran.calls, 0, "{:?}", stage.recorded());
        assert_eq!(before.changes(&stage.inventory()), [""; 0]);
    });
}

#[test]
fn after_a_failed_up_the_previous_preview_serves_and_down_removes_it() {
    play(async {
        let stage = Stage::set(|file| {
            let second = "[{ task-definition: '2', crash: { after: 5s, exit-code: 1 } }]";
            file.behaviours = serde_yaml::from_str(second).unwrap();
        });
        stage.settle().await;
        let before = stage.inventory();
        let ran = stage.run(Order::of(SEVEN)).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        stage.push(7);
        let ran = stage.run(Order::of(SEVEN)).await;
        assert_eq!(ran.exit, Some(1), "{}", ran.said);
        stage.settle().await;
        let serving = stage.inventory();
        let tasks = serving
            .0
            .iter()
            .filter(|(n, _)| n.starts_with("task of staging/pr-7-web-"));
        let tasks: Vec<_> = tasks
            .map(|(_, facts)| facts["task-definition"].to_string())
            .collect();
        assert!(
            matches!(&tasks[..], [only] if only.ends_with(":1\"")),
            "{tasks:?}"
        );
        let body = |stage: &Stage| {
            stage.sandbox.with_world(|w| {
                w.github
                    .comments_on(7)
                    .map(|c| c.body.clone())
                    .collect::<String>()
            })
        };
        assert!(body(&stage).contains("exit code 1"), "{}", body(&stage));

        stage.sandbox.with_world(|w| w.github.close_pull(7));
        let ran = stage.run(Order::of(SEVEN)).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        stage.settle().await;
        let left = untold(before, 7).changes(&untold(stage.inventory(), 7));
        assert_eq!(left, [""; 0]);
    });
}

#[test]
fn a_first_up_that_fails_leaves_what_down_removes() {
    play(async {
        let stage = Stage::set(|file| {
            let never = "[{ image: web-previews, fail-to-start: 'CannotPullContainerError: no such image' }]";
            file.behaviours = serde_yaml::from_str(never).unwrap();
        });
        stage.settle().await;
        let before = stage.inventory();
        let ran = stage.run(Order::of(SEVEN)).await;
        assert_eq!(ran.exit, Some(1), "{}", ran.said);
        let comment = stage.sandbox.with_world(|w| {
            w.github
                .comments_on(7)
                .map(|c| c.body.clone())
                .collect::<String>()
        });
        assert!(comment.contains("CannotPullContainerError"), "{comment}");
        stage.sandbox.with_world(|w| w.github.close_pull(7));
        let ran = stage.run(Order::of(SEVEN)).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        stage.settle().await;
        let left = untold(before, 7).changes(&untold(stage.inventory(), 7));
        assert_eq!(left, [""; 0]);
    });
}

/// The application says which path it was asked for, where that is one of these.
fn pages(file: &mut WorldFile) {
    let pages = "[{ path: /hello, body: 'hello' }, { path: '/hello?a=b', body: 'hello, with a query' }, { status: 404, body: 'no such page' }]";
    file.pages = serde_yaml::from_str(pages).unwrap();
}

#[test]
fn by_path_the_container_gets_requests_without_it() {
    play(async {
        let stage = Stage::set(pages);
        let order = Order::of(SEVEN).reached("preview-path", "/pr-{number}");
        let ran = stage.run(order).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        assert_eq!(
            ran.output("url").trim_end_matches('/'),
            "https://www.example.com/pr-7"
        );
        for (path, read) in [
            ("/pr-7/hello", "200 hello"),
            ("/pr-7/hello?a=b", "200 hello, with a query"),
            ("/pr-7/pr-7/hello", "404 no such page"),
            // Not its own, so as it came.
            ("/pr-70/hello", "404 no such page"),
            ("/hello", "200 hello"),
        ] {
            let url = format!("https://www.example.com{path}");
            assert_eq!(stage.page(&url, &[]).await, read, "{path}");
        }
    });
}

#[test]
fn by_header_the_base_and_its_preview_share_an_address() {
    play(async {
        let stage = Stage::set(pages);
        let order = Order::of(SEVEN).reached("preview-header", "X-Preview: pr-{number}");
        let ran = stage.run(order).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        // Asleep, it answers itself: so one sees whose rule a request meets.
        let ran = stage
            .run(
                Order::of(SEVEN)
                    .reached("preview-header", "X-Preview: pr-{number}")
                    .word("sleep"),
            )
            .await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        let url = "https://www.example.com/hello";
        assert_eq!(stage.page(url, &[]).await, "200 hello");
        assert_eq!(
            stage.page(url, &[("x-preview", "pr-70")]).await,
            "200 hello"
        );
        let asleep = stage.page(url, &[("x-preview", "pr-7")]).await;
        assert!(
            asleep.starts_with("503 ") && asleep.contains("/preview wake"),
            "{asleep}"
        );
    });
}

#[test]
fn prune_removes_what_closed_pull_requests_left_and_puts_to_sleep_what_is_expired() {
    play(async {
        let stage = Stage::set(pages);
        stage.run(Order::of(EIGHT)).await;
        stage.settle().await;
        let before = stage.inventory();
        stage.run(Order::of(SEVEN)).await;
        // Nobody's run told it.
        stage.sandbox.with_world(|w| w.github.close_pull(7));
        let dry = stage.inventory();
        let ran = stage
            .run(Order::of(Start::Schedule).setting("dry-run", "true"))
            .await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        assert_eq!(dry.changes(&stage.inventory()), [""; 0]);
        let ran = stage.run(Order::of(Start::Schedule)).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        stage.settle().await;
        let pruned = stage.inventory();
        let left = untold(before, 7).changes(&untold(pruned.clone(), 7));
        assert_eq!(left, [""; 0]);

        let url = "https://pr-8.preview.example.com/hello";
        assert_eq!(stage.page(url, &[]).await, "200 hello");
        tokio::time::sleep(std::time::Duration::from_secs(169 * 3600)).await;
        let ran = stage.run(Order::of(Start::Schedule)).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        stage.settle().await;
        only_of(&pruned.changes(&stage.inventory()), 8);
        let asleep = stage.page(url, &[]).await;
        assert!(
            asleep.starts_with("503 ") && asleep.contains("/preview wake"),
            "{asleep}"
        );
        let ran = stage.run(Order::of(EIGHT)).await;
        assert_eq!(ran.exit, Some(0), "{}", ran.said);
        assert_eq!(stage.page(url, &[]).await, "200 hello");
    });
}
