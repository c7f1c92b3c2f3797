//! How a relay runs.

use crate::cluster::ClusterConfig;
use crate::forwarded::Proxies;
use crate::page::Page;
use crate::tenants::Tenants;
use crate::tls::Tls;
use panecast_protocol::MAX_BINARY_BYTES;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The port that the relay listens on unless told otherwise.
pub(crate) const DEFAULT_PORT: u16 = 7700;

/// How a relay runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens; port 0 takes any free one.
    pub bind: SocketAddr,
    /// What browsers are served.
    pub page: Page,
    /// Origin of the service that sends camera links for the page's agents (`tools/links`), if there is one.
    pub links: Option<String>,
    /// What it may cost.
    pub limits: RelayLimits,
    /// How long it waits.
    pub timing: Timing,
    /// Whom it serves.
    pub tenants: Tenants,
    /// Its certificate; without one it speaks plain HTTP.
    pub tls: Option<Tls>,
    /// Where its metrics can be read, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// Which proxies before it are believed about where connections come from.
    pub proxies: Proxies,
    /// How it reaches the other relays, if there are any.
    pub cluster: Option<ClusterConfig>,
}

impl Default for Config {
    /// This machine only, port 7700.
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            page: Page::find(),
            links: None,
            limits: RelayLimits::default(),
            timing: Timing::default(),
            tenants: Tenants::default(),
            tls: None,
            metrics: None,
            proxies: Proxies::default(),
            cluster: None,
        }
    }
}

/// What a relay may cost, at most.
#[derive(Clone, Copy, Debug)]
pub struct RelayLimits {
    /// Rooms at a time.
    pub rooms: usize,
    /// WebSocket connections at a time.
    pub sockets: usize,
    /// Joiners in one room.
    pub agents: usize,
    /// Bytes of one binary message of a host's.
    pub message_bytes: usize,
    /// Bytes of one binary message of a joiner's: a camera's picture at most.
    pub joiner_message_bytes: usize,
    /// Packets that wait for one joiner. A viewer that keeps up has two; the rest is for one that comes back
    /// from a pause of a few seconds.
    pub queue_packets: usize,
    /// Bytes of packets that wait for one joiner; what its stream starts over with may alone be more.
    pub joiner_queue_bytes: usize,
    /// Bytes of control that wait for one joiner; one that leaves more unread is closed.
    pub control_bytes: usize,
    /// The same before it is let in.
    pub knock_bytes: usize,
    /// How long a packet may wait for a joiner when another one comes. A joiner whose line stood still gets the
    /// newest picture then, not all in between.
    pub queue_age: Duration,
    /// Doors of one room.
    pub doors: usize,
    /// Knocks at keys in ten minutes in one tenant.
    pub tenant_tries: usize,
    /// Knocks at keys in a minute from one network: an IPv4 /24, an IPv6 /56.
    pub network_tries: usize,
    /// Presences that one agent may look up in ten minutes, apart from those that it looked up within them.
    pub agent_lookups: usize,
    /// The same for one network, in a tenant that asks nobody who they are.
    pub network_lookups: usize,
}

impl Default for RelayLimits {
    fn default() -> Self {
        Self {
            rooms: 1024,
            sockets: 4096,
            agents: 16,
            message_bytes: MAX_BINARY_BYTES,
            joiner_message_bytes: 1 << 20,
            queue_packets: 256,
            joiner_queue_bytes: 4 << 20,
            control_bytes: 256 << 10,
            knock_bytes: 32 << 10,
            queue_age: Duration::from_secs(1),
            doors: 8,
            tenant_tries: 60,
            network_tries: 10,
            agent_lookups: 600,
            network_lookups: 120,
        }
    }
}

/// How long a relay waits.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// For the head of an HTTP request, and for a hello.
    pub hello: Duration,
    /// For a joiner to be let in.
    pub handshake: Duration,
    /// Between two pings.
    pub ping: Duration,
    /// For any sign of life before a peer counts as dead.
    pub dead: Duration,
    /// For a host to come back to its room, and a joiner to its place.
    pub grace: Duration,
    /// For a host that was cut off to be back before those who watch its doors are told.
    pub blink: Duration,
    /// For connections to say goodbye at shutdown, and for a last message to a peer that is closed.
    pub goodbye: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(10),
            // People who are asked whether somebody may come need a moment.
            handshake: Duration::from_secs(60),
            ping: Duration::from_secs(15),
            // A large snapshot on a thin line keeps the pong waiting behind it.
            dead: Duration::from_secs(60),
            grace: Duration::from_secs(60),
            blink: Duration::from_secs(3),
            goodbye: Duration::from_secs(2),
        }
    }
}
