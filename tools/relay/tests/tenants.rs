//! Tenants and their agents' tokens, on streams within the process.

mod ends;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ends::{HERE, Host, Socket, joined, patient, refused, relay};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use panecast_protocol::{
    Door, HostSays, JoinerSays, NewDoor, PROTOCOL_VERSION, RefusalKind, RelayToHost, RoomProof, Who,
};
use panecast_relay::{Config, Loopback, Tenants};
use serde_json::{Value, json};
use std::path::Path;
use std::time::SystemTime;

const SECRET: &[u8] = b"a secret of the shop with 32 bytes or more";

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn claims() -> Value {
    json!({"tenant": "shop", "sub": "agent-7", "name": "Ann", "exp": now() + 300})
}

/// `claims` with one of them changed; null takes it out.
fn but(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims.as_object_mut().unwrap().retain(|_, v| !v.is_null());
    claims
}

fn by_secret(claims: &Value, secret: &[u8]) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn tenants(folder: &Path, file: &str) -> Tenants {
    std::fs::write(folder.join("shop.secret"), [SECRET, b"\n"].concat()).unwrap();
    std::fs::write(folder.join("tenants.toml"), file).unwrap();
    Tenants::from_file(&folder.join("tenants.toml")).unwrap()
}

fn serving(tenants: Tenants) -> Loopback {
    relay(&Config { tenants, ..patient() })
}

async fn host(relay: &Loopback, tenant: &str, token: Option<String>) -> Socket {
    let mut socket = Socket::open(relay, "/ws/host", HERE).await;
    let tenant = tenant.to_owned();
    socket.say(&HostSays::Hello { protocol: PROTOCOL_VERSION, tenant, token, resume: None }).await;
    socket
}

/// A host of the shop with a presence.
async fn present(relay: &Loopback, visitor: &str) -> (Host, Door) {
    let mut socket = host(relay, "shop", None).await;
    let RelayToHost::Room { room, secret } = socket.text().await else { panic!("no room") };
    let mut host = Host { socket, room: RoomProof { room, secret } };
    let door = host.door(NewDoor::Presence { visitor: visitor.into() }).await;
    (host, door)
}

async fn knock(relay: &Loopback, tenant: &str, token: Option<String>, door: &Door) -> Socket {
    let mut socket = Socket::open(relay, "/ws/join", HERE).await;
    let (tenant, door) = (tenant.to_owned(), Some(door.clone()));
    socket.say(&JoinerSays::Hello { protocol: PROTOCOL_VERSION, tenant, token, door, resume: None }).await;
    socket
}

