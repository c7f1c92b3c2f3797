//! The visitor's consent, asked at the terminal.

use crate::failure::Failure;
use crate::sources::printable;
use panecast::capture::SourceSpec;
use panecast::session::{CaptureGrant, Consent, Decision};
use std::io::{self, BufRead, IsTerminal, Write};

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

/// Asks the visitor whether agents may see `source`. Comes before anything is opened.
pub(crate) fn ask(source: &SourceSpec, ask: Ask) -> Result<CaptureGrant, Failure> {
    let consent = Consent::ask(source.purpose(), source.to_string());
    let decision = match ask {
        Ask::AlreadyAllowed => Decision::Allow,
        Ask::Terminal if has_terminal() => prompt(consent.source())?,
        Ask::Terminal => {
            return Err(Failure::new(
                format!("there is no terminal to ask whether agents may see {}", printable(consent.source())),
                "run it in a terminal, or say yes beforehand with --yes",
            ));
        }
    };
    Ok(consent.answer(decision)?)
}

fn prompt(source: &str) -> Result<Decision, Failure> {
    // Standard output may be a pipe; the question goes where a person looks.
    let mut err = io::stderr().lock();
    write!(err, "Allow agents who have the key to see {}? [y/N] ", printable(source))?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Decision::Allow,
        _ => Decision::Deny,
    })
}
