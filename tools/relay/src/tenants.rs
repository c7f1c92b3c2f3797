//! Whose customers and agents a relay serves.

use crate::agents::Agents;
use crate::jwks::Jwks;
use crate::quota::{Pace, Quota};
use crate::refusal::refusal;
use panecast_protocol::{DEFAULT_TENANT, Door, Refusal, RefusalKind, Who, is_tenant_name};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs, io};
use tokio::time::Instant;

/// All tenants of a relay.
#[derive(Clone, Debug)]
pub struct Tenants {
    all: HashMap<Arc<str>, Arc<Tenant>>,
    open: bool,
}

/// One tenant.
#[derive(Debug)]
pub(crate) struct Tenant {
    name: Arc<str>,
    rooms: usize,
    hosts_need_token: bool,
    keys_need_token: bool,
    agents: Option<Agents>,
    quota: Option<Quota>,
    room_bits: Option<f64>,
}

impl Default for Tenants {
    /// One tenant that asks nobody who they are, for development.
    fn default() -> Self {
        let name: Arc<str> = DEFAULT_TENANT.into();
        let tenant = Tenant {
            name: name.clone(),
            rooms: usize::MAX,
            hosts_need_token: false,
            keys_need_token: false,
            agents: None,
            quota: None,
            room_bits: None,
        };
        Self { all: HashMap::from([(name, Arc::new(tenant))]), open: true }
    }
}

/// The file of `--tenants`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    tenants: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    rooms: Option<usize>,
    #[serde(default)]
    hosts_need_token: bool,
    #[serde(default)]
    keys_need_token: bool,
    secret_file: Option<PathBuf>,
    jwks_file: Option<PathBuf>,
    jwks_url: Option<String>,
    issuer: Option<String>,
    audience: Option<String>,
    bytes_a_day: Option<u64>,
    room_mbit: Option<f64>,
}

/// Why the file of `--tenants` is no use.
#[derive(Debug)]
pub enum TenantsError {
    /// A file cannot be read.
    Io(PathBuf, io::Error),
    /// A file says something that makes no sense; the sentence says what.
    Wrong(PathBuf, String),
}

impl fmt::Display for TenantsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, e) => write!(f, "cannot read {}: {e}", path.display()),
            Self::Wrong(path, what) => write!(f, "{}: {what}", path.display()),
        }
    }
}

impl std::error::Error for TenantsError {}

