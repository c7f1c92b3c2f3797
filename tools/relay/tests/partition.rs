//! Two relays that live and do not hear each other, and what becomes of it once they do: no room has two hosts.
#![cfg(unix)]

mod ends;

use ends::lookout::{Lookout, presence};
use ends::nats::Cluster;
use ends::{Host, Socket, come_back, joined, joiner, knock, refused};
use panecast_protocol::{DoorEnd, HostSays, ParcelKind, Place, RefusalKind, RelayToHost, RelayToJoiner};
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A line to NATS that can be cut.
struct Line {
    address: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Line {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, look) = watch::channel(true);
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut look = look.clone();
                tokio::spawn(async move {
                    if *look.borrow() {
                        let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                        tokio::select! {
                            _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                            _ = look.wait_for(|whole| !whole) => {}
                        }
                    }
                });
            }
        });
        Self { address, whole }
    }
}

/// What is left of a room at a relay whose host has come elsewhere: its joiner and its old host are sent away.
async fn is_sent_away(mut old: Host, mut joiner: Socket) {
    loop {
        match joiner.text().await {
            RelayToJoiner::GoingAway { .. } => break,
            RelayToJoiner::HostLost {} => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(joiner.next().await, None);
    // Whatever it still says is for nobody.
    let says = HostSays::End { reason: panecast_protocol::Ended::HostStopped };
    loop {
        match old.told().await {
            RelayToHost::GoingAway { .. } => break old.socket.say(&says).await,
            RelayToHost::Left { .. } | RelayToHost::Closed { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(old.socket.next().await, None);
}

/// A joiner comes back by whichever relay, and has the room's one host.
async fn comes_back(host: &mut Host, relay: SocketAddr, place: &Place) -> Socket {
    let mut socket = come_back(&relay, place).await;
    let next = joined(&mut socket).await;
    assert_eq!((next.joiner, &next.room), (place.joiner, &host.room.room));
    loop {
        match host.told().await {
            RelayToHost::Came { joiner, resumed: true, .. } if joiner == place.joiner => break,
            RelayToHost::Left { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    host.send(Some(place.joiner), ParcelKind::StartsOver, b"anew").await;
    assert_eq!(socket.binary().await, b"anew");
    socket.bytes(b"both ways").await;
    assert_eq!(host.hears().await, (place.joiner, b"both ways".to_vec()));
    socket
}

#[tokio::test]
async fn a_room_that_two_relays_had_while_apart_has_one_host_when_they_meet() {
    let cluster = Cluster::start();
    let line = Line::to(cluster.nats.port()).await;
    let a = cluster.relay(&[]);
    let b = cluster.relay_by(&format!("nats://{}", line.address), &[]);
    let (new, door) = presence("v");
    let mut old = Host::open(&a.address(), None).await;
    old.door(new.clone()).await;
    let mut lookout = Lookout::at(&b).await;
    lookout.until(true, &door).await;
    let (near, near_place) = joiner(&a.address(), &mut old, &door).await;
    let (mut far, far_place) = joiner(&b.address(), &mut old, &door).await;

    line.whole.send(false).unwrap();
    assert_eq!(far.next().await, None, "cut off, to come back");
    assert!(matches!(old.told().await, RelayToHost::Left { joiner } if joiner == far_place.joiner));
    // The host is cut off as well, without its relay noticing, and comes back on the other side.
    let mut host = Host::open(&b.address(), Some(old.room.clone())).await;
    host.door(new).await;
    let mut far = comes_back(&mut host, b.address(), &far_place).await;
    // Each side goes on with what it has.
    old.send(None, ParcelKind::Control, b"on this side").await;
    let mut near = near;
    assert_eq!(near.binary().await, b"on this side");

    line.whole.send(true).unwrap();
    is_sent_away(old, near).await;
    let mut near = comes_back(&mut host, a.address(), &near_place).await;
    host.send(None, ParcelKind::Control, b"to all").await;
    for socket in [&mut near, &mut far] {
        assert_eq!(socket.binary().await, b"to all");
    }
    // Its door is found from both, and leads to it.
    for relay in [&a, &b] {
        Lookout::at(relay).await.until(true, &door).await;
        let (_, place) = joiner(&relay.address(), &mut host, &door).await;
        assert_eq!(place.room, host.room.room);
        assert!(matches!(host.told().await, RelayToHost::Left { joiner } if joiner == place.joiner));
    }
}

#[tokio::test]
async fn a_relay_that_stood_still_gives_up_what_others_have_meanwhile() {
    let cluster = Cluster::start();
    let (a, b) = (cluster.relay(&[]), cluster.relay(&[]));
    let (new, door) = presence("v");
    let mut old = Host::open(&a.address(), None).await;
    old.door(new.clone()).await;
    let mut lookout = Lookout::at(&b).await;
    lookout.until(true, &door).await;
    let (near, near_place) = joiner(&a.address(), &mut old, &door).await;
    let (mut far, far_place) = joiner(&b.address(), &mut old, &door).await;

    a.signal("-STOP");
    // Whoever waits is told once the relay's lease is over.
    lookout.until(false, &door).await;
    assert_eq!(refused(&mut knock(&b.address(), &door).await).await.kind, RefusalKind::Unavailable);
    assert_eq!(far.next().await, None, "cut off, to come back");
    let mut host = Host::open(&b.address(), Some(old.room.clone())).await;
    host.door(new.clone()).await;
    let _far = comes_back(&mut host, b.address(), &far_place).await;
    // Another visitor's device takes over a presence that the still relay has.
    let mut other = Host::open(&b.address(), None).await;
    other.door(new).await;
    assert!(matches!(host.told().await, RelayToHost::Closed { reason: DoorEnd::TakenOver, .. }));

    a.signal("-CONT");
    is_sent_away(old, near).await;
    let _near = comes_back(&mut host, a.address(), &near_place).await;
    Lookout::at(&a).await.until(true, &door).await;
    let (_, place) = joiner(&a.address(), &mut other, &door).await;
    assert_eq!(place.room, other.room.room, "the newest has the presence, seen from both");
}
