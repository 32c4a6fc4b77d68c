//! Every error a person can meet, boxed: what failed, doing what, and what to do next.
//!
//! Folders own their errors (thiserror + miette derive); this file holds any of them and turns the code's second
//! segment into the exit code: `shipway::<stage>::<what>`. A verdict is never an error.

use miette::Diagnostic;

/// An error with a stable code, help, and an exit code that follows from the code.
pub struct Error {
    inner: Box<dyn Diagnostic + Send + Sync + 'static>,
    block: Option<Block>,
}

/// Something to copy, too long for a sentence: shown apart, line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub title: String,
    pub text: String,
}

impl Error {
    /// `shipway::<stage>::<what>`; an error without one is our bug.
    pub fn code(&self) -> String {
        self.inner
            .code()
            .map(|c| c.to_string())
            .unwrap_or_else(|| "shipway::internal::uncoded".to_owned())
    }

    pub fn help(&self) -> Option<String> {
        self.inner.help().map(|h| h.to_string())
    }

    /// The message, and below it each cause that says something new.
    pub fn chain(&self) -> Vec<String> {
        let mut lines = vec![self.inner.to_string()];
        let mut cause = self.inner.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !lines.iter().any(|l| l.contains(&text)) {
                lines.push(text);
            }
            cause = error.source();
        }
        lines
    }

    pub fn block(&self) -> Option<&Block> {
        self.block.as_ref()
    }

    pub fn with_block(self, block: Option<Block>) -> Error {
        Error { block, ..self }
    }

    pub fn exit_code(&self) -> u8 {
        exit_code(&self.code())
    }
}

/// 2 usage or config · 4 credentials or permission · 5 build or push · 6 preflight refused · 1 the deploy failed · 70 our bug.
pub fn exit_code(code: &str) -> u8 {
    match code.split("::").nth(1) {
        Some("usage" | "config") => 2,
        Some("credentials" | "permission") => 4,
        Some("build" | "push") => 5,
        Some("preflight") => 6,
        Some("deploy" | "sandbox") => 1,
        _ => 70,
    }
}

impl<E: Diagnostic + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Error {
        Error {
            inner: Box::new(error),
            block: None,
        }
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code(), self.chain().join(": "))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.chain().join(": "))
    }
}