/// Who the host is told has come.
async fn who(host: &mut Host) -> Option<Who> {
    match host.told().await {
        RelayToHost::Came { who, joiner, .. } => {
            host.admit(joiner).await;
            who
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_a_sound_token_of_the_tenant_opens_a_presence() {
    let folder = tempfile::tempdir().unwrap();
    let relay = serving(tenants(
        folder.path(),
        "[tenants.shop]\nsecret-file = 'shop.secret'\nissuer = 'us'\naudience = 'relay'\n[tenants.other]\n",
    ));
    let (mut host, door) = present(&relay, "visitor 7").await;
    let sound = |name: &str, value: Value| {
        let mut claims = but(name, value);
        for (name, value) in [("iss", "us"), ("aud", "relay")] {
            if claims.get(name).is_none() {
                claims[name] = value.into();
            }
        }
        claims
    };
    let good = sound("name", "Ann".into());
    let ann = Some(Who { id: "agent-7".into(), name: "Ann".into() });
    let mut watching = Vec::new();
    for good in [good.clone(), sound("exp", (now() - 20).into()), sound("nbf", (now() + 20).into())] {
        let mut socket = knock(&relay, "shop", Some(by_secret(&good, SECRET)), &door).await;
        assert_eq!(who(&mut host).await, ann, "{good}");
        joined(&mut socket).await;
        watching.push(socket);
    }
    let unsigned = {
        let part = |v: &Value| BASE64_URL_SAFE_NO_PAD.encode(v.to_string());
        format!("{}.{}.", part(&json!({"alg": "none", "typ": "JWT"})), part(&good))
    };
    let mut tampered = by_secret(&good, SECRET);
    tampered.replace_range(40..41, if &tampered[40..41] == "A" { "B" } else { "A" });
    let stronger = encode(&Header::new(Algorithm::HS512), &good, &EncodingKey::from_secret(SECRET)).unwrap();
    let mut bad = vec![
        by_secret(&good, b"another secret of 32 bytes or more"),
        unsigned,
        tampered,
        stronger,
        String::new(),
        "no.token.at.all".into(),
    ];
    for (name, value) in [
        ("tenant", json!("other")),
        ("tenant", Value::Null),
        ("exp", (now() - 60).into()),
        ("exp", Value::Null),
        ("nbf", (now() + 300).into()),
        ("sub", Value::Null),
        ("sub", "".into()),
        ("sub", "x".repeat(257).into()),
        ("name", "x".repeat(257).into()),
        ("iss", "them".into()),
        ("aud", "another".into()),
    ] {
        bad.push(by_secret(&sound(name, value), SECRET));
    }
    bad.push(by_secret(&claims(), SECRET));
    for bad in bad {
        let mut socket = knock(&relay, "shop", Some(bad.clone()), &door).await;
        let told = refused(&mut socket).await;
        assert_eq!(told.kind, RefusalKind::NotAllowed, "{bad}");
    }
    assert_eq!(refused(&mut knock(&relay, "shop", None, &door).await).await.kind, RefusalKind::NotAllowed);
    assert_eq!(refused(&mut knock(&relay, "none", None, &door).await).await.kind, RefusalKind::NotAllowed);
    // The same id in another tenant is another visitor; a sound token for nobody finds nobody.
    assert_eq!(refused(&mut knock(&relay, "other", None, &door).await).await.kind, RefusalKind::Unavailable);
    let nobody = Door::Presence { visitor: "visitor 8".into() };
    let mut socket = knock(&relay, "shop", Some(by_secret(&good, SECRET)), &nobody).await;
    assert_eq!(refused(&mut socket).await.kind, RefusalKind::Unavailable);
    relay.stop().await;
}

#[tokio::test]
async fn a_tenant_may_ask_hosts_and_keys_for_tokens_and_has_its_own_rooms() {
    let folder = tempfile::tempdir().unwrap();
    let relay = serving(tenants(
        folder.path(),
        "[tenants.shop]\nrooms = 1\nhosts-need-token = true\nkeys-need-token = true\n\
         secret-file = 'shop.secret'\n[tenants.other]\n",
    ));
    let token = Some(by_secret(&claims(), SECRET));
    assert_eq!(refused(&mut host(&relay, "shop", None).await).await.kind, RefusalKind::NotAllowed);
    let mut first = host(&relay, "shop", token.clone()).await;
    let RelayToHost::Room { room, secret } = first.text().await else { panic!("no room") };
    assert_eq!(refused(&mut host(&relay, "shop", token.clone()).await).await.kind, RefusalKind::Full);
    let mut other = host(&relay, "other", None).await;
    assert!(matches!(other.text().await, RelayToHost::Room { .. }));
    // Its secret does not take a room to another tenant.
    let mut thief = Socket::open(&relay, "/ws/host", HERE).await;
    let resume = Some(RoomProof { room: room.clone(), secret: secret.clone() });
    thief
        .say(&HostSays::Hello { protocol: PROTOCOL_VERSION, tenant: "other".into(), token: None, resume })
        .await;
    assert_eq!(refused(&mut thief).await.kind, RefusalKind::Unavailable);
    let mut host = Host { socket: first, room: RoomProof { room, secret } };
    let key = host.key().await;
    assert_eq!(refused(&mut knock(&relay, "shop", None, &key).await).await.kind, RefusalKind::NotAllowed);
    let mut socket = knock(&relay, "shop", token, &key).await;
    assert_eq!(who(&mut host).await.map(|w| w.id), Some("agent-7".into()));
    joined(&mut socket).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_jwks_pins_each_keys_algorithm() {
    let folder = tempfile::tempdir().unwrap();
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let x = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key_raw());
    let keys = |alg: &str| {
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": alg, "kid": "k1", "use": "sig", "x": x}]})
            .to_string()
    };
    std::fs::write(folder.path().join("shop.jwks"), keys("EdDSA")).unwrap();
    let file = "[tenants.shop]\njwks-file = 'shop.jwks'\n";
    let relay = serving(tenants(folder.path(), file));
    let (mut host, door) = present(&relay, "v").await;
    let sign = |kid: Option<&str>| {
        let header = Header { kid: kid.map(Into::into), ..Header::new(Algorithm::EdDSA) };
        encode(&header, &claims(), &EncodingKey::from_ed_der(&pair.serialize_der())).unwrap()
    };
    let mut socket = knock(&relay, "shop", Some(sign(Some("k1"))), &door).await;
    assert_eq!(who(&mut host).await.map(|w| w.name), Some("Ann".into()));
    joined(&mut socket).await;
    // The public key as a shared secret, the oldest trick.
    let header = Header { kid: Some("k1".into()), ..Header::new(Algorithm::HS256) };
    let confused = encode(&header, &claims(), &EncodingKey::from_secret(pair.public_key_raw())).unwrap();
    for bad in [confused, sign(Some("k2")), sign(None)] {
        let mut socket = knock(&relay, "shop", Some(bad), &door).await;
        assert_eq!(refused(&mut socket).await.kind, RefusalKind::NotAllowed);
    }
    for bad in [keys("HS256"), "{}".into(), keys("EdDSA").replace("\"kid\"", "\"id\"")] {
        std::fs::write(folder.path().join("shop.jwks"), bad).unwrap();
        assert!(Tenants::from_file(&folder.path().join("tenants.toml")).is_err());
    }
    relay.stop().await;
}

/// Serves one JWKS after the other, and tells when.
fn key_server(answers: Vec<String>) -> (String, std::sync::mpsc::Receiver<()>) {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let (tell, served) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for body in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
                .unwrap();
            let _ = tell.send(());
        }
    });
    (url, served)
}

