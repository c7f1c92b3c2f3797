//! Waits until somebody is behind a door: a visitor, or a phone that has opened a link.

use crate::access::Access;
use crate::ending::refused;
use crate::failure::Failure;
use crate::link::Link;
use crate::sources::printable;
use crate::status::Reporter;
use panecast::frame::Timestamp;
use panecast::session::relay::Retry;
use panecast_protocol::{Door, LookoutSays, PROTOCOL_VERSION, RelayToLookout};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Why a connection was left.
enum Left {
    There,
    Cut(Duration),
}

/// What is waited for.
pub(crate) struct Awaited {
    pub(crate) door: Door,
    /// Who is behind it, for people.
    pub(crate) name: String,
}

impl Awaited {
    fn facts(&self, event: &str) -> serde_json::Value {
        match &self.door {
            Door::Presence { visitor } => json!({ "event": event, "visitor": visitor }),
            Door::Key { .. } | Door::Link { .. } => json!({ "event": event }),
        }
    }
}

/// Ready once there is somebody who can be asked. Tells when there is not.
pub(crate) async fn wait_for(
    relay: &Access,
    awaited: &Awaited,
    reporter: &mut Reporter,
) -> Result<(), Failure> {
    let (mut retry, mut reached, mut told) = (Retry::default(), false, false);
    let began = Instant::now();
    let now = || Timestamp::from(began.elapsed());
    loop {
        let mut at_least = Duration::ZERO;
        let (tenant, token) = (relay.tenant.clone(), relay.token()?);
        let hello = LookoutSays::Hello { protocol: PROTOCOL_VERSION, tenant, token };
        match Link::connect(relay, "/ws/watch", &hello, None).await {
            Ok(mut link) => {
                reached = true;
                retry.connected(now());
                match look(relay, awaited, &mut link, &mut told, reporter).await? {
                    Left::There => {
                        link.close().await;
                        return Ok(());
                    }
                    Left::Cut(wait) => at_least = wait,
                }
                retry.cut(now());
            }
            Err(e) if !reached => return Err(e.into()),
            Err(_) => {}
        }
        sleep(retry.next_wait().max(at_least)).await;
    }
}

async fn look(
    relay: &Access,
    awaited: &Awaited,
    link: &mut Link,
    told: &mut bool,
    reporter: &mut Reporter,
) -> Result<Left, Failure> {
    link.say(&LookoutSays::Watch { door: awaited.door.clone() }).await;
    while let Some(message) = link.incoming.next().await {
        let said = message.to_text().ok().and_then(|text| serde_json::from_str(text).ok());
        match said {
            Some(RelayToLookout::Available { .. }) => {
                let text = format!("{} is there", printable(&awaited.name));
                reporter.event(&text, awaited.facts("available"));
                return Ok(Left::There);
            }
            // The same again is no news.
            Some(RelayToLookout::Unavailable { .. }) if !std::mem::replace(told, true) => {
                let text = format!("{} is not there; waiting (Ctrl-C ends it)", printable(&awaited.name));
                reporter.event(&text, awaited.facts("unavailable"));
            }
            Some(RelayToLookout::GoingAway { after_ms }) => {
                return Ok(Left::Cut(Duration::from_millis(after_ms.into())));
            }
            Some(RelayToLookout::Refused(refusal)) => return Err(refused(relay, &refusal)),
            Some(RelayToLookout::Unavailable { .. }) | None => {}
        }
    }
    Ok(Left::Cut(Duration::ZERO))
}
