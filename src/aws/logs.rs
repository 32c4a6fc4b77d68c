//! Amazon CloudWatch Logs: the last lines of a stream.

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::{Builder, Region};

use super::AwsError;
use crate::model::Untrusted;

/// A page may be short or empty though there is more before it.
const PAGES: usize = 4;
/// Of one line, in characters: nobody reads further, and one event may have 256 KiB.
const LONGEST: usize = 1_000;

#[derive(Clone, Debug)]
pub struct Logs {
    pub(super) client: Client,
}

impl Logs {
    /// GetLogEvents: the last lines of a stream, the oldest first; one event may be several. `region`: the group's, which need
    /// not be the tasks'.
    pub async fn get_log_events(
        &self,
        region: &str,
        group: &str,
        stream: &str,
        most: usize,
    ) -> Result<Vec<Untrusted>, AwsError> {
        let mut newest_first = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let answer = self
                .client
                .get_log_events()
                .log_group_name(group)
                .log_stream_name(stream)
                .limit(i32::try_from(most).unwrap_or(i32::MAX))
                .start_from_head(false)
                .set_next_token(token.clone())
                .customize()
                .config_override(Builder::new().region(Region::new(region.to_owned())))
                .send()
                .await
                .map_err(|e| AwsError::from_sdk("logs:GetLogEvents", e))?;
            let events = answer.events.unwrap_or_default();
            for event in events.into_iter().rev() {
                let message = event.message.unwrap_or_default();
                newest_first.extend(message.trim_end().split('\n').rev().map(cut));
            }
            let before = answer.next_backward_token;
            // The same token again: that was the beginning.
            if newest_first.len() >= most || before.is_none() || before == token {
                break;
            }
            token = before;
        }
        newest_first.truncate(most);
        newest_first.reverse();
        Ok(newest_first)
    }
}

fn cut(line: &str) -> Untrusted {
    let mut kept: String = line.chars().take(LONGEST).collect();
    if kept.len() < line.len() {
        kept.push('…');
    }
    Untrusted::new(kept)
}
