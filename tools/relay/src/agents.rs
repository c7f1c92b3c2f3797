//! How a tenant's agents prove who they are: JSON Web Tokens, by a shared secret or by the tenant's public keys.

use crate::jwks::{Jwks, pinned};
use crate::refusal::refusal;
use crate::tenants::TenantsError;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use panecast_protocol::{Refusal, RefusalKind, Who};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use std::{fmt, fs};

/// How far apart the clocks of those who make and check tokens may be, in seconds.
const LEEWAY_S: u64 = 30;

/// Fewest bytes of a shared secret: as many as the MAC has.
const FEWEST_SECRET_BYTES: usize = 32;

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
    Public(Jwks),
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
    pub(crate) fn by_jwks(jwks: Jwks) -> Self {
        Self::new(Keys::Public(jwks))
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
            Keys::Public(jwks) => {
                let id = decode_header(token).ok()?.kid?;
                let key = jwks.find(&id)?;
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

impl fmt::Debug for Agents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agents").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
