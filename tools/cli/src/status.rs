//! What a running command tells: a line that is rewritten, lines now and then, or JSON.

use crate::output::line;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;
use tokio::time::Instant;

/// Time between two looks at how it goes.
pub(crate) const TICK: Duration = Duration::from_secs(1);

/// Where nobody looks at a terminal, a status line comes this often.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Json,
    Terminal,
    Plain,
}

/// Tells what happens.
#[derive(Debug)]
pub(crate) struct Reporter {
    mode: Mode,
    /// A status line stands at the cursor.
    open_line: bool,
    last_plain: Option<Instant>,
}

impl Reporter {
    pub(crate) fn new(json: bool) -> Self {
        let mode = match json {
            true => Mode::Json,
            false if io::stdout().is_terminal() => Mode::Terminal,
            false => Mode::Plain,
        };
        Self { mode, open_line: false, last_plain: None }
    }

    /// Something that happened once.
    pub(crate) fn event(&mut self, text: &str, facts: serde_json::Value) {
        self.end_line();
        self.say(text, facts);
    }

    /// Something that only programs want to know.
    pub(crate) fn fact(&mut self, facts: serde_json::Value) {
        if self.mode == Mode::Json {
            self.say("", facts);
        }
    }

    /// How it goes; called once a second.
    pub(crate) fn status(&mut self, text: &str, facts: serde_json::Value) {
        match self.mode {
            Mode::Terminal => {
                // A line that wraps could not be rewritten.
                let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
                let text: String = text.chars().take(width.saturating_sub(1)).collect();
                let mut out = io::stdout().lock();
                // A terminal that is gone takes nothing; the session goes on.
                let _ = write!(out, "\r{text}\x1b[K").and_then(|()| out.flush());
                self.open_line = true;
            }
            Mode::Plain if self.last_plain.is_some_and(|at| at.elapsed() < PLAIN_EVERY) => {}
            Mode::Plain | Mode::Json => {
                self.last_plain = Some(Instant::now());
                self.say(text, facts);
            }
        }
    }

    /// Leaves the status line, so that other text begins on its own.
    pub(crate) fn end_line(&mut self) {
        if std::mem::take(&mut self.open_line) {
            let _ = line("");
        }
    }

    fn say(&self, text: &str, facts: serde_json::Value) {
        // A reader that has closed its pipe does not end a session that people are in.
        let _ = match self.mode {
            Mode::Json => line(facts),
            Mode::Terminal | Mode::Plain => line(text),
        };
    }
}

/// The rate of a counter between two looks at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    last: u64,
    at: Instant,
}

impl Rate {
    pub(crate) fn new() -> Self {
        Self { last: 0, at: Instant::now() }
    }

    /// Steps a second since the last look.
    pub(crate) fn look(&mut self, count: u64) -> f64 {
        let seconds = self.at.elapsed().as_secs_f64();
        let steps = count.saturating_sub(self.last);
        *self = Self { last: count, at: Instant::now() };
        if seconds > 0.0 { steps as f64 / seconds } else { 0.0 }
    }
}

/// Rounded to a tenth, for JSON.
pub(crate) fn tenth(v: impl Into<f64>) -> f64 {
    (v.into() * 10.0).round() / 10.0
}

/// Updates and bytes a second.
pub(crate) struct Rates {
    pub(crate) updates: Rate,
    pub(crate) bytes: Rate,
}

impl Rates {
    pub(crate) fn new() -> Self {
        Self { updates: Rate::new(), bytes: Rate::new() }
    }
}
