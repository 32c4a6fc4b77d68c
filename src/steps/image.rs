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
use crate::plan::image::ImageDecision;
use crate::plan::service::WantedImage;
use crate::plan::{Found, preflight};
use crate::report::{Phase, Report, Text};
use crate::steps::gather;
use crate::steps::gather::image::GivenImage;
use crate::steps::ship_image::{Made, Order, Shipped, intend, ship_image};

/// Tags that may move in a repository we create: the others name one image for good.
const MOVABLE_TAGS: [&str; 3] = ["latest", "pr-*", "cache-*"];

/// Which image is asked for.
pub struct ImageSought<'a> {
    pub build: &'a arguments::Build,
    /// `--image`: then nothing is built.
    pub given: Option<&'a Image>,
    /// The service whose tasks will run it; none where only the image is wanted.
    pub found: Option<&'a Found>,
    pub trigger: Option<&'a Trigger>,
    /// Hears that a build begins, and a push: nothing of it where the image is there already.
    pub began: &'a (dyn Fn(Phase) + Sync),
}

/// What would be deployed, as far as it is known before anything is built.
pub struct Foreseen {
    pub image: WantedImage,
    pub commit: Option<String>,
    pub note: Option<Text>,
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
    let (platform, tasks) = platform(sought);
    if let Some(image) = sought.given {
        let (image, bytes) = given(aws, sought, image, &platform, &tasks, report).await?;
        return Ok(Shipped {
            image,
            commit: sought.trigger.and_then(|t| t.sha.clone()),
            note: None,
            made: Made::Given,
            bytes,
        });
    }
    check_platform(sought, &platform, &tasks, report)?;
    let repository = match repository(aws, sought.build).await? {
        Place::There(repository) => repository,
        Place::ToCreate => create(aws, sought.build, report).await?,
    };
    let order = order(sought, &platform, &tasks);
    let intended = intend(env, aws, &order, Some(&repository), report).await?;
    ship_image(env, aws, &order, &repository, intended, report).await
}

/// The same, without building, pushing or creating anything.
pub async fn foresee(
    env: &Env,
    aws: &Aws,
    sought: &ImageSought<'_>,
    report: &Report,
) -> Result<Foreseen, Error> {
    let (platform, tasks) = platform(sought);
    if let Some(image) = sought.given {
        let (image, _) = given(aws, sought, image, &platform, &tasks, report).await?;
        return Ok(Foreseen {
            image: WantedImage::Pushed(image),
            commit: sought.trigger.and_then(|t| t.sha.clone()),
            note: None,
        });
    }
    check_platform(sought, &platform, &tasks, report)?;
    let place = repository(aws, sought.build).await?;
    let (there, uri) = match &place {
        Place::There(repository) => (Some(repository), repository.uri.as_str()),
        Place::ToCreate => (None, name(sought.build)),
    };
    let order = order(sought, &platform, &tasks);
    let intended = intend(env, aws, &order, there, report).await?;
    let (repository, tag) = (uri.to_owned(), intended.tag().to_owned());
    let commit = intended.commit().map(str::to_owned);
    let image = match intended.decision {
        ImageDecision::Reuse { digest } => WantedImage::Pushed(Image {
            repository,
            tag: Some(tag),
            digest: Some(digest),
        }),
        ImageDecision::Build { why } => WantedImage::NotPushedYet {
            repository,
            creates_repository: there.is_none(),
            tag,
            why,
        },
    };
    Ok(Foreseen {
        image,
        commit,
        note: intended.note,
    })
}

fn order<'a>(sought: &ImageSought<'a>, platform: &'a Platform, tasks: &'a Tasks) -> Order<'a> {
    Order {
        build: sought.build,
        platform,
        tasks,
        trigger: sought.trigger,
        began: sought.began,
    }
}

/// What to build for, or which manifest of a list to take; and what the tasks run on.
fn platform(sought: &ImageSought<'_>) -> (Platform, Tasks) {
    let tasks = sought
        .found
        .and_then(|found| preflight::platform_of_tasks(&found.service, &found.source));
    let asked = sought.build.platform.clone();
    let platform = asked
        .or_else(|| tasks.as_ref().map(|(platform, _)| platform.clone()))
        .unwrap_or_else(|| Platform {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
        });
    (platform, tasks)
}

/// The given image by digest, once its platform is known to fit the tasks; and its size, compressed.
async fn given(
    aws: &Aws,
    sought: &ImageSought<'_>,
    image: &Image,
    platform: &Platform,
    tasks: &Tasks,
    report: &Report,
) -> Result<(Image, Option<u64>), Error> {
    let runs_now = sought.found.and_then(|found| {
        let container = found.live.container(&found.container)?;
        Image::parse(container.get("image")?.as_str()?)?.digest
    });
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
    Ok((image, found.and_then(|f| f.compressed_bytes)))
}

/// The build's own platform against the tasks', before anything is built.
fn check_platform(
    sought: &ImageSought<'_>,
    platform: &Platform,
    tasks: &Tasks,
    report: &Report,
) -> Result<(), Error> {
    preflight::check_architecture(platform, tasks)?;
    if sought.found.is_some() && tasks.is_none() {
        report.warn(
            "shipway::preflight::architecture_unknown",
            format!("the task definition names no cpuArchitecture, so the container instance decides: building for {platform}"),
            "set runtimePlatform in the task definition, or `platform`",
        );
    }
    Ok(())
}

/// Where the image goes.
enum Place {
    There(Repository),
    /// It is missing, and `create-repository` is set.
    ToCreate,
}

fn name(build: &arguments::Build) -> &str {
    build.ecr_repository.as_deref().unwrap_or_default()
}

async fn repository(aws: &Aws, build: &arguments::Build) -> Result<Place, Error> {
    match gather::image::repository(aws, name(build)).await? {
        Some(repository) => Ok(Place::There(repository)),
        None if build.create_repository => Ok(Place::ToCreate),
        None => Err(preflight::PreflightError::NoRepository {
            repository: name(build).to_owned(),
        }
        .into()),
    }
}

async fn create(aws: &Aws, build: &arguments::Build, report: &Report) -> Result<Repository, Error> {
    let name = gather::image::name_of(name(build));
    let created = aws.ecr.create_repository(name, &MOVABLE_TAGS).await?;
    report.line(
        Text::new()
            .say("created ECR repository ")
            .code(created.uri.as_str()),
    );
    Ok(created)
}
