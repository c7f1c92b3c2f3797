//! First messages that go along with the request for a WebSocket. On a paused clock.

mod ends;

use ends::{
    HERE, Host, Socket, come_back, host_hello, joined, joiner, joiner_hello, knock, patient, refused, relay,
};
use panecast_protocol::{
    Early, MOST_EARLY_BYTES, ParcelKind, RefusalKind, RelayToHost, RelayToJoiner, RoomProof,
};
use panecast_relay::Loopback;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};

fn json(message: &impl serde::Serialize) -> String {
    serde_json::to_string(message).unwrap()
}

/// The status of the answer, and the sub-protocol that it names.
async fn answer(relay: &Loopback, path: &str, protocols: &str) -> (u16, Option<String>) {
    let mut request = format!("ws://relay.test{path}").into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
    let named = |headers: &tungstenite::http::HeaderMap| {
        headers.get("sec-websocket-protocol").map(|name| name.to_str().unwrap().to_owned())
    };
    match tokio_tungstenite::client_async(request, relay.connect(HERE, 64 << 10)).await {
        Ok((_, response)) => (response.status().as_u16(), named(response.headers())),
        Err(tungstenite::Error::Http(response)) => (response.status().as_u16(), None),
        Err(tungstenite::Error::Protocol(_)) => (101, None),
        Err(e) => panic!("{e}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_joiner_proves_itself_with_its_request() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let door = host.link().await;
    let (socket, place) = joiner(&relay, &mut host, &door).await;
    drop(socket);
    assert_eq!(host.told().await, RelayToHost::Left { joiner: place.joiner });
    let proof: Vec<u8> = (0..2200_u32).map(|n| n as u8).collect();
    let early = Early::of(&json(&joiner_hello(None, Some(place.clone()))), Some(&proof));
    assert!(early.proof.is_some(), "what a 1080p picture's watcher says fits");
    let mut back = Socket::early(&relay, "/ws/join", &early).await;
    assert_eq!(host.sees_return().await, place.joiner);
    assert_eq!(host.hears().await, (place.joiner, proof));
    host.send(Some(place.joiner), ParcelKind::Control, b"answer").await;
    let next = joined(&mut back).await;
    assert_eq!(back.binary().await, b"answer");
    // What comes as messages follows it.
    back.bytes(b"and more").await;
    assert_eq!(host.hears().await, (place.joiner, b"and more".to_vec()));
    // And a hello alone is as good as one that is sent.
    let early = Early::of(&json(&joiner_hello(None, Some(next))), None);
    let mut again = Socket::early(&relay, "/ws/join", &early).await;
    joined(&mut again).await;
    assert_eq!(host.sees_return().await, place.joiner);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_host_comes_back_with_its_request() {
    let relay = relay(&patient());
    let host = Host::open(&relay, None).await;
    let RoomProof { room, secret } = host.room.clone();
    drop(host);
    let early = Early::of(&json(&host_hello(Some(RoomProof { room: room.clone(), secret }))), None);
    let mut socket = Socket::early(&relay, "/ws/host", &early).await;
    assert!(matches!(socket.text().await, RelayToHost::Room { room: back, .. } if back == room));
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_knock_with_the_request_is_a_knock_like_any_other() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let door = host.key().await;
    let early = Early::of(&json(&joiner_hello(Some(door), None)), Some(b"first"));
    let mut socket = Socket::early(&relay, "/ws/join", &early).await;
    let number = host.sees_knock().await;
    assert_eq!(host.hears().await, (number, b"first".to_vec()));
    host.send(Some(number), ParcelKind::Control, b"answer").await;
    assert_eq!(socket.binary().await, b"answer");
    // A proof that is too long for one who knocks is so by whichever way it comes.
    let link = host.link().await;
    let mut guest = knock(&relay, &link).await;
    host.sees_knock().await;
    guest.bytes(&[7; 5000]).await;
    assert_eq!(refused(&mut guest).await.kind, RefusalKind::BadMessage);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_hello_that_is_none_is_refused_as_a_message_is() {
    let relay = relay(&patient());
    for (hello, kind) in [
        ("{}", RefusalKind::BadMessage),
        ("not JSON", RefusalKind::BadMessage),
        (r#"{"type":"hello","protocol":2}"#, RefusalKind::Version),
    ] {
        let mut socket = Socket::early(&relay, "/ws/join", &Early::of(hello, None)).await;
        assert_eq!(refused(&mut socket).await.kind, kind, "{hello}");
    }
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_sub_protocol_is_named_to_those_who_name_it() {
    let relay = relay(&patient());
    let long = format!("panecast, hello.{}", "A".repeat(MOST_EARLY_BYTES));
    for (protocols, status, named) in [
        ("panecast", 101, Some("panecast")),
        ("chat, panecast", 101, Some("panecast")),
        ("chat", 101, None),
        ("panecast, hello.e30=", 400, None),
        ("panecast, hello.e30, hello.e30", 400, None),
        ("panecast, proof.AA", 400, None),
        (&long, 400, None),
    ] {
        for path in ["/ws/host", "/ws/join", "/ws/watch"] {
            let expected = (status, named.map(str::to_owned));
            assert_eq!(answer(&relay, path, protocols).await, expected, "{path}: {protocols:.60}");
        }
    }
    relay.stop().await;
}

/// Whoever names no sub-protocol, or this one alone, says hello by a message.
#[tokio::test(start_paused = true)]
async fn without_any_the_hello_is_a_message() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let door = host.link().await;
    let (_socket, place) = joiner(&relay, &mut host, &door).await;
    let mut back = Socket::early(&relay, "/ws/join", &Early::default()).await;
    back.raw(Message::text(json(&joiner_hello(None, Some(place.clone()))))).await;
    back.bytes(b"proof").await;
    let next = joined(&mut back).await;
    assert_eq!(host.sees_return().await, place.joiner);
    assert_eq!(host.hears().await, (place.joiner, b"proof".to_vec()));
    let mut plain = come_back(&relay, &next).await;
    assert!(matches!(plain.text().await, RelayToJoiner::Joined(_)));
    relay.stop().await;
}
