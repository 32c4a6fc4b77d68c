//! `shipway doctor`: a tree of OK / NG / SKIP over everything that a deploy needs; changes nothing.

use std::sync::Arc;

use crate::error::Error;
use crate::inputs::arguments::DoctorArgs;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::plan::checkup::{exit_code, headline};
use crate::report::checks::Checkup;
use crate::report::{Report, Text};
use crate::steps::checkup::{Sought, checkup};
use crate::steps::start;

pub async fn doctor(args: &DoctorArgs, env: &Env) -> u8 {
    let (env, report) = start::listen(env, &args.output);
    let cancel = env.cancel.clone();
    let told = tokio::select! {
        biased;
        () = cancel.cancelled() => {
            report.line(Text::new().say("stopped; nothing was changed"));
            return cancel.signal().map_or(130, |s| s.exit_code());
        }
        told = story(args, &env, &report) => told,
    };
    told.unwrap_or_else(|error| {
        report.error(&error);
        error.exit_code()
    })
}

async fn story(args: &DoctorArgs, env: &Env, report: &Arc<Report>) -> Result<u8, Error> {
    let trigger = Trigger::read(env)?;
    let token = args.github.read_github_token(env)?;
    let sought = Sought {
        region: &args.aws_region,
        access: &args.access,
        cluster: args.cluster.as_deref(),
        service: args.service.as_deref(),
        ecr_repository: args.ecr_repository.as_deref(),
        base_service: args.base_service.as_deref(),
        github_token: token.as_ref(),
        trigger: trigger.as_ref(),
    };
    let checked = checkup(env, &sought, report).await?;
    let exit_code = exit_code(&checked);
    report.checkup(&Checkup {
        headline: headline(&checked),
        checked: &checked,
        exit_code,
    });
    Ok(exit_code)
}
