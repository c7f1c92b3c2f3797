//! The relay as a program of its own: its messages, its memory, its end.
#![cfg(unix)]

mod ends;

use ends::process::Process;
use ends::{Heard, Host, joined, joiner, joiner_hello};
use panecast_protocol::{ParcelKind, RelayToHost, RelayToJoiner};
use std::net::TcpListener;

#[test]
fn a_port_in_use_is_a_clear_failure() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let out = Process::output(&["--bind", &address.to_string()]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("error: port {} of 127.0.0.1 is in use", address.port())), "{said}");
    assert!(said.contains("next: "), "{said}");
}

#[test]
fn wrong_usage_and_a_folder_that_is_no_page_are_failures() {
    assert_eq!(Process::output(&["--bind", "nowhere"]).status.code(), Some(2));
    assert_eq!(Process::output(&["--no-such-flag"]).status.code(), Some(2));
    let dir = tempfile::tempdir().unwrap();
    let out = Process::output(&["--bind", ":0", "--page", dir.path().to_str().unwrap()]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert!(said.contains("no index.html") && said.contains("next: "), "{said}");
}

#[tokio::test]
async fn signals_end_it_cleanly_and_no_secret_reaches_the_log() {
    for signal in ["-INT", "-TERM"] {
        let mut relay = Process::start(&[]);
        assert_eq!(relay.facts["url"], format!("http://{}", relay.address()));
        let mut host = Host::open(&relay.address(), None).await;
        let door = host.link().await;
        let (mut socket, place) = joiner(&relay.address(), &mut host, &door).await;
        relay.signal(signal);
        assert!(matches!(socket.text().await, RelayToJoiner::GoingAway { .. }));
        assert!(matches!(host.told().await, RelayToHost::GoingAway { .. }));
        assert_eq!(socket.next().await, None);
        assert_eq!(host.socket.next().await, None);
        let secret = host.room.secret.clone();
        drop((host, socket));
        let (code, log) = relay.exit();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("joiner came in") && log.contains("stopping"), "{log}");
        for hidden in [&secret, &place.token, &"5c".repeat(16)] {
            assert!(!log.contains(hidden), "{hidden} is in {log}");
        }
    }
}

/// 400 MB pass while one joiner reads nothing at all.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_joiner_that_never_reads_costs_little_memory_and_stalls_nobody() {
    const MEGABYTE: usize = 1 << 20;
    const UPDATES: u64 = 400;
    let relay = Process::start(&[]);
    let mut host = Host::open(&relay.address(), None).await;
    let door = host.link().await;
    let mut deaf = ends::with_small_buffer(relay.address(), "/ws/join").await;
    deaf.say(&joiner_hello(Some(door.clone()), None)).await;
    let deaf_number = host.sees_knock().await;
    host.admit(deaf_number).await;
    let (mut watching, place) = joiner(&relay.address(), &mut host, &door).await;
    let update = vec![0x5a; MEGABYTE];
    host.send(Some(deaf_number), ParcelKind::StartsOver, &update).await;
    host.send(Some(place.joiner), ParcelKind::StartsOver, &update).await;
    let watcher = tokio::spawn(async move {
        for sequence in 0..=UPDATES {
            assert_eq!(watching.binary().await.len(), MEGABYTE);
            watching.bytes(&sequence.to_le_bytes()).await;
        }
        watching
    });
    let (mut behind, mut acked, mut sent) = (0, 0, 0);
    while acked < UPDATES {
        if sent < UPDATES && sent < acked + 2 {
            host.send(None, ParcelKind::Packet, &update).await;
            sent += 1;
            continue;
        }
        match host.heard().await {
            Heard::Bytes(from, bytes) => {
                assert_eq!(from, place.joiner);
                acked = u64::from_le_bytes(bytes.try_into().unwrap());
            }
            Heard::Text(RelayToHost::Behind { joiner }) if joiner == deaf_number => behind += 1,
            Heard::Text(other) => panic!("unexpected: {other:?}"),
        }
    }
    let _watching = watcher.await.unwrap();
    assert_eq!(behind, 1, "a joiner that reads nothing is named once");
    let (peak, now) = relay.memory_kb();
    // Its queue may hold 4 MiB, and a few messages are on their way.
    assert!(peak < 64 << 10, "the relay's memory peaked at {peak} kB, it has {now} kB now");

    // It starts to read: all that was on its way, then it is due to start over.
    let reader = tokio::spawn(async move {
        joined(&mut deaf).await;
        while let Some(message) = deaf.next().await {
            if message.into_data() == b"anew".as_slice() {
                return;
            }
        }
        panic!("it was not started over");
    });
    assert_eq!(host.told().await, RelayToHost::Ready { joiner: deaf_number });
    host.send(Some(deaf_number), ParcelKind::StartsOver, b"anew").await;
    reader.await.unwrap();
}
