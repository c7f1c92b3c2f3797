//! What a relay does not take from hosts and joiners: too much, too large, too late, against the protocol. On a
//! paused clock.

mod ends;

use ends::{HERE, Host, Socket, host_hello, joiner, joiner_hello, knock, patient, refused, relay};
use panecast_protocol::{
    Door, HostSays, MAX_TEXT_BYTES, NewDoor, Parcel, ParcelKind, Place, RefusalKind, RelayToHost,
    RelayToJoiner,
};
use panecast_relay::{Config, RelayLimits, Timing};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;

fn with(limits: RelayLimits) -> Config {
    Config { limits, ..patient() }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_let_in_gets_a_handshake_through_and_no_more() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let (key, link) = (host.key().await, host.link().await);
    let mut joining = knock(&relay, &link).await;
    for _ in 0..=8 {
        joining.bytes(b"more").await;
    }
    assert_eq!(refused(&mut joining).await.kind, RefusalKind::BadMessage);
    for door in [&key, &link] {
        let mut joining = knock(&relay, door).await;
        joining.bytes(&[0; 4097]).await;
        assert_eq!(refused(&mut joining).await.kind, RefusalKind::BadMessage);
        let mut joining = knock(&relay, door).await;
        joining.say(&joiner_hello(Some(door.clone()), None)).await;
        assert_eq!(refused(&mut joining).await.kind, RefusalKind::BadMessage);
    }
    // Nothing of the stream reaches one that is not let in, and the wait has an end.
    let mut host = Host::open(&relay, Some(host.room.clone())).await;
    let mut joining = knock(&relay, &link).await;
    let start = Instant::now();
    let joiner = host.sees_knock().await;
    host.send(Some(joiner), ParcelKind::StartsOver, b"picture").await;
    host.send(None, ParcelKind::Packet, b"picture").await;
    host.send(None, ParcelKind::Control, b"for those in it").await;
    assert_eq!(refused(&mut joining).await.kind, RefusalKind::Unavailable);
    assert_eq!(start.elapsed(), Timing::default().handshake);
    assert_eq!(host.told().await, RelayToHost::Left { joiner });
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_may_be_as_large_as_the_limit_and_no_larger() {
    const MOST: usize = 100_000;
    let relay = relay(&with(RelayLimits { message_bytes: MOST, ..RelayLimits::default() }));
    let mut host = Host::open(&relay, None).await;
    let door = host.link().await;
    let (mut socket, place) = joiner(&relay, &mut host, &door).await;
    let largest = vec![7; MOST - Parcel::HEADER_BYTES];
    host.send(Some(place.joiner), ParcelKind::StartsOver, &largest).await;
    assert_eq!(socket.binary().await, largest);
    host.send(None, ParcelKind::Packet, &vec![7; MOST - Parcel::HEADER_BYTES + 1]).await;
    assert_eq!(refused(&mut host.socket).await.kind, RefusalKind::BadMessage);
    assert_eq!(socket.text::<RelayToJoiner>().await, RelayToJoiner::HostLost {});
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_shows_no_life_is_dropped_and_who_answers_pings_is_not() {
    let relay = relay(&Config::default());
    let timing = Timing::default();
    let mut host = Host::open(&relay, None).await;
    let door = host.link().await;
    // Nobody polls this one, so its pings go unanswered; the host's are answered while it waits.
    let (_silent, place) = joiner(&relay, &mut host, &door).await;
    let start = Instant::now();
    assert_eq!(host.told().await, RelayToHost::Left { joiner: place.joiner });
    assert!(start.elapsed() >= timing.dead, "{:?}", start.elapsed());
    // One that never says hello.
    for path in ["/ws/host", "/ws/join", "/ws/watch"] {
        let mut mute = Socket::open(&relay, path, HERE).await;
        let start = Instant::now();
        assert_eq!(mute.next().await, None);
        assert_eq!(start.elapsed(), timing.hello, "{path}");
    }
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_breaks_the_protocol_is_refused() {
    let relay = relay(&with(RelayLimits { message_bytes: 100_000, ..RelayLimits::default() }));
    for path in ["/ws/host", "/ws/join", "/ws/watch"] {
        for (first, kind) in [
            (Message::text("not json"), RefusalKind::BadMessage),
            (Message::text("{}"), RefusalKind::BadMessage),
            (Message::text(r#"{"type":"hello"}"#), RefusalKind::BadMessage),
            (Message::text(r#"{"type":"hello","protocol":3,"more":1}"#), RefusalKind::BadMessage),
            (Message::text(r#"{"type":"admit","joiner":1,"protocol":3}"#), RefusalKind::BadMessage),
            // Another version is told so whatever else its hello holds.
            (Message::text(r#"{"type":"hello","protocol":2,"key":"K"}"#), RefusalKind::Version),
            (Message::text(r#"{"type":"hello","protocol":999,"new":[1]}"#), RefusalKind::Version),
            (Message::binary(vec![1, 2, 3]), RefusalKind::BadMessage),
            (Message::text(" ".repeat(MAX_TEXT_BYTES + 1)), RefusalKind::BadMessage),
            (
                Message::text(
                    r#"{"type":"hello","protocol":3,"tenant":"nobody","door":{"key":{"number":"1"}}}"#,
                ),
                if path == "/ws/join" { RefusalKind::NotAllowed } else { RefusalKind::BadMessage },
            ),
        ] {
            let mut socket = Socket::open(&relay, path, HERE).await;
            socket.raw(first.clone()).await;
            assert_eq!(refused(&mut socket).await.kind, kind, "{path}: {first:?}");
        }
    }
    for then in [
        Message::binary(vec![0; 5]),
        Message::binary(vec![0, 0, 0, 0, 2, 1]),
        Message::binary(vec![0; 100_001]),
        Message::text(r#"{"type":"admit"}"#),
        Message::text(" ".repeat(MAX_TEXT_BYTES + 1)),
        Message::text(serde_json::to_string(&host_hello(None)).unwrap()),
    ] {
        let mut host = Host::open(&relay, None).await;
        host.socket.raw(then.clone()).await;
        assert_eq!(refused(&mut host.socket).await.kind, RefusalKind::BadMessage, "{then:?}");
    }
    // Both a door and a place, or neither.
    let place = Place { room: "0".repeat(32), joiner: 1, token: String::new() };
    for hello in
        [joiner_hello(None, None), joiner_hello(Some(Door::Key { number: "1234".into() }), Some(place))]
    {
        let mut socket = Socket::open(&relay, "/ws/join", HERE).await;
        socket.say(&hello).await;
        assert_eq!(refused(&mut socket).await.kind, RefusalKind::BadMessage);
    }
    let mut host = Host::open(&relay, None).await;
    let door = host.link().await;
    let (mut socket, place) = joiner(&relay, &mut host, &door).await;
    socket.bytes(&vec![0; RelayLimits::default().joiner_message_bytes + 1]).await;
    assert_eq!(refused(&mut socket).await.kind, RefusalKind::BadMessage);
    assert_eq!(host.told().await, RelayToHost::Left { joiner: place.joiner });
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rooms_seats_and_doors_fill_up() {
    let relay = relay(&with(RelayLimits { rooms: 1, agents: 1, doors: 2, ..RelayLimits::default() }));
    let mut host = Host::open(&relay, None).await;
    let mut other = Socket::open(&relay, "/ws/host", HERE).await;
    other.say(&host_hello(None)).await;
    assert_eq!(refused(&mut other).await.kind, RefusalKind::Full);
    let door = host.link().await;
    host.key().await;
    host.socket.say(&HostSays::Open { door: NewDoor::Key {} }).await;
    let told = host.told().await;
    assert!(matches!(told, RelayToHost::NotOpened { kind: RefusalKind::Full, .. }), "{told:?}");
    let (socket, place) = joiner(&relay, &mut host, &door).await;
    let mut second = knock(&relay, &door).await;
    let number = host.sees_knock().await;
    host.admit(number).await;
    assert_eq!(refused(&mut second).await.kind, RefusalKind::Full);
    assert_eq!(host.told().await, RelayToHost::Left { joiner: number });
    // A seat is kept for one that is away.
    drop(socket);
    assert_eq!(host.told().await, RelayToHost::Left { joiner: place.joiner });
    let mut third = knock(&relay, &door).await;
    let number = host.sees_knock().await;
    host.admit(number).await;
    assert_eq!(refused(&mut third).await.kind, RefusalKind::Full);
    assert_eq!(host.told().await, RelayToHost::Left { joiner: number });
    sleep(Timing::default().grace + Duration::from_secs(1)).await;
    joiner(&relay, &mut host, &door).await;
    relay.stop().await;
}
