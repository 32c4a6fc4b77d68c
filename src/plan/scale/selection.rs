//! Which services are meant: by names with wildcards, by tags, less exceptions. Counts what each word matched, so that a
//! misspelt one is named.

use miette::Diagnostic;
use thiserror::Error;

use crate::model::wildcards::{is_pattern, matches};

#[derive(Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum SelectionError {
    #[error("no services are selected")]
    #[diagnostic(
        code(shipway::usage::selection),
        help(
            "give `services`, `clusters` or `resource-tags`; `services: '*'` is every service of the Region"
        )
    )]
    Nothing,

    #[error("no service is meant: {reasons}")]
    #[diagnostic(
        code(shipway::preflight::nothing_selected),
        help(
            "check the names and `aws-region`; a service must match all of `services`, `clusters` and `resource-tags`, and be ACTIVE"
        )
    )]
    Empty { reasons: String },
}

/// A service must match all that is given, and no exception. A name is a service's, or `cluster/service`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    pub services: Vec<String>,
    pub clusters: Vec<String>,
    /// Key and value; it must have all.
    pub tags: Vec<(String, String)>,
    pub except: Vec<String>,
}

/// How many each word matched, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    services: Vec<usize>,
    clusters: Vec<usize>,
    tags: Vec<usize>,
    except: Vec<usize>,
    /// Services that all of it, the tags aside, means.
    named: usize,
}

impl Selection {
    /// An exception alone means nothing.
    pub fn check(&self) -> Result<(), SelectionError> {
        if self.services.is_empty() && self.clusters.is_empty() && self.tags.is_empty() {
            return Err(SelectionError::Nothing);
        }
        Ok(())
    }

    /// The clusters, where each is called by its name: then nobody needs to list them.
    pub fn clusters_by_name(&self) -> Option<&[String]> {
        let by_name = !self.clusters.is_empty() && !self.clusters.iter().any(|c| is_pattern(c));
        by_name.then_some(&self.clusters)
    }

    /// The same of services. One with its cluster in front is a pattern too, for it is in one cluster only.
    pub fn services_by_name(&self) -> Option<&[String]> {
        let pattern = |s: &String| is_pattern(s) || s.contains('/');
        let by_name = !self.services.is_empty() && !self.services.iter().any(pattern);
        by_name.then_some(&self.services)
    }

    pub fn tally(&self) -> Tally {
        Tally {
            services: vec![0; self.services.len()],
            clusters: vec![0; self.clusters.len()],
            tags: vec![0; self.tags.len()],
            except: vec![0; self.except.len()],
            named: 0,
        }
    }

    /// Whether the cluster may have some.
    pub fn takes_cluster(&self, cluster: &str, tally: &mut Tally) -> bool {
        any(&self.clusters, &mut tally.clusters, |c| matches(c, cluster))
    }

    /// Whether the service is one of them, its tags aside.
    pub fn takes_name(&self, cluster: &str, service: &str, tally: &mut Tally) -> bool {
        let named = |pattern: &String| match pattern.split_once('/') {
            Some((c, s)) => matches(c, cluster) && matches(s, service),
            None => matches(pattern, service),
        };
        let taken = any(&self.services, &mut tally.services, named)
            && (self.except.is_empty() || !any(&self.except, &mut tally.except, named));
        tally.named += usize::from(taken);
        taken
    }

    /// Whether it has all the tags.
    pub fn takes_tags(&self, tags: &[(String, String)], tally: &mut Tally) -> bool {
        let mut all = true;
        for (wanted, count) in self.tags.iter().zip(&mut tally.tags) {
            let has = tags.contains(wanted);
            *count += usize::from(has);
            all &= has;
        }
        all
    }

    /// Words that matched nothing, as they were given: setting and word.
    pub fn unmatched(&self, tally: &Tally) -> Vec<(&'static str, String)> {
        let tags: Vec<String> = self.tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let of = |setting: &'static str, words: &[String], counts: &[usize]| {
            words
                .iter()
                .zip(counts)
                .filter(|(_, n)| **n == 0)
                .map(|(word, _)| (setting, word.clone()))
                .collect::<Vec<_>>()
        };
        let mut unmatched = of("clusters", &self.clusters, &tally.clusters);
        // In no cluster nobody looked for services, and of no service at tags.
        let no_cluster = !self.clusters.is_empty() && tally.clusters.iter().all(|n| *n == 0);
        if !no_cluster {
            unmatched.extend(of("services", &self.services, &tally.services));
            unmatched.extend(of("except", &self.except, &tally.except));
        }
        if tally.named > 0 {
            unmatched.extend(of("resource-tags", &tags, &tally.tags));
        }
        unmatched
    }

    /// Why no service is meant.
    pub fn empty(&self, tally: &Tally) -> SelectionError {
        let unmatched: Vec<String> = self
            .unmatched(tally)
            .into_iter()
            .filter(|(setting, _)| *setting != "except")
            .map(|(setting, word)| format!("`{setting}` `{word}` matches nothing"))
            .collect();
        let reasons = match unmatched.is_empty() {
            false => unmatched.join(", "),
            true if tally.except.iter().any(|n| *n > 0) => {
                "`except` leaves none of what matches".to_owned()
            }
            true => "each word matches something, but no service matches all of them".to_owned(),
        };
        SelectionError::Empty { reasons }
    }
}

