//! A tenant's public keys: a JWKS in a file, or at an address.

use crate::tenants::TenantsError;
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often keys are read again at most, when a token names a key that is not among them.
const REREAD: Duration = Duration::from_secs(5);

/// How long keys are believed without reading them again: a key that is taken out ends with that.
const BELIEVED: Duration = Duration::from_secs(60);

/// Most bytes of a JWKS at an address, and how long it may take.
const MOST_BYTES: u64 = 256 << 10;
const FETCHED_WITHIN: Duration = Duration::from_secs(10);

/// Where keys come from, and those of the last time.
pub(crate) enum Jwks {
    File(PathBuf, Mutex<Read>),
    /// A thread fetches them; a word to it asks for that at once.
    Url(Arc<Mutex<Arc<JwkSet>>>, SyncSender<()>),
}

pub(crate) struct Read {
    at: Instant,
    keys: Arc<JwkSet>,
}

impl Jwks {
    /// The keys of a file, which is read again from time to time.
    pub(crate) fn from_file(path: &Path) -> Result<Self, TenantsError> {
        let keys = Arc::new(read(path)?);
        Ok(Self::File(path.to_owned(), Mutex::new(Read { at: Instant::now(), keys })))
    }

    /// The keys at an address (https; http on this machine alone), fetched now and from time to time. An address that does not
    /// answer is tried again.
    ///
    /// # Errors
    /// A sentence, if the address is none.
    pub(crate) fn from_url(url: &str) -> Result<Self, String> {
        if !is_safe(url) {
            return Err("a JWKS comes from https://…, or from http:// on this machine".into());
        }
        let (held, url) = (Arc::new(Mutex::new(Arc::new(JwkSet { keys: Vec::new() }))), url.to_owned());
        let (ask, asked) = sync_channel(1);
        let fetched = store(&held, fetch(&url));
        let keys = held.clone();
        let fetching = move || keep_fetching(&url, &keys, &asked, fetched);
        thread::Builder::new()
            .name("jwks".into())
            .spawn(fetching)
            .map_err(|e| format!("no thread to fetch keys with: {e}"))?;
        Ok(Self::Url(held, ask))
    }

    /// The key of this id, as the keys are now or were a moment ago.
    pub(crate) fn find(&self, id: &str) -> Option<Jwk> {
        match self {
            Self::File(path, held) => {
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                let age = held.at.elapsed();
                if age >= BELIEVED || (age >= REREAD && held.keys.find(id).is_none()) {
                    held.at = Instant::now();
                    match read(path) {
                        Ok(keys) => held.keys = Arc::new(keys),
                        Err(e) => tracing::error!("the keys of before stay: {e}"),
                    }
                }
                held.keys.find(id).cloned()
            }
            Self::Url(held, ask) => {
                let keys = held.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let found = keys.find(id).cloned();
                if found.is_none() {
                    // It is there for the next token.
                    let _ = ask.try_send(());
                }
                found
            }
        }
    }
}

/// The algorithm that a key is for: a public key's, stated by it.
pub(crate) fn pinned(key: &Jwk) -> Option<Algorithm> {
    match key.common.key_algorithm? {
        KeyAlgorithm::RS256 => Some(Algorithm::RS256),
        KeyAlgorithm::PS256 => Some(Algorithm::PS256),
        KeyAlgorithm::ES256 => Some(Algorithm::ES256),
        KeyAlgorithm::EdDSA => Some(Algorithm::EdDSA),
        _ => None,
    }
}

fn parse(text: &[u8]) -> Result<JwkSet, String> {
    let keys: JwkSet = serde_json::from_slice(text).map_err(|e| format!("no JWKS: {e}"))?;
    for key in &keys.keys {
        if key.common.key_id.is_none() || pinned(key).is_none() || DecodingKey::from_jwk(key).is_err() {
            return Err("each key has a kid and an alg of RS256, PS256, ES256, EdDSA".into());
        }
    }
    Ok(keys)
}

fn read(path: &Path) -> Result<JwkSet, TenantsError> {
    let text = fs::read(path).map_err(|e| TenantsError::Io(path.to_owned(), e))?;
    parse(&text).map_err(|what| TenantsError::Wrong(path.to_owned(), what))
}

/// Whether what comes from there is what its owner wrote.
fn is_safe(url: &str) -> bool {
    match url.split_once("://") {
        Some(("https", rest)) => !rest.is_empty(),
        Some(("http", rest)) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            ["127.0.0.1", "localhost", "[::1]"].contains(&name)
        }
        _ => false,
    }
}

/// Fetches keys. Blocks.
fn fetch(url: &str) -> Result<JwkSet, String> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(FETCHED_WITHIN))
        .max_redirects(0)
        .max_redirects_will_error(true)
        .build();
    let mut answer = ureq::Agent::from(config).get(url).call().map_err(|e| e.to_string())?;
    let text = answer.body_mut().with_config().limit(MOST_BYTES).read_to_vec().map_err(|e| e.to_string())?;
    parse(&text)
}

fn store(held: &Mutex<Arc<JwkSet>>, fetched: Result<JwkSet, String>) -> bool {
    match fetched {
        Ok(keys) => {
            *held.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            true
        }
        Err(e) => {
            tracing::error!("a tenant's keys were not fetched, those of before stay: {e}");
            false
        }
    }
}

/// Fetches until nobody can ask any more.
fn keep_fetching(url: &str, held: &Mutex<Arc<JwkSet>>, asked: &Receiver<()>, mut fetched: bool) {
    loop {
        let at = Instant::now();
        let wait = if fetched { BELIEVED } else { REREAD };
        match asked.recv_timeout(wait) {
            Ok(()) => {
                // Tokens with made-up keys must not have it fetch more often.
                if let Some(early) = REREAD.checked_sub(at.elapsed()) {
                    thread::sleep(early);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        fetched = store(held, fetch(url));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    #[test]
    fn only_addresses_that_nobody_on_the_way_can_write_for_are_taken() {
        for good in
            ["https://id.example/keys", "http://127.0.0.1:80/k", "http://localhost", "http://[::1]:9/"]
        {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "",
            "id.example/keys",
            "https://",
            "http://id.example/keys",
            "http://localhost.evil.example/",
            "http://user@evil.example/127.0.0.1",
            "file:///etc/keys",
        ] {
            assert!(!is_safe(bad) && Jwks::from_url(bad).is_err(), "{bad}");
        }
    }

    /// What is made of one answer.
    fn fetched(answer: Vec<u8>) -> Result<JwkSet, String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let serving = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            // One that has read enough hangs up.
            let _ = stream.write_all(&answer);
        });
        let fetched = fetch(&url);
        serving.join().unwrap();
        fetched
    }

    fn ok(body: &str) -> Vec<u8> {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into()
    }

    #[test]
    fn an_answer_is_a_short_jwks_or_nothing() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let key = format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"k1","x":"{x}"}}"#);
        let keys = format!(r#"{{"keys":[{key}]}}"#);
        assert!(fetched(ok(&keys)).unwrap().find("k1").is_some());
        let moved = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
        let padded = format!("{}{keys}", " ".repeat(300 << 10));
        for (bad, why) in [
            (ok("{}"), "no JWKS"),
            (ok(&keys.replace("EdDSA", "HS256")), "alg"),
            (ok(&padded), "too large"),
            (moved.into(), "a redirect"),
            (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_vec(), "an error"),
            (b"nonsense".to_vec(), "no HTTP"),
        ] {
            assert!(fetched(bad).is_err(), "{why}");
        }
    }
}
