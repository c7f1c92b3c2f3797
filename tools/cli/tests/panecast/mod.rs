//! Runs the built command, and makes pictures for it.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Only a hang takes this long.
pub const DEADLINE: Duration = Duration::from_secs(120);

pub const WIDTH: usize = 330;
pub const HEIGHT: usize = 200;
pub const SIZE: &str = "330x200";
pub const FRAME_BYTES: usize = WIDTH * HEIGHT * 4;

/// Raw pictures: a textured ground, a window that moves and a pane that scrolls, with still stretches between.
/// The fourth byte is 255, as decoding gives it back.
pub fn pictures(count: usize) -> Vec<u8> {
    let mut all = Vec::with_capacity(count * FRAME_BYTES);
    for i in 0..count {
        // Of six pictures in a row, three are the same as the one before.
        let t = i / 6 * 3 + (i % 6).min(3);
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let in_window = (20 + 9 * t..120 + 9 * t).contains(&x) && (30 + t..90 + t).contains(&y);
                let px = if in_window {
                    let (wx, wy) = (x - 9 * t, y - t);
                    [wx as u8, (wx * wy) as u8, 200]
                } else if x > 250 {
                    let line = y + 5 * t;
                    [(line * 37 % 251) as u8, (line * x % 13) as u8 * 19, 20]
                } else {
                    [(x / 7 * 31) as u8, (y / 5 * 17) as u8, 90]
                };
                all.extend_from_slice(&[px[0], px[1], px[2], 255]);
            }
        }
    }
    all
}

pub struct Run {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Run {
    /// Succeeded, or tell what it said.
    pub fn ok(self) -> Vec<u8> {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// Failed as documented: with this code, a message with this text, and advice.
    pub fn failed(self, code: i32, text: &str) {
        assert_eq!(self.code, Some(code), "expected a failure about `{text}`: {}", self.stderr);
        assert!(self.stderr.contains("error: "), "{}", self.stderr);
        assert!(self.stderr.contains(text), "`{text}` is not in: {}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        if code == 1 {
            assert!(self.stderr.contains("next: "), "{}", self.stderr);
        }
    }
}

/// Runs the command to its end.
pub fn run(args: &[&str], stdin: &[u8]) -> Run {
    let mut child = command(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let stdin = stdin.to_owned();
    // A command that fails early does not read it all.
    let feeding = std::thread::spawn(move || {
        let _ = input.write_all(&stdin);
    });
    let mut out = child.stdout.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let mut err = child.stderr.take().unwrap();
    let complaining = std::thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).unwrap();
        text
    });
    let code = wait(&mut child);
    feeding.join().unwrap();
    Run { code, stdout: reading.join().unwrap(), stderr: complaining.join().unwrap() }
}

fn command(args: &[&str]) -> Command {
    let mut command = base_command(args);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The command without a display; its standard output is a pipe.
pub fn base_command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_panecast"));
    command.args(args).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command.stdout(Stdio::piped());
    command
}

/// Waits for a process, not for ever.
pub fn wait(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if start.elapsed() > DEADLINE {
            let _ = child.kill();
            panic!("the command does not end");
        }
        std::thread::yield_now();
    }
}

/// A command that runs on, and prints JSON lines.
pub struct Running {
    child: Child,
    lines: Receiver<serde_json::Value>,
}

impl Running {
    pub fn start(args: &[&str]) -> Self {
        Self::of(command(args).stderr(Stdio::inherit()))
    }

    /// With its standard input.
    pub fn with_input(args: &[&str]) -> (Self, ChildStdin) {
        let mut running = Self::of(command(args).stdin(Stdio::piped()).stderr(Stdio::inherit()));
        let input = running.child.stdin.take().unwrap();
        (running, input)
    }

    /// Of a command whose standard output is a pipe.
    pub fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = json_lines(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line that `wanted` wants.
    pub fn find(&self, what: &str, wanted: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let start = Instant::now();
        while let Ok(line) = self.lines.recv_timeout(DEADLINE.saturating_sub(start.elapsed())) {
            if wanted(&line) {
                return line;
            }
        }
        panic!("no {what} in time");
    }

    pub fn event(&self, name: &str) -> serde_json::Value {
        self.find(name, |line| line["event"] == name)
    }

    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    pub fn exit(&mut self) -> Option<i32> {
        wait(&mut self.child)
    }
}

/// A relay that serves a tenant of this name alone, whose agents it knows by their tokens; with its URL.
pub fn relay_of(tenant: &str, folder: &std::path::Path) -> (Running, String) {
    std::fs::write(folder.join("relay.secret"), "a secret of more than thirty-two bytes").unwrap();
    let file = folder.join("tenants.toml");
    std::fs::write(&file, format!("[tenants.{tenant:?}]\nsecret-file = \"relay.secret\"\n")).unwrap();
    let tenants = file.to_str().unwrap();
    let relay = Running::start(&["relay", "--bind", "127.0.0.1:0", "--json", "--tenants", tenants]);
    let facts = relay.find("address", |line| line["url"].is_string());
    let url = facts["url"].as_str().unwrap().to_owned();
    (relay, url)
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn json_lines(out: ChildStdout) -> Receiver<serde_json::Value> {
    let (tx, rx) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines() {
            let Ok(line) = line else { return };
            let value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            if tx.send(value).is_err() {
                return;
            }
        }
    });
    rx
}
