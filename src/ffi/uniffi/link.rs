//! Links and addresses of relays, taken apart for apps.

use super::PanecastError;
use super::held::guarded;
use crate::ffi::link as own;

/// What a link lets its reader do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum LinkGoal {
    /// See a screen that somebody shows: `Way::Link`.
    See,
    /// Show a camera to who has sent the link: `Host::take_link`.
    Camera,
    /// See what the visitor shows whose key it is: `Way::Key`.
    Key,
}

/// Where a relay is.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
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

/// A link. All of it but the relay and the tenant is secret.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Link {
    /// What for.
    pub goal: LinkGoal,
    /// Whether who sees needs a key besides.
    pub needs_key: bool,
    /// All of it, in its one form.
    pub url: String,
    /// Where. Links may come from anybody: an app with a relay of its own compares.
    pub relay: RelayAddress,
    /// Whose visitors and agents.
    pub tenant: String,
    /// What stands behind the `#`: a link's text, or nine digits.
    pub secret: String,
}

/// Reads a link such as `https://RELAY/camera?tenant=NAME#…`. `app_scheme`: the app's own scheme, if such links open it too; it
/// stands for `https`.
///
/// # Errors
/// - `InvalidInput` if it is none, or not whole.
#[uniffi::export]
pub fn read_link(url: String, app_scheme: Option<String>) -> Result<Link, PanecastError> {
    guarded(|| Ok(own::Link::read(&url, app_scheme.as_deref())?.into()))
}

/// Writes a link for somebody else.
///
/// # Errors
/// - `InvalidInput` if the relay's address, the tenant's name or the secret cannot be one.
#[uniffi::export]
pub fn write_link(
    goal: LinkGoal,
    relay: String,
    tenant: String,
    secret: String,
) -> Result<Link, PanecastError> {
    guarded(|| {
        let goal = match goal {
            LinkGoal::See => own::LinkGoal::See,
            LinkGoal::Camera => own::LinkGoal::Camera,
            LinkGoal::Key => own::LinkGoal::Key,
        };
        Ok(own::Link::write(goal, &relay, &tenant, &secret)?.into())
    })
}

/// Reads a relay's address as people write it: `https://HOST[:PORT]`; no scheme at all is `http`.
///
/// # Errors
/// - `InvalidInput` if it is none.
#[uniffi::export]
pub fn read_relay(address: String) -> Result<RelayAddress, PanecastError> {
    guarded(|| Ok(own::RelayAddress::read(&address)?.into()))
}

impl From<own::RelayAddress> for RelayAddress {
    fn from(address: own::RelayAddress) -> Self {
        let own::RelayAddress { url, host_socket, joiner_socket, secure } = address;
        Self { url, host_socket, joiner_socket, secure }
    }
}

impl From<own::Link> for Link {
    fn from(link: own::Link) -> Self {
        let goal = match link.goal {
            own::LinkGoal::See => LinkGoal::See,
            own::LinkGoal::Camera => LinkGoal::Camera,
            own::LinkGoal::Key => LinkGoal::Key,
        };
        let own::Link { needs_key, url, relay, tenant, secret, .. } = link;
        Self { goal, needs_key, url, relay: relay.into(), tenant, secret }
    }
}
