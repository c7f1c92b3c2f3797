//! The relay as a program of its own: its messages, its memory, its death.
#![cfg(unix)]

mod client;

use client::{Client, DEADLINE, Visitor, agent, within};
use panecast_protocol::{AgentSays, EndReason, PROTOCOL_VERSION, RelayToAgent, RelayToVisitor};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(bind: &str) -> Self {
        let mut child = command(bind).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let facts: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = facts["address"].as_str().unwrap().parse().unwrap();
        assert_eq!(facts["url"], format!("http://{address}"));
        Self { child, address }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    fn exit(&mut self) -> (Option<i32>, String) {
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

    /// Kilobytes of memory the process has at most had, and has now.
    #[cfg(target_os = "linux")]
    fn memory_kb(&self) -> (u64, u64) {
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

fn command(bind: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_panecast-relay"));
    command.args(["--bind", bind, "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_panecast-relay")).args(args).output().unwrap()
}

#[test]
fn a_port_in_use_is_a_clear_failure() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let out = output(&["--bind", &address.to_string()]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("error: port {} of 127.0.0.1 is in use", address.port())), "{said}");
    assert!(said.contains("next: "), "{said}");
}

#[test]
fn wrong_usage_and_a_folder_that_is_no_page_are_failures() {
    assert_eq!(output(&["--bind", "nowhere"]).status.code(), Some(2));
    assert_eq!(output(&["--no-such-flag"]).status.code(), Some(2));
    let dir = tempfile::tempdir().unwrap();
    let out = output(&["--bind", ":0", "--page", dir.path().to_str().unwrap()]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("no index.html") && said.contains("next: "), "{said}");
}

#[tokio::test]
async fn signals_end_it_cleanly_and_no_key_reaches_the_log() {
    for signal in ["-INT", "-TERM"] {
        let mut relay = Process::start("127.0.0.1:0");
        let mut visitor = Visitor::connect(relay.address, None).await;
        let (mut watching, _) = agent(relay.address, &visitor.room.key).await;
        visitor.sees_join().await;
        relay.signal(signal);
        let end = RelayToAgent::End { reason: EndReason::RelayStopped };
        assert_eq!(watching.text::<RelayToAgent>().await, end);
        assert_eq!(watching.next().await, None);
        assert_eq!(visitor.client.next().await, None);
        let (code, log) = relay.exit();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("agent joined") && log.contains("stopping"), "{log}");
        assert!(!log.contains(&visitor.room.key) && !log.contains(&visitor.room.secret), "{log}");
    }
}

#[tokio::test]
async fn a_killed_relay_is_noticed_and_its_successor_takes_the_room_back() {
    let mut relay = Process::start("127.0.0.1:0");
    let address = relay.address;
    let mut visitor = Visitor::connect(address, None).await;
    let (mut watching, _) = agent(address, &visitor.room.key).await;
    visitor.sees_join().await;
    relay.signal("-KILL");
    assert_eq!(watching.next().await, None);
    assert_eq!(visitor.client.next().await, None);
    assert_eq!(relay.exit().0, None);

    let successor = Process::start(&address.to_string());
    let mut back = Visitor::connect(successor.address, Some(visitor.room.clone())).await;
    assert_eq!(back.room, visitor.room, "agents come back with the key they have");
    let (mut watching, number) = agent(successor.address, &visitor.room.key).await;
    assert_eq!(back.sees_join().await, number);
    back.client.envelope(Some(number), b"snapshot").await;
    assert_eq!(watching.binary().await, b"snapshot");
}

/// 400 MB pass while one agent reads nothing at all.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_agent_that_never_reads_costs_little_memory_and_stalls_nobody() {
    const MEGABYTE: usize = 1 << 20;
    const UPDATES: u64 = 400;
    let relay = Process::start("127.0.0.1:0");
    let mut visitor = Visitor::connect(relay.address, None).await;
    let mut deaf = Client::with_small_buffer(relay.address, "/ws/agent").await;
    deaf.say(&AgentSays::Hello { protocol: PROTOCOL_VERSION, key: visitor.room.key.clone(), holds: None })
        .await;
    let deaf_number = visitor.sees_join().await;
    let (mut watching, number) = agent(relay.address, &visitor.room.key).await;
    assert_eq!(visitor.sees_join().await, number);
    let update = vec![0x5a; MEGABYTE];
    visitor.client.envelope(Some(deaf_number), &update).await;
    visitor.client.envelope(Some(number), &update).await;
    let watcher = tokio::spawn(async move {
        for sequence in 0..=UPDATES {
            assert_eq!(watching.binary().await.len(), MEGABYTE);
            watching.say(&AgentSays::Ack { sequence, held_us: 0 }).await;
        }
        watching
    });
    let (mut behind, mut acked, mut sent) = (0, 0, 0);
    while acked < UPDATES {
        if sent < UPDATES && sent < acked + 2 {
            visitor.client.envelope(None, &update).await;
            sent += 1;
            continue;
        }
        match visitor.told().await {
            RelayToVisitor::Ack { agent, sequence, .. } if agent == number => acked = sequence,
            RelayToVisitor::AgentBehind { agent } if agent == deaf_number => behind += 1,
            other => panic!("unexpected: {other:?}"),
        }
    }
    let _watching = within(watcher).await.unwrap();
    assert_eq!(behind, 1, "an agent that reads nothing is named once");
    let (peak, now) = relay.memory_kb();
    // Its queue may hold 16 MB, and a few messages are on their way.
    assert!(peak < 80 << 10, "the relay's memory peaked at {peak} kB, it has {now} kB now");

    // It starts to read: all that was on its way, then it is due for a snapshot.
    let reader = tokio::spawn(async move {
        while let Some(message) = deaf.next().await {
            if message.into_data() == b"snapshot".as_slice() {
                return;
            }
        }
        panic!("the snapshot did not come");
    });
    assert_eq!(visitor.sees_join().await, deaf_number);
    visitor.client.envelope(Some(deaf_number), b"snapshot").await;
    within(reader).await.unwrap();
}