impl Tenants {
    /// The tenants of a file (docs/relay.md has its form). Paths in it start at its folder.
    ///
    /// # Errors
    /// If the file, or one that it names, cannot be read or makes no sense.
    pub fn from_file(path: &Path) -> Result<Self, TenantsError> {
        let text = fs::read_to_string(path).map_err(|e| TenantsError::Io(path.to_owned(), e))?;
        let wrong = |what: String| TenantsError::Wrong(path.to_owned(), what);
        let file: File = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        if file.tenants.is_empty() {
            return Err(wrong("it has no tenants".into()));
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut all = HashMap::new();
        for (name, entry) in file.tenants {
            if !is_tenant_name(&name) {
                return Err(wrong("a tenant's name has 1 to 255 bytes and no control characters".into()));
            }
            let by_url = |url: &str| Jwks::from_url(url).map_err(|e| wrong(format!("{name}: {e}")));
            let agents = match (&entry.secret_file, &entry.jwks_file, &entry.jwks_url) {
                (Some(secret), None, None) => Some(Agents::by_secret(&folder.join(secret))?),
                (None, Some(jwks), None) => Some(Agents::by_jwks(Jwks::from_file(&folder.join(jwks))?)),
                (None, None, Some(url)) => Some(Agents::by_jwks(by_url(url)?)),
                (None, None, None) => None,
                _ => {
                    return Err(wrong(format!(
                        "{name} has both a secret and a JWKS, or two of them; one will do"
                    )));
                }
            };
            if agents.is_none() && (entry.hosts_need_token || entry.keys_need_token) {
                return Err(wrong(format!("{name} needs tokens and has nothing to check them by")));
            }
            if entry.room_mbit.is_some_and(|mbit| !(0.01..=100_000.0).contains(&mbit)) {
                return Err(wrong(format!("{name}: room-mbit is 0.01 to 100000")));
            }
            let name: Arc<str> = name.into();
            let tenant = Tenant {
                rooms: entry.rooms.unwrap_or(usize::MAX),
                hosts_need_token: entry.hosts_need_token,
                keys_need_token: entry.keys_need_token,
                agents: agents.map(|a| a.of(name.clone(), entry.issuer, entry.audience)),
                quota: entry.bytes_a_day.map(Quota::new),
                room_bits: entry.room_mbit.map(|mbit| mbit * 1e6),
                name: name.clone(),
            };
            all.insert(name, Arc::new(tenant));
        }
        let open = all.values().any(|t| t.agents.is_none());
        Ok(Self { all, open })
    }

    /// The tenant of this name.
    pub(crate) fn find(&self, name: &str) -> Result<&Arc<Tenant>, Refusal> {
        let unknown = || refusal(RefusalKind::NotAllowed, "this relay does not know the tenant");
        self.all.get(name).ok_or_else(unknown)
    }

    /// The agent of a tenant who has this token; `None` where the tenant asks nobody who they are.
    ///
    /// # Errors
    /// A refusal, if the tenant is unknown, or its agents are known and this is none of their tokens.
    pub fn agent(&self, tenant: &str, token: Option<&str>) -> Result<Option<Who>, Refusal> {
        self.find(tenant)?.check(token, true)
    }

    /// Whether some tenant asks nobody who they are.
    #[must_use]
    pub fn open(&self) -> bool {
        self.open
    }
}

impl Tenant {
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Counts payload that was passed on between its hosts and joiners; with no bytes, it only asks.
    ///
    /// # Errors
    /// A refusal once it has used up what it may have in a day.
    pub(crate) fn spend(&self, bytes: u64) -> Result<(), Refusal> {
        self.quota.as_ref().map_or(Ok(()), |quota| quota.spend(bytes, Instant::now()))
    }

    /// What each of its rooms is held to.
    pub(crate) fn pace(&self) -> Option<Pace> {
        self.room_bits.map(Pace::new)
    }

    /// Most rooms at a time.
    pub(crate) fn rooms(&self) -> usize {
        self.rooms
    }

    /// Whether somebody with this token may have a room.
    pub(crate) fn host(&self, token: Option<&str>) -> Result<(), Refusal> {
        self.check(token, self.hosts_need_token).map(drop)
    }

    /// Who it is that knocks at `door`, or comes back where there is none. At a presence stands a person who did not
    /// ask for anybody: only the tenant's agents may knock there.
    pub(crate) fn joiner(&self, token: Option<&str>, door: Option<&Door>) -> Result<Option<Who>, Refusal> {
        self.check(
            token,
            match door {
                Some(Door::Presence { .. }) => true,
                Some(Door::Key { .. }) => self.keys_need_token,
                Some(Door::Link { .. }) | None => false,
            },
        )
    }

    /// Who it is that watches doors: nobody by name without a token, who may watch links alone.
    pub(crate) fn lookout(&self, token: Option<&str>) -> Result<Option<Who>, Refusal> {
        self.check(token, false)
    }

    /// Whether it knows its agents, who alone may knock at presences and watch them.
    pub(crate) fn knows_agents(&self) -> bool {
        self.agents.is_some()
    }

    fn check(&self, token: Option<&str>, needed: bool) -> Result<Option<Who>, Refusal> {
        match (&self.agents, token) {
            (None, _) => Ok(None),
            (Some(agents), Some(token)) => agents.check(token).map(Some),
            (Some(_), None) if needed => Err(refusal(RefusalKind::NotAllowed, "this needs an agent's token")),
            (Some(_), None) => Ok(None),
        }
    }
}
