//! A connection to a PipeWire daemon: its thread, and what the registry tells of nodes.
#![allow(unsafe_code)]

use super::library::{
    CoreEvents, CoreMethods, Dict, DictItem, Functions, Hook, Interface, NodeEvents, NodeMethods, Object,
    RegistryEvents, RegistryMethods, library,
};
use super::{format, pod};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Size;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::os::fd::{IntoRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest that an answer of the daemon is waited for.
pub(super) const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// Most nodes that are kept, and bytes of one of their texts.
const MOST_NODES: usize = 4096;
const MOST_TEXT: usize = 512;

/// The core's own number.
const CORE: u32 = 0;
/// Versions of the interfaces that are called.
const REGISTRY_VERSION: u32 = 3;
const LINK_VERSION: u32 = 3;
const NODE_VERSION: u32 = 3;

/// What is known of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipeNode {
    /// Its number, as long as it lives.
    pub id: u32,
    /// Its stable name.
    pub name: String,
    /// What a person calls it.
    pub description: String,
    /// `Video/Source` for cameras.
    pub class: String,
    /// `Camera`, where it says so.
    pub role: String,
    /// The device file behind it, where that is V4L2's.
    pub device: Option<String>,
    /// `front` or `back`, where it is known.
    pub location: Option<String>,
    /// The largest size that it offers, and most pictures a second; only in [`nodes`].
    pub largest: Option<(Size, u32)>,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) nodes: BTreeMap<u32, PipeNode>,
    /// Somebody is there who links streams to nodes.
    pub(super) manager: bool,
    /// The last answer to a question.
    done: Option<c_int>,
    /// The daemon is gone.
    pub(super) failure: Option<String>,
}

/// What the callbacks write.
#[derive(Default)]
pub(super) struct Shared {
    world: Mutex<World>,
    changed: Condvar,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// A core with its thread.
pub(super) struct Connection {
    pub(super) functions: &'static Functions,
    /// *Safety invariant* of the four: alive until `drop`, which stops the thread before it destroys them, in order.
    thread: Object,
    context: Object,
    pub(super) core: Object,
    registry: Object,
    /// Linked into lists of the library's: boxed, and alive as long as these.
    _hooks: Box<[Hook; 2]>,
    pub(super) shared: Arc<Shared>,
}

// SAFETY: the library's objects may be used from any thread while its loop is locked, as all methods do.
unsafe impl Send for Connection {}

static CORE_EVENTS: CoreEvents = CoreEvents {
    version: 0,
    info: None,
    done: Some(on_done),
    ping: None,
    error: Some(on_error),
    remove_id: None,
    bound_id: None,
    add_mem: None,
    remove_mem: None,
};

static REGISTRY_EVENTS: RegistryEvents =
    RegistryEvents { version: 0, global: Some(on_global), global_remove: Some(on_removed) };

static NODE_EVENTS: NodeEvents = NodeEvents { version: 0, info: None, param: Some(on_param) };

impl Connection {
    /// Connects through `fd`, as the portal gives it, or to the daemon of the session.
    ///
    /// # Errors
    /// - [`ErrorKind::Unsupported`] if PipeWire is not installed.
    /// - [`ErrorKind::NotFound`] if no daemon runs.
    pub(super) fn open(fd: Option<OwnedFd>) -> Result<Self> {
        let functions = library()?;
        let shared = Arc::new(Shared::default());
        let data = Arc::as_ptr(&shared).cast_mut().cast::<c_void>();
        let mut hooks = Box::new([Hook::EMPTY; 2]);
        let hook = hooks.as_mut_ptr();
        // SAFETY: the calls are in the order of the library's own examples. What fails gives null, and what was made
        // before is then destroyed. `data` is alive as long as `shared`, which is dropped after the thread has ended.
        unsafe {
            let thread = (functions.pw_thread_loop_new)(c"panecast-pipewire".as_ptr(), null());
            if thread.is_null() {
                return Err(Error::new(ErrorKind::Io, "PipeWire starts no thread"));
            }
            let context =
                (functions.pw_context_new)((functions.pw_thread_loop_get_loop)(thread), null_mut(), 0);
            let core = match fd {
                _ if context.is_null() => null_mut(),
                Some(fd) => (functions.pw_context_connect_fd)(context, fd.into_raw_fd(), null_mut(), 0),
                None => (functions.pw_context_connect)(context, null_mut(), 0),
            };
            let mut connection =
                Self { functions, thread, context, core, registry: null_mut(), _hooks: hooks, shared };
            if connection.core.is_null() {
                return Err(Error::new(ErrorKind::NotFound, "no PipeWire daemon runs in this session"));
            }
            let (methods, object) = methods::<CoreMethods>(core);
            if let Some(listen) = methods.add_listener {
                listen(object, hook, &CORE_EVENTS, data);
            }
            if let Some(registry) = methods.registry {
                connection.registry = registry(object, REGISTRY_VERSION, 0);
            }
            if !connection.registry.is_null() {
                let (methods, object) = self::methods::<RegistryMethods>(connection.registry);
                if let Some(listen) = methods.add_listener {
                    listen(object, hook.add(1), &REGISTRY_EVENTS, data);
                }
            }
            if (functions.pw_thread_loop_start)(thread) < 0 {
                return Err(Error::new(ErrorKind::Io, "PipeWire starts no thread"));
            }
            Ok(connection)
        }
    }

