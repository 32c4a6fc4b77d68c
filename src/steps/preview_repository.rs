//! The repository of previews against the one of production: refused where they are one, warned of where the role could push
//! to production's. Reads only; the `pr-N` tag of an image that is there already is set here too.

use crate::aws::{Aws, AwsError, Failure};
use crate::error::Error;
use crate::inputs::arguments::PreviewArgs;
use crate::model::image::Image;
use crate::model::names::{Arn, principal_of_session};
use crate::plan;
use crate::plan::preview::repository;
use crate::report::{Report, Text};
use crate::steps::gather::image::name_of;
use crate::steps::patience::patiently;

/// Whoever may do it chooses what a tag names.
const PUSHING: &str = "ecr:PutImage";

pub async fn check(
    aws: &Aws,
    args: &PreviewArgs,
    base: &plan::Found,
    report: &Report,
) -> Result<(), Error> {
    let given = args.build.ecr_repository.as_deref().unwrap_or_default();
    let production = repository::of_base(&base.live, &base.container);
    let there = match aws.ecr.describe_repository(name_of(given)).await {
        Ok(there) => there,
        // Whether it may be looked at is the build's to say.
        Err(e) if matches!(e.failure, Failure::Denied { .. }) => None,
        Err(e) => return Err(e.into()),
    };
    repository::check(
        given,
        there.as_ref().map(|r| r.uri.as_str()),
        production.as_deref(),
        &base.service.name,
    )?;
    let Some(production) = production else {
        return Ok(());
    };
    if may_push(aws, args, &production).await == Some(true) {
        report.warn(
            "shipway::preflight::preview_may_push",
            Text::new()
                .say("the role of previews may push to ")
                .code(production)
                .say(", where the base service's image is pulled from (by IAM's simulation)"),
            Text::new()
                .say("take ")
                .code(PUSHING)
                .say(" on it from the role, or a pull request could choose what that service runs"),
        );
    }
    Ok(())
}

/// `None` where nobody can tell: then nothing is said.
async fn may_push(aws: &Aws, args: &PreviewArgs, uri: &str) -> Option<bool> {
    let principal = match &args.access.role_to_assume {
        Some(role) => role.clone(),
        None => principal_of_session(&aws.sts.get_caller_identity().await.ok()?.arn)?,
    };
    let region = args.base.aws_region.as_str();
    let resource = repository::arn(uri, &Arn::parse(&principal)?, region)?;
    let context = [
        ("aws:RequestedRegion", region),
        ("aws:PrincipalArn", principal.as_str()),
    ];
    let asked = aws
        .iam
        .simulate_principal_policy(&principal, &[PUSHING], &resource, &context)
        .await;
    Some(asked.ok()?.iter().all(|s| s.is_allowed()))
}

/// An image that need not be pushed has the commit's tag and may lack the pull request's.
pub async fn tag(aws: &Aws, image: &Image, tag: &str, report: &Report) {
    let warn = |error: &AwsError| {
        report.warn(
            "shipway::push::extra_tag_immutable",
            Text::new()
                .say("the image was not tagged ")
                .code(tag)
                .say(format!(": {error}")),
            "the preview does not depend on it; allow ecr:PutImage, and exclude `pr-*` from the repository's immutability",
        );
    };
    let named = image.tag.as_deref().or(image.digest.as_deref());
    let name = name_of(&image.repository);
    let both = tokio::try_join!(
        aws.ecr.batch_get_image(name, named.unwrap_or_default()),
        aws.ecr.batch_get_image(name, tag),
    );
    let manifest = match both {
        Ok((Some(manifest), tagged))
            if tagged.as_ref().is_none_or(|t| t.digest != manifest.digest) =>
        {
            manifest
        }
        Ok(_) => return,
        Err(error) => return warn(&error),
    };
    if let Err(error) = patiently(|| aws.ecr.put_image(name, &manifest, tag)).await {
        warn(&error);
    }
}
