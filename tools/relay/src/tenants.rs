//! Whose customers and agents a relay serves.

use crate::rooms::refusal;
use panecast_protocol::{DEFAULT_TENANT, Door, Refusal, RefusalKind, Who};
use std::collections::HashMap;
use std::sync::Arc;

/// All tenants of a relay.
#[derive(Clone, Debug)]
pub struct Tenants {
    all: HashMap<Arc<str>, Arc<Tenant>>,
}

/// One tenant.
#[derive(Debug)]
pub(crate) struct Tenant {
    name: Arc<str>,
    rooms: usize,
}

impl Default for Tenants {
    /// One tenant that asks nobody who they are, for development.
    fn default() -> Self {
        let name: Arc<str> = DEFAULT_TENANT.into();
        let tenant = Tenant { name: name.clone(), rooms: usize::MAX };
        Self { all: HashMap::from([(name, Arc::new(tenant))]) }
    }
}

impl Tenants {
    /// The tenant of this name.
    pub(crate) fn find(&self, name: &str) -> Result<&Tenant, Refusal> {
        let unknown = || refusal(RefusalKind::NotAllowed, "this relay does not know the tenant");
        self.all.get(name).map(|t| &**t).ok_or_else(unknown)
    }
}

impl Tenant {
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Most rooms at a time.
    pub(crate) fn rooms(&self) -> usize {
        self.rooms
    }

    /// Whether somebody with this token may have a room.
    pub(crate) fn host(&self, _token: Option<&str>) -> Result<(), Refusal> {
        Ok(())
    }

    /// Who it is that knocks at `door`, or comes back where there is none.
    pub(crate) fn joiner(&self, _token: Option<&str>, _door: Option<&Door>) -> Result<Option<Who>, Refusal> {
        Ok(None)
    }
}
