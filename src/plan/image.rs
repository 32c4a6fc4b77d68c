//! Whether the commit's image has to be built: (what the repository has under the tag, what would be built) → decision. Pure.

use miette::Diagnostic;
use thiserror::Error;

use crate::model::image::{Platform, RegistryImage};
use crate::model::image_tag::BUILD_KEY_LABEL;

/// `on-existing-tag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExistingTag {
    Reuse,
    Rebuild,
    Fail,
}

#[derive(Debug, PartialEq, Eq)]
pub enum ImageDecision {
    /// The repository has it: build and push are skipped.
    Reuse {
        digest: String,
    },
    Build {
        why: String,
    },
}

#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum ImageRefusal {
    #[error("the repository already has tag {tag} ({digest}), and `on-existing-tag` is fail")]
    #[diagnostic(
        code(shipway::preflight::tag_exists),
        help(
            "set `on-existing-tag` to reuse or rebuild, or deploy that image with `image: {tag}`"
        )
    )]
    Exists { tag: String, digest: String },
}

/// `reusable`: the tag names a commit, not a dirty tree or a hash of files.
pub fn decide(
    found: Option<&RegistryImage>,
    tag: &str,
    build_key: &str,
    platform: &Platform,
    reusable: bool,
    on_existing: OnExistingTag,
) -> Result<ImageDecision, ImageRefusal> {
    let build = |why: &str| {
        Ok(ImageDecision::Build {
            why: why.to_owned(),
        })
    };
    let Some(found) = found else {
        return build("the repository has no image with this tag");
    };
    if on_existing == OnExistingTag::Fail {
        return Err(ImageRefusal::Exists {
            tag: tag.to_owned(),
            digest: found.digest.clone(),
        });
    }
    if !reusable {
        return build(
            "what is built is no commit, so an earlier image under this tag proves nothing",
        );
    }
    if on_existing == OnExistingTag::Rebuild {
        return build("`on-existing-tag` is rebuild");
    }
    match found.labels.iter().find(|(k, _)| k == BUILD_KEY_LABEL) {
        None => build(
            "the image under this tag has no shipway.build-key label: something else pushed it",
        ),
        Some((_, key)) if key != build_key => build(
            "the image under this tag was built from other inputs (context, file, target, build-args or platform)",
        ),
        Some(_) if found.platform.as_ref().is_some_and(|p| p != platform) => {
            build("the image under this tag is for another platform")
        }
        Some(_) => Ok(ImageDecision::Reuse {
            digest: found.digest.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_reused_only_with_its_build_key() {
        let amd64 = Platform::parse("linux/amd64").unwrap();
        let image = |key: Option<&str>, platform: &str| RegistryImage {
            digest: "sha256:d".into(),
            config_digest: None,
            platform: Platform::parse(platform),
            labels: key
                .map(|k| (BUILD_KEY_LABEL.to_owned(), k.to_owned()))
                .into_iter()
                .collect(),
            compressed_bytes: None,
            pushed_at: None,
        };
        use OnExistingTag::*;
        let cases = [
            (
                None,
                true,
                Reuse,
                "build: the repository has no image with this tag",
            ),
            (
                Some(image(Some("k"), "linux/amd64")),
                true,
                Reuse,
                "reuse sha256:d",
            ),
            (
                Some(image(Some("other"), "linux/amd64")),
                true,
                Reuse,
                "build: the image under this tag was built from other inputs (context, file, target, build-args or platform)",
            ),
            (
                Some(image(None, "linux/amd64")),
                true,
                Reuse,
                "build: the image under this tag has no shipway.build-key label: something else pushed it",
            ),
            (
                Some(image(Some("k"), "linux/arm64")),
                true,
                Reuse,
                "build: the image under this tag is for another platform",
            ),
            (
                Some(image(Some("k"), "linux/amd64")),
                false,
                Reuse,
                "build: what is built is no commit, so an earlier image under this tag proves nothing",
            ),
            (
                Some(image(Some("k"), "linux/amd64")),
                true,
                Rebuild,
                "build: `on-existing-tag` is rebuild",
            ),
            (
                Some(image(Some("k"), "linux/amd64")),
                true,
                Fail,
                "the repository already has tag t (sha256:d), and `on-existing-tag` is fail",
            ),
        ];
        for (found, reusable, on_existing, expected) in cases {
            let decided = match decide(found.as_ref(), "t", "k", &amd64, reusable, on_existing) {
                Ok(ImageDecision::Reuse { digest }) => format!("reuse {digest}"),
                Ok(ImageDecision::Build { why }) => format!("build: {why}"),
                Err(refusal) => refusal.to_string(),
            };
            assert_eq!(decided, expected);
        }
    }
}
