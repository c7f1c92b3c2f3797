//! Links and addresses of relays, taken apart for apps.
#![forbid(unsafe_code)]

use crate::error::{Error, Result};
use crate::session::relay::{self, LinkUrl, RelayUrl};
use crate::session::seal::{LinkSecret, LinkText};

/// What a link lets its reader do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkGoal {
    /// See a screen that somebody shows.
    See,
    /// Show a camera to who has sent the link.
    Camera,
    /// See what the visitor shows whose key it is.
    Key,
}

/// Where a relay is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayAddress {
    /// `https://HOST[:PORT]`, or `http:` without TLS.
    pub url: String,
    /// Where a host's WebSocket connects to.
    pub host_socket: String,
    /// Where a joiner's WebSocket connects to.
    pub joiner_socket: String,
    /// Whether TLS leads there.
    pub secure: bool,
}

impl RelayAddress {
    /// Reads an address as people write it, as [`RelayUrl`] does.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if it is none.
    pub fn read(text: &str) -> Result<Self> {
        text.parse::<RelayUrl>().map(|url| Self::of(&url))
    }

    fn of(url: &RelayUrl) -> Self {
        Self {
            url: url.to_string(),
            host_socket: url.host_socket(),
            joiner_socket: url.joiner_socket(),
            secure: url.is_secure(),
        }
    }
}

/// A link. All of it but the relay and the tenant is secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    /// What for.
    pub goal: LinkGoal,
    /// Whether who sees needs a key besides.
    pub needs_key: bool,
    /// All of it, in its one form.
    pub url: String,
    /// Where.
    pub relay: RelayAddress,
    /// Whose visitors and agents.
    pub tenant: String,
    /// What stands behind the `#`: a link's text, or nine digits.
    pub secret: String,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("goal", &self.goal)
            .field("relay", &self.relay.url)
            .finish_non_exhaustive()
    }
}

impl Link {
    /// Reads a link, as [`LinkUrl::read`].
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] as [`LinkUrl::read`].
    pub fn read(text: &str, app_scheme: Option<&str>) -> Result<Self> {
        LinkUrl::read(text, app_scheme).map(|link| Self::of(&link))
    }

    /// Writes a link for somebody else.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if the relay's address, the tenant's name or the secret cannot be one.
    pub fn write(goal: LinkGoal, relay: &str, tenant: &str, secret: &str) -> Result<Self> {
        let goal = match goal {
            LinkGoal::See => relay::LinkGoal::See(secret.parse::<LinkText>().map_err(Error::from)?),
            LinkGoal::Camera => relay::LinkGoal::Camera(secret.parse().map_err(Error::from)?),
            LinkGoal::Key => relay::LinkGoal::Key(secret.parse().map_err(Error::from)?),
        };
        LinkUrl::new(relay.parse()?, tenant, goal).map(|link| Self::of(&link))
    }

    /// Draws a link to a camera, to be sent to somebody.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if the relay's address or the tenant's name cannot be one.
    /// - [`crate::ErrorKind::Io`] where there is no randomness.
    pub fn draw(relay: &str, tenant: &str) -> Result<Self> {
        let secret = LinkSecret::draw().map_err(Error::from)?;
        LinkUrl::new(relay.parse()?, tenant, relay::LinkGoal::Camera(secret)).map(|link| Self::of(&link))
    }

    fn of(link: &LinkUrl) -> Self {
        let (goal, needs_key) = match &link.goal {
            relay::LinkGoal::See(text) => (LinkGoal::See, text.with_key),
            relay::LinkGoal::Camera(_) => (LinkGoal::Camera, false),
            relay::LinkGoal::Key(_) => (LinkGoal::Key, false),
        };
        Self {
            goal,
            needs_key,
            url: link.to_string(),
            relay: RelayAddress::of(&link.relay),
            tenant: link.tenant.clone(),
            secret: link.secret(),
        }
    }
}
