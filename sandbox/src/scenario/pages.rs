//! What the application behind the load balancer answers, by path and time, where its tasks are scripted. Knows the file's
//! form. Does not know which requests reach it: the load balancer's rules decide that.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::durations;

/// One answer of the application. The first that fits is given.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Page {
    /// The path and, where there is one, `?` and the query. Absent: any.
    pub path: Option<String>,
    pub status: u16,
    pub body: String,
    pub headers: BTreeMap<String, String>,
    /// After the world's start. Absent: from the start.
    #[serde(with = "durations")]
    pub from: Duration,
    /// After the world's start. Absent: without end.
    #[serde(with = "durations::optional")]
    pub until: Option<Duration>,
    /// How many requests get it. Absent: all.
    pub times: Option<u32>,
    /// How long the answer takes.
    #[serde(with = "durations")]
    pub delay: Duration,
    /// The connection breaks instead.
    pub reset: bool,
}

impl Default for Page {
    fn default() -> Page {
        Page {
            path: None,
            status: 200,
            body: "ok\n".to_owned(),
            headers: BTreeMap::new(),
            from: Duration::ZERO,
            until: None,
            times: None,
            delay: Duration::ZERO,
            reset: false,
        }
    }
}

/// The pages of a world, and how often each was given.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    list: Vec<(Page, u32)>,
    start: Option<SystemTime>,
}

impl Pages {
    pub fn new(list: Vec<Page>, start: SystemTime) -> Pages {
        Pages {
            list: list.into_iter().map(|page| (page, 0)).collect(),
            start: Some(start),
        }
    }

    /// The answer to a request; a healthy application says that it is.
    pub fn answer(&mut self, path_and_query: &str, now: SystemTime) -> Page {
        let age = self
            .start
            .and_then(|start| now.duration_since(start).ok())
            .unwrap_or_default();
        let found = self.list.iter_mut().find(|(page, given)| {
            page.path.as_deref().is_none_or(|p| p == path_and_query)
                && age >= page.from
                && page.until.is_none_or(|until| age < until)
                && page.times.is_none_or(|times| *given < times)
        });
        match found {
            Some((page, given)) => {
                *given += 1;
                page.clone()
            }
            None => Page::default(),
        }
    }
}
