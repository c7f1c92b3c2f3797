//! Addresses of relays, and the links that lead to one.

use super::{HOST_PATH, JOIN_PATH};
use crate::error::{Error, Result};
use crate::session::seal::{LinkSecret, LinkText, TypedKey};
use core::net::Ipv6Addr;
use panecast_protocol::{is_tenant_name, tenant_of_query, tenant_query};
use std::fmt;

use std::str::FromStr;

/// Most bytes of an address or a link: one with the longest names of a host and a tenant has fewer.
const MOST_BYTES: usize = 2048;

/// Most bytes of a host's name, as DNS has it.
const MOST_HOST: usize = 253;

/// Where a relay is: `https://HOST[:PORT]` or `http://HOST[:PORT]`.
///
/// It is read as people write it: `ws` and `wss` are as good, no scheme at all is `http`, and what follows the host is left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelayUrl {
    secure: bool,
    host: String,
    port: u16,
}

impl RelayUrl {
    /// Whether TLS leads there.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host's name or address, in brackets if it is IPv6.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where a host's WebSocket connects to: `wss://HOST[:PORT]/ws/host`, or `ws:` without TLS.
    #[must_use]
    pub fn host_socket(&self) -> String {
        self.written("ws", HOST_PATH)
    }

    /// Where a joiner's WebSocket connects to.
    #[must_use]
    pub fn joiner_socket(&self) -> String {
        self.written("ws", JOIN_PATH)
    }

    fn written(&self, scheme: &str, rest: &str) -> String {
        let Self { secure, host, port } = self;
        let s = if *secure { "s" } else { "" };
        if *port == usual_port(*secure) {
            format!("{scheme}{s}://{host}{rest}")
        } else {
            format!("{scheme}{s}://{host}:{port}{rest}")
        }
    }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written("http", ""))
    }
}

impl FromStr for RelayUrl {
    type Err = Error;

    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] for anything else.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let (secure, rest) = match text.split_once("://") {
            None => (false, text),
            Some((scheme, rest)) => (secure(scheme)?, rest),
        };
        let end = rest.find(['/', '#', '?']).unwrap_or(rest.len());
        Self::at(secure, &rest[..end]).ok_or_else(|| {
            // The rest may be a link's secret.
            Error::input("this is not a relay's address; write https://HOST or http://127.0.0.1:7700")
        })
    }
}

impl RelayUrl {
    fn at(secure: bool, authority: &str) -> Option<Self> {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port_of(port)?),
            _ => (authority, usual_port(secure)),
        };
        is_host(host).then(|| Self { secure, host: host.to_ascii_lowercase(), port })
    }
}

fn secure(scheme: &str) -> Result<bool> {
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => Ok(false),
        "https" | "wss" => Ok(true),
        _ => Err(Error::input("this is not a relay's scheme; write https://HOST")),
    }
}

fn usual_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

fn port_of(digits: &str) -> Option<u16> {
    // `parse` alone takes a sign.
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?.filter(|port| *port != 0)
}

fn is_host(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inside.parse::<Ipv6Addr>().is_ok();
    }
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (1..=MOST_HOST).contains(&host.len()) && host.bytes().all(letter)
}

/// What a link lets its reader do.
#[derive(Clone, Debug)]
pub enum LinkGoal {
    /// `/see`: see a screen that somebody shows, as a [`super::Joiner`].
    See(LinkText),
    /// `/camera`: show a camera to who has sent it, as a [`super::Host`] that takes the link.
    Camera(LinkSecret),
    /// `/` with a key: see what the visitor shows who reads the key out, as a [`super::Joiner`].
    Key(TypedKey),
}

/// A link: a relay's address, a page, the tenant if it is another than the default one, and behind the `#` what lets in, such as
/// `https://HOST/see?tenant=NAME#0123…`. Its text is secret; so is what [`fmt::Display`] writes.
#[derive(Clone, Debug)]
pub struct LinkUrl {
    /// Where.
    pub relay: RelayUrl,
    /// Whose visitors and agents.
    pub tenant: String,
    /// What for.
    pub goal: LinkGoal,
}

impl LinkUrl {
    /// A link into `tenant` at `relay`.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] if no tenant can have this name.
    pub fn new(relay: RelayUrl, tenant: &str, goal: LinkGoal) -> Result<Self> {
        if !is_tenant_name(tenant) {
            return Err(Error::input("a tenant's name has 1 to 255 bytes and no control characters"));
        }
        Ok(Self { relay, tenant: tenant.to_owned(), goal })
    }