impl Tally {
    /// Another Region's in addition.
    pub fn add(&mut self, other: &Tally) {
        let add = |to: &mut Vec<usize>, from: &[usize]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from)
        };
        add(&mut self.services, &other.services);
        add(&mut self.clusters, &other.clusters);
        add(&mut self.tags, &other.tags);
        add(&mut self.except, &other.except);
        self.named += other.named;
    }
}

/// Whether any of the patterns fits, or there is none. Each that fits is counted.
fn any(patterns: &[String], counts: &mut [usize], fits: impl Fn(&String) -> bool) -> bool {
    let mut one = patterns.is_empty();
    for (pattern, count) in patterns.iter().zip(counts) {
        if fits(pattern) {
            *count += 1;
            one = true;
        }
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICES: [(&str, &str, &str); 4] = [
        ("staging-1", "web", "staging"),
        ("staging-1", "worker", "staging"),
        ("staging-2", "web", "night"),
        ("prod", "web", "production"),
    ];

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn meant(
        services: &str,
        clusters: &str,
        tag: &str,
        except: &str,
    ) -> (Vec<String>, Selection, Tally) {
        let tags = tag
            .split_once('=')
            .map(|(k, v)| (k.to_owned(), v.to_owned()));
        let selection = Selection {
            services: words(services),
            clusters: words(clusters),
            tags: tags.into_iter().collect(),
            except: words(except),
        };
        let mut tally = selection.tally();
        let mut clusters: Vec<&str> = SERVICES.iter().map(|s| s.0).collect();
        clusters.dedup();
        clusters.retain(|c| selection.takes_cluster(c, &mut tally));
        let mut meant = Vec::new();
        for (cluster, service, tag) in SERVICES {
            let tags = [("env".to_owned(), tag.to_owned())];
            if clusters.contains(&cluster)
                && selection.takes_name(cluster, service, &mut tally)
                && selection.takes_tags(&tags, &mut tally)
            {
                meant.push(format!("{cluster}/{service}"));
            }
        }
        (meant, selection, tally)
    }

    #[test]
    fn a_service_matches_all_that_is_given() {
        for (services, clusters, tag, except, expected) in [
            ("web", "", "", "", "staging-1/web staging-2/web prod/web"),
            (
                "",
                "staging-*",
                "",
                "",
                "staging-1/web staging-1/worker staging-2/web",
            ),
            ("w*r", "", "", "", "staging-1/worker"),
            ("", "", "env=staging", "", "staging-1/web staging-1/worker"),
            ("", "", "env=staging", "web", "staging-1/worker"),
            (
                "*",
                "",
                "",
                "prod/*",
                "staging-1/web staging-1/worker staging-2/web",
            ),
            ("staging-?/web", "", "", "", "staging-1/web staging-2/web"),
        ] {
            let (meant, ..) = meant(services, clusters, tag, except);
            assert_eq!(
                meant.join(" "),
                expected,
                "{services} {clusters} {tag} {except}"
            );
        }
    }

    #[test]
    fn what_matches_nothing_is_named() {
        for (services, clusters, tag, except, expected) in [
            (
                "wbe",
                "",
                "",
                "",
                "no service is meant: `services` `wbe` matches nothing",
            ),
            (
                "web",
                "test",
                "",
                "",
                "no service is meant: `clusters` `test` matches nothing",
            ),
            (
                "",
                "",
                "env=test",
                "",
                "no service is meant: `resource-tags` `env=test` matches nothing",
            ),
            (
                "web",
                "prod",
                "",
                "web",
                "no service is meant: `except` leaves none of what matches",
            ),
            (
                "worker",
                "prod staging-1",
                "env=night",
                "",
                "no service is meant: `resource-tags` `env=night` matches nothing",
            ),
            (
                "worker web",
                "prod",
                "",
                "web",
                "no service is meant: `services` `worker` matches nothing",
            ),
        ] {
            let (meant, selection, tally) = meant(services, clusters, tag, except);
            assert_eq!(meant, [""; 0], "{services} {clusters} {tag} {except}");
            assert_eq!(selection.empty(&tally).to_string(), expected);
        }
        let (meant, selection, tally) = meant("web wbe", "prod", "", "shop");
        assert_eq!(meant, ["prod/web"]);
        let unmatched = selection.unmatched(&tally);
        assert_eq!(
            unmatched,
            [
                ("services", "wbe".to_owned()),
                ("except", "shop".to_owned())
            ]
        );
    }

    #[test]
    fn nothing_given_means_nothing() {
        let selection = Selection {
            except: words("web"),
            ..Selection::default()
        };
        assert_eq!(selection.check(), Err(SelectionError::Nothing));
    }
}
