//! Two relays, programs of their own, and a NATS server: whoever is at one meets whoever is at the other.
#![cfg(unix)]

mod ends;

use ends::lookout::{Lookout, known, presence};
use ends::nats::{Cluster, Nats, free_port};
use ends::process::Process;
use ends::{
    Heard, Host, Socket, come_back, host_hello, joined, joiner, joiner_hello, knock, refused,
    with_small_buffer,
};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use panecast_protocol::{
    DEFAULT_TENANT, Door, DoorEnd, Ended, HostSays, NewDoor, ParcelKind, RefusalKind, RelayToHost,
    RelayToJoiner,
};
use std::collections::HashSet;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_link_that_is_spent_at_one_relay_is_at_the_other() {
    let cluster = Cluster::start();
    let (a, b) = (cluster.relay(&[]), cluster.relay(&[]));
    let mut host = Host::open(&a.address(), None).await;
    let link = host.link().await;
    let mut lookout = Lookout::at(&b).await;
    lookout.until(true, &link).await;
    host.socket.say(&HostSays::Close { door: link.clone() }).await;
    lookout.until(false, &link).await;
    assert_eq!(refused(&mut knock(&b.address(), &link).await).await.kind, RefusalKind::Spent);
    let mut second = Host::open(&b.address(), None).await;
    second.socket.say(&HostSays::Open { door: NewDoor::Link { id: "5c".repeat(16), lifetime_s: 60 } }).await;
    let told = second.told().await;
    assert!(matches!(told, RelayToHost::NotOpened { kind: RefusalKind::Spent, .. }), "{told:?}");
    a.stop();
    b.stop();
}

#[tokio::test]
async fn a_key_typed_at_one_relay_leads_to_a_host_at_the_other() {
    let cluster = Cluster::start();
    let (a, b) = (cluster.relay(&[]), cluster.relay(&[]));
    let mut host = Host::open(&a.address(), None).await;
    let key = host.key().await;
    known(&mut host, &b, "v").await;
    let mut joining = knock(&b.address(), &key).await;
    let number = host.sees_knock().await;
    joining.bytes(b"first").await;
    assert_eq!(host.hears().await, (number, b"first".to_vec()));
    host.send(Some(number), ParcelKind::Control, b"answer").await;
    assert_eq!(joining.binary().await, b"answer");
    joining.bytes(b"second").await;
    assert_eq!(host.hears().await, (number, b"second".to_vec()));
    host.admit(number).await;
    assert!(matches!(host.told().await, RelayToHost::Closed { reason: DoorEnd::Spent, .. }));
    let place = joined(&mut joining).await;
    assert_eq!((place.joiner, &place.room), (number, &host.room.room));

    // Large ones are cut on their way, both ways, and nothing is out of order.
    let large: Vec<u8> = (0..3_000_001u32).map(|n| ((n * 31) >> 3) as u8).collect();
    host.send(Some(number), ParcelKind::StartsOver, &large).await;
    host.send(None, ParcelKind::Packet, b"packet").await;
    host.send(None, ParcelKind::Control, b"control").await;
    assert!(joining.binary().await == large);
    assert_eq!(joining.binary().await, b"packet");
    assert_eq!(joining.binary().await, b"control");
    let large = &large[..1 << 20];
    joining.bytes(large).await;
    joining.bytes(b"").await;
    joining.bytes(b"after").await;
    assert!(host.hears().await == (number, large.to_vec()));
    assert_eq!(host.hears().await, (number, vec![]));
    assert_eq!(host.hears().await, (number, b"after".to_vec()));

    // The number is spent at both.
    let mut late = knock(&b.address(), &key).await;
    late.bytes(b"first").await;
    late.binary().await;
    late.bytes(b"second").await;
    assert_eq!(refused(&mut late).await.kind, RefusalKind::WrongKey);
    // A joiner comes back at whichever relay, and hears of the end.
    drop(joining);
    assert_eq!(host.told().await, RelayToHost::Left { joiner: number });
    let mut joining = come_back(&b.address(), &place).await;
    let place = joined(&mut joining).await;
    assert_eq!(host.sees_return().await, number);
    let mut joining = come_back(&a.address(), &place).await;
    let next = joined(&mut joining).await;
    assert_eq!(host.sees_return().await, number);
    let mut joining = come_back(&b.address(), &next).await;
    joined(&mut joining).await;
    assert_eq!(host.sees_return().await, number);
    let mut old = come_back(&b.address(), &place).await;
    assert_eq!(refused(&mut old).await.kind, RefusalKind::Unavailable, "the next one was shown");
    host.socket.say(&HostSays::End { reason: Ended::HostStopped }).await;
    assert_eq!(joining.text::<RelayToJoiner>().await, RelayToJoiner::End { reason: Ended::HostStopped });
    let log = [a.stop(), b.stop()].concat();
    assert!(!log.contains("broke"), "{log}");
}

