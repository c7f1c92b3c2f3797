//! The C example of a session: both ends through a real relay.

use crate::Result;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Against hangs only.
const LONG: Duration = Duration::from_secs(120);

/// What the joiner says at last where the key is not the host's.
const WRONG_KEY: &str = "ended, reason 7,";

/// A program that does not outlive its test.
pub(super) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|e| format!("{command:?}: {e}"))?;
        let out = child.stdout.take().ok_or("there is no output")?;
        let (told, lines) = channel();
        // Somebody goes on reading, so that the program is not ended by a closed pipe.
        std::thread::spawn(move || {
            BufReader::new(out).lines().map_while(|l| l.ok()).try_for_each(|l| told.send(l))
        });
        Ok(Self { child, lines })
    }

    /// The rest of the next line that has `mark`.
    fn line_with(&self, mark: &str) -> Result<String> {
        let mut last = String::new();
        while let Ok(line) = self.lines.recv_timeout(LONG) {
            if let Some((_, rest)) = line.split_once(mark) {
                return Ok(rest.trim().to_owned());
            }
            last = line;
        }
        Err(format!("no line with {mark:?}; the last was {}", last.trim_end()))
    }

    fn succeeds(&mut self, what: &str) -> Result<()> {
        let end = Instant::now() + LONG;
        while Instant::now() < end {
            match self.child.try_wait().map_err(|e| e.to_string())? {
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
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A relay that runs, and its address.
pub(super) fn relay() -> Result<(Running, String)> {
    let relay = Running::start(Command::new(super::relay()?).args(["--bind", "127.0.0.1:0"]))?;
    let url = format!("http://127.0.0.1:{}", relay.line_with("http://127.0.0.1:")?.trim_end_matches('/'));
    Ok((relay, url))
}

/// As [`test`] under valgrind. 1.5 s after a knock the relay answers with a decoy where the host has not answered: behind a
/// host as slow as that, the right key seems wrong, and is tried anew.
pub(super) fn test_slowly(program: &Path, wrapped: impl Fn(&Path) -> Command) -> Result<()> {
    let mut outcome = test(program, &wrapped);
    for _ in 0..4 {
        if !outcome.as_ref().is_err_and(|why| why.contains(WRONG_KEY)) {
            break;
        }
        outcome = test(program, &wrapped);
    }
    outcome
}

/// A host and a joiner of `program`, each in `wrapped`, through the relay of this workspace. The joiner cuts its line once.
pub(super) fn test(program: &Path, wrapped: impl Fn(&Path) -> Command) -> Result<()> {
    let (_relay, url) = relay()?;
    let mut host = Running::start(wrapped(program).args(["host", &url, "--yes"]))?;
    let key = host.line_with("key ")?;
    let mut joiner = Running::start(wrapped(program).args(["join", &url, &key, "--cut"]))?;
    let first = joiner.line_with("picture ")?;
    if first != "320x240, 336699" {
        return Err(format!("the joiner saw {first}"));
    }
    let ended = joiner.line_with("ended, ")?;
    if ended != "reason 1, 2 connections, 2 with first messages" {
        return Err(format!("the joiner ended for {ended}"));
    }
    joiner.succeeds("the joiner")?;
    host.succeeds("the host")
}
