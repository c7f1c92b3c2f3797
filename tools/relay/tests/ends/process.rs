//! A relay as a program of its own.

use super::{HERE, Socket};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Long enough for a busy machine; only a hang takes it.
const DEADLINE: Duration = Duration::from_secs(60);

pub struct Process {
    pub child: Child,
    /// What it prints about itself.
    pub facts: serde_json::Value,
}

impl Process {
    /// Starts one at any free port.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_panecast-relay"))
            .args(["--bind", "127.0.0.1:0", "--json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, facts: serde_json::from_str(&line).unwrap() }
    }

    /// Runs one that ends by itself.
    pub fn output(arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_panecast-relay")).args(arguments).output().unwrap()
    }

    pub fn address(&self) -> SocketAddr {
        self.facts["address"].as_str().unwrap().parse().unwrap()
    }

    pub async fn open(&self, path: &str) -> Socket {
        Socket::open(&self.address(), path, HERE).await
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for its end; its exit code, unless a signal ended it, and its log.
    pub fn exit(&mut self) -> (Option<i32>, String) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let mut log = String::new();
                self.child.stderr.as_mut().unwrap().read_to_string(&mut log).unwrap();
                return (status.code(), log);
            }
            assert!(start.elapsed() < DEADLINE, "the relay does not end");
            std::thread::yield_now();
        }
    }

    /// Stops it and gives its log.
    pub fn stop(mut self) -> String {
        self.signal("-TERM");
        let (code, log) = self.exit();
        assert_eq!(code, Some(0), "{log}");
        log
    }

    /// Kilobytes of memory the process has at most had, and has now.
    #[cfg(target_os = "linux")]
    pub fn memory_kb(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|l| l.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        (field("VmHWM:"), field("VmRSS:"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
