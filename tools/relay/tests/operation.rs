//! The relay as those who run it see it: its certificate, its metrics, its log.
#![cfg(unix)]

mod ends;

use ends::process::Process;
use ends::{Host, come_back, host_hello, joined, joiner, joiner_hello};
use futures_util::{SinkExt, StreamExt};
use panecast_protocol::{Door, HostSays, NewDoor, Parcel, ParcelKind, RelayToHost};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Message;

fn http(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[tokio::test]
async fn a_session_shows_in_the_metrics_and_nothing_of_it_in_the_log() {
    let relay = Process::start(&["--metrics", "127.0.0.1:0", "--log", "json"]);
    let metrics = relay.facts["metrics"].as_str().unwrap().to_owned();
    let metrics: SocketAddr = metrics["http://".len()..].trim_end_matches("/metrics").parse().unwrap();
    assert!(http(metrics, "/health").ends_with("ok\n"));
    assert!(http(relay.address(), "/metrics").starts_with("HTTP/1.1 404"), "not on the public port");

    let mut host = relay.open("/ws/host").await;
    host.say(&host_hello(None)).await;
    let RelayToHost::Room { room, secret } = host.text().await else { panic!("no room") };
    let visitor = "visitor-4711";
    host.say(&HostSays::Open { door: NewDoor::Presence { visitor: visitor.into() } }).await;
    assert!(matches!(host.text().await, RelayToHost::Opened { .. }));
    let mut socket = relay.open("/ws/join").await;
    let door = Door::Presence { visitor: visitor.into() };
    socket.say(&joiner_hello(Some(door), None)).await;
    let RelayToHost::Came { joiner, .. } = host.text().await else { panic!("nobody came") };
    host.say(&HostSays::Admit { joiner }).await;
    let place = joined(&mut socket).await;
    let parcel = Parcel { joiner: Some(joiner), kind: ParcelKind::StartsOver, bytes: &[7; 1000] };
    host.bytes(&parcel.to_bytes()).await;
    assert_eq!(socket.binary().await, [7; 1000]);
    socket.bytes(&[1; 10]).await;
    host.binary().await;

    let text = http(metrics, "/metrics");
    for line in [
        "panecast_relay_rooms 1",
        "panecast_relay_hosts 1",
        "panecast_relay_joiners 1",
        r#"panecast_relay_knocks_total{result="let-in"} 1"#,
        "panecast_relay_bytes_from_hosts_total 1005",
        "panecast_relay_bytes_from_joiners_total 10",
        "# EOF",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in {text}");
    }
    assert!(!text.contains(visitor) && !text.contains(&room), "{text}");
    drop((host, socket));
    let log = relay.stop();
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(line["fields"]["message"].is_string(), "{line}");
    }
    assert!(log.contains("joiner came in") && log.contains("asks nobody who they are"), "{log}");
    for hidden in [visitor, &secret, &place.token, "127.0.0.1\""] {
        assert!(!log.contains(hidden), "{hidden} is in {log}");
    }
}

#[tokio::test]
async fn it_speaks_tls_with_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let files = [certificate.to_str().unwrap(), key.to_str().unwrap()];
    let relay = Process::start(&["--tls-cert", files[0], "--tls-key", files[1]]);
    assert_eq!(relay.facts["url"], format!("https://{}", relay.address()));

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(made.cert.der().to_vec())).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = tokio::net::TcpStream::connect(relay.address()).await.unwrap();
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("wss://localhost/ws/host", stream).await.unwrap();
    let hello = serde_json::to_string(&host_hello(None)).unwrap();
    socket.send(Message::text(hello)).await.unwrap();
    let told = timeout(Duration::from_secs(60), socket.next()).await.unwrap().unwrap().unwrap();
    assert!(told.to_text().unwrap().contains(r#""type":"room""#), "{told}");
    // Who speaks plain HTTP to it gets nothing, and does not stop it.
    let mut plain = TcpStream::connect(relay.address()).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    drop(socket);
    relay.stop();

    for (certificate, key) in [(files[0], files[0]), (files[1], files[1]), ("none.pem", files[1])] {
        let out = Process::output(&["--bind", "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", key]);
        let said = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(said.contains("next: name a certificate"), "{said}");
    }
}

#[tokio::test]
async fn a_session_goes_on_at_another_relay_when_its_own_is_killed() {
    let (mut first, second) = (Process::start(&[]), Process::start(&[]));
    let mut host = Host::open(&first.address(), None).await;
    let (room, door) = (host.room.clone(), host.link().await);
    let (mut socket, place) = joiner(&first.address(), &mut host, &door).await;

    first.signal("-KILL");
    assert_eq!(first.exit().0, None);
    assert_eq!(host.socket.next().await, None);
    assert_eq!(socket.next().await, None);
    let mut host = Host::open(&second.address(), Some(room.clone())).await;
    assert_eq!(host.room, room);
    let mut socket = come_back(&second.address(), &place).await;
    let next = joined(&mut socket).await;
    assert_eq!((next.joiner, &next.room), (place.joiner, &place.room));
    assert_eq!(host.sees_return().await, place.joiner);
    host.send(Some(place.joiner), ParcelKind::StartsOver, b"anew").await;
    assert_eq!(socket.binary().await, b"anew");
    drop((host, socket));
    second.stop();
}
