//! Lookouts: who waits for a door is told when somebody is behind it. On a paused clock.

mod ends;

use ends::{HERE, Host, Socket, knock, patient, refused, relay};
use futures_util::FutureExt as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use panecast_protocol::Door;
use panecast_protocol::{
    DEFAULT_TENANT, DoorEnd, Ended, HostSays, LookoutSays, MOST_WATCHED, NewDoor, PROTOCOL_VERSION,
    RefusalKind, RelayToHost, RelayToLookout,
};
use panecast_relay::{Config, Loopback, RelayLimits, Tenants, Timing};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, sleep};

const BLINK: Duration = Duration::from_secs(3);

struct Lookout(Socket);

impl Lookout {
    async fn open(relay: &Loopback) -> Self {
        Self::of(relay, DEFAULT_TENANT, None, HERE).await
    }

    async fn of(relay: &Loopback, tenant: &str, token: Option<String>, from: IpAddr) -> Self {
        let mut socket = Socket::open(relay, "/ws/watch", from).await;
        socket.say(&LookoutSays::Hello { protocol: PROTOCOL_VERSION, tenant: tenant.into(), token }).await;
        Self(socket)
    }

    async fn watch(&mut self, door: &Door) {
        self.0.say(&LookoutSays::Watch { door: door.clone() }).await;
    }

    async fn hears(&mut self, available: bool, door: &Door) {
        let door = door.clone();
        let expected =
            if available { RelayToLookout::Available { door } } else { RelayToLookout::Unavailable { door } };
        assert_eq!(self.0.text::<RelayToLookout>().await, expected);
    }
}

fn visitor(id: &str) -> Door {
    Door::Presence { visitor: id.into() }
}