    /// Reads a link as a browser, a scanner or the system hands it to an app. `app_scheme`: the app's own scheme, if it is
    /// opened by links such as `SCHEME://HOST/camera#…` too; it stands for `https`.
    ///
    /// A link says which relay to go to, and may come from anybody: an app that has a relay of its own compares [`LinkUrl::relay`].
    ///
    /// # Errors
    /// - [`crate::ErrorKind::InvalidInput`] for a link that is not whole, that is none of a relay's, or of another scheme.
    pub fn read(text: &str, app_scheme: Option<&str>) -> Result<Self> {
        let bad = || Error::input("this is not a whole link; copy all of it, such as https://HOST/see#0123…");
        let text = text.trim();
        if text.len() > MOST_BYTES {
            return Err(Error::input(format!("a link has at most {MOST_BYTES} bytes")));
        }
        let (before, fragment) = text.split_once('#').ok_or_else(bad)?;
        let (place, query) = before.split_once('?').unwrap_or((before, ""));
        let (scheme, rest) = place.split_once("://").ok_or_else(bad)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let secure = match app_scheme {
            Some(own) if own.eq_ignore_ascii_case(scheme) => true,
            _ => secure(scheme)?,
        };
        let relay = RelayUrl::at(secure, authority).ok_or_else(bad)?;
        let tenant = tenant_of_query(query).ok_or_else(bad)?;
        let goal = match path {
            "/see" => LinkGoal::See(fragment.parse().map_err(|_| bad())?),
            "/camera" => LinkGoal::Camera(fragment.parse().map_err(|_| bad())?),
            "" | "/" => LinkGoal::Key(fragment.parse().map_err(|_| bad())?),
            _ => return Err(bad()),
        };
        Ok(Self { relay, tenant, goal })
    }

    /// What stands behind the `#`.
    #[must_use]
    pub fn secret(&self) -> String {
        match &self.goal {
            LinkGoal::See(text) => text.to_string(),
            LinkGoal::Camera(secret) => secret.to_string(),
            LinkGoal::Key(key) => key.to_string().replace(' ', ""),
        }
    }
}

impl FromStr for LinkUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::read(text, None)
    }
}

