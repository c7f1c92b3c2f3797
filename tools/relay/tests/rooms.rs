//! Hosts and joiners against a relay, on a paused clock.

mod ends;

use ends::{
    HERE, Heard, Host, Socket, come_back, host_hello, joined, joiner, knock, patient, refused, relay,
};
use panecast_protocol::{
    Door, DoorEnd, Ended, HostSays, JoinerSays, NewDoor, ParcelKind, Place, RefusalKind, RefuseReason,
    RelayToHost, RelayToJoiner, RoomProof,
};
use panecast_relay::Timing;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test(start_paused = true)]
async fn a_key_lets_one_in_and_is_spent() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let door = host.key().await;
    let mut joining = knock(&relay, &door).await;
    let start = Instant::now();
    joining.bytes(b"first").await;
    let number = host.sees_knock().await;
    assert_eq!(host.hears().await, (number, b"first".to_vec()));
    host.send(Some(number), ParcelKind::Control, b"answer").await;
    assert_eq!(joining.binary().await, b"answer");
    assert_eq!(start.elapsed().as_millis(), 1500);
    joining.bytes(b"second").await;
    assert_eq!(host.hears().await, (number, b"second".to_vec()));
    host.admit(number).await;
    let place = joined(&mut joining).await;
    assert_eq!(place.joiner, number);
    assert_eq!(start.elapsed().as_millis(), 1500, "who is let in does not wait");
    assert_eq!(host.told().await, RelayToHost::Closed { door: door.clone(), reason: DoorEnd::Spent });

    let mut late = knock(&relay, &door).await;
    late.bytes(b"first").await;
    late.binary().await;
    late.bytes(b"second").await;
    assert_eq!(refused(&mut late).await.kind, RefusalKind::WrongKey);

    host.send(Some(number), ParcelKind::StartsOver, b"start").await;
    host.send(None, ParcelKind::Packet, b"update").await;
    host.send(None, ParcelKind::Control, b"control").await;
    for expected in [&b"start"[..], b"update", b"control"] {
        assert_eq!(joining.binary().await, expected);
    }
    joining.bytes(b"ack").await;
    assert_eq!(host.hears().await, (number, b"ack".to_vec()));
    host.socket.say(&HostSays::End { reason: Ended::HostStopped }).await;
    assert_eq!(joining.text::<RelayToJoiner>().await, RelayToJoiner::End { reason: Ended::HostStopped });
    assert_eq!(joining.next().await, None);
    assert_eq!(host.socket.next().await, None);
    let mut gone = come_back(&relay, &place).await;
    assert_eq!(refused(&mut gone).await.kind, RefusalKind::Unavailable);
    let mut host = Socket::open(&relay, "/ws/host", HERE).await;
    host.say(&host_hello(Some(RoomProof { room: place.room, secret: "0".repeat(32) }))).await;
    assert_eq!(refused(&mut host).await.kind, RefusalKind::Unavailable);
    relay.stop().await;
}

/// What a joiner at a key sees and when, having sent two messages.
async fn seen(mut joining: Socket) -> Vec<(u128, String)> {
    let start = Instant::now();
    let mut seen = Vec::new();
    joining.bytes(&[7; 35]).await;
    seen.push((start.elapsed().as_millis(), format!("{} bytes", joining.binary().await.len())));
    let at = start.elapsed().as_millis();
    joining.bytes(&[8; 49]).await;
    let text = joining.next().await.map(|m| m.to_text().unwrap().to_owned());
    seen.push((at, format!("{text:?}")));
    seen.push((start.elapsed().as_millis(), format!("{:?}", joining.next().await)));
    seen
}