fn here(id: &str) -> NewDoor {
    NewDoor::Presence { visitor: id.into() }
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_at_once_and_a_blink_is_not() {
    let relay = relay(&patient());
    let (seven, link) = (visitor("7"), Door::Link { id: "5c".repeat(16) });
    let mut lookout = Lookout::open(&relay).await;
    for door in [&seven, &link] {
        lookout.watch(door).await;
        lookout.hears(false, door).await;
    }
    let mut host = Host::open(&relay, None).await;
    host.door(here("7")).await;
    lookout.hears(true, &seven).await;
    host.link().await;
    lookout.hears(true, &link).await;
    // Another lookout is told what is so now.
    let mut late = Lookout::open(&relay).await;
    late.watch(&seven).await;
    late.hears(true, &seven).await;

    // Back within a blink: not a word.
    let room = host.room.clone();
    drop(host);
    let mut host = Host::open(&relay, Some(room.clone())).await;
    sleep(2 * BLINK).await;
    host.socket.say(&HostSays::Close { door: link.clone() }).await;
    lookout.hears(false, &link).await;

    // Away for longer: told after a blink, and when it is back.
    let start = Instant::now();
    drop(host);
    lookout.hears(false, &seven).await;
    assert_eq!(start.elapsed(), BLINK);
    let mut host = Host::open(&relay, Some(room)).await;
    lookout.hears(true, &seven).await;

    // A door that closes by time, and a session that ends. The first link was closed for good.
    let link = Door::Link { id: "5d".repeat(16) };
    lookout.watch(&link).await;
    lookout.hears(false, &link).await;
    host.door(NewDoor::Link { id: "5d".repeat(16), lifetime_s: 60 }).await;
    lookout.hears(true, &link).await;
    let start = Instant::now();
    lookout.hears(false, &link).await;
    assert!(start.elapsed() <= Duration::from_secs(61), "{:?}", start.elapsed());
    assert!(matches!(host.told().await, RelayToHost::Closed { reason: DoorEnd::Expired, .. }));
    host.socket.say(&HostSays::End { reason: Ended::HostStopped }).await;
    lookout.hears(false, &seven).await;
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_presence_that_another_host_takes_stays_available() {
    let relay = relay(&patient());
    let (mut first, mut second) = (Host::open(&relay, None).await, Host::open(&relay, None).await);
    first.door(here("7")).await;
    let mut lookout = Lookout::open(&relay).await;
    lookout.watch(&visitor("7")).await;
    lookout.hears(true, &visitor("7")).await;
    second.door(here("7")).await;
    assert!(matches!(first.told().await, RelayToHost::Closed { reason: DoorEnd::TakenOver, .. }));
    first.socket.say(&HostSays::End { reason: Ended::HostStopped }).await;
    second.socket.say(&HostSays::Close { door: visitor("7") }).await;
    lookout.hears(false, &visitor("7")).await;
    // Unwatched doors are silent, and watched anew they are told at once.
    lookout.0.say(&LookoutSays::Unwatch { door: visitor("7") }).await;
    lookout.watch(&visitor("8")).await;
    lookout.hears(false, &visitor("8")).await;
    second.door(here("7")).await;
    second.door(here("8")).await;
    lookout.hears(true, &visitor("8")).await;
    lookout.watch(&visitor("7")).await;
    lookout.hears(true, &visitor("7")).await;
    lookout.watch(&visitor("7")).await;
    lookout.hears(true, &visitor("7")).await;
    assert!(relay.metrics().contains("panecast_relay_lookouts 1\n"), "{}", relay.metrics());
    assert!(relay.metrics().contains("panecast_relay_watched_doors 2\n"), "{}", relay.metrics());
    relay.stop().await;
    assert!(matches!(lookout.0.text().await, RelayToLookout::GoingAway { .. }));
    assert_eq!(lookout.0.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn unknown_and_absent_visitors_are_answered_alike() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    host.door(here("was-here")).await;
    drop(host);
    let mut lookout = Lookout::open(&relay).await;
    lookout.watch(&visitor("was-here")).await;
    lookout.hears(true, &visitor("was-here")).await;
    lookout.hears(false, &visitor("was-here")).await;
    let mut told = Vec::new();
    for id in ["was-here", "nowhere!"] {
        // One connection each, as two agents would ask.
        let mut lookout = Lookout::open(&relay).await;
        let start = Instant::now();
        lookout.watch(&visitor(id)).await;
        let text = lookout.0.next().await.unwrap().into_text().unwrap();
        told.push((text.replace(id, "ID"), start.elapsed()));
        assert_eq!(refused(&mut knock(&relay, &visitor(id)).await).await.kind, RefusalKind::Unavailable);
    }
    assert_eq!(told[0], told[1]);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn so_many_doors_and_no_keys() {
    let relay = relay(&patient());
    for (door, kind) in [
        (Door::Key { number: "1234".into() }, RefusalKind::BadMessage),
        (Door::Link { id: "short".into() }, RefusalKind::BadMessage),
        (visitor(""), RefusalKind::BadMessage),
        (visitor(&"x".repeat(129)), RefusalKind::BadMessage),
    ] {
        let mut lookout = Lookout::open(&relay).await;
        lookout.watch(&door).await;
        assert_eq!(refused(&mut lookout.0).await.kind, kind, "{door:?}");
    }
    let mut lookout = Lookout::open(&relay).await;
    let link = |n: usize| Door::Link { id: format!("{n:032x}") };
    for n in 0..MOST_WATCHED {
        lookout.watch(&link(n)).await;
        lookout.hears(false, &link(n)).await;
    }
    lookout.0.say(&LookoutSays::Unwatch { door: link(0) }).await;
    lookout.watch(&link(MOST_WATCHED)).await;
    lookout.hears(false, &link(MOST_WATCHED)).await;
    lookout.watch(&link(0)).await;
    assert_eq!(refused(&mut lookout.0).await.kind, RefusalKind::Full);
    for bad in [r#"{"type":"open","door":{"key":{}}}"#, r#"{"type":"hello","protocol":3}"#] {
        let mut lookout = Lookout::open(&relay).await;
        lookout.0.raw(bad.into()).await;
        assert_eq!(refused(&mut lookout.0).await.kind, RefusalKind::BadMessage, "{bad}");
    }
    drop(lookout);
    sleep(BLINK).await;
    assert!(relay.metrics().contains("panecast_relay_watched_doors 0\n"), "{}", relay.metrics());
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn ids_of_visitors_cannot_be_tried_out() {
    let limits = RelayLimits { network_lookups: 10, ..RelayLimits::default() };
    let relay = relay(&Config { limits, ..patient() });
    let start = Instant::now();
    // Over several connections and addresses of one network; what was asked before is free.
    for round in 0..3 {
        for n in 0..10u8 {
            let from = IpAddr::from([192, 0, 2, 10 * round + n]);
            let mut lookout = Lookout::of(&relay, DEFAULT_TENANT, None, from).await;
            lookout.watch(&visitor(&n.to_string())).await;
            lookout.hears(false, &visitor(&n.to_string())).await;
        }
    }
    let mut lookout = Lookout::of(&relay, DEFAULT_TENANT, None, IpAddr::from([192, 0, 2, 1])).await;
    lookout.watch(&visitor("more")).await;
    assert_eq!(refused(&mut lookout.0).await.kind, RefusalKind::TooManyTries);
    let mut lookout = Lookout::of(&relay, DEFAULT_TENANT, None, IpAddr::from([192, 0, 3, 1])).await;
    lookout.watch(&visitor("more")).await;
    lookout.hears(false, &visitor("more")).await;
    assert!(relay.metrics().contains("panecast_relay_lookups_refused_total 1\n"), "{}", relay.metrics());
    sleep(Duration::from_secs(601).saturating_sub(start.elapsed())).await;
    let mut lookout = Lookout::of(&relay, DEFAULT_TENANT, None, IpAddr::from([192, 0, 2, 1])).await;
    lookout.watch(&visitor("more")).await;
    lookout.hears(false, &visitor("more")).await;
    relay.stop().await;
}

#[tokio::test]
async fn presences_need_an_agents_token_and_links_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let secret = b"a secret of the shop with 32 bytes or more";
    std::fs::write(folder.path().join("shop.secret"), secret).unwrap();
    let file = folder.path().join("tenants.toml");
    std::fs::write(&file, "[tenants.shop]\nsecret-file = 'shop.secret'\n").unwrap();
    let limits = RelayLimits { agent_lookups: 2, network_lookups: 1, ..RelayLimits::default() };
    let tenants = Tenants::from_file(&file).unwrap();
    let relay = relay(&Config { limits, tenants, ..patient() });
    let token = |agent: &str| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let claims = serde_json::json!({"tenant": "shop", "sub": agent, "exp": now + 300});
        Some(encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret)).unwrap())
    };
    let mut nobody = Lookout::of(&relay, "shop", None, HERE).await;
    let link = Door::Link { id: "5c".repeat(16) };
    nobody.watch(&link).await;
    nobody.hears(false, &link).await;
    nobody.watch(&visitor("7")).await;
    assert_eq!(refused(&mut nobody.0).await.kind, RefusalKind::NotAllowed);
    let mut forged = Lookout::of(&relay, "shop", Some("no.token.at-all".into()), HERE).await;
    assert_eq!(refused(&mut forged.0).await.kind, RefusalKind::NotAllowed);
    for agent in ["ann", "bob"] {
        let mut lookout = Lookout::of(&relay, "shop", token(agent), HERE).await;
        for id in ["7", "8", "7"] {
            lookout.watch(&visitor(id)).await;
            lookout.hears(false, &visitor(id)).await;
        }
        lookout.watch(&visitor("9")).await;
        assert_eq!(refused(&mut lookout.0).await.kind, RefusalKind::TooManyTries, "{agent}");
    }
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_gets_the_newest_and_costs_nothing() {
    let relay = relay(&Config { timing: Timing { goodbye: BLINK, ..patient().timing }, ..patient() });
    let mut host = Host::open(&relay, None).await;
    let mut lookout = Lookout(Socket::over(Box::new(relay.connect(HERE, 700)), "/ws/watch").await);
    let tenant = DEFAULT_TENANT.to_owned();
    lookout.0.say(&LookoutSays::Hello { protocol: PROTOCOL_VERSION, tenant, token: None }).await;
    lookout.watch(&visitor("7")).await;
    lookout.hears(false, &visitor("7")).await;
    for _ in 0..1000 {
        host.door(here("7")).await;
        host.socket.say(&HostSays::Close { door: visitor("7") }).await;
    }
    host.door(here("7")).await;
    let (mut heard, mut last) = (0, false);
    loop {
        match lookout.0.next().now_or_never() {
            Some(told) => {
                let told = told.unwrap().into_text().unwrap();
                heard += 1;
                last = told.contains(r#""available""#);
            }
            // All that the relay could do is done when the paused clock moves.
            None if last => break,
            None => sleep(Duration::from_millis(1)).await,
        }
    }
    sleep(BLINK).await;
    assert!(lookout.0.next().now_or_never().is_none(), "nothing older comes later");
    assert!(heard < 100, "{heard} of 2001 changes were told");
    relay.stop().await;
}
