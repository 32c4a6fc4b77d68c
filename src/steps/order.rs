//! Asks GitHub how what shall be deployed stands to what runs, and refuses what is older. Decides nothing: `plan/order` does.

use std::time::Duration;

use secrecy::SecretString;

use crate::error::Error;
use crate::github::client::GitHub;
use crate::github::commits;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::model::names::family_and_revision;
use crate::model::stamp::Stamp;
use crate::model::task_definition::TaskDefinition;
use crate::plan::order::{Ancestry, OlderCommit, Pair, Question};
use crate::report::{Report, Text};

/// GitHub may be slow, and then the runs decide; a deploy does not wait for it longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who asks.
pub struct Asking<'a> {
    pub env: &'a Env,
    pub trigger: Option<&'a Trigger>,
    pub token: Option<&'a SecretString>,
    pub report: &'a Report,
}

/// What this run would stamp on the revision that it deploys.
pub fn ours(trigger: Option<&Trigger>, commit: Option<&str>) -> Stamp {
    Stamp {
        commit: commit.and_then(crate::model::stamp::sha),
        run: trigger.and_then(|t| t.run_id),
        repository: trigger.map(|t| t.repository.clone()),
    }
}

/// Refuses a commit, or a run, that is older than what `live` stands for. Says where that cannot be told.
pub async fn check(
    asking: &Asking<'_>,
    live: &TaskDefinition,
    commit: Option<&str>,
) -> Result<(), Error> {
    if let Some(note) = judged(asking, live, &ours(asking.trigger, commit)).await? {
        asking.report.line(Text::with_code(note));
    }
    Ok(())
}

/// Why every deploy of this commit would be refused. By ancestry alone: the run that asks is not the one that would deploy.
pub async fn older(
    asking: &Asking<'_>,
    live: &TaskDefinition,
    commit: Option<&str>,
) -> Option<OlderCommit> {
    let of_no_run = Stamp {
        run: None,
        ..ours(asking.trigger, commit)
    };
    of_no_run.commit.as_ref()?;
    judged(asking, live, &of_no_run).await.err()
}

async fn judged(
    asking: &Asking<'_>,
    live: &TaskDefinition,
    ours: &Stamp,
) -> Result<Option<String>, OlderCommit> {
    let runs = Stamp::of(&live.tags);
    let pair = Pair {
        live: &runs,
        revision: family_and_revision(live.arn().unwrap_or_default()),
        ours,
    };
    let ancestry = match pair.question() {
        Question::None => return Ok(None),
        Question::Runs => Ancestry::Unknown("the commit of one of them is not known".to_owned()),
        Question::Ancestry { live, ours } => ancestry(asking, live, ours).await,
    };
    pair.judge(&ancestry)
}

async fn ancestry(asking: &Asking<'_>, live: &str, ours: &str) -> Ancestry {
    let (Some(trigger), Some(token)) = (asking.trigger, asking.token) else {
        return Ancestry::Unknown("there is no token to ask GitHub with".to_owned());
    };
    asking.report.mask(token);
    let urls = (&trigger.api_url, &trigger.graphql_url);
    let compared = async {
        let github = GitHub::new(asking.env.wire.clone(), urls.0, urls.1, token)?;
        commits::compare(&github, &trigger.repository, live, ours).await
    };
    match tokio::time::timeout(PATIENCE, compared).await {
        Ok(Ok(status)) => match status.as_str() {
            "ahead" => Ancestry::Ahead,
            "identical" => Ancestry::Identical,
            "behind" => Ancestry::Behind,
            "diverged" => Ancestry::Diverged,
            _ => Ancestry::Unknown("GitHub answered a word that is not known".to_owned()),
        },
        // A force-push, or histories that share nothing.
        Ok(Err(error)) if error.is_not_found() => Ancestry::Unknown(
            "GitHub knows one of the commits no more, or this token may not see them".to_owned(),
        ),
        Ok(Err(error)) if error.is_refusal() => Ancestry::Unknown(
            "this token may not compare them: the job needs `contents: read`".to_owned(),
        ),
        Ok(Err(_)) | Err(_) => Ancestry::Unknown("GitHub did not answer".to_owned()),
    }
}