#[tokio::test]
async fn presence_is_seen_and_taken_over_across_relays() {
    let cluster = Cluster::start();
    let (a, b) = (cluster.relay(&[]), cluster.relay(&[]));
    let (new, door) = presence("visitor 7");
    let mut lookout = Lookout::at(&b).await;
    lookout.until(false, &door).await;
    let mut first = Host::open(&a.address(), None).await;
    first.door(new.clone()).await;
    lookout.until(true, &door).await;
    let (mut joining, _) = joiner(&b.address(), &mut first, &door).await;
    // The newest host has it, wherever it is; who is in stays in.
    let mut second = Host::open(&b.address(), None).await;
    second.door(new).await;
    assert!(matches!(first.told().await, RelayToHost::Closed { reason: DoorEnd::TakenOver, .. }));
    let mut other = knock(&a.address(), &door).await;
    let number = second.sees_knock().await;
    second
        .socket
        .say(&HostSays::Refuse { joiner: number, reason: panecast_protocol::RefuseReason::Declined })
        .await;
    assert_eq!(refused(&mut other).await.kind, RefusalKind::Declined);
    first.send(None, ParcelKind::Control, b"still in").await;
    assert_eq!(joining.binary().await, b"still in");
    second.socket.say(&HostSays::Close { door: door.clone() }).await;
    Lookout::at(&a).await.until(false, &door).await;
    // A link is one host's, at whichever relay.
    let id = "5c".repeat(16);
    first.link().await;
    lookout.until(true, &Door::Link { id: id.clone() }).await;
    second.socket.say(&HostSays::Open { door: NewDoor::Link { id, lifetime_s: 60 } }).await;
    loop {
        match second.told().await {
            RelayToHost::Left { .. } => {}
            RelayToHost::NotOpened { kind, .. } => break assert_eq!(kind, RefusalKind::Unavailable),
            other => panic!("{other:?}"),
        }
    }
    // A relay that comes later learns all of it.
    let c = cluster.relay(&[]);
    let (_kept, again) = joiner(&c.address(), &mut first, &Door::Link { id: "5c".repeat(16) }).await;
    assert_eq!(again.room, first.room.room);
    // One that stops sends its hosts elsewhere, and availability follows.
    first.door(presence("visitor 8").0).await;
    Lookout::at(&c).await.until(true, &presence("visitor 8").1).await;
    let room = first.room.clone();
    a.stop();
    let mut first = Host::open(&b.address(), Some(room)).await;
    first.door(presence("visitor 9").0).await;
    Lookout::at(&c).await.until(true, &presence("visitor 9").1).await;
    Lookout::at(&c).await.until(false, &presence("visitor 8").1).await;
}

#[tokio::test]
async fn one_that_reads_slowly_at_another_relay_costs_its_hosts_relay_no_more_than_a_near_one() {
    const PACKET: usize = 64 << 10;
    let cluster = Cluster::start();
    let (a, b) = (cluster.relay(&[]), cluster.relay(&[]));
    let mut host = Host::open(&a.address(), None).await;
    let door = host.link().await;
    Lookout::at(&b).await.until(true, &door).await;
    let mut slow = with_small_buffer(b.address(), "/ws/join").await;
    slow.say(&joiner_hello(Some(door.clone()), None)).await;
    let number = host.sees_knock().await;
    host.admit(number).await;
    joined(&mut slow).await;
    let (mut quick, place) = joiner(&b.address(), &mut host, &door).await;
    for joiner in [number, place.joiner] {
        host.send(Some(joiner), ParcelKind::StartsOver, b"picture").await;
    }
    let mut sent = 0u64;
    // The quick one gets every packet; the slow one falls behind.
    assert_eq!(quick.binary().await, b"picture");
    let mut behind = false;
    while !behind {
        let mut packet = vec![7; PACKET];
        packet[..8].copy_from_slice(&sent.to_le_bytes());
        host.send(None, ParcelKind::Packet, &packet).await;
        assert_eq!(quick.binary().await[..8], sent.to_le_bytes());
        sent += 1;
        while let Ok(heard) = timeout(Duration::ZERO, host.heard()).await {
            match heard {
                Heard::Text(RelayToHost::Behind { joiner }) => behind = joiner == number,
                Heard::Text(other) => panic!("{other:?}"),
                Heard::Bytes(..) => panic!("nobody sends"),
            }
        }
        assert!(sent < 10_000, "nothing holds the packets up");
    }
    host.send(Some(number), ParcelKind::Control, b"control is kept").await;
    // What it finds is what was on its way; then it starts over with the newest.
    assert_eq!(slow.binary().await, b"picture");
    let mut next = 0u64;
    loop {
        let packet = slow.binary().await;
        if packet == b"control is kept" {
            break;
        }
        assert_eq!(packet[..8], next.to_le_bytes(), "in order and without a gap");
        next += 1;
    }
    assert!(next < sent, "{next} of {sent}");
    assert!(matches!(host.told().await, RelayToHost::Ready { joiner } if joiner == number));
    host.send(Some(number), ParcelKind::StartsOver, b"newest").await;
    host.send(None, ParcelKind::Packet, b"and on").await;
    assert_eq!(slow.binary().await, b"newest");
    assert_eq!(slow.binary().await, b"and on");
    assert_eq!(quick.binary().await, b"and on");
    #[cfg(target_os = "linux")]
    for relay in [&a, &b] {
        let (most, _) = relay.memory_kb();
        assert!(most < 64 << 10, "{most} KiB");
    }
}

