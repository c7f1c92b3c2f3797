//! Any gateway for short messages: a POST that it can check.

use crate::message::LinkMessage;
use crate::sender::{LinkSender, SendError, Sending};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Fewest bytes of the secret that both sides have: as many as the MAC has.
const FEWEST_SECRET_BYTES: usize = 32;

/// How long the gateway may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Tries in all, and the wait after the first, which doubles.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Posts each message as JSON: `id`, `to`, `text`, `url`, `tenant`, `expires`.
///
/// Headers: `Idempotency-Key` is the message's id, `Panecast-Timestamp` the second since 1970, `Panecast-Signature` is
/// [`signature`]. A gateway takes the message with any 2xx. Errors of its own (5xx, 429) and of the network are tried again,
/// everything else is final; redirects are not followed.
#[derive(Clone)]
pub struct Webhook {
    url: Arc<str>,
    secret: Arc<[u8]>,
    agent: ureq::Agent,
}

impl Webhook {
    /// Posts to `url` (https; http on this machine alone) and signs by `secret`.
    ///
    /// # Errors
    /// A sentence, if the address or the secret is no use.
    pub fn new(url: &str, secret: &[u8]) -> Result<Self, String> {
        let secret = secret.trim_ascii();
        if secret.len() < FEWEST_SECRET_BYTES {
            return Err(format!(
                "a webhook's secret has {FEWEST_SECRET_BYTES} bytes or more, this one {}",
                secret.len()
            ));
        }
        let host = match url.split_once("://") {
            Some(("https", _)) => None,
            Some(("http", rest)) => Some(rest.split(['/', '?']).next().unwrap_or_default()),
            _ => return Err(format!("`{url}` is no address for a webhook; write https://…")),
        };
        let here = |host: &str| {
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            ["127.0.0.1", "localhost", "[::1]"].contains(&name)
        };
        if host.is_some_and(|host| !here(host)) {
            return Err("links are secrets: a webhook beyond this machine needs https://".into());
        }
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_WITHIN))
            .max_redirects(0)
            .http_status_as_error(false)
            .build();
        Ok(Self { url: url.into(), secret: secret.into(), agent: config.into() })
    }

    /// One try. Blocks.
    fn post(&self, id: &str, body: &[u8], now: SystemTime) -> Result<(), SendError> {
        let timestamp = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let answer = self
            .agent
            .post(&*self.url)
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", id)
            .header("Panecast-Timestamp", timestamp.to_string())
            .header("Panecast-Signature", signature(&self.secret, timestamp, body))
            .send(body);
        match answer {
            // The address may have a token in it: it is not repeated.
            Err(e) => Err(SendError::Unreachable(format!("the gateway does not answer ({e})"))),
            Ok(answer) => match answer.status().as_u16() {
                200..=299 => Ok(()),
                status @ (429 | 500..=599) => {
                    Err(SendError::Unreachable(format!("the gateway fails with status {status}")))
                }
                status => Err(SendError::Refused(format!("the gateway says {status}"))),
            },
        }
    }
}

impl LinkSender for Webhook {
    fn send<'a>(&'a self, message: &'a LinkMessage) -> Sending<'a> {
        Box::pin(async move {
            let body: Arc<[u8]> =
                serde_json::to_vec(message).map_err(|e| SendError::Refused(e.to_string()))?.into();
            let mut wait = FIRST_WAIT;
            for tries in 1.. {
                let (this, body, id) = (self.clone(), body.clone(), message.id.clone());
                let posted = tokio::task::spawn_blocking(move || this.post(&id, &body, SystemTime::now()));
                let result = posted.await.unwrap_or_else(|e| Err(SendError::Unreachable(e.to_string())));
                match result {
                    Err(SendError::Unreachable(why)) if tries < TRIES => {
                        tracing::warn!("a link is tried again: {why}");
                        tokio::time::sleep(wait).await;
                        wait *= 2;
                    }
                    result => return result,
                }
            }
            Ok(())
        })
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").finish_non_exhaustive()
    }
}

/// What a gateway compares: `v1=` and HMAC-SHA-256, in hex, under the shared secret, over the timestamp, a full stop and
/// the body. A timestamp that is minutes old is somebody's replay.
#[must_use]
pub fn signature(secret: &[u8], timestamp: u64, body: &[u8]) -> String {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let code: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl dgst -sha256 -hmac`.
    #[test]
    fn a_signature_is_what_other_programs_make() {
        let code = signature(b"Jefe-Jefe-Jefe-Jefe-Jefe-Jefe-Jefe", 1_700_000_000, b"{\"to\":\"+4915\"}");
        assert_eq!(code, "v1=7a63ec311a89173a8867ddbc3fbdd06d00e6d3f51b8c0458483c40d94a2c68b4");
    }

    #[test]
    fn links_leave_this_machine_encrypted() {
        let secret = [7_u8; 32];
        for url in
            ["https://gateway.example/x", "http://127.0.0.1:9/x", "http://localhost:9", "http://[::1]:9/"]
        {
            assert!(Webhook::new(url, &secret).is_ok(), "{url}");
        }
        for url in ["http://gateway.example", "gateway.example", "ftp://x", "http://127.0.0.1.evil.example/"]
        {
            assert!(Webhook::new(url, &secret).is_err(), "{url}");
        }
        assert!(Webhook::new("https://gateway.example", b"short").is_err());
    }
}
