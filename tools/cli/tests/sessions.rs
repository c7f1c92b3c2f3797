//! `relay`, `share`, `view` and `demo` as programs that talk to each other.
#![cfg(unix)]

mod panecast;

use panecast::{DEADLINE, Running, run};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

struct Session {
    relay: Running,
    url: String,
    share: Running,
    key: String,
}

fn relay(bind: &str, more: &[&str]) -> (Running, String) {
    let relay = Running::start(&[&["relay", "--bind", bind, "--json"], more].concat());
    let facts = relay.find("address", |line| line["url"].is_string());
    let url = facts["url"].as_str().unwrap().to_owned();
    (relay, url)
}

fn share(url: &str) -> (Running, String) {
    share_of(url, "pattern:320x180@30")
}

fn share_of(url: &str, source: &str) -> (Running, String) {
    let share = Running::start(&["share", "--relay", url, "--source", source, "--yes", "--json"]);
    let key = next_key(&share, url);
    (share, key)
}

/// The key that the visitor is shown next: each is for one agent.
fn next_key(share: &Running, url: &str) -> String {
    let shown = share.event("key");
    let key = shown["key"].as_str().unwrap().to_owned();
    assert_eq!(shown["url"], format!("{url}/#{}", key.replace(' ', "")));
    key
}

fn session() -> Session {
    let (relay, url) = relay("127.0.0.1:0", &[]);
    let (share, key) = share(&url);
    Session { relay, url, share, key }
}

fn view(url: &str, key: &str, more: &[&str]) -> Running {
    Running::start(&[&["view", "--relay", url, "--key", key, "--json"], more].concat())
}

fn has_pictures(line: &Value) -> bool {
    line["event"] == "status" && line["pictures"].as_u64() >= Some(5)
}

#[test]
fn a_session_is_seen_saved_and_ended_by_the_visitor() {
    let mut s = session();
    let dir = tempfile::tempdir().unwrap();
    let png = dir.path().join("last.png");
    let pcast = dir.path().join("session.pcast");
    let first = view(&s.url, &s.key, &["--save", png.to_str().unwrap()]);
    let key = next_key(&s.share, &s.url);
    let second = view(&s.url, &key.replace(' ', ""), &["--save", pcast.to_str().unwrap()]);
    first.find("pictures", has_pictures);
    second.find("pictures", has_pictures);
    let live =
        s.share.find("two agents", |line| line["agents"] == 2 && line["updates_sent"].as_u64() > Some(0));
    assert_eq!(live["state"], "live");

    s.share.signal("-INT");
    assert_eq!(s.share.exit(), Some(0));
    for watching in [first, second] {
        let mut watching = watching;
        assert_eq!(watching.event("end")["reason"], "sharer-stopped");
        assert_eq!(watching.exit(), Some(0));
    }
    let shape = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&png).unwrap()));
    assert_eq!(shape.read_info().unwrap().info().size(), (320, 180));
    let report = run(&["inspect", pcast.to_str().unwrap(), "--json"], b"").ok();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!((&report["width"], &report["height"]), (&320.into(), &180.into()));
    assert!(report["pictures"].as_array().unwrap().len() >= 5);
    run(&["view", "--relay", &s.url, "--key", &s.key], b"").failed(1, "the key is not the one that was told");
    s.relay.signal("-TERM");
    assert_eq!(s.relay.exit(), Some(0));
}

#[test]
fn the_visitor_pauses_resumes_and_ends() {
    let (_relay, url) = relay("127.0.0.1:0", &[]);
    let (mut share, mut says) = Running::with_input(&[
        "share",
        "--relay",
        &url,
        "--source",
        "pattern:320x180@30",
        "--yes",
        "--commands",
        "--json",
    ]);
    let key = next_key(&share, &url);
    let mut watching = view(&url, &key, &[]);
    watching.find("pictures", has_pictures);
    writeln!(says, "p").unwrap();
    share.event("paused");
    let paused = watching.find("the pause", |line| line["state"] == "paused");
    // Not one picture more, however long.
    let then = watching.find("a second of it", |line| line["event"] == "status" && line["state"] == "paused");
    let later = watching.find("another", |line| line["event"] == "status" && line["state"] == "paused");
    assert_eq!(then["pictures"], later["pictures"], "{paused}");
    writeln!(says, "what?\nr").unwrap();
    share.event("resumed");
    let seen = later["pictures"].as_u64();
    watching.find("more pictures", |line| line["state"] == "live" && line["pictures"].as_u64() > seen);
    writeln!(says, "q").unwrap();
    assert_eq!(share.exit(), Some(0));
    assert_eq!(watching.event("end")["reason"], "sharer-stopped");
    assert_eq!(watching.exit(), Some(0));
}

