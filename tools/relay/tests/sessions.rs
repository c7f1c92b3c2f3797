//! Visitors and agents against a real relay over real sockets.

mod client;

use client::{Client, Visitor, agent, agent_hello, relay, within};
use panecast_protocol::{
    AgentSays, EndReason, Holds, MAX_TEXT_BYTES, MOST_TILES, PROTOCOL_VERSION, RefusalKind, RelayToAgent,
    RelayToVisitor, Resume, StreamState, VisitorSays,
};
use panecast_relay::{RelayLimits, Timing};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};

fn quick() -> Timing {
    Timing {
        hello: Duration::from_millis(500),
        ping: Duration::from_millis(100),
        dead: Duration::from_millis(500),
        grace: Duration::from_millis(500),
        ..Timing::default()
    }
}

#[tokio::test]
async fn two_agents_get_their_own_snapshots_and_then_the_same_updates() {
    let relay = relay(RelayLimits::default(), Timing::default()).await;
    let mut visitor = Visitor::connect(relay.address, None).await;
    let (mut first, one) = agent(relay.address, &visitor.room.key).await;
    assert_eq!(visitor.sees_join().await, one);
    visitor.client.say(&VisitorSays::State { state: StreamState::Live, source: "pattern".into() }).await;
    visitor.client.envelope(None, b"before the snapshot: skipped").await;
    visitor.client.envelope(Some(one), b"snapshot 1").await;
    visitor.client.envelope(None, b"update").await;
    let live = RelayToAgent::State { state: StreamState::Live, source: "pattern".into() };
    assert_eq!(first.text::<RelayToAgent>().await, live);
    assert_eq!(first.binary().await, b"snapshot 1");
    assert_eq!(first.binary().await, b"update");

    let (mut second, two) = agent(relay.address, &visitor.room.key.to_lowercase().replace('-', " ")).await;
    assert_ne!(one, two);
    assert_eq!(visitor.sees_join().await, two);
    assert_eq!(second.text::<RelayToAgent>().await, live, "a late agent is told the state");
    visitor.client.envelope(None, b"epoch").await;
    visitor.client.envelope(Some(two), b"snapshot 2").await;
    visitor.client.envelope(None, b"update 2").await;
    assert_eq!(first.binary().await, b"epoch");
    assert_eq!(first.binary().await, b"update 2");
    assert_eq!(second.binary().await, b"snapshot 2");
    assert_eq!(second.binary().await, b"update 2");

    second.say(&AgentSays::Ack { sequence: 9, held_us: 250 }).await;
    assert_eq!(visitor.told().await, RelayToVisitor::Ack { agent: two, sequence: 9, held_us: 250 });
    drop(second);
    assert_eq!(visitor.told().await, RelayToVisitor::AgentLeft { agent: two });

    visitor.client.say(&VisitorSays::End { reason: EndReason::VisitorStopped }).await;
    assert_eq!(first.text::<RelayToAgent>().await, RelayToAgent::End { reason: EndReason::VisitorStopped });
    assert_eq!(first.next().await, None);
    assert_eq!(visitor.client.next().await, None);
    let mut late = agent_hello(relay.address, &visitor.room.key).await;
    assert_refused(&mut late, RefusalKind::WrongKey).await;
    relay.stop().await;
}

async fn assert_refused(agent: &mut Client, kind: RefusalKind) {
    match agent.text().await {
        RelayToAgent::Refused(refusal) => {
            assert_eq!(refusal.kind, kind);
            assert!(!refusal.message.is_empty());
        }
        other => panic!("not refused: {other:?}"),
    }
    assert_eq!(agent.next().await, None, "a refused connection is closed");
}

#[tokio::test]
async fn wrong_keys_are_refused_and_counted() {
    let relay = relay(RelayLimits { wrong_keys: 3, ..RelayLimits::default() }, Timing::default()).await;
    let visitor = Visitor::connect(relay.address, None).await;
    for wrong in ["0000-0000", "", "no key at all"] {
        let mut agent = agent_hello(relay.address, wrong).await;
        assert_refused(&mut agent, RefusalKind::WrongKey).await;
    }
    let mut right = agent_hello(relay.address, &visitor.room.key).await;
    assert_refused(&mut right, RefusalKind::TooManyTries).await;
    relay.stop().await;
}

