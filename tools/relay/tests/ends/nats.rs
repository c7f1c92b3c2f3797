//! A NATS server, and relays that find each other through it.

use super::process::Process;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Debian puts it where only root's PATH looks.
fn program() -> PathBuf {
    let debian = Path::new("/usr/sbin/nats-server");
    if debian.is_file() { debian.into() } else { "nats-server".into() }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub struct Nats {
    child: Child,
    port: u16,
}

impl Nats {
    /// Starts one at any free port.
    pub fn start() -> Self {
        Self::at(free_port())
    }

    /// Starts one at this port.
    pub fn at(port: u16) -> Self {
        Self::with(port, &[])
    }

    pub fn with(port: u16, arguments: &[&str]) -> Self {
        let mut child = Command::new(program())
            .args(["--addr", "127.0.0.1", "--port", &port.to_string()])
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .expect("nats-server is installed (`cargo xtask setup`)");
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("Server is ready") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "nats-server does not start");
        }
        // What it says later must not fill the pipe.
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(drop));
        Self { child, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Relays of one cluster.
pub struct Cluster {
    folder: TempDir,
    pub nats: Nats,
}

impl Cluster {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "a secret of 32 bytes or more for all relays\n")
            .unwrap();
        Self { folder, nats: Nats::start() }
    }

    pub fn relay(&self, arguments: &[&str]) -> Process {
        self.relay_by(&self.nats.url(), arguments)
    }

    /// A relay that reaches NATS this way.
    pub fn relay_by(&self, url: &str, arguments: &[&str]) -> Process {
        let secret = self.folder.path().join("secret");
        let mut all = vec!["--nats", url, "--cluster-secret", secret.to_str().unwrap()];
        all.extend(arguments);
        Process::start(&all)
    }
}
