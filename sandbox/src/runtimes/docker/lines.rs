//! Lines from the pieces of output that the daemon sends.

use std::collections::HashMap;

use bollard::container::LogOutput;

/// A line longer than this is passed on in pieces, as the awslogs driver would.
const MAX_LINE_BYTES: usize = 256 * 1024;

/// What is begun and not ended yet, kept apart by the stream that they came from.
#[derive(Default)]
pub struct Lines(HashMap<bool, Vec<u8>>);

impl Lines {
    pub fn take(&mut self, output: LogOutput) -> Vec<String> {
        let is_error = matches!(output, LogOutput::StdErr { .. });
        let begun = self.0.entry(is_error).or_default();
        begun.extend_from_slice(&output.into_bytes());
        let mut lines = Vec::new();
        while let Some(end) = begun
            .iter()
            .position(|&byte| byte == b'\n')
            .or((begun.len() > MAX_LINE_BYTES).then_some(MAX_LINE_BYTES))
        {
            let line: Vec<u8> = begun.drain(..=end).collect();
            lines.push(
                String::from_utf8_lossy(&line)
                    .trim_end_matches(['\n', '\r'])
                    .to_owned(),
            );
        }
        lines
    }

    pub fn rest(self) -> Vec<String> {
        self.0
            .into_values()
            .filter(|begun| !begun.is_empty())
            .map(|begun| String::from_utf8_lossy(&begun).into_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use bollard::container::LogOutput;

    use super::Lines;

    #[test]
    fn lines_are_whole_and_streams_apart() {
        let mut lines = Lines::default();
        assert_eq!(
            lines.take(LogOutput::StdOut {
                message: "one\ntw".into()
            }),
            ["one"]
        );
        assert_eq!(
            lines.take(LogOutput::StdErr {
                message: "fatal\r\n".into()
            }),
            ["fatal"]
        );
        assert_eq!(
            lines.take(LogOutput::StdOut {
                message: "o\n".into()
            }),
            ["two"]
        );
        assert_eq!(
            lines.take(LogOutput::StdErr {
                message: "rest".into()
            }),
            [""; 0]
        );
        assert_eq!(lines.rest(), ["rest"]);
    }
}