impl fmt::Display for LinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let page = match self.goal {
            LinkGoal::See(_) => "see",
            LinkGoal::Camera(_) => "camera",
            LinkGoal::Key(_) => "",
        };
        write!(f, "{}/{page}{}#{}", self.relay, tenant_query(&self.tenant), self.secret())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdefghjkmnpqr0";

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (typed, url) in [
            ("http://127.0.0.1:7700", "http://127.0.0.1:7700"),
            ("127.0.0.1:7700/", "http://127.0.0.1:7700"),
            (" ws://relay.example\n", "http://relay.example"),
            ("wss://Relay.example", "https://relay.example"),
            ("https://relay.example:7700/x", "https://relay.example:7700"),
            ("https://relay.example:80", "https://relay.example:80"),
            ("http://[::1]:7700/#482913507", "http://[::1]:7700"),
            ("HTTP://[::1]", "http://[::1]"),
        ] {
            assert_eq!(typed.parse::<RelayUrl>().unwrap().to_string(), url, "{typed}");
        }
        for bad in [
            "",
            "http://",
            "http://host:99999",
            "http://host:0",
            "http://host:+80",
            "http://host:",
            "ftp://host",
            "http://user@host",
            "https://",
            "http://a b",
            "http://a\r\nb",
            "http://[::1",
            "http://[x]",
            "http://\u{e9}",
        ] {
            assert!(bad.parse::<RelayUrl>().is_err(), "{bad}");
        }
        let relay: RelayUrl = "https://relay.example:7700".parse().unwrap();
        assert_eq!(relay.host_socket(), "wss://relay.example:7700/ws/host");
        assert_eq!(relay.joiner_socket(), "wss://relay.example:7700/ws/join");
        assert_eq!((relay.is_secure(), relay.host(), relay.port()), (true, "relay.example", 7700));
        assert_eq!("host".parse::<RelayUrl>().unwrap().host_socket(), "ws://host/ws/host");
    }

    #[test]
    fn a_link_is_read_as_it_is_written() {
        for (page, secret) in [
            ("see", SECRET.to_owned()),
            ("see", format!("{SECRET}.key")),
            ("camera", SECRET.to_owned()),
            ("", "482913507".to_owned()),
        ] {
            for (tenant, query) in
                [("default", ""), ("shop", "?tenant=shop"), ("a b#?", "?tenant=a%20b%23%3F")]
            {
                let url = format!("https://relay.example/{page}{query}#{secret}");
                let link: LinkUrl = url.parse().unwrap();
                assert_eq!((link.tenant.as_str(), link.secret()), (tenant, secret.clone()), "{url}");
                let again = LinkUrl::new(link.relay.clone(), &link.tenant, link.goal.clone()).unwrap();
                assert_eq!((link.to_string(), again.to_string()), (url.clone(), url));
                assert!(!format!("{link:?}").contains(SECRET));
            }
        }
        assert!(
            LinkUrl::new("host".parse().unwrap(), "", LinkGoal::Key("123456789".parse().unwrap())).is_err()
        );
    }

    #[test]
    fn what_else_is_opened_is_no_link() {
        let long = format!("https://relay.example/see?x={}#{SECRET}", "x".repeat(MOST_BYTES));
        for bad in [
            "",
            "#",
            SECRET,
            "https://relay.example/camera",
            "https://relay.example/camera#",
            "https://relay.example/camera?tenant=shop",
            "https://relay.example/camera#482913507",
            "https://relay.example/#0123456789abcdefghjkmnpqr0",
            "https://relay.example/x/camera#0123456789abcdefghjkmnpqr0",
            "https://relay.example/camera/#0123456789abcdefghjkmnpqr0",
            "https://relay.example/?tenant=a/camera#0123456789abcdefghjkmnpqr0",
            "https://relay.example/camera?tenant=#0123456789abcdefghjkmnpqr0",
            "https://relay.example/camera?tenant=a&tenant=b#0123456789abcdefghjkmnpqr0",
            "https://relay.example/camera?tenant=a%00#0123456789abcdefghjkmnpqr0",
            "https://relay.example/camera?tenant=%ff#0123456789abcdefghjkmnpqr0",
            "https://relay.example@evil.example/camera#0123456789abcdefghjkmnpqr0",
            "https://relay.example\\@evil.example/camera#0123456789abcdefghjkmnpqr0",
            "relay.example/camera#0123456789abcdefghjkmnpqr0",
            "javascript://relay.example/camera#0123456789abcdefghjkmnpqr0",
            "shop://relay.example/camera#0123456789abcdefghjkmnpqr0",
            "https:/relay.example/camera#0123456789abcdefghjkmnpqr0",
            &long,
        ] {
            assert!(LinkUrl::read(bad, None).is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        /// Whatever an app is opened with: nothing panics, and what is read is read the same again.
        #[test]
        fn whatever_comes_is_read_the_same_again_or_not_at_all(
            scheme in "[a-z:/]{0,12}|https://|http://|shop://",
            place in "\\PC{0,24}|relay.example|[\\[\\]:0-9a-f.@%]{0,24}",
            page in "/see|/camera|/|\\PC{0,8}",
            query in "[?]tenant=[%0-9A-Fa-z+&=]{0,12}|\\PC{0,12}",
            secret in "#[0-9a-z]{26}([.]key)?|#[0-9 ]{9,11}|\\PC{0,40}",
        ) {
            let text = format!("{scheme}{place}{page}{query}{secret}");
            if let Ok(link) = LinkUrl::read(&text, Some("shop")) {
                let written = link.to_string();
                let again: LinkUrl = written.parse().unwrap();
                proptest::prop_assert_eq!(&written, &again.to_string());
                proptest::prop_assert!(written.len() <= 3 * MOST_BYTES && written.is_ascii());
                proptest::prop_assert_eq!((&link.relay, &link.tenant), (&again.relay, &again.tenant));
            }
            if let Ok(relay) = text.parse::<RelayUrl>() {
                proptest::prop_assert_eq!(relay.to_string().parse::<RelayUrl>().unwrap(), relay);
            }
        }

        /// Whole links of any tenant, in any of a browser's ways of writing.
        #[test]
        fn a_tenant_of_any_name_comes_back(name in "\\PC{1,60}", port in 1u16..) {
            let relay = format!("https://relay.example:{port}").parse().unwrap();
            let link = LinkUrl::new(relay, &name, LinkGoal::Camera(SECRET.parse().unwrap())).unwrap();
            proptest::prop_assert_eq!(link.to_string().parse::<LinkUrl>().unwrap().tenant, name);
        }
    }

    #[test]
    fn an_app_s_own_scheme_stands_for_https_and_no_other_does() {
        let url = format!("shop://relay.example/camera?tenant=shop#{SECRET}");
        let link = LinkUrl::read(&url, Some("Shop")).unwrap();
        assert_eq!(link.to_string(), format!("https://relay.example/camera?tenant=shop#{SECRET}"));
        for other in [None, Some("sho"), Some(""), Some("shop:")] {
            assert!(LinkUrl::read(&url, other).is_err(), "{other:?}");
        }
        // A web link opens it as well.
        assert!(LinkUrl::read(&link.to_string(), Some("shop")).is_ok());
    }
}