#[tokio::test]
async fn a_relay_is_killed_and_its_sessions_go_on_at_the_other() {
    let cluster = Cluster::start();
    let (mut a, b) = (cluster.relay(&[]), cluster.relay(&[]));
    let (new, door) = presence("v");
    let mut host = Host::open(&a.address(), None).await;
    host.door(new.clone()).await;
    let mut lookout = Lookout::at(&b).await;
    lookout.until(true, &door).await;
    // One joiner at each.
    let (mut near, near_place) = joiner(&a.address(), &mut host, &door).await;
    let (mut far, far_place) = joiner(&b.address(), &mut host, &door).await;
    a.signal("-KILL");
    assert_eq!(a.exit().0, None);
    assert_eq!(host.socket.next().await, None);
    assert_eq!(near.next().await, None);
    // Nobody can be asked, and that is said at once; who waits is told when it is certain.
    assert_eq!(refused(&mut knock(&b.address(), &door).await).await.kind, RefusalKind::Unavailable);
    let room = host.room.clone();
    let mut host = Host::open(&b.address(), Some(room.clone())).await;
    assert_eq!(host.room, room);
    // Its link is over: it comes back by its token.
    assert_eq!(far.next().await, None);
    for place in [far_place, near_place] {
        let mut socket = come_back(&b.address(), &place).await;
        let next = joined(&mut socket).await;
        assert_eq!((next.joiner, &next.room), (place.joiner, &place.room));
        assert_eq!(host.sees_return().await, place.joiner);
        host.send(Some(place.joiner), ParcelKind::StartsOver, b"anew").await;
        assert_eq!(socket.binary().await, b"anew");
        drop(socket);
        assert_eq!(host.told().await, RelayToHost::Left { joiner: place.joiner });
    }
    host.door(new).await;
    let _kept = joiner(&b.address(), &mut host, &door).await;
    // And back to a third, from a relay that lives: the old one lets go of everybody.
    let c = cluster.relay(&[]);
    let (mut socket, place) = joiner(&b.address(), &mut host, &door).await;
    let mut moved = Host::open(&c.address(), Some(host.room.clone())).await;
    assert!(matches!(socket.text().await, RelayToJoiner::GoingAway { .. }));
    assert_eq!(socket.next().await, None);
    let mut socket = come_back(&b.address(), &place).await;
    joined(&mut socket).await;
    loop {
        // The other joiner does not come back.
        if let RelayToHost::Came { joiner, .. } = moved.told().await {
            break assert_eq!(joiner, place.joiner);
        }
    }
    moved.send(Some(place.joiner), ParcelKind::StartsOver, b"from c").await;
    assert_eq!(socket.binary().await, b"from c");
    drop(lookout);
}

