//! What would be built: which commit the context is a picture of, the tag that names it and the key that lets it be reused.

use std::path::Path;

use jiff::Timestamp;

use super::{Order, ShipError, pairs};
use crate::docker::context::Context;
use crate::error::Error;
use crate::git;
use crate::inputs::trigger::Trigger;
use crate::model::image_tag::{BuildInputs, Source};
use crate::report::{Report, Text};

/// What the context is a picture of.
pub(super) struct Origin {
    pub tag: String,
    /// The tag names a commit, not a dirty tree or a hash of files.
    pub reusable: bool,
    pub build_key: String,
    pub commit: Option<String>,
    pub committed: Option<Timestamp>,
    pub source_url: Option<String>,
}

/// Tag, build key and commit, by what git and the context say.
pub(super) async fn origin(
    context_dir: &Path,
    dockerfile: &Path,
    order: &Order<'_>,
) -> Result<Origin, Error> {
    let (root, file) = (context_dir.to_owned(), dockerfile.to_owned());
    let context = blocking("open the context", move || Context::open(&root, &file)).await??;
    let repository = git::look(context_dir, &[dockerfile]).await?;
    let head = repository.as_ref().and_then(|r| r.head.as_ref());
    let dirty = repository
        .as_ref()
        .is_some_and(|r| r.changed.iter().any(|path| context.sends(path)));
    let (root, context_file) = (context.root().to_owned(), context.dockerfile().to_owned());
    let hash = match dirty || head.is_none() {
        true => blocking("hash the context", move || context.hash()).await??,
        false => String::new(),
    };
    let source = match head {
        Some(head) if dirty => Source::Dirty {
            sha: &head.sha,
            context_hash: &hash,
        },
        Some(head) => Source::Clean { sha: &head.sha },
        None => Source::NoGit {
            context_hash: &hash,
        },
    };
    let relative = |path: &Path| {
        repository
            .as_ref()
            .and_then(|r| r.relative(path))
            .unwrap_or_else(|| path.display().to_string())
    };
    let build_args: Vec<(String, String)> = pairs(&order.build.build_args);
    let tag = source.tag();
    let build_key = BuildInputs {
        // A dirty tree is no commit: its tag, which holds the context's hash, stands for it.
        commit: &tag,
        context: &relative(&root),
        file: &relative(&context_file),
        target: order.build.target.as_deref(),
        build_args: &build_args,
        platform: &order.platform.to_string(),
    }
    .key();
    let of_trigger = order.trigger.map(Trigger::repository_url);
    Ok(Origin {
        reusable: source.may_be_reused(),
        tag,
        build_key,
        commit: head.map(|h| h.sha.clone()),
        committed: head.and_then(|h| Timestamp::from_second(h.committed).ok()),
        source_url: of_trigger.or_else(|| repository.as_ref().and_then(|r| r.remote_url.clone())),
    })
}

/// On `pull_request`, checkout takes the merge commit unless told otherwise; then that is what is built and named.
pub(super) fn merge_note(
    origin: &Origin,
    trigger: Option<&Trigger>,
    report: &Report,
) -> Option<Text> {
    let trigger = trigger?;
    let (merge, head) = (trigger.merge_sha.as_deref()?, trigger.head_sha.as_deref()?);
    if origin.commit.as_deref() != Some(merge) || merge == head {
        return None;
    }
    let note = Text::new()
        .say("built from merge commit ")
        .code(merge)
        .say(", not from the pull request's head ")
        .code(head);
    report.warn(
        "shipway::build::merge_commit",
        note.clone(),
        Text::new()
            .say("set ")
            .code("ref: ${{ github.event.pull_request.head.sha }}")
            .say(" on actions/checkout, so that the tag names the commit people see"),
    );
    Some(note)
}

/// Runs file work off the runtime's thread. It is short, and never left behind.
async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|e| {
        ShipError::Engine {
            what: format!("could not {doing}"),
            said: e.to_string(),
        }
        .into()
    })
}