    /// Calls `work` while the library's thread stands still.
    pub(super) fn locked<T>(&self, work: impl FnOnce(&Functions) -> T) -> T {
        // SAFETY: the invariant of `thread`; `open` never calls this on the thread itself.
        unsafe { (self.functions.pw_thread_loop_lock)(self.thread) };
        let result = work(self.functions);
        // SAFETY: it was locked above.
        unsafe { (self.functions.pw_thread_loop_unlock)(self.thread) };
        result
    }

    /// Waits until the daemon has answered all that was asked before.
    ///
    /// # Errors
    /// - [`ErrorKind::Stalled`] if it does not within a second, [`ErrorKind::Closed`] if it is gone.
    pub(super) fn round_trip(&self) -> Result<()> {
        let sequence = self.locked(|_| {
            // SAFETY: the invariant of `core`.
            unsafe {
                let (methods, object) = methods::<CoreMethods>(self.core);
                methods.sync.map(|sync| sync(object, CORE, 0))
            }
        });
        let begun = Instant::now();
        let mut world = self.shared.lock();
        while world.done != sequence {
            if let Some(why) = &world.failure {
                return Err(Error::new(ErrorKind::Closed, format!("the PipeWire daemon is gone: {why}")));
            }
            let left = ANSWERS_WITHIN.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(Error::new(ErrorKind::Stalled, "the PipeWire daemon does not answer"));
            }
            world = self.shared.changed.wait_timeout(world, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Asks for a link between two nodes, where nobody else makes one; it ends with the connection.
    pub(super) fn link(&self, from: u32, to: u32) -> Object {
        let numbers = [from, to].map(|id| CString::new(id.to_string()).unwrap_or_default());
        let items = [
            DictItem { key: c"link.output.node".as_ptr(), value: numbers[0].as_ptr() },
            DictItem { key: c"link.input.node".as_ptr(), value: numbers[1].as_ptr() },
        ];
        let dict = Dict { flags: 0, n_items: 2, items: items.as_ptr() };
        self.locked(|_| {
            // SAFETY: the invariant of `core`; the strings end with a zero and are copied.
            unsafe {
                let (methods, object) = methods::<CoreMethods>(self.core);
                methods.create_object.map_or(null_mut(), |create| {
                    create(
                        object,
                        c"link-factory".as_ptr(),
                        c"PipeWire:Interface:Link".as_ptr(),
                        LINK_VERSION,
                        &dict,
                        0,
                    )
                })
            }
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let f = self.functions;
        // SAFETY: the invariant of the four; after the thread has stopped nothing is called back.
        unsafe {
            (f.pw_thread_loop_stop)(self.thread);
            if !self.core.is_null() {
                (f.pw_core_disconnect)(self.core);
            }
            if !self.context.is_null() {
                (f.pw_context_destroy)(self.context);
            }
            (f.pw_thread_loop_destroy)(self.thread);
        }
    }
}

/// The methods of a proxy, and the object that they are called with.
///
/// # Safety
/// `proxy` is a live proxy of an interface whose methods are `M`.
unsafe fn methods<'a, M>(proxy: Object) -> (&'a M, Object) {
    // SAFETY: a proxy begins with its interface, whose methods are a static table of the library's.
    unsafe {
        let interface = &*proxy.cast::<Interface>();
        (&*interface.methods.cast::<M>(), interface.data)
    }
}

/// Calls `work` on what `data` points to. No panic reaches the library.
fn called<T>(data: Object, work: impl FnOnce(&T)) {
    // SAFETY: listeners are added with a pointer to a `T` that outlives them.
    let told = unsafe { &*data.cast::<T>() };
    let _ = catch_unwind(AssertUnwindSafe(|| work(told)));
}

extern "C" fn on_done(data: Object, id: u32, sequence: c_int) {
    called::<Shared>(data, |shared| {
        if id == CORE {
            shared.update(|world| world.done = Some(sequence));
        }
    });
}

extern "C" fn on_error(data: Object, id: u32, _: c_int, _: c_int, message: *const c_char) {
    called::<Shared>(data, |shared| {
        if id == CORE {
            let why = text(message).unwrap_or_default();
            shared.update(|world| world.failure = Some(why));
        }
    });
}

extern "C" fn on_global(data: Object, id: u32, _: u32, kind: *const c_char, _: u32, facts: *const Dict) {
    called::<Shared>(data, |shared| {
        let fact = |key: &CStr| -> Option<String> {
            // SAFETY: the library gives null or a dictionary that is valid for the call.
            let dict = unsafe { facts.as_ref() }?;
            if dict.items.is_null() {
                return None;
            }
            // SAFETY: it has so many items.
            let items = unsafe { std::slice::from_raw_parts(dict.items, dict.n_items as usize) };
            // SAFETY: keys end with a zero.
            items
                .iter()
                .find(|item| unsafe { CStr::from_ptr(item.key) } == key)
                .and_then(|item| text(item.value))
        };
        match text(kind).as_deref() {
            Some("PipeWire:Interface:Metadata") if fact(c"metadata.name").as_deref() == Some("default") => {
                shared.update(|world| world.manager = true);
            }
            Some("PipeWire:Interface:Node") => {
                let name = fact(c"node.name").unwrap_or_default();
                let said = fact(c"node.description").or_else(|| fact(c"node.nick"));
                let node = PipeNode {
                    id,
                    description: said.unwrap_or_else(|| name.clone()),
                    name,
                    class: fact(c"media.class").unwrap_or_default(),
                    role: fact(c"media.role").unwrap_or_default(),
                    device: fact(c"api.v4l2.path"),
                    location: fact(c"api.libcamera.location"),
                    largest: None,
                };
                shared.update(|world| {
                    if world.nodes.len() < MOST_NODES {
                        world.nodes.insert(id, node);
                    }
                });
            }
            _ => {}
        }
    });
}

extern "C" fn on_removed(data: Object, id: u32) {
    called::<Shared>(data, |shared| shared.update(|world| drop(world.nodes.remove(&id))));
}

/// A node that is asked for its formats.
struct Asked {
    shared: Arc<Shared>,
    id: u32,
    hook: Hook,
}

extern "C" fn on_param(data: Object, _: c_int, id: u32, _: u32, _: u32, param: *const c_void) {
    called::<Asked>(data, |asked| {
        let found = pod_bytes(param).filter(|_| id == format::PARAM_ENUM_FORMAT).and_then(format::offered);
        if let Some((size, fps)) = found {
            asked.shared.update(|world| {
                if let Some(node) = world.nodes.get_mut(&asked.id)
                    && node.largest.is_none_or(|(before, _)| before.area() < size.area())
                {
                    node.largest = Some((size, fps));
                }
            });
        }
    });
}

/// The bytes of a pod that the library gives, with its head; `None` for none, and for one that is too long.
pub(super) fn pod_bytes<'a>(pod: *const c_void) -> Option<&'a [u8]> {
    if pod.is_null() {
        return None;
    }
    // SAFETY: a pod begins with the size of its body; the library has checked that so many bytes are there.
    unsafe {
        let size = pod.cast::<u32>().read_unaligned() as usize;
        (size < pod::MOST_BYTES).then(|| std::slice::from_raw_parts(pod.cast::<u8>(), size + 8))
    }
}

/// A text of the library's, cut off where it is too long.
pub(super) fn text(chars: *const c_char) -> Option<String> {
    if chars.is_null() {
        return None;
    }
    // SAFETY: the library's strings end with a zero and are valid for the call.
    let bytes = unsafe { CStr::from_ptr(chars) }.to_bytes();
    Some(String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_TEXT)]).into_owned())
}

/// The nodes that are there, with the largest picture that each video source offers.
///
/// # Errors
/// - [`ErrorKind::Unsupported`] if PipeWire is not installed, [`ErrorKind::NotFound`] if no daemon runs,
///   [`ErrorKind::Stalled`] if it does not answer within 1 s.
pub fn nodes() -> Result<Vec<PipeNode>> {
    let connection = Connection::open(None)?;
    connection.round_trip()?;
    let sources: Vec<u32> = {
        let world = connection.shared.lock();
        let cameras = world.nodes.values().filter(|node| node.class == "Video/Source");
        cameras.map(|node| node.id).take(64).collect()
    };
    let asked: Vec<Box<Asked>> = sources
        .into_iter()
        .map(|id| Box::new(Asked { shared: connection.shared.clone(), id, hook: Hook::EMPTY }))
        .collect();
    // A box may not be moved while the library has its hook: raw pointers from here on.
    let asked: Vec<*mut Asked> = asked.into_iter().map(Box::into_raw).collect();
    connection.locked(|_| {
        for &node in &asked {
            // SAFETY: the registry is alive, `node` until after the connection. A node that is gone by now gives an error
            // event and no answer.
            unsafe {
                if connection.registry.is_null() {
                    break;
                }
                let (registry, object) = methods::<RegistryMethods>(connection.registry);
                let Some(bind) = registry.bind else { break };
                let proxy = bind(object, (*node).id, c"PipeWire:Interface:Node".as_ptr(), NODE_VERSION, 0);
                if proxy.is_null() {
                    continue;
                }
                let (methods, object) = methods::<NodeMethods>(proxy);
                if let Some(listen) = methods.add_listener {
                    listen(object, &raw mut (*node).hook, &NODE_EVENTS, node.cast());
                }
                if let Some(ask) = methods.enum_params {
                    ask(object, 0, format::PARAM_ENUM_FORMAT, 0, u32::MAX, null());
                }
            }
        }
    });
    let answered = connection.round_trip();
    let nodes = connection.shared.lock().nodes.values().cloned().collect();
    drop(connection);
    for node in asked {
        // SAFETY: it came from `Box::into_raw`, and the connection with all listeners is gone.
        drop(unsafe { Box::from_raw(node) });
    }
    answered.map(|()| nodes)
}