#[tokio::test(start_paused = true)]
async fn wrong_expired_spent_and_unknown_keys_look_and_time_alike() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let Door::Key { number } = host.key().await else { unreachable!() };
    let other = format!("{:04}", (number.parse::<u32>().unwrap() + 1) % 10_000);

    // A real host behind the number, and the other digits are wrong; it takes its time to say so.
    for lag in [0, 20, 400, 1499] {
        let joining = tokio::spawn(seen(knock(&relay, &Door::Key { number: number.clone() }).await));
        let joiner = host.sees_knock().await;
        host.hears().await;
        sleep(Duration::from_millis(lag)).await;
        host.send(Some(joiner), ParcelKind::Control, &[9; 82]).await;
        host.hears().await;
        sleep(Duration::from_millis(lag)).await;
        host.socket.say(&HostSays::Refuse { joiner, reason: RefuseReason::WrongKey }).await;
        let real = joining.await.unwrap();
        let decoy = seen(knock(&relay, &Door::Key { number: other.clone() }).await).await;
        assert_eq!(real, decoy, "the host took {lag} ms");
        assert_eq!((real[1].0, real[2].0), (1500, 3000));
        assert!(real[1].1.contains("wrong-key"), "{real:?}");
        sleep(Duration::from_secs(60)).await;
    }
    // A host that refuses at once.
    let decoy = seen(knock(&relay, &Door::Key { number: other }).await).await;
    let door = Door::Key { number };
    let joining = tokio::spawn(seen(knock(&relay, &door).await));
    let joiner = host.sees_knock().await;
    host.socket.say(&HostSays::Refuse { joiner, reason: RefuseReason::Declined }).await;
    assert_eq!(joining.await.unwrap(), decoy);
    sleep(Duration::from_secs(600)).await;
    assert_eq!(seen(knock(&relay, &door).await).await, decoy, "expired");
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_expired_key_is_told_and_a_door_can_be_closed() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let start = Instant::now();
    let (key, link) = (host.key().await, host.link().await);
    assert_eq!(host.told().await, RelayToHost::Closed { door: key, reason: DoorEnd::Expired });
    assert!((600..=601).contains(&start.elapsed().as_secs()));
    host.socket.say(&HostSays::Close { door: link.clone() }).await;
    // What is asked after it is answered after it.
    host.key().await;
    assert_eq!(refused(&mut knock(&relay, &link).await).await.kind, RefusalKind::Spent);
    for bad in [
        NewDoor::Link { id: "x".into(), lifetime_s: 60 },
        NewDoor::Link { id: "ab".repeat(16), lifetime_s: 0 },
        NewDoor::Presence { visitor: String::new() },
    ] {
        host.socket.say(&HostSays::Open { door: bad }).await;
        let told = host.told().await;
        assert!(matches!(told, RelayToHost::NotOpened { kind: RefusalKind::BadMessage, .. }), "{told:?}");
    }
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn presence_is_taken_over_and_a_host_may_decline() {
    let relay = relay(&patient());
    let presence = || NewDoor::Presence { visitor: "visitor 7".into() };
    let mut first = Host::open(&relay, None).await;
    let door = first.door(presence()).await;
    let mut second = Host::open(&relay, None).await;
    second.door(presence()).await;
    assert_eq!(first.told().await, RelayToHost::Closed { door: door.clone(), reason: DoorEnd::TakenOver });
    let mut joining = knock(&relay, &door).await;
    let joiner = second.sees_knock().await;
    second.send(Some(joiner), ParcelKind::Control, b"hello").await;
    assert_eq!(joining.binary().await, b"hello");
    second.socket.say(&HostSays::Refuse { joiner, reason: RefuseReason::Declined }).await;
    let declined = Instant::now();
    assert_eq!(refused(&mut joining).await.kind, RefusalKind::Declined);
    assert_eq!(declined.elapsed(), Duration::ZERO, "a door that is known of hides nothing");
    let unknown = Door::Presence { visitor: "visitor 8".into() };
    let (unknown, not_there) = (refused(&mut knock(&relay, &unknown).await).await, {
        second.socket.say(&HostSays::Close { door: door.clone() }).await;
        second.key().await;
        refused(&mut knock(&relay, &door).await).await
    });
    assert_eq!(unknown, not_there);
    assert_eq!(unknown.kind, RefusalKind::Unavailable);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_keys_handshake_waits_until_the_joiner_is_let_in() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let key = host.key().await;
    let mut joining = knock(&relay, &key).await;
    for bytes in [&b"first"[..], b"second", b"third"] {
        joining.bytes(bytes).await;
    }
    let joiner = host.sees_knock().await;
    assert_eq!(host.hears().await, (joiner, b"first".to_vec()));
    assert_eq!(host.hears().await, (joiner, b"second".to_vec()));
    host.admit(joiner).await;
    joined(&mut joining).await;
    assert_eq!(host.told().await, RelayToHost::Closed { door: key, reason: DoorEnd::Spent });
    assert_eq!(host.hears().await, (joiner, b"third".to_vec()));
    // Who is not let in has said it to nobody.
    let key = host.key().await;
    let mut joining = knock(&relay, &key).await;
    for bytes in [&b"first"[..], b"second", b"third"] {
        joining.bytes(bytes).await;
    }
    joining.binary().await;
    assert_eq!(refused(&mut joining).await.kind, RefusalKind::WrongKey);
    let joiner = host.sees_knock().await;
    assert_eq!(host.hears().await, (joiner, b"first".to_vec()));
    while let Heard::Bytes(_, bytes) = host.heard().await {
        assert_eq!(bytes, b"second");
    }
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_joiner_comes_back_by_its_token_and_is_not_asked_again() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let door = host.link().await;
    let (socket, place) = joiner(&relay, &mut host, &door).await;
    host.send(Some(place.joiner), ParcelKind::StartsOver, b"start").await;
    drop(socket);
    assert_eq!(host.told().await, RelayToHost::Left { joiner: place.joiner });
    let mut back = come_back(&relay, &place).await;
    let next = joined(&mut back).await;
    assert_eq!((next.joiner, &next.room), (place.joiner, &place.room));
    assert_ne!(next.token, place.token);
    assert_eq!(host.sees_return().await, place.joiner);
    host.send(None, ParcelKind::Packet, b"it does not follow yet").await;
    host.send(Some(place.joiner), ParcelKind::StartsOver, b"anew").await;
    assert_eq!(back.binary().await, b"anew");
    // An answer that was lost is given again.
    let mut lost = come_back(&relay, &place).await;
    assert_eq!(joined(&mut lost).await, next);
    assert_eq!((back.next().await, host.sees_return().await), (None, place.joiner));
    // One of another joiner, one of another room.
    for bad in [
        Place { joiner: place.joiner ^ 1, ..next.clone() },
        Place { room: "0".repeat(32), ..next.clone() },
        Place { token: String::new(), ..next.clone() },
    ] {
        assert_eq!(refused(&mut come_back(&relay, &bad).await).await.kind, RefusalKind::Unavailable);
    }
    // A connection that the joiner has lost without the relay noticing gives way to the next.
    let mut again = come_back(&relay, &next).await;
    let last = joined(&mut again).await;
    assert_eq!((lost.next().await, host.sees_return().await), (None, place.joiner));
    // From here on the first token is none any more.
    assert_eq!(refused(&mut come_back(&relay, &place).await).await.kind, RefusalKind::Unavailable);
    host.send(Some(place.joiner), ParcelKind::Control, b"hi").await;
    assert_eq!(again.binary().await, b"hi");
    // Away for too long.
    drop(again);
    assert_eq!(host.told().await, RelayToHost::Left { joiner: place.joiner });
    sleep(Timing::default().grace).await;
    assert_eq!(refused(&mut come_back(&relay, &last).await).await.kind, RefusalKind::Unavailable);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_ping_is_answered_to_those_who_are_in() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let door = host.link().await;
    let (mut socket, _) = joiner(&relay, &mut host, &door).await;
    socket.say(&JoinerSays::Ping {}).await;
    assert_eq!(socket.text::<RelayToJoiner>().await, RelayToJoiner::Pong {});
    host.socket.say(&HostSays::Ping {}).await;
    assert_eq!(host.told().await, RelayToHost::Pong {});
    // It is no hello, and nothing that one says who knocks.
    let mut first = Socket::open(&relay, "/ws/join", HERE).await;
    first.raw(Message::text(r#"{"type":"ping","protocol":3}"#)).await;
    assert_eq!(refused(&mut first).await.kind, RefusalKind::BadMessage);
    let mut knocking = knock(&relay, &door).await;
    knocking.say(&JoinerSays::Ping {}).await;
    assert_eq!(refused(&mut knocking).await.kind, RefusalKind::BadMessage);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_was_sent_away_does_not_come_back() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let door = host.link().await;
    let (mut socket, place) = joiner(&relay, &mut host, &door).await;
    let (mut other, _) = joiner(&relay, &mut host, &door).await;
    host.socket.say(&HostSays::Dismiss { joiner: place.joiner, reason: Ended::Dismissed }).await;
    assert_eq!(socket.text::<RelayToJoiner>().await, RelayToJoiner::End { reason: Ended::Dismissed });
    assert_eq!(socket.next().await, None);
    assert_eq!(refused(&mut come_back(&relay, &place).await).await.kind, RefusalKind::Unavailable);
    host.send(None, ParcelKind::Control, b"still here").await;
    assert_eq!(other.binary().await, b"still here");
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_host_comes_back_to_its_joiners() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let door = host.link().await;
    let (mut socket, place) = joiner(&relay, &mut host, &door).await;
    let room = host.room.clone();
    drop(host);
    assert_eq!(socket.text::<RelayToJoiner>().await, RelayToJoiner::HostLost {});
    socket.bytes(b"into the void").await;
    let mut thief = Socket::open(&relay, "/ws/host", HERE).await;
    thief.say(&host_hello(Some(RoomProof { secret: "0".repeat(32), ..room.clone() }))).await;
    assert_eq!(refused(&mut thief).await.kind, RefusalKind::Unavailable);
    let mut host = Host::open(&relay, Some(room.clone())).await;
    assert_eq!(host.room, room);
    assert_eq!(host.sees_return().await, place.joiner);
    assert_eq!(socket.text::<RelayToJoiner>().await, RelayToJoiner::HostBack {});
    host.send(Some(place.joiner), ParcelKind::StartsOver, b"anew").await;
    assert_eq!(socket.binary().await, b"anew");
    joiner(&relay, &mut host, &door).await;
    // Away for too long.
    drop(host);
    let lost = Instant::now();
    assert_eq!(socket.text::<RelayToJoiner>().await, RelayToJoiner::HostLost {});
    assert_eq!(socket.text::<RelayToJoiner>().await, RelayToJoiner::End { reason: Ended::HostLost });
    assert_eq!(lost.elapsed(), Timing::default().grace);
    let mut late = Socket::open(&relay, "/ws/host", HERE).await;
    late.say(&host_hello(Some(room))).await;
    assert_eq!(refused(&mut late).await.kind, RefusalKind::Unavailable);
    relay.stop().await;
}

/// A host that has lost its connection without the relay noticing comes back by a second one.
#[tokio::test(start_paused = true)]
async fn a_hosts_newest_connection_has_the_room() {
    let relay = relay(&patient());
    let mut old = Host::open(&relay, None).await;
    let door = old.link().await;
    let (mut socket, place) = joiner(&relay, &mut old, &door).await;
    let mut new = Host::open(&relay, Some(old.room.clone())).await;
    assert_eq!(new.sees_return().await, place.joiner);
    old.socket.say(&HostSays::End { reason: Ended::HostStopped }).await;
    assert_eq!(old.socket.next().await, None);
    drop(old);
    sleep(2 * Timing::default().grace).await;
    new.send(Some(place.joiner), ParcelKind::StartsOver, b"still here").await;
    loop {
        match socket.next().await {
            Some(Message::Binary(bytes)) => break assert_eq!(&bytes[..], b"still here"),
            Some(Message::Text(text)) => assert!(!text.contains("end"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn another_relay_takes_room_and_joiners_over() {
    let (first, second) = (relay(&patient()), relay(&patient()));
    let mut host = Host::open(&first, None).await;
    let door = host.link().await;
    let (_socket, place) = joiner(&first, &mut host, &door).await;
    assert_eq!(refused(&mut come_back(&second, &place).await).await.kind, RefusalKind::Unavailable);
    let mut host = Host::open(&second, Some(host.room.clone())).await;
    let mut back = come_back(&second, &place).await;
    let next = joined(&mut back).await;
    assert_eq!(host.sees_return().await, place.joiner);
    host.send(Some(place.joiner), ParcelKind::StartsOver, b"anew").await;
    assert_eq!(back.binary().await, b"anew");
    joined(&mut come_back(&second, &next).await).await;
    assert_eq!(refused(&mut come_back(&second, &place).await).await.kind, RefusalKind::Unavailable);
    let forged = Place { token: "0".repeat(next.token.len()), joiner: 99, ..next };
    assert_eq!(refused(&mut come_back(&second, &forged).await).await.kind, RefusalKind::Unavailable);
    first.stop().await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stopping_relay_sends_both_sides_elsewhere() {
    let stopping = relay(&patient());
    let mut host = Host::open(&stopping, None).await;
    let door = host.link().await;
    let (mut socket, _) = joiner(&stopping, &mut host, &door).await;
    let stopped = tokio::spawn(stopping.stop());
    match (host.told().await, socket.text::<RelayToJoiner>().await) {
        (RelayToHost::GoingAway { after_ms: a }, RelayToJoiner::GoingAway { after_ms: b }) => {
            assert!(a <= 5000 && b <= 5000);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(socket.next().await, None);
    assert_eq!(host.socket.next().await, None);
    stopped.await.unwrap();
}
