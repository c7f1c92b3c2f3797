//! Waits for a door at a relay that is a program of its own.

use super::process::Process;
use super::{Host, Socket};
use panecast_protocol::{DEFAULT_TENANT, Door, LookoutSays, NewDoor, PROTOCOL_VERSION, RelayToLookout};
use std::time::Duration;
use tokio::time::timeout;

pub fn presence(id: &str) -> (NewDoor, Door) {
    (NewDoor::Presence { visitor: id.into() }, Door::Presence { visitor: id.into() })
}

/// Waits until somebody is, or is not, behind a door as this relay knows it.
pub struct Lookout(Socket);

impl Lookout {
    pub async fn at(relay: &Process) -> Self {
        let mut socket = relay.open("/ws/watch").await;
        let tenant = DEFAULT_TENANT.to_owned();
        socket.say(&LookoutSays::Hello { protocol: PROTOCOL_VERSION, tenant, token: None }).await;
        Self(socket)
    }

    pub async fn until(&mut self, available: bool, door: &Door) {
        let told = self.told(available, door);
        timeout(Duration::from_secs(60), told).await.expect("the other relay does not hear of it");
    }

    pub async fn told(&mut self, available: bool, door: &Door) {
        self.0.say(&LookoutSays::Watch { door: door.clone() }).await;
        loop {
            match self.0.text().await {
                RelayToLookout::Available { door: told } if available && told == *door => return,
                RelayToLookout::Unavailable { door: told } if !available && told == *door => return,
                RelayToLookout::Available { .. } | RelayToLookout::Unavailable { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// All that `host` has opened so far is known to `relay`.
pub async fn known(host: &mut Host, relay: &Process, id: &str) {
    let (new, door) = presence(id);
    host.door(new).await;
    Lookout::at(relay).await.until(true, &door).await;
}
