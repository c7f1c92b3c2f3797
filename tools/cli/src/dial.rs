//! A connection over TCP that does not wait for the system's own repetitions. What is sent to open a connection while the
//! line is out is repeated by the system after a second, then two, four and eight: long after the line is back.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

/// Between two attempts while none is answered: at first, and after so many.
const NEXT_AFTER: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
const QUICK: usize = 20;

/// How long an attempt may take.
const LASTS: Duration = Duration::from_secs(5);

/// Connects to the first that answers.
pub(crate) async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses: Vec<_> = lookup_host((host.trim_matches(['[', ']']), port)).await?.collect();
    first_of(|| TcpStream::connect(&addresses[..])).await
}

/// What the first attempt to end gives. While all wait, another one begins every so often.
async fn first_of<T, F: Future<Output = T>>(mut attempt: impl FnMut() -> F) -> T {
    let mut attempts = FuturesUnordered::new();
    for made in 0.. {
        attempts.push(timeout(LASTS, attempt()));
        let next = sleep(NEXT_AFTER[usize::from(made >= QUICK)]);
        tokio::pin!(next);
        loop {
            tokio::select! {
                // One that took too long is given up.
                Some(ended) = attempts.next() => if let Ok(ended) = ended { return ended },
                () = &mut next => break,
            }
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_begins_after_the_outage_is_the_first_to_get_through() {
        let (began, made) = (Instant::now(), Cell::new(0));
        let (outage, way) = (Duration::from_millis(850), Duration::from_millis(30));
        let number = first_of(|| {
            made.set(made.get() + 1);
            let (number, at) = (made.get(), began.elapsed());
            async move {
                // As a system does it: again after one second more, and so on.
                let again = [0, 1, 3, 7].map(|s| at + Duration::from_secs(s));
                let sent = again.into_iter().find(|at| *at >= outage).unwrap();
                tokio::time::sleep_until(began + sent + way).await;
                number
            }
        })
        .await;
        assert_eq!((number, began.elapsed()), (10, Duration::from_millis(930)));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_answered_at_once_stays_alone_and_others_become_rare() {
        let made = Cell::new(0);
        let count = || made.set(made.get() + 1);
        first_of(|| {
            count();
            async {}
        })
        .await;
        assert_eq!(made.take(), 1);
        let never = first_of(|| {
            count();
            std::future::pending::<()>()
        });
        assert!(tokio::time::timeout(Duration::from_secs(10), never).await.is_err());
        assert!((QUICK + 5..QUICK + 10).contains(&made.get()), "{}", made.get());
    }
}
