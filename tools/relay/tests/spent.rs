//! Links that were used up or closed: whoever comes by one again, or opens one again, hears so at once. On a paused clock.

mod ends;

use ends::{Host, joined, knock, patient, refused, relay};
use panecast_protocol::{Door, Ended, HostSays, NewDoor, RefusalKind, RelayToHost};
use std::time::Duration;
use tokio::time::sleep;

fn link(n: u8, lifetime_s: u32) -> NewDoor {
    NewDoor::Link { id: format!("{n:02x}").repeat(16), lifetime_s }
}

/// Why this host cannot open the link.
async fn not_opened(host: &mut Host, link: NewDoor) -> RefusalKind {
    host.socket.say(&HostSays::Open { door: link }).await;
    match host.told().await {
        RelayToHost::NotOpened { kind, .. } => kind,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_link_is_told_as_spent_for_as_long_as_it_could_have_been_open() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let door = host.door(link(1, 600)).await;
    let mut first = knock(&relay, &door).await;
    let joiner = host.sees_knock().await;
    host.admit(joiner).await;
    joined(&mut first).await;
    host.socket.say(&HostSays::Close { door: door.clone() }).await;
    // What is asked after it is answered after it.
    host.key().await;

    assert_eq!(refused(&mut knock(&relay, &door).await).await.kind, RefusalKind::Spent);
    let mut second = Host::open(&relay, None).await;
    assert_eq!(not_opened(&mut second, link(1, 600)).await, RefusalKind::Spent);
    assert_eq!(not_opened(&mut host, link(1, 600)).await, RefusalKind::Spent, "nor by its own host");
    let unknown = Door::Link { id: "77".repeat(16) };
    assert_eq!(refused(&mut knock(&relay, &unknown).await).await.kind, RefusalKind::Unavailable);
    // The one that came by it stays.
    host.send(Some(joiner), panecast_protocol::ParcelKind::Control, b"hi").await;
    assert_eq!(first.binary().await, b"hi");

    sleep(Duration::from_secs(600)).await;
    assert_eq!(refused(&mut knock(&relay, &door).await).await.kind, RefusalKind::Unavailable);
    second.door(link(1, 600)).await;
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_link_that_nobody_used_is_not_spent_when_its_host_goes() {
    let relay = relay(&patient());
    for ends in [true, false] {
        let mut host = Host::open(&relay, None).await;
        let door = host.door(link(1, 3600)).await;
        if ends {
            host.socket.say(&HostSays::End { reason: Ended::HostStopped }).await;
            assert_eq!(host.socket.next().await, None);
        } else {
            drop(host);
            sleep(Duration::from_secs(61)).await;
        }
        assert_eq!(refused(&mut knock(&relay, &door).await).await.kind, RefusalKind::Unavailable);
        // A phone whose page was closed opens its link again.
        let mut back = Host::open(&relay, None).await;
        back.door(link(1, 3600)).await;
        let _joining = knock(&relay, &door).await;
        back.sees_knock().await;
        back.socket.say(&HostSays::End { reason: Ended::HostStopped }).await;
        assert_eq!(back.socket.next().await, None);
    }
    relay.stop().await;
}
