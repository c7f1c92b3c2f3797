//! What a tenant may use, and where connections come from that a proxy passes on. On a paused clock.

mod ends;

use ends::{HERE, Host, Socket, joined, patient, refused, relay};
use panecast_protocol::{
    Door, HostSays, JoinerSays, LookoutSays, NewDoor, PROTOCOL_VERSION, ParcelKind, RefusalKind, RelayToHost,
    RelayToLookout, RoomProof,
};
use panecast_relay::{Config, ForwardedHeader, Loopback, Proxies, RelayLimits, Tenants};
use std::time::Duration;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

fn serving(file: &str) -> Loopback {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tenants.toml");
    std::fs::write(&path, file).unwrap();
    relay(&Config { tenants: Tenants::from_file(&path).unwrap(), ..patient() })
}

async fn hello(relay: &Loopback, tenant: &str) -> Socket {
    let mut socket = Socket::open(relay, "/ws/host", HERE).await;
    let (protocol, tenant) = (PROTOCOL_VERSION, tenant.to_owned());
    socket.say(&HostSays::Hello { protocol, tenant, token: None, resume: None }).await;
    socket
}

async fn session(relay: &Loopback, tenant: &str) -> (Host, Socket, u32) {
    let mut socket = hello(relay, tenant).await;
    let RelayToHost::Room { room, secret } = socket.text().await else { panic!("no room") };
    let mut host = Host { socket, room: RoomProof { room, secret } };
    let door = host.door(NewDoor::Presence { visitor: "v".into() }).await;
    let mut joiner = knock(relay, tenant, door).await;
    let number = host.sees_knock().await;
    host.admit(number).await;
    joined(&mut joiner).await;
    (host, joiner, number)
}

async fn knock(relay: &Loopback, tenant: &str, door: Door) -> Socket {
    let mut joiner = Socket::open(relay, "/ws/join", HERE).await;
    let (protocol, tenant, door) = (PROTOCOL_VERSION, tenant.to_owned(), Some(door));
    joiner.say(&JoinerSays::Hello { protocol, tenant, token: None, door, resume: None }).await;
    joiner
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_has_used_up_its_day_is_told_and_gets_the_next_one() {
    let relay = serving("[tenants.shop]\nbytes-a-day = 10_000\n[tenants.other]\n");
    let (mut host, mut joiner, number) = session(&relay, "shop").await;
    for n in 0..3u8 {
        host.send(Some(number), ParcelKind::Control, &[n; 4000]).await;
        assert_eq!(joiner.binary().await, [n; 4000]);
    }
    assert_eq!(refused(&mut joiner).await.kind, RefusalKind::NotAllowed);
    assert_eq!(refused(&mut hello(&relay, "shop").await).await.kind, RefusalKind::NotAllowed);
    let door = Door::Presence { visitor: "v".into() };
    let mut late = knock(&relay, "shop", door.clone()).await;
    assert_eq!(refused(&mut late).await.kind, RefusalKind::NotAllowed);
    session(&relay, "other").await;
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert!(matches!(hello(&relay, "shop").await.text().await, RelayToHost::Room { .. }));
    // What joiners send counts, too.
    let (_host, mut joiner, _) = session(&relay, "shop").await;
    joiner.bytes(&[1; 10_000]).await;
    assert_eq!(refused(&mut joiner).await.kind, RefusalKind::NotAllowed);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_room_is_held_to_its_rate_and_loses_nothing() {
    let relay = serving("[tenants.shop]\nroom-mbit = 0.8\n[tenants.other]\n");
    for (tenant, seconds) in [("shop", 9), ("other", 0)] {
        let (mut host, mut joiner, number) = session(&relay, tenant).await;
        let start = Instant::now();
        for n in 0..100u8 {
            host.send(Some(number), ParcelKind::Control, &[n; 9995]).await;
            assert_eq!(joiner.binary().await, [n; 9995]);
        }
        assert_eq!(start.elapsed().as_secs(), seconds, "{tenant}");
    }
    relay.stop().await;
}

/// Looks a visitor up from behind a proxy that wrote this; whether that was allowed.
async fn looks_up(relay: &Loopback, header: (&'static str, &str), visitor: &str) -> bool {
    let mut request = "ws://relay.test/ws/watch".into_client_request().unwrap();
    request.headers_mut().insert(header.0, header.1.parse().unwrap());
    let mut socket = Socket::request(Box::new(relay.connect(HERE, 64 << 10)), request).await;
    let tenant = panecast_protocol::DEFAULT_TENANT.to_owned();
    socket.say(&LookoutSays::Hello { protocol: PROTOCOL_VERSION, tenant, token: None }).await;
    socket.say(&LookoutSays::Watch { door: Door::Presence { visitor: visitor.into() } }).await;
    matches!(socket.text().await, RelayToLookout::Unavailable { .. })
}

#[tokio::test(start_paused = true)]
async fn a_trusted_proxy_says_where_a_connection_comes_from_and_nobody_else_does() {
    let limits = RelayLimits { network_lookups: 1, ..RelayLimits::default() };
    let proxies = |trusted: &[&str], header| Proxies {
        trusted: trusted.iter().map(|n| n.parse().unwrap()).collect(),
        header,
    };
    let x = "x-forwarded-for";
    let trusting = proxies(&["127.0.0.0/8"], ForwardedHeader::XForwardedFor);
    let relay_behind = relay(&Config { limits, proxies: trusting, ..patient() });
    assert!(looks_up(&relay_behind, (x, "192.0.2.1"), "a").await);
    assert!(looks_up(&relay_behind, (x, "198.51.100.1"), "b").await, "another network");
    assert!(
        !looks_up(&relay_behind, (x, "203.0.113.9, 192.0.2.7"), "c").await,
        "the first was written by anybody"
    );
    assert!(looks_up(&relay_behind, ("forwarded", "for=203.0.113.9"), "d").await, "the proxy's own");
    assert!(!looks_up(&relay_behind, ("forwarded", "for=203.0.113.10"), "e").await);
    relay_behind.stop().await;
    let relay_alone = relay(&Config { limits, ..patient() });
    assert!(looks_up(&relay_alone, (x, "192.0.2.1"), "a").await);
    assert!(!looks_up(&relay_alone, (x, "198.51.100.1"), "b").await, "no proxy is trusted");
    relay_alone.stop().await;
}