#[tokio::test]
async fn sixty_knocks_are_answered_in_a_tenant_over_both_relays() {
    let cluster = Cluster::start();
    let (a, b) = (cluster.relay(&[]), cluster.relay(&[]));
    // Both know of each other: a host of each is seen at the other.
    let mut host = Host::open(&a.address(), None).await;
    known(&mut host, &b, "a").await;
    let mut host = Host::open(&b.address(), None).await;
    known(&mut host, &a, "b").await;
    let addresses = [a.address(), b.address()];
    let tries = (0..120usize).map(async |n| {
        let socket = TcpSocket::new_v4().unwrap();
        // Ten networks of this machine, so that a network's own limit does not count.
        socket.bind(format!("127.0.{}.1:0", n / 12).parse().unwrap()).unwrap();
        let stream = socket.connect(addresses[n % 2]).await.unwrap();
        let mut socket = Socket::over(Box::new(stream), "/ws/join").await;
        let door = Door::Key { number: format!("{n:04}") };
        socket.say(&joiner_hello(Some(door), None)).await;
        socket.bytes(b"guess").await;
        match socket.next().await {
            Some(Message::Binary(_)) => true,
            Some(Message::Text(text)) => {
                assert!(text.contains("too-many-tries"), "{text}");
                false
            }
            other => panic!("{other:?}"),
        }
    });
    let answered = join_all(tries).await.into_iter().filter(|answered| *answered).count();
    assert_eq!(answered, 60);
    // A third that has just come counts them, too.
    let c = cluster.relay(&[]);
    let mut late = knock(&c.address(), &Door::Key { number: "0000".into() }).await;
    assert_eq!(refused(&mut late).await.kind, RefusalKind::TooManyTries);
}

#[tokio::test]
async fn without_nats_each_relay_goes_on_and_with_it_they_find_each_other_again() {
    let mut cluster = Cluster::start();
    let (a, b) = (cluster.relay(&[]), cluster.relay(&["--metrics", "127.0.0.1:0"]));
    let (new, door) = presence("v");
    let mut host = Host::open(&a.address(), None).await;
    host.door(new).await;
    let mut lookout = Lookout::at(&b).await;
    lookout.until(true, &door).await;
    let (mut near, _) = joiner(&a.address(), &mut host, &door).await;
    let (mut far, place) = joiner(&b.address(), &mut host, &door).await;
    let port = cluster.nats.port();
    // Ended before another takes its port.
    let unreachable = std::mem::replace(&mut cluster.nats, Nats::start());
    drop(unreachable);
    assert_eq!(far.next().await, None, "cut off, to come back");
    assert_eq!(host.told().await, RelayToHost::Left { joiner: place.joiner });
    host.send(None, ParcelKind::Control, b"goes on").await;
    assert_eq!(near.binary().await, b"goes on");
    near.bytes(b"both ways").await;
    host.hears().await;
    assert_eq!(refused(&mut knock(&b.address(), &door).await).await.kind, RefusalKind::Unavailable);
    let mut local = Host::open(&b.address(), None).await;
    let link = local.link().await;
    joiner(&b.address(), &mut local, &link).await;
    lookout.until(false, &door).await;
    cluster.nats = Nats::at(port);
    lookout.until(true, &door).await;
    let mut far = come_back(&b.address(), &place).await;
    joined(&mut far).await;
    assert_eq!(host.sees_return().await, place.joiner);
    far.bytes(b"back").await;
    assert_eq!(host.hears().await, (place.joiner, b"back".to_vec()));
    let log = b.stop();
    assert!(log.contains("NATS is away") && log.contains("connected to NATS"), "{log}");
}

#[tokio::test]
async fn nats_sees_nothing_and_what_others_send_there_does_nothing() {
    let cluster = Cluster::start();
    let spy = async_nats::connect(cluster.nats.url()).await.unwrap();
    let mut seen = spy.subscribe("panecast.>").await.unwrap();
    spy.flush().await.unwrap();
    let (a, b) = (cluster.relay(&[]), cluster.relay(&[]));
    let (new, door) = presence("visitor-4711");
    let mut host = Host::open(&a.address(), None).await;
    host.door(new).await;
    let mut lookout = Lookout::at(&b).await;
    lookout.until(true, &door).await;
    let (mut joining, place) = joiner(&b.address(), &mut host, &door).await;
    host.send(Some(place.joiner), ParcelKind::StartsOver, b"a picture, sealed by the ends").await;
    joining.binary().await;
    let (mut subjects, mut all) = (HashSet::new(), Vec::new());
    while let Ok(Some(message)) = timeout(Duration::from_millis(100), seen.next()).await {
        let text = format!("{} {}", message.subject, String::from_utf8_lossy(&message.payload));
        for hidden in ["4711", &place.room, &place.token, "picture", "Presence", "Beacon", DEFAULT_TENANT] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
        subjects.insert(message.subject.to_string());
        all.push((message.subject.to_string(), message.payload));
        if all.len() > 100 {
            break;
        }
    }
    assert!(subjects.len() >= 3, "one for all and one a relay: {subjects:?}");
    // All of it once more, garbage, and what belongs elsewhere.
    for (subject, payload) in &all {
        spy.publish(subject.clone(), payload.clone()).await.unwrap();
        for other in &subjects {
            if other != subject {
                spy.publish(other.clone(), payload.clone()).await.unwrap();
            }
        }
    }
    for subject in &subjects {
        for payload in [vec![], vec![0; 40], vec![1; 500_000]] {
            spy.publish(subject.clone(), payload.into()).await.unwrap();
        }
    }
    spy.flush().await.unwrap();
    host.send(Some(place.joiner), ParcelKind::Control, b"goes on").await;
    assert_eq!(joining.binary().await, b"goes on");
    joining.bytes(b"both ways").await;
    assert_eq!(host.hears().await, (place.joiner, b"both ways".to_vec()), "nobody else came or went");
    let log = [a.stop(), b.stop()].concat();
    assert!(!log.contains("broke") && !log.contains("4711"), "{log}");
}

