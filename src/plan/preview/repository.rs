//! Whether previews push where production pulls: a pull request must not choose what production runs. Pure.

use super::PreviewRefusal;
use crate::model::image::Image;
use crate::model::names::Arn;
use crate::model::task_definition::TaskDefinition;

/// The repository that the base service's container pulls from; none where its image is no name.
pub fn of_base(live: &TaskDefinition, container: &str) -> Option<String> {
    let image = live.container(container)?.get("image")?.as_str()?;
    Some(Image::parse(image)?.repository)
}

/// `given` is the setting; `uri` is what ECR says of it, where it is there.
pub fn check(
    given: &str,
    uri: Option<&str>,
    base: Option<&str>,
    service: &str,
) -> Result<(), PreviewRefusal> {
    match base {
        Some(base) if base == given || uri == Some(base) => Err(PreviewRefusal::SharedRepository {
            repository: given.to_owned(),
            service: service.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The ARN of an ECR repository by its URI, `ACCOUNT.dkr.ecr.REGION.…/NAME`, in the partition of `ours`; `None` for any other
/// registry, or another Region.
pub fn arn(uri: &str, ours: &Arn, region: &str) -> Option<String> {
    let (host, name) = uri.split_once('/')?;
    let mut labels = host.split('.');
    let account = labels.next()?;
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (is_account && labels.any(|label| label == region)).then(|| {
        format!(
            "arn:{}:ecr:{region}:{account}:repository/{name}",
            ours.partition
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn productions_own_repository_is_refused() {
        let uri = "111122223333.dkr.ecr.eu-west-1.example/web";
        for (given, found, base, good) in [
            ("web", Some(uri), Some(uri), false),
            (uri, None, Some(uri), false),
            (
                "web-previews",
                Some("111122223333.dkr.ecr.eu-west-1.example/web-previews"),
                Some(uri),
                true,
            ),
            (
                "web",
                Some("111122223333.dkr.ecr.eu-west-1.example/web"),
                Some("docker.example/web"),
                true,
            ),
            ("new", None, Some(uri), true),
            ("web", Some(uri), None, true),
        ] {
            assert_eq!(check(given, found, base, "web").is_ok(), good, "{given}");
        }
    }

    #[test]
    fn arns() {
        let ours = Arn::parse("arn:aws-cn:iam::111122223333:role/x").unwrap();
        for (uri, expected) in [
            (
                "444455556666.dkr.ecr.eu-west-1.example/team/web",
                Some("arn:aws-cn:ecr:eu-west-1:444455556666:repository/team/web"),
            ),
            ("444455556666.dkr.ecr.us-east-1.example/web", None),
            ("docker.example/web", None),
            ("web", None),
        ] {
            assert_eq!(arn(uri, &ours, "eu-west-1").as_deref(), expected);
        }
    }
}
