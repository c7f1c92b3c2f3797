//! How soon a picture is back after a cut: `relay`, `share` and `view` as processes, one of the latter two on a line with a
//! round trip of its own that is cut for a while. A new connection costs a round trip here as TCP's does.
//!
//! `cargo bench -p panecast-cli --bench resume [-- agent|visitor]`
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Cuts for each kind.
const CUTS: usize = 4;

/// So long a connection holds before it is cut: the waits between tries have started over.
const STEADY: Duration = Duration::from_millis(5500);

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let named = |whose: &Whose| {
        let mut names = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).peekable();
        names.peek().is_none() || names.any(|name| name == whose.name())
    };
    println!("from the moment when bytes pass again until a picture is back, ms");
    println!("whose line | round trip | cut for | median | most | beyond the round trip");
    for whose in [Whose::Agents, Whose::Visitors].into_iter().filter(named) {
        for round_trip_ms in [0, 20, 50, 100, 150] {
            for cut_ms in [0, 1000] {
                let (round_trip, cut) = (Duration::from_millis(round_trip_ms), Duration::from_millis(cut_ms));
                let mut took = measure(whose, round_trip, cut);
                took.sort();
                let (median, most) = (took[took.len() / 2].as_millis(), took[took.len() - 1].as_millis());
                let beyond = most.saturating_sub(round_trip_ms.into());
                let name = whose.name();
                println!(
                    "{name:>10} | {round_trip_ms:>10} | {cut_ms:>7} | {median:>6} | {most:>4} | {beyond}"
                );
            }
        }
    }
}

/// Whose line is cut.
#[derive(Clone, Copy, PartialEq)]
enum Whose {
    Agents,
    Visitors,
}

impl Whose {
    fn name(self) -> &'static str {
        match self {
            Self::Agents => "agent",
            Self::Visitors => "visitor",
        }
    }
}

fn measure(whose: Whose, round_trip: Duration, cut: Duration) -> Vec<Duration> {
    let relay = Program::start(&["relay", "--bind", "127.0.0.1:0", "--json", "--log", "json"]);
    let url = relay.find("url", |line| line["url"].as_str().map(str::to_owned));
    let line = Line::to(url.strip_prefix("http://").unwrap().parse().unwrap(), round_trip);
    let by_line = format!("http://{}", line.address);
    let (share_by, view_by) = match whose {
        Whose::Agents => (&url, &by_line),
        Whose::Visitors => (&by_line, &url),
    };
    let share = ["share", "--relay", share_by, "--source", "pattern:1280x720@30", "--yes", "--json"];
    let share = Program::start(&share);
    let key = share.find("a key", |line| line["key"].as_str().map(str::to_owned));
    let view = Program::start(&["view", "--relay", view_by, "--key", &key, "--json"]);
    let mut took = Vec::new();
    let event = |name: &'static str| view.find(name, |line| (line["event"] == name).then_some(()));
    event("allowed");
    for _ in 0..CUTS {
        thread::sleep(STEADY);
        line.cut();
        event(if whose == Whose::Agents { "relay-lost" } else { "visitor-lost" });
        thread::sleep(cut);
        let begun = Instant::now();
        line.mend();
        event("resumed");
        took.push(begun.elapsed());
    }
    took
}

/// A line with a delay that can be cut: connections are then closed as soon as they come.
struct Line {
    address: SocketAddr,
    ends: Arc<Mutex<Vec<TcpStream>>>,
    open: Arc<AtomicBool>,
}

impl Line {
    fn to(relay: SocketAddr, round_trip: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Self {
            address: listener.local_addr().unwrap(),
            ends: Arc::default(),
            open: Arc::new(AtomicBool::new(true)),
        };
        let (ends, open) = (line.ends.clone(), line.open.clone());
        thread::spawn(move || {
            for near in listener.incoming() {
                let near = near.unwrap();
                if !open.load(Ordering::SeqCst) {
                    let _ = near.shutdown(Shutdown::Both);
                    continue;
                }
                let far = TcpStream::connect(relay).unwrap();
                for end in [&near, &far] {
                    end.set_nodelay(true).unwrap();
                }
                let begins = Instant::now() + round_trip;
                for (from, to) in [(&near, &far), (&far, &near)] {
                    pass(from.try_clone().unwrap(), to.try_clone().unwrap(), round_trip / 2, begins);
                }
                ends.lock().unwrap().extend([near, far]);
            }
        });
        line
    }

    fn cut(&self) {
        self.open.store(false, Ordering::SeqCst);
        for end in self.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

/// Passes bytes on after `delay`, none before `begins`.
fn pass(mut from: TcpStream, mut to: TcpStream, delay: Duration, begins: Instant) {
    let (bytes, waiting) = channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            let due = Instant::now().max(begins) + delay;
            if bytes.send((due, buffer[..n].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in waiting {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// A command that prints JSON lines.
struct Program {
    child: Child,
    lines: Receiver<serde_json::Value>,
}

impl Program {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_panecast"));
        command.args(args).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let (tx, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if tx.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    fn find<T>(&self, what: &str, wanted: impl Fn(&serde_json::Value) -> Option<T>) -> T {
        loop {
            match self.lines.recv_timeout(Duration::from_secs(60)) {
                Ok(line) => {
                    if let Some(found) = wanted(&line) {
                        return found;
                    }
                }
                Err(_) => panic!("no {what} in time"),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
