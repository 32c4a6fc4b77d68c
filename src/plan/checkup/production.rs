//! Which ECR repositories a task definition pulls from: what must not be within reach of a pull request. Pure: reads the
//! names of images.

use crate::model::image::Image;
use crate::model::task_definition::TaskDefinition;

/// A repository, as the name of an image tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Repository {
    pub uri: String,
    pub account: String,
    pub region: String,
    pub name: String,
}

impl Repository {
    /// `None` of another registry. The host's form is AWS's: account, service, Region and a suffix of the partition.
    fn of(image: &str) -> Option<Repository> {
        let uri = Image::parse(image)?.repository;
        let (host, name) = uri.split_once('/')?;
        let (account, rest) = host.split_once('.')?;
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        if !is_account || !rest.starts_with("dkr") {
            return None;
        }
        Some(Repository {
            region: rest.split('.').find(|l| is_region(l))?.to_owned(),
            account: account.to_owned(),
            name: name.to_owned(),
            uri: uri.clone(),
        })
    }

    pub fn arn(&self, partition: &str) -> String {
        format!(
            "arn:{partition}:ecr:{}:{}:repository/{}",
            self.region, self.account, self.name
        )
    }
}

/// `eu-west-1`, `us-gov-east-1`
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let number = parts.last().copied().unwrap_or_default();
    parts.len() >= 3 && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

/// Of all its containers, each once.
pub fn repositories(definition: &TaskDefinition) -> Vec<Repository> {
    let mut found: Vec<Repository> = definition
        .container_names()
        .iter()
        .filter_map(|name| definition.container(name)?.get("image")?.as_str())
        .filter_map(Repository::of)
        .collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_image_tells_its_repository() {
        for (image, repository) in [
            (
                "111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/web:v1",
                Some(("111122223333", "eu-west-1", "team/web")),
            ),
            (
                "111122223333.dkr.ecr-fips.us-gov-east-1.amazonaws.com/web@sha256:9c1e4d8082049c1e4d8082049c1e4d8082049c1e4d8082049c1e4d8082049c1e",
                Some(("111122223333", "us-gov-east-1", "web")),
            ),
            (
                "111122223333.dkr-ecr.eu-west-1.on.aws/web",
                Some(("111122223333", "eu-west-1", "web")),
            ),
            (
                "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/web:1",
                Some(("111122223333", "cn-north-1", "web")),
            ),
            ("public.ecr.aws/nginx/nginx:1.29", None),
            ("nginx", None),
            ("ghcr.example/octo-org/web:v1", None),
            ("1234.dkr.ecr.eu-west-1.amazonaws.com/web", None),
        ] {
            let found = Repository::of(image);
            let found = found
                .as_ref()
                .map(|r| (r.account.as_str(), r.region.as_str(), r.name.as_str()));
            assert_eq!(found, repository, "{image}");
        }
        let web = Repository::of("111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:v1").unwrap();
        assert_eq!(
            web.arn("aws"),
            "arn:aws:ecr:eu-west-1:111122223333:repository/web"
        );
    }
}