#[tokio::test]
async fn relays_reach_nats_by_tls_and_with_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let port = free_port();
    let tls = ["--tls", "--tlscert", &certificate, "--tlskey", &key, "--user", "relay", "--pass", "word"];
    let _nats = Nats::with(port, &tls);
    let cluster = Cluster::start();
    let relay = |password: &str, more: &[&str]| {
        cluster.relay_by(&format!("tls://relay:{password}@localhost:{port}"), more)
    };
    let ca = ["--nats-ca", &certificate];
    let (a, b) = (relay("word", &ca), relay("word", &ca));
    let mut host = Host::open(&a.address(), None).await;
    known(&mut host, &b, "v").await;
    // Whoever signs a certificate for itself, or has no password, is no way to the others; sessions go on without.
    for alone in [relay("word", &[]), relay("guess", &ca)] {
        let (_, door) = presence("v");
        assert_eq!(refused(&mut knock(&alone.address(), &door).await).await.kind, RefusalKind::Unavailable);
        let mut host = Host::open(&alone.address(), None).await;
        let link = host.link().await;
        joiner(&alone.address(), &mut host, &link).await;
        let log = alone.stop();
        assert!(!log.contains("word") && !log.contains("guess"), "{log}");
    }
}

#[tokio::test]
async fn a_session_that_ended_is_not_opened_anew_elsewhere() {
    let cluster = Cluster::start();
    let (a, b) = (cluster.relay(&[]), cluster.relay(&[]));
    let mut host = Host::open(&a.address(), None).await;
    let (_, door) = presence("v");
    host.door(presence("v").0).await;
    let mut lookout = Lookout::at(&b).await;
    lookout.until(true, &door).await;
    host.socket.say(&HostSays::End { reason: Ended::HostStopped }).await;
    lookout.until(false, &door).await;
    let mut again = b.open("/ws/host").await;
    again.say(&host_hello(Some(host.room.clone()))).await;
    assert_eq!(refused(&mut again).await.kind, RefusalKind::Unavailable);
}

#[test]
fn a_cluster_needs_its_secret_and_an_address_that_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let (short, good) = (folder.path().join("short"), folder.path().join("good"));
    std::fs::write(&short, "short").unwrap();
    std::fs::write(&good, "0123456789abcdef0123456789abcdef").unwrap();
    let run = |arguments: &[&str]| {
        let out = Process::output(&[&["--bind", "127.0.0.1:0"], arguments].concat());
        (out.status.code(), String::from_utf8(out.stderr).unwrap())
    };
    let (short, good) = (short.to_str().unwrap(), good.to_str().unwrap());
    assert_eq!(run(&["--nats", "nats://127.0.0.1:1"]).0, Some(2));
    for (arguments, why) in [
        (&["--nats", "nats://127.0.0.1:1", "--cluster-secret", short][..], "32 bytes"),
        (&["--nats", "nowhere:x:y", "--cluster-secret", good], "cannot join"),
        (
            &["--nats", "nats://127.0.0.1:1", "--cluster-secret", good, "--nats-credentials", "none.creds"],
            "none.creds",
        ),
        (&["--nats", "tls://127.0.0.1:1", "--cluster-secret", good, "--nats-ca", "none.pem"], "none.pem"),
    ] {
        let (code, said) = run(arguments);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(why) && said.contains("next: "), "{arguments:?}: {said}");
    }
}
