//! How many sessions a relay carries: `cargo bench -p panecast-relay --bench load [-- IDLE ACTIVE SECONDS [--cluster]]`.
//!
//! A relay of its own process, real sockets on this machine, and in this process all ends. Idle sessions are a host
//! and a joiner that is in. Active ones get 20 packets of 4 KiB a second, each answered by an acknowledgement. What
//! a packet takes from the host's send to the joiner's read is compared with the same over a socket without a relay.
//! With `--cluster` hosts are at one relay and joiners at another, with a NATS server between them.

use futures_util::{SinkExt, StreamExt};
use panecast_protocol::{
    DEFAULT_TENANT, Door, HostSays, JoinerSays, LookoutSays, NewDoor, PROTOCOL_VERSION, Parcel, ParcelKind,
    RelayToHost,
};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, interval};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

const PACKETS_A_SECOND: u32 = 20;
const PACKET: usize = 4 << 10;

type Socket = WebSocketStream<TcpStream>;

struct Relay {
    child: Child,
    address: SocketAddr,
}

impl Relay {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_panecast-relay"))
            .args(["--bind", "127.0.0.1:0", "--json", "--rooms", "100000"])
            .args(arguments)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the relay starts");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut line).expect("a line");
        let facts: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let address = facts["address"].as_str().expect("an address").parse().expect("an address");
        Self { child, address }
    }

    fn costs(&self) -> (u64, f64) {
        costs(&self.child)
    }
}

