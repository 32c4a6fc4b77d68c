//! Durations as people write them: `30s`, `1m 30s`, `500ms`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

fn parse(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text
        .parse()
        .map_err(|_| format!("`{text}` is not a duration such as 30s"))?;
    Duration::try_from(parsed).map_err(|_| format!("`{text}` is negative"))
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

pub mod optional {
    use super::*;

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|t| parse(&t))
            .transpose()
            .map_err(D::Error::custom)
    }
}
