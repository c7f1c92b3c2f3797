//! Where a connection comes from that a proxy passes on.
//!
//! A proxy that is trusted adds the address that it sees at the end of a header; what stands before was written by
//! somebody else. So the header is read from its end, for as long as the proxies named there are trusted, too.

use axum::http::{HeaderMap, HeaderName, header};
use std::net::IpAddr;
use std::str::FromStr;

/// Most addresses of a header that are looked at.
const MOST_HOPS: usize = 32;

/// Addresses that begin alike: `10.0.0.0/8`, `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u32,
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        let prefix = |address: IpAddr| match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()).checked_shr(32 - self.bits),
            IpAddr::V6(v6) => v6.to_bits().checked_shr(128 - self.bits),
        };
        address.is_ipv4() == self.first.is_ipv4() && prefix(address) == prefix(self.first)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no network; write it as 10.0.0.0/8 or 192.0.2.1");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| bad())?)),
            None => (text, None),
        };
        let first = address.parse::<IpAddr>().map_err(|_| bad())?;
        let all = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(all);
        if bits > all { Err(bad()) } else { Ok(Self { first, bits }) }
    }
}

/// The header in which proxies tell where a connection comes from. Only this one is read: of another, a proxy may pass on
/// what anybody wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For: 192.0.2.1`
    #[default]
    XForwardedFor,
    /// `Forwarded: for=192.0.2.1`, of RFC 7239
    Forwarded,
}

/// Proxies before the relay.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// Where they are; none are trusted if it is empty.
    pub trusted: Vec<Network>,
    /// What they write.
    pub header: ForwardedHeader,
}

impl Proxies {
    /// Where a connection from `peer` with these headers comes from.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusts = |address: IpAddr| self.trusted.iter().any(|n| n.contains(address));
        let mut nearest = peer.to_canonical();
        let name = match self.header {
            ForwardedHeader::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            ForwardedHeader::Forwarded => header::FORWARDED,
        };
        let lines: Vec<&str> = headers.get_all(name).iter().map(|v| v.to_str().unwrap_or("")).collect();
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        for hop in hops.take(MOST_HOPS) {
            if !trusts(nearest) {
                break;
            }
            let hop = match self.header {
                ForwardedHeader::XForwardedFor => Some(hop),
                ForwardedHeader::Forwarded => named_for(hop),
            };
            // What a trusted proxy does not name is as near as one gets.
            let Some(address) = hop.and_then(read) else { break };
            nearest = address;
        }
        nearest
    }
}

/// What stands after `for=`.
fn named_for(hop: &str) -> Option<&str> {
    let pairs = hop.split(';').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for")).map(|(_, value)| value).next()
}

/// An address, with or without a port, brackets and quotes.
fn read(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let address = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _)) => v6.parse().ok(),
        None => text.parse().ok().or_else(|| text.split_once(':')?.0.parse().ok()),
    };
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(trusted: &[&str], header: ForwardedHeader) -> Proxies {
        Proxies { trusted: trusted.iter().map(|n| n.parse().unwrap()).collect(), header }
    }

    fn client(proxies: &Proxies, peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_counts() {
        let two = proxies(&["10.0.0.0/8", "192.0.2.1"], ForwardedHeader::XForwardedFor);
        let x = "x-forwarded-for";
        for (peer, lines, expected) in [
            ("10.1.2.3", &[(x, "198.51.100.7")][..], "198.51.100.7"),
            ("10.1.2.3", &[(x, "1.1.1.1, 198.51.100.7")], "198.51.100.7"),
            ("10.1.2.3", &[(x, "1.1.1.1, 198.51.100.7, 192.0.2.1, 10.0.0.9")], "198.51.100.7"),
            ("10.1.2.3", &[(x, "1.1.1.1"), (x, "198.51.100.7")], "198.51.100.7"),
            ("::ffff:10.1.2.3", &[(x, "198.51.100.7:4711")], "198.51.100.7"),
            ("10.1.2.3", &[(x, "[2001:db8::1]:4711")], "2001:db8::1"),
            ("10.1.2.3", &[(x, "2001:db8::1")], "2001:db8::1"),
            // Not a proxy, or one that names nobody.
            ("198.51.100.9", &[(x, "1.1.1.1")], "198.51.100.9"),
            ("192.0.2.2", &[(x, "1.1.1.1")], "192.0.2.2"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &[(x, "1.1.1.1, unknown")], "10.1.2.3"),
            ("10.1.2.3", &[(x, "1.1.1.1, unknown, 192.0.2.1")], "192.0.2.1"),
            ("10.1.2.3", &[(x, "")], "10.1.2.3"),
            // Anybody may write the other header.
            ("10.1.2.3", &[("forwarded", "for=1.1.1.1")], "10.1.2.3"),
        ] {
            assert_eq!(client(&two, peer, lines), expected, "{peer} {lines:?}");
        }
        let none = Proxies::default();
        assert_eq!(client(&none, "127.0.0.1", &[(x, "1.1.1.1")]), "127.0.0.1");
        let long = vec!["10.0.0.1"; 10_000].join(",");
        assert_eq!(client(&two, "10.1.2.3", &[(x, &long)]), "10.0.0.1");
    }

    #[test]
    fn the_header_of_the_rfc_is_read() {
        let one = proxies(&["::1/128", "fd00::/8"], ForwardedHeader::Forwarded);
        for (value, expected) in [
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            ("for=1.1.1.1, For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=192.0.2.43, for=\"[fd00::1]\"", "192.0.2.43"),
            ("for=1.1.1.1, for=_hidden", "::1"),
            ("for=1.1.1.1, proto=https", "::1"),
        ] {
            assert_eq!(client(&one, "::1", &[("forwarded", value)]), expected, "{value}");
        }
        assert_eq!(client(&one, "::1", &[("x-forwarded-for", "1.1.1.1")]), "::1");
    }

    #[test]
    fn networks_are_read() {
        let contains = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        assert!(contains("0.0.0.0/0", "203.0.113.1") && !contains("0.0.0.0/0", "::1"));
        assert!(contains("::/0", "::1") && contains("192.0.2.0/25", "192.0.2.127"));
        assert!(!contains("192.0.2.0/25", "192.0.2.128") && !contains("192.0.2.1", "192.0.2.2"));
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "host", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
