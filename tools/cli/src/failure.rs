//! Why a command failed, what to do next, and the exit code.

use panecast::ErrorKind;
use std::fmt;
use std::process::ExitCode;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    next: Option<String>,
    code: u8,
}

impl Failure {
    /// A failure and what to do next.
    pub(crate) fn new(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { message: message.into(), next: Some(next.into()), code: 1 }
    }

    /// Arguments that do not fit together.
    pub(crate) fn usage(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { code: 2, ..Self::new(message, next) }
    }

    /// The other side said no, or nothing.
    pub(crate) fn declined(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { code: 3, ..Self::new(message, next) }
    }

    /// The same with what it is about before the message.
    pub(crate) fn about(self, what: impl fmt::Display) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// The same with another advice.
    pub(crate) fn with_next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    /// The sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Tells the person and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("error: {}", self.message);
        }
        if let Some(next) = &self.next {
            eprintln!("next: {next}");
        }
        ExitCode::from(self.code)
    }
}

impl From<panecast::Error> for Failure {
    fn from(e: panecast::Error) -> Self {
        let next = match e.kind() {
            ErrorKind::InvalidInput => "see --help for what the command takes",
            ErrorKind::InvalidData => "check the file: it is damaged, cut off or of another kind",
            ErrorKind::Unsupported => "update panecast, or choose another source or format",
            ErrorKind::LimitExceeded => "use something smaller; panecast's limits protect its memory",
            ErrorKind::NotFound => "check the name; `panecast sources` lists what can be captured",
            ErrorKind::Denied => "nothing was captured; start again to be asked again",
            ErrorKind::Revoked => "nothing more is captured; start again to be asked again",
            ErrorKind::Closed => "start again with a source that is there; see `panecast sources`",
            ErrorKind::Stalled => "check the display or the connection, then start again",
            ErrorKind::Desync => "packets are missing; start from the beginning of a stream",
            ErrorKind::Io => "check the disk, the path and the permissions",
            ErrorKind::Untrusted => "ask for the key again and type it anew",
            ErrorKind::Expired => "ask for a new key or link",
            ErrorKind::Tampered => "start again on another network; something between changes what is sent",
        };
        Self::new(e.message(), next)
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        if e.kind() == std::io::ErrorKind::BrokenPipe {
            // The reader of a pipe has had enough; it knows.
            return Self { message: String::new(), next: None, code: 1 };
        }
        panecast::Error::from(e).into()
    }
}

impl From<panecast_links::command::Failure> for Failure {
    fn from(e: panecast_links::command::Failure) -> Self {
        Self::new(e.to_string(), e.next())
    }
}

impl From<panecast_relay::command::Failure> for Failure {
    fn from(e: panecast_relay::command::Failure) -> Self {
        Self::new(e.to_string(), e.next())
    }
}
