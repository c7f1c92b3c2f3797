//! Hosts and joiners. The relay knows who has which room and which doors lead there; all that goes
//! between the two ends is sealed, and passes through as bytes.
//!
//! ```text
//! host ── /ws/host ─ [`host`] ── [`room`] ── [`joiner`] ─ /ws/join ── joiner
//!                                   │            │
//!                              [`directory`]  [`knock`]: keys are answered at fixed times, decoys included
//!                              rooms, [`doors`]  [`tries`], [`decoy`]
//!                                   │
//!                              [`watched`] ── [`lookout`] ─ /ws/watch ── lookout ([`lookups`]: so many presences)
//! ```

mod decoy;
mod directory;
mod doors;
pub(crate) mod host;
pub(crate) mod joiner;
mod knock;
pub(crate) mod lookout;
mod lookups;
mod room;
mod secret;
mod to_host;
mod to_joiner;
mod tries;
mod watched;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::refusal::random;
use crate::tenants::Tenants;
use directory::Directory;
use lookups::Lookups;
use panecast_protocol::Refusal;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tries::Tries;

/// What a joiner reads whose key is wrong, expired or spent: all the same.
const WRONG_KEY: &str = "no session has this key; ask for the current one";

/// How often what is over by time is looked for. Doors tell their time themselves; this tells the hosts.
const SWEEP: Duration = Duration::from_secs(1);

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Exchange {
    directory: Directory,
    tries: Tries,
    lookups: Lookups,
    tenants: Tenants,
    metrics: Arc<Metrics>,
}

impl Exchange {
    /// # Errors
    /// If the operating system has no randomness.
    pub(crate) fn new(config: &Config) -> Result<Self, Refusal> {
        let limits = config.limits;
        Ok(Self {
            directory: Directory::new(limits, config.timing, random()?),
            tries: Tries::new(limits.tenant_tries, limits.network_tries),
            lookups: Lookups::new(limits.agent_lookups, limits.network_lookups),
            tenants: config.tenants.clone(),
            metrics: Arc::default(),
        })
    }

    /// Looks for what is over by time, for ever.
    pub(crate) async fn sweep(&self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            self.directory.sweep(Instant::now());
        }
    }

    /// What it has counted, in Prometheus' text form.
    pub(crate) fn metrics(&self) -> String {
        let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.metrics.rooms.set(number(self.directory.count()));
        self.metrics.watched_doors.set(number(self.directory.watched().count()));
        self.metrics.text()
    }

    /// Tells everybody to come back elsewhere, and closes all.
    pub(crate) fn go_away(&self) {
        self.directory.go_away();
    }
}
