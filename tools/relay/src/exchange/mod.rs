//! Hosts and joiners. The relay knows who has which room and which doors lead there; all that goes
//! between the two ends is sealed, and passes through as bytes.
//!
//! ```text
//! host ── /ws/host ─ [`host`] ── [`room`] ── [`joiner`] ─ /ws/join ── joiner
//!                                   │            │
//!                              [`directory`]  [`knock`]: keys are answered at fixed times, decoys included
//!                        rooms, [`doors`], [`spent`]  [`tries`], [`decoy`]
//!                                   │
//!                              [`watched`] ── [`lookout`] ─ /ws/watch ── lookout ([`lookups`]: so many presences)
//! ```

mod decoy;
pub(crate) mod directory;
pub(crate) mod doors;
pub(crate) mod host;
pub(crate) mod joiner;
mod knock;
pub(crate) mod lookout;
mod lookups;
pub(crate) mod room;
mod secret;
mod spent;
mod to_host;
pub(crate) mod to_joiner;
mod tries;
mod watched;

use crate::cluster::message::OldTry;
use crate::cluster::{self, Cluster};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::refusal::random;
use crate::tenants::Tenants;
use directory::Directory;
use lookups::Lookups;
use panecast_protocol::Refusal;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tries::{Tries, Try, network_of};

/// What a joiner reads whose key is wrong, expired or spent: all the same.
const WRONG_KEY: &str = "no session has this key; ask for the current one";

/// How often what is over by time is looked for. Doors tell their time themselves; this tells the hosts.
const SWEEP: Duration = Duration::from_secs(1);

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) directory: Directory,
    cluster: Option<Arc<Cluster>>,
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
        let metrics = Arc::new(Metrics::new(config.cluster.is_some()));
        let cluster = match &config.cluster {
            Some(cluster) => Some(Arc::new(Cluster::new(cluster, &limits, metrics.cluster.clone())?)),
            None => None,
        };
        // Relays of a cluster know the same visitor by the same MAC.
        let presence_key = match &config.cluster {
            Some(cluster) => cluster.secret.key("presence"),
            None => random()?,
        };
        Ok(Self {
            directory: Directory::new(limits, config.timing, presence_key, cluster.clone()),
            cluster,
            tries: Tries::new(limits.tenant_tries, limits.network_tries),
            lookups: Lookups::new(limits.agent_lookups, limits.network_lookups),
            tenants: config.tenants.clone(),
            metrics,
        })
    }

    /// Finds the other relays, if there is a cluster.
    pub(crate) async fn join_cluster(self: &Arc<Self>) -> io::Result<()> {
        match &self.cluster {
            Some(cluster) => cluster::nats::start(cluster.clone(), self.clone()).await,
            None => Ok(()),
        }
    }

    /// Tells the others that this relay stops.
    pub(crate) async fn leave_cluster(&self) {
        if let Some(cluster) = &self.cluster {
            cluster.go_away().await;
        }
    }

    /// Counts a knock at a key over all relays; `None` if there have been too many.
    async fn count_knock(&self, tenant: &Arc<str>, peer: IpAddr, now: Instant) -> Option<Try> {
        let Some(cluster) = &self.cluster else { return self.tries.knock(tenant, peer, now) };
        // One that counts and dies meanwhile is followed by another.
        for _ in 0..2 {
            let (by, relays) = cluster.counts_for(tenant);
            match by.filter(|_| cluster.together()) {
                Some(relay) => {
                    if let Some(granted) = cluster.ask_to_try(relay, tenant, network_of(peer)).await {
                        return granted.map(Try);
                    }
                }
                None if cluster.together() => {
                    let counted = self.tries.knock(tenant, peer, now)?;
                    cluster.tried(counted.0, tenant, network_of(peer));
                    return Some(counted);
                }
                None => return self.tries.knock_alone(tenant, peer, now, relays),
            }
        }
        let (_, relays) = cluster.counts_for(tenant);
        self.tries.knock_alone(tenant, peer, now, relays)
    }

    fn give_back(&self, counted: Try) {
        self.tries.give_back(counted);
        if let Some(cluster) = &self.cluster {
            cluster.given_back(counted.0);
        }
    }

    /// Counts a knock that another relay asks about.
    pub(crate) fn try_for_another(&self, tenant: &str, network: IpAddr, now: Instant) -> Option<u64> {
        let tenant = self.tenants.find(tenant).ok()?;
        let counted = self.tries.knock(tenant.name(), network, now)?;
        if let Some(cluster) = &self.cluster {
            cluster.tried(counted.0, tenant.name(), network_of(network));
        }
        Some(counted.0)
    }

    /// Another relay has a knock answered.
    pub(crate) fn tried_elsewhere(&self, id: u64, tenant: &str, network: IpAddr, then: Instant) {
        if let Ok(tenant) = self.tenants.find(tenant) {
            self.tries.saw(id, tenant.name(), network, then);
        }
    }

    /// That one does not count any more.
    pub(crate) fn given_back_elsewhere(&self, id: u64) {
        self.tries.give_back(Try(id));
    }

    /// All knocks that count.
    pub(crate) fn tries_so_far(&self, now: Instant) -> Vec<OldTry> {
        let all = self.tries.so_far(now).into_iter().map(|told| OldTry {
            id: told.id,
            tenant: told.tenant.to_string(),
            network: told.network,
            age_ms: u64::try_from(told.age.as_millis()).unwrap_or(u64::MAX),
        });
        all.collect()
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