/// Kilobytes in memory now, and CPU seconds so far.
fn costs(child: &Child) -> (u64, f64) {
    let file = |name| std::fs::read_to_string(format!("/proc/{}/{name}", child.id())).expect("Linux");
    let status = file("status");
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("VmRSS");
    let kb = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    let stat = file("stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks = |n: usize| fields[n].parse::<f64>().expect("ticks");
    (kb, (ticks(11) + ticks(12)) / 100.0)
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn open(address: SocketAddr, path: &str) -> Socket {
    let stream = TcpStream::connect(address).await.expect("connects");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    client_async(format!("ws://{address}{path}"), stream).await.expect("a WebSocket").0
}

async fn say(socket: &mut Socket, message: &impl serde::Serialize) {
    let text = serde_json::to_string(message).expect("JSON");
    socket.send(Message::text(text)).await.expect("sent");
}

async fn next(socket: &mut Socket) -> Option<Message> {
    loop {
        match socket.next().await?.ok()? {
            Message::Ping(_) | Message::Pong(_) => {}
            message => return Some(message),
        }
    }
}

async fn told(socket: &mut Socket) -> RelayToHost {
    match next(socket).await {
        Some(Message::Text(text)) => serde_json::from_str(&text).expect("a message"),
        other => panic!("{other:?}"),
    }
}

/// A host, its joiner, and the joiner's number.
async fn session(address: SocketAddr, joiners: SocketAddr, number: usize) -> (Socket, Socket, u32) {
    let (protocol, tenant, token) = (PROTOCOL_VERSION, DEFAULT_TENANT.to_owned(), None);
    let mut host = open(address, "/ws/host").await;
    say(&mut host, &HostSays::Hello { protocol, tenant: tenant.clone(), token: token.clone(), resume: None })
        .await;
    told(&mut host).await;
    let id = format!("{number:032x}");
    say(&mut host, &HostSays::Open { door: NewDoor::Link { id: id.clone(), lifetime_s: 3600 } }).await;
    told(&mut host).await;
    let door = Door::Link { id };
    if joiners != address {
        // The other relay hears of the door a moment later.
        let mut lookout = open(joiners, "/ws/watch").await;
        let (tenant, token) = (tenant.clone(), token.clone());
        say(&mut lookout, &LookoutSays::Hello { protocol, tenant, token }).await;
        say(&mut lookout, &LookoutSays::Watch { door: door.clone() }).await;
        while !next(&mut lookout).await.expect("told").to_text().expect("a text").contains("\"available") {}
    }
    let mut joiner = open(joiners, "/ws/join").await;
    let door = Some(door);
    say(&mut joiner, &JoinerSays::Hello { protocol, tenant, token, door, resume: None }).await;
    let RelayToHost::Came { joiner: number, .. } = told(&mut host).await else { panic!("nobody came") };
    say(&mut host, &HostSays::Admit { joiner: number }).await;
    next(&mut joiner).await.expect("joined");
    (host, joiner, number)
}

/// Sends packets that tell their time, and takes what comes back.
async fn send(host: Socket, start: Instant, packets: u32, parcel: impl Fn(&[u8], u32) -> Vec<u8>) {
    let (mut writer, mut reader) = host.split();
    let acknowledgements = tokio::spawn(async move { while let Some(Ok(_)) = reader.next().await {} });
    let mut clock = interval(Duration::from_secs(1) / PACKETS_A_SECOND);
    for n in 0..packets {
        clock.tick().await;
        let mut packet = vec![7; PACKET];
        packet[..8].copy_from_slice(&(start.elapsed().as_nanos() as u64).to_le_bytes());
        writer.send(Message::binary(parcel(&packet, n))).await.expect("sent");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    acknowledgements.abort();
}

/// Reads packets, acknowledges them, and gives what each took.
async fn take(mut joiner: Socket, start: Instant, packets: u32) -> Vec<Duration> {
    let mut took = Vec::with_capacity(packets as usize);
    while took.len() < packets as usize {
        let Some(Message::Binary(packet)) = next(&mut joiner).await else { break };
        let sent = Duration::from_nanos(u64::from_le_bytes(packet[..8].try_into().expect("8 bytes")));
        took.push(start.elapsed().saturating_sub(sent));
        joiner.send(Message::binary(vec![1; 24])).await.expect("acknowledged");
    }
    took
}

fn report(name: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    let [p50, p95, p99, most] = [0.5, 0.95, 0.99, 1.0].map(at);
    println!("{name}: {} packets, p50 {p50:.2} p95 {p95:.2} p99 {p99:.2} most {most:.2} ms", took.len());
}

/// The same load over sockets without a relay.
async fn without_relay(active: usize, packets: u32) -> Vec<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let (address, start) = (listener.local_addr().expect("an address"), Instant::now());
    let mut running = Vec::new();
    for _ in 0..active {
        let (near, far) = tokio::join!(open(address, "/"), async {
            let (stream, _) = listener.accept().await.expect("accepts");
            stream.set_nodelay(true).expect("TCP_NODELAY");
            accept_async(stream).await.expect("a WebSocket")
        });
        tokio::spawn(send(near, start, packets, |packet, _| packet.to_vec()));
        running.push(tokio::spawn(take(far, start, packets)));
    }
    let mut took = Vec::new();
    for one in running {
        took.extend(one.await.expect("ends"));
    }
    took
}

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|a| a.parse::<usize>().ok());
    let idle = numbers.next().unwrap_or(1000);
    let active = numbers.next().unwrap_or(50);
    let seconds = numbers.next().unwrap_or(20) as u32;
    let packets = seconds * PACKETS_A_SECOND;
    report("without a relay", without_relay(active, packets).await);

    let cluster = std::env::args().any(|a| a == "--cluster").then(Nats::start);
    let arguments: Vec<&str> = cluster.iter().flat_map(Nats::arguments).collect();
    let relay = Relay::start(&arguments);
    let other = cluster.is_some().then(|| Relay::start(&arguments));
    let joiners = other.as_ref().map_or(relay.address, |other| other.address);
    let (before, _) = relay.costs();
    let other_before = other.as_ref().map_or(0, |other| other.costs().0);
    let mut sessions = Vec::new();
    for n in 0..idle {
        let (mut host, mut joiner, _) = session(relay.address, joiners, n).await;
        // Pings are answered as they are read.
        sessions.push(tokio::spawn(async move {
            tokio::join!(async { while next(&mut host).await.is_some() {} }, async {
                while next(&mut joiner).await.is_some() {}
            },)
        }));
    }
    // One round of pings.
    tokio::time::sleep(Duration::from_secs(16)).await;
    let (after, cpu_idle) = relay.costs();
    println!(
        "idle: {idle} sessions, {:.1} KiB each ({before} to {after} KiB)",
        (after - before) as f64 / idle.max(1) as f64
    );
    if let Some(other) = &other {
        let kb = (other.costs().0 - other_before) as f64 / idle.max(1) as f64;
        println!("idle: {kb:.1} KiB each at the joiners' relay");
    }
    let others_before = (other.as_ref().map(Relay::costs), cluster.as_ref().map(|n| costs(&n.child)));
    let (start, mut running) = (Instant::now(), Vec::new());
    for n in 0..active {
        let (host, joiner, number) = session(relay.address, joiners, idle + n).await;
        running.push(tokio::spawn(take(joiner, start, packets)));
        tokio::spawn(send(host, start, packets, move |bytes, n| {
            let kind = if n == 0 { ParcelKind::StartsOver } else { ParcelKind::Packet };
            Parcel { joiner: Some(number), kind, bytes }.to_bytes()
        }));
    }
    let mut took = Vec::new();
    for one in running {
        took.extend(one.await.expect("ends"));
    }
    let (now, cpu) = relay.costs();
    let (elapsed, passed) = (start.elapsed().as_secs_f64(), took.len());
    report("through the relay", took);
    println!(
        "active: {active} sessions, relay {:.1} % of a core, {:.0} packets a CPU second, {now} KiB",
        (cpu - cpu_idle) / elapsed * 100.0,
        passed as f64 / (cpu - cpu_idle).max(0.01)
    );
    if let (Some(other), Some(nats), (Some((_, other_idle)), Some((_, nats_idle)))) =
        (&other, &cluster, others_before)
    {
        let percent = |cpu: f64| cpu / elapsed * 100.0;
        println!(
            "active: joiners' relay {:.1} % of a core, NATS {:.1} %",
            percent(other.costs().1 - other_idle),
            percent(costs(&nats.child).1 - nats_idle)
        );
    }
}

/// A NATS server, and what relays need to find each other through it.
struct Nats {
    child: Child,
    url: String,
    secret: tempfile::NamedTempFile,
}

impl Nats {
    fn start() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
        let port = free.port().to_string();
        let program = ["/usr/sbin/nats-server", "nats-server"];
        let found = program.iter().find(|p| !p.starts_with('/') || std::path::Path::new(p).is_file());
        let mut child = Command::new(found.expect("one of them"))
            .args(["--addr", "127.0.0.1", "--port", &port])
            .stderr(Stdio::piped())
            .spawn()
            .expect("nats-server starts");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("Server is ready") {
            line.clear();
            assert!(log.read_line(&mut line).expect("a line") > 0, "nats-server does not start");
        }
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(drop));
        let secret = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(secret.path(), "a secret of 32 bytes or more for all relays").expect("written");
        Self { child, url: format!("nats://127.0.0.1:{port}"), secret }
    }

    fn arguments(&self) -> [&str; 4] {
        ["--nats", &self.url, "--cluster-secret", self.secret.path().to_str().expect("a path")]
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
