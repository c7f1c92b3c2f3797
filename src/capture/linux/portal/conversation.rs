//! What is said to the portal: a session, what to choose from, the visitor's choice, and where its pictures are.

use crate::capture::RestoreToken;
use crate::error::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use zbus::blocking::{Connection, Proxy, connection};
use zbus::zvariant::{OwnedFd as BusFd, OwnedObjectPath, OwnedValue, Value};

const BUS: &str = "org.freedesktop.portal.Desktop";
const DESKTOP: &str = "/org/freedesktop/portal/desktop";

/// Monitors, of the kinds of sources.
const MONITOR: u32 = 1;
/// The cursor in no picture, or beside them.
const CURSOR_HIDDEN: u32 = 1;
const CURSOR_BESIDE: u32 = 4;
/// The choice stands until the visitor takes it back.
const UNTIL_REVOKED: u32 = 2;
/// Since this version of the portal it can be restored.
const RESTORES: u32 = 4;
/// How long a portal may take for an answer that no person gives.
const ANSWER: Duration = Duration::from_secs(5);

type Options<'a> = HashMap<&'static str, Value<'a>>;
type Results = HashMap<String, OwnedValue>;

/// A session of the portal; dropping it ends it.
pub(super) struct Conversation {
    connection: Connection,
    session: OwnedObjectPath,
    closed: Arc<AtomicBool>,
    /// The number of PipeWire's node.
    pub(super) node: u32,
}

impl Conversation {
    /// Asks the desktop for a monitor on the bus at `address`, or the session's own. A person answers, unless `token` says
    /// what they chose.
    pub(super) fn begin(address: Option<&str>, token: &RestoreToken) -> Result<(Self, OwnedFd)> {
        let connection = match address {
            Some(address) => connection::Builder::address(address),
            None => connection::Builder::session(),
        };
        let connection =
            connection.and_then(|builder| builder.method_timeout(ANSWER).build()).map_err(no_bus)?;
        let cast =
            Proxy::new(&connection, BUS, DESKTOP, "org.freedesktop.portal.ScreenCast").map_err(refused)?;
        let version: u32 = cast.get_property("version").map_err(refused)?;
        let modes: u32 = cast.get_property("AvailableCursorModes").unwrap_or(CURSOR_HIDDEN);

        let mut options = Options::from([("session_handle_token", "panecast".into())]);
        let results = ask(&connection, "created", &mut options, |options| {
            cast.call::<_, _, OwnedObjectPath>("CreateSession", &(options,))
        })?;
        let session = results.get("session_handle").and_then(|v| String::try_from(v.clone()).ok());
        let session = session.and_then(|path| OwnedObjectPath::try_from(path).ok()).ok_or_else(senseless)?;
        let closed = watch(&connection, &session)?;
        let mut conversation = Self { connection, session, closed, node: 0 };
        let (c, session) = (&conversation.connection, &conversation.session);

        let cursor = if modes & CURSOR_BESIDE != 0 { CURSOR_BESIDE } else { CURSOR_HIDDEN };
        let mut options = Options::from([
            ("types", MONITOR.into()),
            ("multiple", false.into()),
            ("cursor_mode", cursor.into()),
        ]);
        let kept = token.kept();
        if version >= RESTORES {
            options.insert("persist_mode", UNTIL_REVOKED.into());
            if let Some(kept) = kept {
                options.insert("restore_token", kept.into());
            }
        }
        ask(c, "selected", &mut options, |options| {
            cast.call::<_, _, OwnedObjectPath>("SelectSources", &(session, options))
        })?;
        let results = ask(c, "started", &mut Options::new(), |options| {
            cast.call::<_, _, OwnedObjectPath>("Start", &(session, "", options))
        })?;
        token.set(results.get("restore_token").and_then(|v| String::try_from(v.clone()).ok()));
        let streams = results.get("streams").and_then(|v| Vec::<(u32, Results)>::try_from(v.clone()).ok());
        let node =
            streams.and_then(|streams| streams.first().map(|(node, _)| *node)).ok_or_else(senseless)?;
        let remote: BusFd = cast.call("OpenPipeWireRemote", &(session, Options::new())).map_err(refused)?;
        conversation.node = node;
        Ok((conversation, remote.into()))
    }

    /// Whether the desktop or the visitor ended it.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let session = Proxy::new(&self.connection, BUS, &self.session, "org.freedesktop.portal.Session");
        // It ends with the connection anyway; so does the thread that listens for its end.
        let _ = session.map(|session| session.call_noreply("Close", &()));
        let _ = self.connection.clone().close();
    }
}

/// Calls a method of the portal and waits for its answer, which comes as a signal of its own.
fn ask(
    c: &Connection,
    name: &'static str,
    options: &mut Options<'_>,
    call: impl FnOnce(&Options<'_>) -> zbus::Result<OwnedObjectPath>,
) -> Result<Results> {
    let own = c.unique_name().ok_or_else(senseless)?.trim_start_matches(':').replace('.', "_");
    let token = format!("panecast_{name}");
    options.insert("handle_token", token.clone().into());
    let path = format!("{DESKTOP}/request/{own}/{token}");
    let request = Proxy::new(c, BUS, path, "org.freedesktop.portal.Request").map_err(refused)?;
    // Before the call: the answer may come before the call returns.
    let mut answers = request.receive_signal("Response").map_err(refused)?;
    call(options).map_err(refused)?;
    let answer =
        answers.next().ok_or_else(|| Error::new(ErrorKind::Closed, "the desktop's portal is gone"))?;
    let (code, results): (u32, Results) = answer.body().deserialize().map_err(|_| senseless())?;
    match code {
        0 => Ok(results),
        1 => Err(Error::new(ErrorKind::Denied, "the visitor said no to the desktop's own question")),
        _ => Err(Error::new(ErrorKind::Closed, "the desktop ended its own question")),
    }
}

/// A flag that is set once the session is closed, by a thread that ends with the connection.
fn watch(c: &Connection, session: &OwnedObjectPath) -> Result<Arc<AtomicBool>> {
    let proxy = Proxy::new_owned(c.clone(), BUS, session.clone(), "org.freedesktop.portal.Session")
        .map_err(refused)?;
    let mut ends = proxy.receive_signal("Closed").map_err(refused)?;
    let closed = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&closed);
    std::thread::Builder::new().name("portal".into()).spawn(move || {
        // Nothing more is heard where the bus is gone, and so is the session.
        let _ = ends.next();
        flag.store(true, Ordering::SeqCst);
    })?;
    Ok(closed)
}

fn no_bus(e: zbus::Error) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this desktop has no portal: no session bus ({e})"))
}

fn senseless() -> Error {
    Error::data("the desktop's portal sent what makes no sense")
}

fn refused(e: zbus::Error) -> Error {
    match e {
        zbus::Error::InputOutput(e) if e.kind() == std::io::ErrorKind::TimedOut => {
            Error::new(ErrorKind::Stalled, "the desktop's portal has not answered")
        }
        zbus::Error::MethodError(..) | zbus::Error::FDO(_) => {
            Error::new(ErrorKind::Unsupported, format!("this desktop's portal shares no screen: {e}"))
        }
        e => Error::new(ErrorKind::Closed, format!("the desktop's portal is gone ({e})")),
    }
}