#[tokio::test]
async fn another_version_is_told_so_whatever_else_its_hello_holds() {
    let relay = relay(RelayLimits::default(), Timing::default()).await;
    for path in ["/ws/agent", "/ws/visitor"] {
        let mut client = Client::connect(relay.address, path).await;
        client.raw(Message::text(r#"{"type":"hello","protocol":999,"new":[1]}"#)).await;
        assert_refused(&mut client, RefusalKind::Version).await;
    }
    relay.stop().await;
}

#[tokio::test]
async fn what_breaks_the_protocol_is_refused() {
    let relay = relay(RelayLimits::default(), Timing::default()).await;
    let visitor = Visitor::connect(relay.address, None).await;
    for first in [
        Message::text("{}"),
        Message::text("not json"),
        Message::text(r#"{"type":"hello"}"#),
        Message::text(format!(r#"{{"type":"ack","sequence":1,"protocol":{PROTOCOL_VERSION}}}"#)),
        Message::binary(vec![1, 2, 3]),
    ] {
        let mut client = Client::connect(relay.address, "/ws/agent").await;
        client.raw(first).await;
        assert_refused(&mut client, RefusalKind::BadMessage).await;
    }
    for then in [
        Message::text(r#"{"type":"ack"}"#),
        Message::binary(vec![0; 10]),
        Message::text(serde_json::to_string(&hello(&visitor.room.key)).unwrap()),
    ] {
        let (mut client, _) = agent(relay.address, &visitor.room.key).await;
        client.raw(then).await;
        assert_refused(&mut client, RefusalKind::BadMessage).await;
    }
    relay.stop().await;
}

fn hello(key: &str) -> AgentSays {
    AgentSays::Hello { protocol: PROTOCOL_VERSION, key: key.into(), holds: None }
}

#[tokio::test]
async fn messages_over_the_limit_end_the_connection() {
    let limits = RelayLimits { message_bytes: 100_000, ..RelayLimits::default() };
    let relay = relay(limits, Timing::default()).await;

    let mut visitor = Visitor::connect(relay.address, None).await;
    let (mut watching, number) = agent(relay.address, &visitor.room.key).await;
    visitor.sees_join().await;
    let largest = vec![7; 100_000 - 4];
    visitor.client.envelope(Some(number), &largest).await;
    assert_eq!(watching.binary().await, largest, "the limit itself passes");
    visitor.client.envelope(Some(number), &vec![7; 100_000 - 3]).await;
    match visitor.told().await {
        RelayToVisitor::Refused(refusal) => assert_eq!(refusal.kind, RefusalKind::BadMessage),
        other => panic!("not refused: {other:?}"),
    }
    assert_eq!(watching.text::<RelayToAgent>().await, RelayToAgent::VisitorLost {});

    let mut agent = Client::connect(relay.address, "/ws/agent").await;
    agent.raw(Message::text("x".repeat(MAX_TEXT_BYTES + 1))).await;
    assert_refused(&mut agent, RefusalKind::BadMessage).await;
    let mut visitor = Client::connect(relay.address, "/ws/visitor").await;
    visitor.raw(Message::text(" ".repeat(MAX_TEXT_BYTES + 1))).await;
    assert_refused(&mut visitor, RefusalKind::BadMessage).await;
    relay.stop().await;
}

#[tokio::test]
async fn rooms_and_relays_fill_up() {
    let limits = RelayLimits { agents: 1, rooms: 1, ..RelayLimits::default() };
    let relay = relay(limits, Timing::default()).await;
    let mut visitor = Visitor::connect(relay.address, None).await;
    let (first, _) = agent(relay.address, &visitor.room.key).await;
    visitor.sees_join().await;
    let mut second = agent_hello(relay.address, &visitor.room.key).await;
    assert_refused(&mut second, RefusalKind::Full).await;
    drop(first);
    assert!(matches!(visitor.told().await, RelayToVisitor::AgentLeft { .. }));
    agent(relay.address, &visitor.room.key).await;

    let mut other = Client::connect(relay.address, "/ws/visitor").await;
    other.say(&VisitorSays::Hello { protocol: PROTOCOL_VERSION, resume: None }).await;
    assert_refused(&mut other, RefusalKind::Full).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_visitor_comes_back_to_its_room_and_every_agent_gets_a_new_snapshot() {
    let relay = relay(RelayLimits::default(), Timing::default()).await;
    let mut visitor = Visitor::connect(relay.address, None).await;
    let (mut watching, number) = agent(relay.address, &visitor.room.key).await;
    visitor.sees_join().await;
    visitor.client.envelope(Some(number), b"snapshot").await;
    assert_eq!(watching.binary().await, b"snapshot");
    let room = visitor.room.clone();
    drop(visitor);
    assert_eq!(watching.text::<RelayToAgent>().await, RelayToAgent::VisitorLost {});

    let wrong = Resume { secret: "0".repeat(32), ..room.clone() };
    let mut thief = Client::connect(relay.address, "/ws/visitor").await;
    thief.say(&VisitorSays::Hello { protocol: PROTOCOL_VERSION, resume: Some(wrong) }).await;
    assert_refused(&mut thief, RefusalKind::WrongKey).await;

    let mut back = Visitor::connect(relay.address, Some(room.clone())).await;
    assert_eq!(back.room, room, "the same key and secret");
    assert_eq!(back.sees_join().await, number);
    back.client.envelope(None, b"not for one without a snapshot").await;
    back.client.envelope(Some(number), b"fresh snapshot").await;
    assert_eq!(watching.binary().await, b"fresh snapshot");

    // A connection that the visitor's side has lost without the relay noticing gives way to the next.
    let mut again = Visitor::connect(relay.address, Some(room)).await;
    assert_eq!(again.sees_join().await, number);
    assert_eq!(back.client.next().await, None);
    again.client.envelope(Some(number), b"third").await;
    assert_eq!(watching.binary().await, b"third");
    relay.stop().await;
}

#[tokio::test]
async fn what_agents_hold_reaches_the_visitor_and_too_much_is_refused() {
    let relay = relay(RelayLimits::default(), Timing::default()).await;
    let mut visitor = Visitor::connect(relay.address, None).await;
    let picture = Holds { width: 130, height: 64, tiles: vec![1, 2, u32::MAX] };
    let hello = |holds| AgentSays::Hello { protocol: PROTOCOL_VERSION, key: visitor.room.key.clone(), holds };
    let (held, far_too_much) = (
        hello(Some(picture.clone())),
        hello(Some(Holds { tiles: vec![0; MOST_TILES + 1], ..picture.clone() })),
    );
    let mut returning = Client::connect(relay.address, "/ws/agent").await;
    returning.say(&held).await;
    let joined = RelayToVisitor::AgentJoined { agent: 1, holds: Some(picture.clone()) };
    assert_eq!(visitor.told().await, joined);
    assert!(matches!(returning.text().await, RelayToAgent::Joined { agent: 1 }));
    let mut hostile = Client::connect(relay.address, "/ws/agent").await;
    hostile.say(&far_too_much).await;
    assert_refused(&mut hostile, RefusalKind::BadMessage).await;

    let room = visitor.room.clone();
    drop(visitor);
    assert_eq!(returning.text::<RelayToAgent>().await, RelayToAgent::VisitorLost {});
    returning.say(&AgentSays::Holds { picture: picture.clone() }).await;
    // What is asked after it is answered after it.
    let mut other = agent_hello(relay.address, &room.key).await;
    assert!(matches!(other.text().await, RelayToAgent::Joined { .. }));
    returning.say(&AgentSays::Hello { protocol: PROTOCOL_VERSION, key: String::new(), holds: None }).await;
    assert_refused(&mut returning, RefusalKind::BadMessage).await;
    let mut back = Visitor::connect(relay.address, Some(room)).await;
    assert_eq!(back.sees_join().await, 2, "who has left is not told of");
    relay.stop().await;
}

#[tokio::test]
async fn a_visitor_that_stays_away_ends_the_session() {
    let relay = relay(RelayLimits::default(), Timing { dead: client::DEADLINE, ..quick() }).await;
    let visitor = Visitor::connect(relay.address, None).await;
    let (mut watching, _) = agent(relay.address, &visitor.room.key).await;
    let room = visitor.room.clone();
    drop(visitor);
    assert_eq!(watching.text::<RelayToAgent>().await, RelayToAgent::VisitorLost {});
    assert_eq!(watching.text::<RelayToAgent>().await, RelayToAgent::End { reason: EndReason::VisitorLost });
    let mut late = Client::connect(relay.address, "/ws/visitor").await;
    late.say(&VisitorSays::Hello { protocol: PROTOCOL_VERSION, resume: Some(room) }).await;
    assert_refused(&mut late, RefusalKind::WrongKey).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_peer_that_shows_no_life_is_dropped_and_one_that_answers_pings_is_not() {
    let relay = relay(RelayLimits::default(), Timing { grace: client::DEADLINE, ..quick() }).await;
    let mut visitor = Visitor::connect(relay.address, None).await;
    // Nobody polls this client, so its pings go unanswered; the visitor's are answered while it waits.
    let (_silent, number) = agent(relay.address, &visitor.room.key).await;
    assert_eq!(visitor.sees_join().await, number);
    assert_eq!(visitor.told().await, RelayToVisitor::AgentLeft { agent: number });

    // A socket that never says hello is closed too.
    let mut mute = Client::connect(relay.address, "/ws/agent").await;
    assert_eq!(mute.next().await, None);
    let mut half = TcpStream::connect(relay.address).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut rest = Vec::new();
    within(half.read_to_end(&mut rest)).await.unwrap();
    relay.stop().await;
}

#[tokio::test]
async fn an_agent_that_lost_the_thread_gets_a_snapshot_and_nothing_before_it() {
    let relay = relay(RelayLimits::default(), Timing::default()).await;
    let mut visitor = Visitor::connect(relay.address, None).await;
    let (mut watching, number) = agent(relay.address, &visitor.room.key).await;
    visitor.sees_join().await;
    visitor.client.envelope(Some(number), b"snapshot").await;
    assert_eq!(watching.binary().await, b"snapshot");
    for _ in 0..10 {
        watching.say(&AgentSays::Resync {}).await;
    }
    watching.say(&AgentSays::Ack { sequence: 1, held_us: 0 }).await;
    assert_eq!(visitor.sees_join().await, number);
    let ack = RelayToVisitor::Ack { agent: number, sequence: 1, held_us: 0 };
    assert_eq!(visitor.told().await, ack, "asked for ten times, passed on once");
    visitor.client.envelope(None, b"update").await;
    visitor.client.envelope(Some(number), b"second snapshot").await;
    assert_eq!(watching.binary().await, b"second snapshot");
    relay.stop().await;
}

#[tokio::test]
async fn a_stopping_relay_tells_its_agents() {
    let relay = relay(RelayLimits::default(), Timing::default()).await;
    let mut visitor = Visitor::connect(relay.address, None).await;
    let (mut watching, _) = agent(relay.address, &visitor.room.key).await;
    visitor.sees_join().await;
    let stopping = tokio::spawn(relay.stop());
    assert_eq!(watching.text::<RelayToAgent>().await, RelayToAgent::End { reason: EndReason::RelayStopped });
    assert_eq!(visitor.client.next().await, None);
    within(stopping).await.unwrap();
}

#[tokio::test]
async fn pages_of_other_sites_may_not_connect() {
    let relay = relay(RelayLimits::default(), Timing::default()).await;
    for (origin, allowed) in [("http://evil.example", false), (&*format!("http://{}", relay.address), true)] {
        use tungstenite::client::IntoClientRequest;
        let mut request = format!("ws://{}/ws/agent", relay.address).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        let stream = TcpStream::connect(relay.address).await.unwrap();
        let outcome = within(tokio_tungstenite::client_async(request, stream)).await;
        match outcome {
            Ok(_) => assert!(allowed, "{origin}"),
            Err(tungstenite::Error::Http(response)) => {
                assert!(!allowed && response.status() == 403, "{origin}: {}", response.status());
            }
            Err(e) => panic!("{origin}: {e}"),
        }
    }
    relay.stop().await;
}

async fn request(address: std::net::SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap().to_lowercase()
}

#[tokio::test]
async fn the_page_is_served_with_strict_headers() {
    let relay = relay(RelayLimits::default(), Timing::default()).await;
    let page = request(relay.address, "GET / HTTP/1.1").await;
    assert!(page.starts_with("http/1.1 200") && page.ends_with("<title>test page</title>"), "{page}");
    for header in [
        "content-type: text/html; charset=utf-8",
        "script-src 'self' 'wasm-unsafe-eval'",
        "frame-ancestors 'none'",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
    ] {
        assert!(page.contains(header), "{header} is missing in {page}");
    }
    let wasm = request(relay.address, "GET /decoder.wasm?v=1 HTTP/1.1").await;
    assert!(wasm.contains("content-type: application/wasm"), "{wasm}");
    for (head, status) in [
        ("GET /health HTTP/1.1", "200"),
        ("HEAD / HTTP/1.1", "200"),
        ("GET /../Cargo.toml HTTP/1.1", "404"),
        ("GET /none HTTP/1.1", "404"),
        ("POST / HTTP/1.1", "405"),
        ("GET /ws/agent HTTP/1.1", "400"),
    ] {
        let answer = request(relay.address, head).await;
        assert!(answer.starts_with(&format!("http/1.1 {status}")), "{head}: {answer}");
        assert!(answer.contains("content-security-policy"), "{head}: {answer}");
    }
    relay.stop().await;
}
