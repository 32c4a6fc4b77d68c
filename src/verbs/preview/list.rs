//! `shipway preview list`: every preview of the base service, as a table and as JSON. Asks AWS alone.

use super::Run;
use crate::error::Error;
use crate::model::preview::PreviewState;
use crate::plan::preview::parts::Parts;
use crate::report::previews::{self as table, Reading, Row};
use crate::report::{Ending, Text};
use crate::steps::gather::previews::{self, Sought};

pub(super) async fn list(mut run: Run<'_>) -> u8 {
    let cancel = run.env.cancel.clone();
    let rows = tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        rows = rows(&run) => Some(rows),
    };
    let rows = match rows {
        None => return run.told.cancelled().await,
        Some(Err(error)) => return run.told.fail(error).await,
        Some(Ok(rows)) => rows,
    };
    let reading = reading(&run);
    let headline = counted(rows.len(), &run);
    run.report.answer(&table::table(&rows, &reading));
    run.told.outputs.previews = Some(table::document(&rows, &reading));
    let ending = Ending {
        summary: Some(table::summary("📋", &headline, &rows, &reading)),
        headline,
        exit_code: 0,
    };
    run.report.finish(&run.told.outputs, &ending);
    0
}

async fn rows(run: &Run<'_>) -> Result<Vec<Row>, Error> {
    let sought = Sought {
        ecr_repository: None,
        ..Sought::of(run.args, None)
    };
    let found = previews::all(&run.aws, &sought).await?;
    let rows = found.sorted.previews.iter().map(row);
    // Of some, nothing but revisions is left.
    Ok(rows.filter(|r| r.state != PreviewState::Absent).collect())
}

pub(super) fn reading(run: &Run<'_>) -> Reading {
    Reading {
        now: run.env.clock.timestamp(),
        dry_run: run.args.preview.dry_run,
    }
}

/// `2 previews of web`.
pub(super) fn counted(n: usize, run: &Run<'_>) -> Text {
    let text = match n {
        0 => Text::new().say("no preview of "),
        1 => Text::new().say("1 preview of "),
        n => Text::new().say(format!("{n} previews of ")),
    };
    text.code(run.args.base.base_service.as_str())
}

pub(super) fn row(parts: &Parts) -> Row {
    let service = parts.active_service();
    Row {
        pull_request: parts.of.pull_request,
        repository: parts.of.repository.clone(),
        name: parts.of.name(),
        url: parts.url.clone(),
        commit: parts.commit.clone(),
        state: parts.state(),
        created: service.and_then(|s| s.created_at).or(parts.made),
        expires: parts.expires,
        done: None,
    }
}
