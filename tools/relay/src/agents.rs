//! How a tenant's agents prove who they are: JSON Web Tokens, by a shared secret or by the tenant's public keys.

use crate::refusal::refusal;
use crate::tenants::TenantsError;
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use panecast_protocol::{Refusal, RefusalKind, Who};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, fs};

/// How far apart the clocks of those who make and check tokens may be, in seconds.
const LEEWAY_S: u64 = 30;

/// Fewest bytes of a shared secret: as many as the MAC has.
const FEWEST_SECRET_BYTES: usize = 32;

/// How often a file of keys is read again at most, when a token names a key that is not in it.
const REREAD: Duration = Duration::from_secs(5);

/// How long a file of keys is believed without reading it again: a key that is taken out ends with that.
const BELIEVED: Duration = Duration::from_secs(60);

/// Most bytes of a person's id and name.
const MOST_ID_BYTES: usize = 256;

/// How a tenant's agents are known.
pub(crate) struct Agents {
    tenant: Arc<str>,
    issuer: Option<String>,
    audience: Option<String>,
    keys: Keys,
}

enum Keys {
    Secret(DecodingKey),
    Jwks(PathBuf, Mutex<Read>),
}

struct Read {
    at: Instant,
    keys: Arc<JwkSet>,
}

#[derive(Deserialize)]
struct Claims {
    tenant: String,
    sub: String,
    #[serde(default)]
    name: String,
}

impl Agents {
    /// By a secret that the tenant and the relay share (HS256).
    pub(crate) fn by_secret(path: &Path) -> Result<Self, TenantsError> {
        let secret = fs::read(path).map_err(|e| TenantsError::Io(path.to_owned(), e))?;
        let secret = secret.trim_ascii_end();
        if secret.len() < FEWEST_SECRET_BYTES {
            let what = format!("a secret has {FEWEST_SECRET_BYTES} bytes or more, this one {}", secret.len());
            return Err(TenantsError::Wrong(path.to_owned(), what));
        }
        Ok(Self::new(Keys::Secret(DecodingKey::from_secret(secret))))
    }

    /// By the public keys of a JWKS; each names its algorithm.
    pub(crate) fn by_jwks(path: &Path) -> Result<Self, TenantsError> {
        let keys = Arc::new(read(path)?);
        Ok(Self::new(Keys::Jwks(path.to_owned(), Mutex::new(Read { at: Instant::now(), keys }))))
    }

    fn new(keys: Keys) -> Self {
        Self { tenant: "".into(), issuer: None, audience: None, keys }
    }

    /// For this tenant; with what else its tokens must say.
    pub(crate) fn of(self, tenant: Arc<str>, issuer: Option<String>, audience: Option<String>) -> Self {
        Self { tenant, issuer, audience, ..self }
    }

    /// Who has this token.
    pub(crate) fn check(&self, token: &str) -> Result<Who, Refusal> {
        self.claims(token)
            .ok_or_else(|| refusal(RefusalKind::NotAllowed, "the token is not valid here, or not any more"))
    }

    fn claims(&self, token: &str) -> Option<Who> {
        let (key, algorithm) = match &self.keys {
            Keys::Secret(secret) => (secret.clone(), Algorithm::HS256),
            Keys::Jwks(path, read) => {
                let id = decode_header(token).ok()?.kid?;
                let key = find(path, read, &id)?;
                (DecodingKey::from_jwk(&key).ok()?, pinned(&key)?)
            }
        };
        // The algorithm is the key's, never the token's own choice.
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        let mut needed = vec!["exp", "sub"];
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            needed.push("iss");
        }
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                needed.push("aud");
            }
            None => validation.validate_aud = false,
        }
        validation.set_required_spec_claims(&needed);
        let Claims { tenant, sub, name } = decode::<Claims>(token, &key, &validation).ok()?.claims;
        let short = (1..=MOST_ID_BYTES).contains(&sub.len()) && name.len() <= MOST_ID_BYTES;
        (short && *tenant == *self.tenant).then_some(Who { id: sub, name })
    }
}

/// The algorithm that a key is for: a public key's, stated by it.
fn pinned(key: &Jwk) -> Option<Algorithm> {
    match key.common.key_algorithm? {
        KeyAlgorithm::RS256 => Some(Algorithm::RS256),
        KeyAlgorithm::PS256 => Some(Algorithm::PS256),
        KeyAlgorithm::ES256 => Some(Algorithm::ES256),
        KeyAlgorithm::EdDSA => Some(Algorithm::EdDSA),
        _ => None,
    }
}

fn read(path: &Path) -> Result<JwkSet, TenantsError> {
    let text = fs::read(path).map_err(|e| TenantsError::Io(path.to_owned(), e))?;
    let wrong = |what: String| TenantsError::Wrong(path.to_owned(), what);
    let keys: JwkSet = serde_json::from_slice(&text).map_err(|e| wrong(format!("no JWKS: {e}")))?;
    for key in &keys.keys {
        if key.common.key_id.is_none() || pinned(key).is_none() || DecodingKey::from_jwk(key).is_err() {
            return Err(wrong("each key has a kid and an alg of RS256, PS256, ES256, EdDSA".into()));
        }
    }
    Ok(keys)
}

/// The key of this id, from the file as it is now or was a moment ago.
fn find(path: &Path, held: &Mutex<Read>, id: &str) -> Option<Jwk> {
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

impl fmt::Debug for Agents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agents").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