#[tokio::test]
async fn a_jwks_at_an_address_is_fetched_again_when_a_token_names_a_new_key() {
    let pairs = ["k1", "k2"].map(|kid| (kid, rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap()));
    let jwks = |(kid, pair): &(&str, rcgen::KeyPair)| {
        let x = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key_raw());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": kid, "x": x}]}).to_string()
    };
    let token = |(kid, pair): &(&str, rcgen::KeyPair)| {
        let header = Header { kid: Some((*kid).into()), ..Header::new(Algorithm::EdDSA) };
        Some(encode(&header, &claims(), &EncodingKey::from_ed_der(&pair.serialize_der())).unwrap())
    };
    let (url, served) = key_server(pairs.iter().map(jwks).collect());
    let folder = tempfile::tempdir().unwrap();
    let relay = serving(tenants(folder.path(), &format!("[tenants.shop]\njwks-url = '{url}'\n")));
    served.recv().unwrap();
    let (mut host, door) = present(&relay, "v").await;
    let mut socket = knock(&relay, "shop", token(&pairs[0]), &door).await;
    assert!(who(&mut host).await.is_some());
    joined(&mut socket).await;
    let mut early = knock(&relay, "shop", token(&pairs[1]), &door).await;
    assert_eq!(refused(&mut early).await.kind, RefusalKind::NotAllowed);
    tokio::task::spawn_blocking(move || served.recv().unwrap()).await.unwrap();
    // It is stored in the very moment after it was served.
    let mut tries = 0;
    let mut socket = loop {
        let mut socket = knock(&relay, "shop", token(&pairs[1]), &door).await;
        tokio::select! {
            who = who(&mut host) => {
                assert!(who.is_some());
                break socket;
            }
            refused = refused(&mut socket) => assert_eq!(refused.kind, RefusalKind::NotAllowed),
        }
        tries += 1;
        assert!(tries < 1000, "the new key is not taken");
    };
    joined(&mut socket).await;
    let mut old = knock(&relay, "shop", token(&pairs[0]), &door).await;
    assert_eq!(refused(&mut old).await.kind, RefusalKind::NotAllowed, "a key that was taken out");
    relay.stop().await;
}

#[test]
fn a_file_that_makes_no_sense_is_refused_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("short"), "short").unwrap();
    std::fs::write(folder.path().join("long"), SECRET).unwrap();
    for (file, why) in [
        ("", "tenants"),
        ("[tenants]", "no tenants"),
        ("[tenants.shop]\nroom = 1", "room"),
        ("[tenants.shop]\nkeys-need-token = true", "nothing to check"),
        ("[tenants.shop]\nsecret-file = 'short'", "32 bytes"),
        ("[tenants.shop]\nsecret-file = 'none'", "cannot read"),
        ("[tenants.shop]\nsecret-file = 'long'\njwks-file = 'long'", "both"),
        ("[tenants.shop]\njwks-file = 'long'", "no JWKS"),
        ("[tenants.shop]\njwks-url = 'http://id.example/keys'", "https"),
        ("[tenants.shop]\njwks-url = 'https://id.example'\nsecret-file = 'long'", "both"),
        ("[tenants.shop]\nroom-mbit = 0", "room-mbit"),
        ("[tenants.'']", "1 to 255"),
    ] {
        let path = folder.path().join("tenants.toml");
        std::fs::write(&path, file).unwrap();
        let said = Tenants::from_file(&path).unwrap_err().to_string();
        assert!(said.contains(why), "{file}: {said}");
    }
}
