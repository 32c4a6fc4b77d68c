//! The image a run is about, by digest: the one that was given, or the commit's, shipped to its repository.
//!
//! Knows where the platform comes from and who makes the repository; nothing of the service's plan.

use crate::aws::Aws;
use crate::aws::ecr::Repository;
use crate::error::Error;
use crate::inputs::arguments;
use crate::inputs::env::Env;
use crate::inputs::trigger::Trigger;
use crate::model::image::{Image, Platform};
use crate::plan::{Found, preflight};
use crate::report::{Report, Text};
use crate::steps::gather;
use crate::steps::gather::image::GivenImage;
use crate::steps::ship_image::{Order, Shipped, ship_image};

/// Tags that may move in a repository we create: the others name one image for good.
const MOVABLE_TAGS: [&str; 3] = ["latest", "pr-*", "cache-*"];

/// Which image is asked for.
pub struct ImageSought<'a> {
    pub build: &'a arguments::Build,
    /// `--image`: then nothing is built.
    pub given: Option<&'a Image>,
    /// The service whose tasks will run it.
    pub found: &'a Found,
    pub trigger: Option<&'a Trigger>,
}

/// What the tasks run on and why we think so, where it is known.
type Tasks = Option<(Platform, String)>;

/// Sees to it that the image is there, and says which it is.
pub async fn image(
    env: &Env,
    aws: &Aws,
    sought: &ImageSought<'_>,
    report: &Report,
) -> Result<Shipped, Error> {
    let tasks = preflight::platform_of_tasks(&sought.found.service, &sought.found.source);
    let platform = platform(sought.build, &tasks);
    if let Some(image) = sought.given {
        return Ok(Shipped {
            image: given(aws, sought, image, &platform, &tasks, report).await?,
            commit: sought.trigger.and_then(|t| t.sha.clone()),
            note: None,
        });
    }
    check_platform(&platform, &tasks, report)?;
    let repository = repository(aws, sought.build, report).await?;
    let order = Order {
        build: sought.build,
        repository: &repository,
        platform: &platform,
        tasks: &tasks,
        trigger: sought.trigger,
    };
    ship_image(env, aws, &order, report).await
}

/// What to build for, or which manifest of a list to take.
fn platform(build: &arguments::Build, tasks: &Tasks) -> Platform {
    let asked = build.platform.clone();
    asked
        .or_else(|| tasks.as_ref().map(|(platform, _)| platform.clone()))
        .unwrap_or_else(|| Platform {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
        })
}

/// The given image by digest, once its platform is known to fit the tasks.
async fn given(
    aws: &Aws,
    sought: &ImageSought<'_>,
    image: &Image,
    platform: &Platform,
    tasks: &Tasks,
    report: &Report,
) -> Result<Image, Error> {
    let runs_now = sought
        .found
        .live
        .container(&sought.found.container)
        .and_then(|c| Image::parse(c.get("image")?.as_str()?)?.digest);
    let GivenImage { image, found } = gather::image::given(
        aws,
        image,
        sought.build.ecr_repository.as_deref(),
        platform,
        runs_now.as_deref(),
    )
    .await?;
    match found.as_ref().map(|f| &f.platform) {
        Some(Some(platform)) => preflight::check_architecture(platform, tasks)?,
        Some(None) => {}
        None => report.line(
            Text::new()
                .say("image ")
                .code(image.reference())
                .say(" is in no ECR repository of this account: taken at its word"),
        ),
    }
    Ok(image)
}

/// The build's own platform against the tasks', before anything is built.
fn check_platform(platform: &Platform, tasks: &Tasks, report: &Report) -> Result<(), Error> {
    preflight::check_architecture(platform, tasks)?;
    if tasks.is_none() {
        report.warn(
            "shipway::preflight::architecture_unknown",
            format!("the task definition names no cpuArchitecture, so the container instance decides: building for {platform}"),
            "set runtimePlatform in the task definition, or `platform`",
        );
    }
    Ok(())
}

/// `ecr-repository`, made where that is asked for.
async fn repository(
    aws: &Aws,
    build: &arguments::Build,
    report: &Report,
) -> Result<Repository, Error> {
    let name = build.ecr_repository.as_deref().unwrap_or_default();
    if let Some(repository) = gather::image::repository(aws, name).await? {
        return Ok(repository);
    }
    if !build.create_repository {
        return Err(preflight::PreflightError::NoRepository {
            repository: name.to_owned(),
        }
        .into());
    }
    let name = gather::image::name_of(name);
    let created = aws.ecr.create_repository(name, &MOVABLE_TAGS).await?;
    report.line(
        Text::new()
            .say("created ECR repository ")
            .code(created.uri.as_str()),
    );
    Ok(created)
}
