//! Which relay, by whose certificates, for which tenant, as whom.

use crate::failure::Failure;
use crate::link::RelayUrl;
use crate::output::is_standard;
use crate::pulse::Learnt;
use crate::sources::printable;
use panecast_protocol::{DEFAULT_TENANT, is_tenant_name};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Most bytes of a token, as the relay's first message can hold it.
const MOST_TOKEN_BYTES: u64 = 16 << 10;

#[derive(Debug, clap::Args)]
pub(crate) struct AccessArgs {
    /// The relay's address: https:// or, on this machine or behind a tunnel, http://
    #[arg(long, value_name = "URL")]
    relay: Option<RelayUrl>,
    /// PEM file with certificates to trust besides the public ones
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// Whose visitors and agents these are, as the relay calls it [default: default]
    #[arg(long, value_name = "NAME", value_parser = tenant_name)]
    tenant: Option<String>,
    /// File with a token (JWT) where the tenant asks for one; read again for each connection
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
}

impl AccessArgs {
    /// What they mean; the files are looked at, so that a mistake is told at once.
    pub(crate) fn access(self) -> Result<Access, Failure> {
        let Self { relay, tls_ca, tenant, token } = self;
        let relay = relay.ok_or_else(|| {
            Failure::usage(
                "the relay's address is missing",
                "name it: --relay https://HOST or http://127.0.0.1:7700",
            )
        })?;
        let tls = client_config(tls_ca.as_deref())?;
        let tenant = tenant.unwrap_or_else(|| DEFAULT_TENANT.to_owned());
        let access = Access { url: relay, tls, tenant, token, learnt: Arc::default() };
        access.token()?;
        Ok(access)
    }

    /// The same where a link leads: at its relay, in its tenant.
    pub(crate) fn at(self, relay: RelayUrl, tenant: &str) -> Result<Self, Failure> {
        if self.relay.as_ref().is_some_and(|named| *named != relay) {
            let what = format!("the link is for {}", relay.name());
            return Err(Failure::usage(what, "leave --relay out: the link has it"));
        }
        if self.tenant().is_some_and(|named| named != tenant) {
            let what = format!("the link is for the tenant {}", printable(tenant));
            return Err(Failure::usage(what, "leave --tenant out: the link has it"));
        }
        Ok(Self { relay: Some(relay), ..self }.for_tenant(tenant))
    }

    /// The tenant, if it was named.
    pub(crate) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The same for another tenant.
    pub(crate) fn for_tenant(self, tenant: &str) -> Self {
        Self { tenant: Some(tenant.to_owned()), ..self }
    }
}

/// How to reach a relay.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) url: RelayUrl,
    pub(crate) tls: Arc<ClientConfig>,
    pub(crate) tenant: String,
    token: Option<PathBuf>,
    pub(crate) learnt: Arc<Learnt>,
}

impl Access {
    /// A relay that asks for nothing.
    pub(crate) fn open(url: RelayUrl) -> Result<Self, Failure> {
        let (tls, tenant) = (client_config(None)?, DEFAULT_TENANT.to_owned());
        Ok(Self { url, tls, tenant, token: None, learnt: Arc::default() })
    }

    /// The token as the file has it now: whoever renews it writes it there.
    pub(crate) fn token(&self) -> Result<Option<String>, Failure> {
        self.token.as_deref().map(read_token).transpose()
    }
}

fn tenant_name(text: &str) -> Result<String, String> {
    if is_tenant_name(text) {
        Ok(text.to_owned())
    } else {
        Err("a tenant's name has 1 to 255 bytes".to_owned())
    }
}

fn read_token(path: &Path) -> Result<String, Failure> {
    let advice = "name a file that holds the token alone, such as eyJhbGciOi…";
    let failed = |e: std::io::Error| Failure::from(e).about(path.display()).with_next(advice);
    let mut text = String::new();
    if is_standard(path) {
        return Err(Failure::usage("a token is read from a file, again for each connection", advice));
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MOST_TOKEN_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    let token = text.trim();
    let sound = token.len() as u64 <= MOST_TOKEN_BYTES
        && token.split('.').count() == 3
        && !token.contains(char::is_whitespace);
    if sound {
        Ok(token.to_owned())
    } else {
        Err(Failure::new(format!("{} holds no token", path.display()), advice))
    }
}

/// Trusts the public certificate authorities, and those of a file.
fn client_config(more: Option<&Path>) -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = more {
        let failed = |e: &dyn std::fmt::Display| {
            let next = "name a PEM file with the certificate of the relay, or of who issued it";
            Failure::new(format!("{}: {e}", path.display()), next)
        };
        let found: Vec<_> =
            CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|e| failed(&e))?;
        if found.is_empty() {
            return Err(failed(&"it holds no certificate"));
        }
        for certificate in found {
            roots.add(certificate).map_err(|e| failed(&e))?;
        }
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| Failure::new(e.to_string(), "report it: this build has no TLS"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // WebSockets need HTTP/1.1.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