#[test]
fn a_session_outlives_its_relay() {
    let mut s = session();
    let watching = view(&s.url, &s.key, &[]);
    watching.find("pictures", has_pictures);
    s.relay.signal("-KILL");
    s.relay.exit();
    s.share.event("relay-lost");
    watching.event("relay-lost");
    let address = s.url.strip_prefix("http://").unwrap();
    let (_successor, url) = relay(address, &[]);
    assert_eq!(url, s.url);
    s.share.event("relay-back");
    watching.event("back");
    let seen = watching.event("status")["pictures"].as_u64();
    watching.find("more pictures", |line| line["pictures"].as_u64() > seen);
    let (more, key) = share(&url);
    assert_ne!(key, s.key);
    drop(more);
}

#[test]
fn a_relay_that_opens_no_earlier_rooms_gives_a_new_one() {
    let mut s = session();
    s.relay.signal("-KILL");
    s.relay.exit();
    s.share.event("relay-lost");
    let address = s.url.strip_prefix("http://").unwrap();
    let (_successor, _) = relay(address, &["--grace", "0"]);
    let key = next_key(&s.share, &s.url);
    assert_ne!(key, s.key);
    view(&s.url, &key, &[]).find("pictures", has_pictures);
}

/// A line between visitor and relay that can be cut.
struct Wire {
    address: SocketAddr,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    fn to(relay: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ends: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let kept = ends.clone();
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (near, far) = (near.unwrap(), TcpStream::connect(relay).unwrap());
                for (mut from, mut to) in [
                    (near.try_clone().unwrap(), far.try_clone().unwrap()),
                    (far.try_clone().unwrap(), near.try_clone().unwrap()),
                ] {
                    std::thread::spawn(move || {
                        let mut buffer = [0; 1 << 16];
                        while let Ok(n @ 1..) = from.read(&mut buffer) {
                            if to.write_all(&buffer[..n]).is_err() {
                                break;
                            }
                        }
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                kept.lock().unwrap().extend([near, far]);
            }
        });
        Self { address, ends }
    }

    fn cut(&self) {
        for end in self.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

#[test]
fn a_cut_line_is_mended_and_the_room_stays() {
    let (_relay, url) = relay("127.0.0.1:0", &[]);
    let relay_address: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
    let (of_visitor, of_agent) = (Wire::to(relay_address), Wire::to(relay_address));
    let (share, key) = share_of(&format!("http://{}", of_visitor.address), "pattern:1280x720@30");
    let watching = view(&format!("http://{}", of_agent.address), &key, &[]);
    watching.find("pictures", has_pictures);
    of_visitor.cut();
    share.event("relay-lost");
    watching.event("visitor-lost");
    share.event("relay-back");
    watching.event("resumed");
    let seen = watching.event("status")["pictures"].as_u64();
    watching.find("more pictures", |line| line["pictures"].as_u64() > seen);
    of_agent.cut();
    watching.event("relay-lost");
    watching.event("back");
    watching.event("resumed");
    let seen = watching.event("status")["pictures"].as_u64();
    watching.find("more pictures", |line| line["pictures"].as_u64() > seen);
}

/// A stopped process reads nothing and acknowledges nothing.
#[test]
fn an_agent_that_stops_reading_holds_up_nobody_and_catches_up() {
    let s = session();
    let stopped = view(&s.url, &s.key, &[]);
    stopped.find("pictures", has_pictures);
    let reading = view(&s.url, &next_key(&s.share, &s.url), &[]);
    stopped.signal("-STOP");
    reading.find("pictures", has_pictures);
    let count = |line: &Value| line["pictures"].as_u64().unwrap_or(0);
    // Longer than the sender's patience with one that acknowledges nothing.
    let before = count(&reading.event("status"));
    reading.find("many more pictures", |line| count(line) > before + 60);
    stopped.signal("-CONT");
    let before = count(&reading.event("status"));
    stopped.find("pictures again", |line| line["event"] == "status" && count(line) > before);
    reading.find("more pictures", |line| count(line) > before + 10);
}

#[test]
fn nobody_is_contacted_before_the_visitor_allows() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // No terminal and no --yes: the source is not even looked for.
    run(&["share", "--relay", &url, "--source", "window:0x1"], b"y\n").failed(1, "no terminal");
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "the relay was contacted");
}

#[test]
fn what_does_not_answer_as_a_relay_is_a_failure() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    let shared = ["--source", "pattern", "--yes"];
    run(&[&["share", "--relay", &url], &shared[..]].concat(), b"").failed(1, "cannot reach");
    run(&["view", "--relay", &url, "--key", "000 000 000"], b"").failed(1, "cannot reach");
    run(&[&["share", "--relay", "https://x"], &shared[..]].concat(), b"").failed(1, "cannot reach https://x");
    run(&["view", "--relay", &url, "--key", "short"], b"").failed(2, "nine digits");
    run(&["view", "--relay", &url, "--key", "000 000 000", "--save", "x.gif"], b"").failed(2, ".pcast");

    let (_relay, url) = relay("127.0.0.1:0", &[]);
    run(&["view", "--relay", &url, "--key", "000 000 000"], b"")
        .failed(1, "the key is not the one that was told");
    run(&["share", "--relay", &url, "--source", "file:none.y4m", "--yes"], b"").failed(1, "none.y4m");
    let address = url.strip_prefix("http://").unwrap();
    run(&["relay", "--bind", address], b"").failed(1, "in use");
    let port = address.rsplit(':').next().unwrap();
    run(&["demo", "--no-open", "--source", "pattern", "--port", port], b"").failed(1, "in use");
}

