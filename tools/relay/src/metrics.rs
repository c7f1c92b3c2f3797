//! What a relay counts, in Prometheus' text form. No label holds anything of a person.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Upper ends of the classes of the time that a packet spends in the relay, in seconds.
const FORWARDING: [f64; 11] = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0];

/// What became of a knock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knocked {
    LetIn,
    Refused,
    Gone,
    TooMany,
}

/// What a relay counts of its cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterMetrics {
    pub(crate) connected: Gauge,
    pub(crate) relays: Gauge,
    pub(crate) bridges: Gauge,
    pub(crate) broken: Counter,
    pub(crate) bytes_in: Counter,
    pub(crate) bytes_out: Counter,
    pub(crate) not_opened: Counter,
}

impl ClusterMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register("nats_connected", "1 while there is NATS", self.connected.clone());
        registry.register("cluster_relays", "Relays now, this one included", self.relays.clone());
        registry.register(
            "cluster_bridges",
            "Joiners now whose host is at another relay",
            self.bridges.clone(),
        );
        registry.register("cluster_bridges_broken", "Bridges that broke", self.broken.clone());
        registry.register("cluster_bytes_in", "Bytes from NATS", self.bytes_in.clone());
        registry.register("cluster_bytes_out", "Bytes to NATS", self.bytes_out.clone());
        registry.register(
            "cluster_not_opened",
            "Messages from NATS that no relay of this cluster has sealed",
            self.not_opened.clone(),
        );
    }
}

/// The counters of one relay.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) cluster: ClusterMetrics,
    pub(crate) rooms: Gauge,
    pub(crate) hosts: Gauge,
    pub(crate) joiners: Gauge,
    pub(crate) lookouts: Gauge,
    pub(crate) watched_doors: Gauge,
    pub(crate) lookups_refused: Counter,
    knocks: Family<Vec<(&'static str, &'static str)>, Counter>,
    pub(crate) bytes_from_hosts: Counter,
    pub(crate) bytes_to_joiners: Counter,
    pub(crate) bytes_from_joiners: Counter,
    queue_drops: Counter,
    queue_bytes_most: Gauge,
    forwarding: Histogram,
}

impl Metrics {
    /// All at nothing; those of a cluster are there if it has one.
    pub(crate) fn new(clustered: bool) -> Self {
        let mut registry = Registry::with_prefix("panecast_relay");
        let cluster = ClusterMetrics::default();
        if clustered {
            cluster.register(&mut registry);
        }
        let (rooms, hosts, joiners) = (Gauge::default(), Gauge::default(), Gauge::default());
        let (knocks, queue_bytes_most) = (Family::default(), Gauge::default());
        let (lookouts, watched_doors) = (Gauge::default(), Gauge::default());
        let [from_hosts, to_joiners, from_joiners, drops, lookups_refused] =
            std::array::from_fn(|_| Counter::default());
        let forwarding = Histogram::new(FORWARDING);
        registry.register("rooms", "Rooms now", rooms.clone());
        registry.register("hosts", "Connections of hosts now", hosts.clone());
        registry.register("joiners", "Joiners that are in now", joiners.clone());
        registry.register("lookouts", "Connections that watch doors now", lookouts.clone());
        registry.register("watched_doors", "Doors that are watched now", watched_doors.clone());
        registry.register("lookups_refused", "Presences not looked up: too many", lookups_refused.clone());
        registry.register("knocks", "Knocks at doors, by what became of them", knocks.clone());
        registry.register("bytes_from_hosts", "Payload that hosts sent", from_hosts.clone());
        registry.register("bytes_to_joiners", "Payload written to joiners", to_joiners.clone());
        registry.register("bytes_from_joiners", "Payload that joiners sent", from_joiners.clone());
        registry.register("queue_drops", "Times that a joiner's packets were dropped", drops.clone());
        registry.register(
            "queue_bytes_most",
            "The most bytes that ever waited for a joiner",
            queue_bytes_most.clone(),
        );
        registry.register(
            "forwarding_seconds",
            "From a packet's last byte until it is written to a joiner's socket",
            forwarding.clone(),
        );
        Self {
            registry,
            cluster,
            rooms,
            hosts,
            joiners,
            lookouts,
            watched_doors,
            lookups_refused,
            knocks,
            bytes_from_hosts: from_hosts,
            bytes_to_joiners: to_joiners,
            bytes_from_joiners: from_joiners,
            queue_drops: drops,
            queue_bytes_most,
            forwarding,
        }
    }
}

impl Metrics {
    pub(crate) fn knocked(&self, knocked: Knocked) {
        let result = match knocked {
            Knocked::LetIn => "let-in",
            Knocked::Refused => "refused",
            Knocked::Gone => "gone",
            Knocked::TooMany => "too-many",
        };
        self.knocks.get_or_create(&vec![("result", result)]).inc();
    }

    /// A host's bytes were passed on: so many joiners fell behind, and so many bytes wait for one.
    pub(crate) fn passed(&self, behind: u64, waiting: usize) {
        self.queue_drops.inc_by(behind);
        let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
        self.queue_bytes_most.inner().fetch_max(waiting, Ordering::Relaxed);
    }

    pub(crate) fn forwarded(&self, took: Duration) {
        self.forwarding.observe(took.as_secs_f64());
    }

    /// All of it.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Counts something for as long as it lives.
#[derive(Debug)]
pub(crate) struct Present(Gauge);

impl Present {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}
