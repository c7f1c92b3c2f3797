//! Guessing at keys, on a paused clock.

mod ends;

use ends::{Host, Socket, joined, joiner_hello, knock, knock_from, patient, refused, relay};
use panecast_protocol::{Door, ParcelKind, RefusalKind};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test(start_paused = true)]
async fn ten_thousand_wrong_keys_from_a_thousand_networks_get_sixty_answers() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    host.key().await;
    let start = Instant::now();
    let (mut answered, mut turned_away) = (0, 0);
    // Within the ten minutes, a batch of a hundred at a time.
    for batch in 0..100u32 {
        let mut knocking = Vec::new();
        for n in 0..100 {
            let n = batch * 100 + n;
            let from = IpAddr::from([100, (n % 1000 / 250) as u8, (n % 250) as u8, (n / 1000) as u8]);
            let mut socket = knock_from(&relay, &Door::Key { number: format!("{n:04}") }, from).await;
            socket.bytes(&[7; 35]).await;
            knocking.push(socket);
        }
        for mut socket in knocking {
            match socket.next().await {
                Some(Message::Binary(_)) => answered += 1,
                Some(Message::Text(told)) => {
                    assert!(told.contains("too-many-tries"), "{told}");
                    turned_away += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        sleep(Duration::from_secs(4)).await;
    }
    assert!(start.elapsed() < Duration::from_secs(600));
    assert_eq!((answered, turned_away), (60, 9_940));
    let counted = relay.metrics();
    assert!(counted.contains(r#"panecast_relay_knocks_total{result="too-many"} 9940"#), "{counted}");
    // Links are no guesses, and after ten minutes keys are taken again.
    let link = host.link().await;
    ends::joiner(&relay, &mut host, &link).await;
    sleep(Duration::from_secs(600)).await;
    let mut later = knock(&relay, &Door::Key { number: "0000".into() }).await;
    later.bytes(&[7; 35]).await;
    assert_eq!(later.binary().await.len(), 82);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_let_in_does_not_count() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    for _ in 0..70 {
        let door = host.key().await;
        let mut socket = knock(&relay, &door).await;
        let joiner = host.sees_knock().await;
        host.admit(joiner).await;
        joined(&mut socket).await;
        host.told().await;
        host.socket
            .say(&panecast_protocol::HostSays::Dismiss {
                joiner,
                reason: panecast_protocol::Ended::Dismissed,
            })
            .await;
        while socket.next().await.is_some() {}
    }
    // Those of one network who are not let in do.
    for _ in 0..10 {
        drop(knock(&relay, &Door::Key { number: "1".into() }).await);
    }
    let mut one_more = knock(&relay, &host.key().await).await;
    assert_eq!(refused(&mut one_more).await.kind, RefusalKind::TooManyTries);
    relay.stop().await;
}

/// A host that is at the door of many does not let them see that it is there.
#[tokio::test(start_paused = true)]
async fn a_host_that_is_away_or_beset_leaves_its_number_to_decoys() {
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let door = host.key().await;
    let mut beset = Vec::new();
    for n in 0..9u8 {
        let mut socket = knock_from(&relay, &door, IpAddr::from([192, 0, n, 1])).await;
        socket.bytes(&[7; 35]).await;
        beset.push(socket);
    }
    for socket in &mut beset {
        assert_eq!(socket.binary().await.len(), 82);
    }
    drop(host);
    let mut late = knock_from(&relay, &door, IpAddr::from([192, 0, 99, 1])).await;
    late.bytes(&[7; 35]).await;
    assert_eq!(late.binary().await.len(), 82);
    relay.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_joiner_has_a_short_queue_and_the_newest_picture_when_it_recovers() {
    const SLOW: usize = 8_000; // bytes a second: 64 kbit/s
    const FAST: usize = 1_250_000; // 10 Mbit/s
    const PICTURE: usize = 12_000; // 25 a second: 300 kB/s
    let relay = relay(&patient());
    let mut host = Host::open(&relay, None).await;
    let door = host.link().await;
    let line = Box::new(line::Throttled::new(relay.connect(ends::HERE, 64 << 10), SLOW));
    let rate = line.rate();
    let mut socket = Socket::over(line, "/ws/join").await;
    socket.say(&joiner_hello(Some(door), None)).await;
    let joiner = host.sees_knock().await;
    host.admit(joiner).await;
    joined(&mut socket).await;
    let (newest_at, recovers_at) = (Duration::from_secs(601), Duration::from_secs(600));
    let reading = tokio::spawn(async move {
        let start = Instant::now();
        loop {
            let picture = socket.binary().await;
            let made = Duration::from_micros(u64::from_le_bytes(picture[..8].try_into().unwrap()));
            if made >= recovers_at {
                return start.elapsed();
            }
        }
    });
    let start = Instant::now();
    let (mut ready, mut restarts) = (true, 0);
    while start.elapsed() < newest_at {
        let mut picture = vec![0; PICTURE];
        picture[..8].copy_from_slice(&(start.elapsed().as_micros() as u64).to_le_bytes());
        if std::mem::take(&mut ready) {
            restarts += 1;
            host.send(Some(joiner), ParcelKind::StartsOver, &picture).await;
        } else {
            host.send(None, ParcelKind::Packet, &picture).await;
        }
        if start.elapsed() >= recovers_at {
            rate.store(FAST, std::sync::atomic::Ordering::Relaxed);
        }
        let until = Instant::now() + Duration::from_millis(40);
        while let Ok(told) = tokio::time::timeout_at(until, host.told()).await {
            ready |= matches!(told, panecast_protocol::RelayToHost::Ready { .. });
        }
    }
    let newest = reading.await.unwrap();
    assert!(newest <= recovers_at + Duration::from_millis(500), "{newest:?}");
    // A picture takes the line 1.5 s: it gets one after the other, always the newest, and no queue in between.
    assert!((300..=410).contains(&restarts), "{restarts}");
    let counted = relay.metrics();
    let most: u64 = counted
        .lines()
        .find_map(|l| l.strip_prefix("panecast_relay_queue_bytes_most "))
        .unwrap()
        .parse()
        .unwrap();
    assert!(most <= 4 << 20, "{most}");
    relay.stop().await;
}

/// A line that lets so many bytes a second through to its reader.
mod line {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, ready};
    use std::time::Duration;
    use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
    use tokio::time::{Instant, Sleep, sleep_until};

    /// Bytes that come at a time.
    const SEGMENT: usize = 1_400;

    pub(crate) struct Throttled {
        inner: DuplexStream,
        rate: Arc<AtomicUsize>,
        free: Pin<Box<Sleep>>,
    }

    impl Throttled {
        pub(crate) fn new(inner: DuplexStream, rate: usize) -> Self {
            let free = Box::pin(sleep_until(Instant::now()));
            Self { inner, rate: Arc::new(AtomicUsize::new(rate)), free }
        }

        pub(crate) fn rate(&self) -> Arc<AtomicUsize> {
            self.rate.clone()
        }
    }

    impl AsyncRead for Throttled {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<std::io::Result<()>> {
            ready!(self.free.as_mut().poll(cx));
            let mut part = buf.take(SEGMENT);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut part))?;
            let read = part.filled().len();
            buf.advance(read);
            let takes = Duration::from_secs_f64(read as f64 / self.rate.load(Ordering::Relaxed) as f64);
            self.free.as_mut().reset(Instant::now() + takes);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Throttled {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            b: &[u8],
        ) -> Poll<std::io::Result<usize>> {
            Pin::new(&mut self.inner).poll_write(cx, b)
        }
        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Pin::new(&mut self.inner).poll_flush(cx)
        }
        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Pin::new(&mut self.inner).poll_shutdown(cx)
        }
    }
}
