//! The C example of a session: both ends through a real relay.

use crate::Result;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Against hangs only.
const LONG: Duration = Duration::from_secs(120);

/// What the joiner says at last where the key is not the host's.
const WRONG_KEY: &str = "ended, reason 7";

/// A program that does not outlive its test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        child.map(Self).map_err(|e| format!("{command:?}: {e}"))
    }

    /// The rest of the first line that has `mark`.
    fn line_with(&mut self, mark: &str) -> Result<String> {
        let out = self.0.stdout.take().ok_or("there is no output")?;
        let mut reader = BufReader::new(out);
        let (mut line, mut last) = (String::new(), String::new());
        while reader.read_line(&mut line).is_ok_and(|count| count > 0) {
            if let Some((_, rest)) = line.split_once(mark) {
                let rest = rest.trim().to_owned();
                // Somebody goes on reading, so that the program is not ended by a closed pipe.
                std::thread::spawn(move || reader.read_to_end(&mut Vec::new()));
                return Ok(rest);
            }
            std::mem::swap(&mut line, &mut last);
            line.clear();
        }
        Err(format!("no line with {mark:?}; the last was {}", last.trim_end()))
    }

    fn succeeds(&mut self, what: &str) -> Result<()> {
        let end = Instant::now() + LONG;
        while Instant::now() < end {
            match self.0.try_wait().map_err(|e| e.to_string())? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("{what} ended with {status}")),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        Err(format!("{what} did not end"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended by itself where all went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As [`test`] under valgrind. 1.5 s after a knock the relay answers with a decoy where the host has not answered: behind a
/// host as slow as that, the right key seems wrong, and is tried anew.
pub(super) fn test_slowly(program: &Path, wrapped: impl Fn(&Path) -> Command) -> Result<()> {
    let mut outcome = test(program, &wrapped);
    for _ in 0..4 {
        if !outcome.as_ref().is_err_and(|why| why.ends_with(WRONG_KEY)) {
            break;
        }
        outcome = test(program, &wrapped);
    }
    outcome
}

/// A host and a joiner of `program`, each in `wrapped`, through the relay of this workspace.
pub(super) fn test(program: &Path, wrapped: impl Fn(&Path) -> Command) -> Result<()> {
    let mut relay = Running::start(Command::new(super::relay()?).args(["--bind", "127.0.0.1:0"]))?;
    let url = format!("http://127.0.0.1:{}", relay.line_with("http://127.0.0.1:")?.trim_end_matches('/'));
    let mut host = Running::start(wrapped(program).args(["host", &url, "--yes"]))?;
    let key = host.line_with("key ")?;
    let mut joiner = Running::start(wrapped(program).args(["join", &url, &key]))?;
    let first = joiner.line_with("picture ")?;
    if first != "320x240, 336699" {
        return Err(format!("the joiner saw {first}"));
    }
    joiner.succeeds("the joiner")?;
    host.succeeds("the host")
}
