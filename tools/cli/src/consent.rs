//! The visitor's word, asked for at the terminal when an agent asks.

use crate::failure::Failure;
use crate::sources::printable;
use panecast::capture::SourceSpec;
use panecast::session::Decision;
use std::io::{self, BufRead, IsTerminal, Write};
use tokio::sync::mpsc;

/// How the visitor is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// At the terminal.
    Terminal,
    /// Not at all: the visitor said yes on the command line, or nothing of the visitor's is shown.
    AlreadyAllowed,
}

/// Whether there is somebody to ask.
pub(crate) fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// How the visitor will be asked about `source`, if there is anybody to ask.
pub(crate) fn how(source: &SourceSpec, yes: bool) -> Result<Ask, Failure> {
    if yes {
        return Ok(Ask::AlreadyAllowed);
    }
    if has_terminal() {
        return Ok(Ask::Terminal);
    }
    Err(Failure::new(
        format!("there is no terminal to ask whether agents may see {}", printable(&source.to_string())),
        "run it in a terminal, or say yes beforehand with --yes",
    ))
}

/// The lines that the visitor types.
#[derive(Debug, Default)]
pub(crate) struct Answers(Option<mpsc::UnboundedReceiver<String>>);

impl Answers {
    /// Puts the question. The lines are read on a thread that ends with the program: a read cannot be given up.
    pub(crate) fn prompt(&mut self, source: &SourceSpec) {
        // Standard output may be a pipe; the question goes where a person looks.
        let mut err = io::stderr().lock();
        let _ = write!(err, "Allow this agent to see {}? [y/N] ", printable(&source.to_string()));
        let _ = err.flush();
        self.0.get_or_insert_with(|| {
            let (lines, answers) = mpsc::unbounded_channel();
            std::thread::spawn(move || {
                for line in io::stdin().lock().lines() {
                    if line.is_err() || lines.send(line.unwrap_or_default()).is_err() {
                        return;
                    }
                }
            });
            answers
        });
    }

    /// The next answer. Anything but yes is no, as is the end of the input.
    pub(crate) async fn next(&mut self) -> Decision {
        let Some(answers) = &mut self.0 else { return std::future::pending().await };
        match answers.recv().await.as_deref().map(str::trim).map(str::to_ascii_lowercase).as_deref() {
            Some("y" | "yes") => Decision::Allow,
            _ => Decision::Deny,
        }
    }
}
