//! What a phone is sent.

use crate::number::PhoneNumber;
use panecast_protocol::tenant_query;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long the agent waits for a link to be opened.
pub const LINK_LASTS: Duration = Duration::from_secs(30 * 60);

/// Letters and digits of a link's secret.
const SECRET_CHARS: usize = 26;

/// Most characters of an agent's name in a message.
const MOST_NAME_CHARS: usize = 48;

/// One message with a link.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct LinkMessage {
    /// The same for the same link, whoever sends it again.
    pub id: String,
    /// To whom, as E.164 writes it.
    pub to: String,
    /// What a person reads, the link in it.
    pub text: String,
    /// The link.
    pub url: String,
    /// Whose agent asked for it.
    pub tenant: String,
    /// The second since 1970 from which on nobody waits for it.
    pub expires: u64,
}

impl LinkMessage {
    /// `name` asks to see a camera; `now` is when.
    #[must_use]
    pub fn new(to: &PhoneNumber, url: &str, tenant: &str, name: &str, now: SystemTime) -> Self {
        let name = readable(name);
        let who = if name.is_empty() { "Your support agent" } else { &name };
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            id: id_of(url),
            to: to.to_string(),
            text: format!("{who} asks to see your camera. You can say no. The link works once: {url}"),
            url: url.to_owned(),
            tenant: tenant.to_owned(),
            expires: (since + LINK_LASTS).as_secs(),
        }
    }

    /// The fragment's `#` and what follows it do not belong in a log.
    fn place(&self) -> &str {
        self.url.split('#').next().unwrap_or_default()
    }
}

impl fmt::Debug for LinkMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkMessage")
            .field("id", &self.id)
            .field("url", &self.place())
            .finish_non_exhaustive()
    }
}

/// The id of a message: nothing of the link can be told from it.
fn id_of(url: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"panecast link message");
    hash.update(url.as_bytes());
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A name without what would make it something else: no control characters, no addresses.
fn readable(name: &str) -> String {
    let plain = |c: &char| {
        !c.is_control()
            && !matches!(c, '/' | ':' | '@' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let words: String = name.chars().filter(plain).take(MOST_NAME_CHARS).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ").replace('.', " ").trim().to_owned()
}

/// Whether `url` is a camera's link of this tenant at one of these pages: a service that sent any address would be a
/// spammer's.
#[must_use]
pub(crate) fn is_camera_link(url: &str, pages: &[String], tenant: &str) -> bool {
    let Some((place, secret)) = url.split_once('#') else { return false };
    let camera = format!("/camera{}", tenant_query(tenant));
    let ours = pages.iter().any(|page| place.strip_prefix(page.trim_end_matches('/')) == Some(&camera));
    ours && secret.len() == SECRET_CHARS
        && secret.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://relay.example/camera#0123456789abcdefghjkmnpqrs";

    #[test]
    fn a_message_says_who_asks_and_until_when() {
        let to: PhoneNumber = "+4915123456789".parse().unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let message = LinkMessage::new(&to, URL, "shop", "Ada", now);
        assert_eq!(message.expires, 1000 + 1800);
        assert!(message.text.starts_with("Ada asks") && message.text.ends_with(URL));
        assert_eq!(LinkMessage::new(&to, URL, "shop", "Bob", now).id, message.id);
        assert!(!format!("{message:?}").contains("0123456789abc"));
        let nameless = LinkMessage::new(&to, URL, "shop", " \n", now);
        assert!(nameless.text.starts_with("Your support agent asks"));
    }

    #[test]
    fn a_name_brings_no_second_link() {
        assert_eq!(readable("Visit https://evil.example/x\u{202e} now"), "Visit httpsevil examplex now");
        assert_eq!(readable(&"a".repeat(100)).len(), MOST_NAME_CHARS);
    }

    #[test]
    fn only_links_to_the_camera_page_are_sent() {
        let pages = ["https://relay.example".to_owned(), "http://127.0.0.1:7700/".to_owned()];
        assert!(is_camera_link(URL, &pages, "default"));
        assert!(is_camera_link("http://127.0.0.1:7700/camera#0123456789abcdefghjkmnpqrs", &pages, "default"));
        for url in [
            "https://relay.example/camera",
            "https://relay.example/camera#short",
            "https://relay.example/camera#0123456789abcdefghjkmnpqrst",
            "https://relay.example/camera#0123456789abcdefghjkmnpq<s",
            "https://relay.example.evil.example/camera#0123456789abcdefghjkmnpqrs",
            "https://relay.example/other#0123456789abcdefghjkmnpqrs",
            "https://evil.example/camera#0123456789abcdefghjkmnpqrs",
            "https://relay.example@evil.example/camera#0123456789abcdefghjkmnpqrs",
        ] {
            assert!(!is_camera_link(url, &pages, "default"), "{url}");
        }
    }

    #[test]
    fn only_links_into_the_asker_s_tenant_are_sent() {
        let pages = ["https://relay.example".to_owned()];
        let to = |query: &str| format!("https://relay.example/camera{query}#0123456789abcdefghjkmnpqrs");
        assert!(is_camera_link(&to("?tenant=shop"), &pages, "shop"));
        assert!(is_camera_link(&to("?tenant=a%26b%20c"), &pages, "a&b c"));
        for query in [
            "",
            "?tenant=bank",
            "?tenant=shop&tenant=bank",
            "?tenant=shop&x=1",
            "?x=1&tenant=shop",
            "?tenant=%73hop",
            "?tenant=",
            "/?tenant=shop",
        ] {
            assert!(!is_camera_link(&to(query), &pages, "shop"), "{query}");
        }
        assert!(!is_camera_link(&to("?tenant=default"), &pages, "default"), "a name has one form");
    }
}