#[test]
fn a_session_through_tls_trusts_the_certificate_that_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        std::fs::write(dir.path().join(name), text).unwrap();
        dir.path().join(name).to_str().unwrap().to_owned()
    };
    let (certificate, key) =
        (file("cert.pem", made.cert.pem()), file("key.pem", made.signing_key.serialize_pem()));
    let (_relay, url) = relay("127.0.0.1:0", &["--tls-cert", &certificate, "--tls-key", &key]);
    let url = url.replace("127.0.0.1", "localhost");
    assert!(url.starts_with("https://localhost:"), "{url}");
    let shown = ["--source", "pattern:320x180@30", "--yes", "--json", "--tls-ca", &certificate];
    let share = Running::start(&[&["share", "--relay", &url], &shown[..]].concat());
    let key = next_key(&share, &url);
    view(&url, &key, &["--tls-ca", &certificate]).find("pictures", has_pictures);
    run(&["view", "--relay", &url, "--key", &key], b"").failed(1, "certificate");
    let none = file("none.pem", String::new());
    run(&["view", "--relay", &url, "--key", &key, "--tls-ca", &none], b"").failed(1, "no certificate");
    let plain = url.replace("https", "http");
    run(&["view", "--relay", &plain, "--key", &key], b"").failed(1, "cannot reach");
}

#[test]
fn a_source_that_ends_ends_the_session() {
    let (_relay, url) = relay("127.0.0.1:0", &[]);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("short.y4m");
    let mut y4m = b"YUV4MPEG2 W32 H16 F30:1\n".to_vec();
    for luma in 0..60 {
        y4m.extend_from_slice(b"FRAME\n");
        y4m.extend_from_slice(&[luma; 32 * 16]);
        y4m.extend_from_slice(&[128; 32 * 16 / 2]);
    }
    std::fs::write(&file, y4m).unwrap();
    let source = format!("file:{}", file.display());
    let mut share = Running::start(&["share", "--relay", &url, "--source", &source, "--yes", "--json"]);
    let key = share.event("key")["key"].as_str().unwrap().to_owned();
    let mut watching = view(&url, &key, &[]);
    assert_eq!(watching.event("end")["reason"], "source-ended");
    assert_eq!(watching.exit(), Some(0));
    assert_eq!(share.exit(), Some(0));
}

/// Asks `url`'s server once.
fn request(url: &str, head: &str, body: &str) -> String {
    let mut server = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    server.set_read_timeout(Some(DEADLINE)).unwrap();
    write!(server, "{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .unwrap();
    let mut answer = String::new();
    server.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_demo_serves_its_page_and_ends_by_itself_and_by_ctrl_c() {
    for ends_by_itself in [true, false] {
        let mut args = vec!["demo", "--no-open", "--port", "0", "--json"];
        if ends_by_itself {
            args.extend(["--seconds", "8"]);
        }
        let mut demo = Running::start(&args);
        let start = demo.event("demo");
        assert_eq!(start["source"], "pattern:1280x720@30", "there is no display in this test");
        let room = demo.event("key");
        let (url, key) = (start["relay"].as_str().unwrap(), room["key"].as_str().unwrap());
        let answer = request(url, "GET / HTTP/1.1", "");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("<!doctype html>"), "{answer}");
        // Links to phones are sent by what the page is told of, and from this page alone.
        let answer = request(url, "GET /links.json HTTP/1.1", "");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let links: Value = serde_json::from_str(body).unwrap();
        let body = json!({ "to": "+4915123456789", "url": format!("{url}/camera#{}", "0123456789abcdefghjkmnpqrs") });
        let post = |origin: &str| {
            let head = format!("POST /links HTTP/1.1\r\nOrigin: {origin}\r\nContent-Type: application/json");
            request(links["url"].as_str().unwrap(), &head, &body.to_string())
        };
        assert!(post(url).starts_with("HTTP/1.1 202"), "{}", post(url));
        assert!(post("http://elsewhere.example").starts_with("HTTP/1.1 403"));
        let watching = view(url, key, &[]);
        watching.event("allowed");
        let begun = Instant::now();
        if !ends_by_itself {
            demo.signal("-INT");
        }
        assert_eq!(watching.event("end")["reason"], "sharer-stopped");
        assert_eq!(demo.exit(), Some(0));
        assert!(begun.elapsed() < DEADLINE);
    }
}
