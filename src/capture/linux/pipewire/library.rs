//! libpipewire-0.3, loaded when it is first needed and never linked: its functions, and the structures of its headers
//! (PipeWire 0.3.65; their layout is ABI and has only ever been appended to).
#![allow(unsafe_code)]

use crate::error::{Error, ErrorKind, Result};
use libloading::Library;
use std::ffi::{c_char, c_int, c_void};
use std::sync::OnceLock;

/// An object of the library's that is known by its address alone.
pub(super) type Object = *mut c_void;

#[repr(C)]
pub(super) struct DictItem {
    pub(super) key: *const c_char,
    pub(super) value: *const c_char,
}

#[repr(C)]
pub(super) struct Dict {
    pub(super) flags: u32,
    pub(super) n_items: u32,
    pub(super) items: *const DictItem,
}

/// `struct spa_hook`; the library keeps it in a list of its own.
#[repr(C)]
pub(super) struct Hook([*mut c_void; 6]);

impl Hook {
    pub(super) const EMPTY: Self = Self([std::ptr::null_mut(); 6]);
}

/// `struct spa_interface`, with which a proxy begins.
#[repr(C)]
pub(super) struct Interface {
    kind: *const c_char,
    version: u32,
    pub(super) methods: *const c_void,
    pub(super) data: *mut c_void,
}

#[repr(C)]
pub(super) struct Chunk {
    pub(super) offset: u32,
    pub(super) size: u32,
    pub(super) stride: i32,
    pub(super) flags: i32,
}

#[repr(C)]
pub(super) struct Data {
    pub(super) kind: u32,
    pub(super) flags: u32,
    pub(super) fd: i64,
    pub(super) map_offset: u32,
    pub(super) max_size: u32,
    pub(super) data: *mut c_void,
    pub(super) chunk: *const Chunk,
}

#[repr(C)]
pub(super) struct Meta {
    pub(super) kind: u32,
    pub(super) size: u32,
    pub(super) data: *const c_void,
}

#[repr(C)]
pub(super) struct SpaBuffer {
    pub(super) n_metas: u32,
    pub(super) n_datas: u32,
    pub(super) metas: *const Meta,
    pub(super) datas: *const Data,
}

#[repr(C)]
pub(super) struct Buffer {
    pub(super) buffer: *const SpaBuffer,
    user_data: *mut c_void,
    size: u64,
    // 0.3.49 has one more word behind it, which is not read.
}

/// Events of a stream, version 2.
#[repr(C)]
pub(super) struct StreamEvents {
    pub(super) version: u32,
    pub(super) destroy: Option<extern "C" fn(Object)>,
    pub(super) state_changed: Option<extern "C" fn(Object, c_int, c_int, *const c_char)>,
    pub(super) control_info: Option<extern "C" fn()>,
    pub(super) io_changed: Option<extern "C" fn()>,
    pub(super) param_changed: Option<extern "C" fn(Object, u32, *const c_void)>,
    pub(super) add_buffer: Option<extern "C" fn()>,
    pub(super) remove_buffer: Option<extern "C" fn()>,
    pub(super) process: Option<extern "C" fn(Object)>,
    pub(super) drained: Option<extern "C" fn()>,
    pub(super) command: Option<extern "C" fn()>,
    pub(super) trigger_done: Option<extern "C" fn()>,
}

/// Events of the core, version 0.
#[repr(C)]
pub(super) struct CoreEvents {
    pub(super) version: u32,
    pub(super) info: Option<extern "C" fn()>,
    pub(super) done: Option<extern "C" fn(Object, u32, c_int)>,
    pub(super) ping: Option<extern "C" fn()>,
    pub(super) error: Option<extern "C" fn(Object, u32, c_int, c_int, *const c_char)>,
    pub(super) remove_id: Option<extern "C" fn()>,
    pub(super) bound_id: Option<extern "C" fn()>,
    pub(super) add_mem: Option<extern "C" fn()>,
    pub(super) remove_mem: Option<extern "C" fn()>,
}

/// Events of the registry, version 0.
#[repr(C)]
pub(super) struct RegistryEvents {
    pub(super) version: u32,
    pub(super) global: Option<extern "C" fn(Object, u32, u32, *const c_char, u32, *const Dict)>,
    pub(super) global_remove: Option<extern "C" fn(Object, u32)>,
}

/// Events of a node, version 0.
#[repr(C)]
pub(super) struct NodeEvents {
    pub(super) version: u32,
    pub(super) info: Option<extern "C" fn()>,
    pub(super) param: Option<extern "C" fn(Object, c_int, u32, u32, u32, *const c_void)>,
}

type Listen<E> = unsafe extern "C" fn(Object, *mut Hook, *const E, Object) -> c_int;

/// The methods of a core, as far as they are called.
#[repr(C)]
pub(super) struct CoreMethods {
    version: u32,
    pub(super) add_listener: Option<Listen<CoreEvents>>,
    hello: *const c_void,
    pub(super) sync: Option<unsafe extern "C" fn(Object, u32, c_int) -> c_int>,
    pong: *const c_void,
    error: *const c_void,
    pub(super) registry: Option<unsafe extern "C" fn(Object, u32, usize) -> Object>,
    #[allow(clippy::type_complexity)] // The C function has these arguments.
    pub(super) create_object:
        Option<unsafe extern "C" fn(Object, *const c_char, *const c_char, u32, *const Dict, usize) -> Object>,
}

#[repr(C)]
pub(super) struct RegistryMethods {
    version: u32,
    pub(super) add_listener: Option<Listen<RegistryEvents>>,
    pub(super) bind: Option<unsafe extern "C" fn(Object, u32, *const c_char, u32, usize) -> Object>,
}

#[repr(C)]
pub(super) struct NodeMethods {
    version: u32,
    pub(super) add_listener: Option<Listen<NodeEvents>>,
    subscribe: *const c_void,
    pub(super) enum_params:
        Option<unsafe extern "C" fn(Object, c_int, u32, u32, u32, *const c_void) -> c_int>,
}

macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// The functions of the library that are called, by their names in its headers.
        pub(super) struct Functions {
            $(pub(super) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            /// *Safety invariant*: the functions above are of this library, which is never unloaded.
            _library: Library,
        }

        impl Functions {
            fn load() -> Result<Self> {
                let missing = |e: libloading::Error| {
                    let text = format!("PipeWire is not installed (libpipewire-0.3.so.0): {e}; install it to use it");
                    Error::new(ErrorKind::Unsupported, text)
                };
                // SAFETY: libpipewire's initialisers have no precondition.
                let library = unsafe { Library::new("libpipewire-0.3.so.0") }.map_err(missing)?;
                $(
                    // SAFETY: the headers declare the function with this type.
                    let $name = *unsafe {
                        library.get::<unsafe extern "C" fn($($argument),*) $(-> $result)?>(
                            concat!(stringify!($name), "\0").as_bytes(),
                        )
                    }
                    .map_err(missing)?;
                )*
                Ok(Self { $($name,)* _library: library })
            }
        }
    };
}

functions! {
    pw_init: fn(*mut c_int, *mut c_void);
    pw_thread_loop_new: fn(*const c_char, *const Dict) -> Object;
    pw_thread_loop_destroy: fn(Object);
    pw_thread_loop_get_loop: fn(Object) -> Object;
    pw_thread_loop_start: fn(Object) -> c_int;
    pw_thread_loop_stop: fn(Object);
    pw_thread_loop_lock: fn(Object);
    pw_thread_loop_unlock: fn(Object);
    pw_context_new: fn(Object, Object, usize) -> Object;
    pw_context_destroy: fn(Object);
    pw_context_connect: fn(Object, Object, usize) -> Object;
    pw_context_connect_fd: fn(Object, c_int, Object, usize) -> Object;
    pw_core_disconnect: fn(Object) -> c_int;
    pw_proxy_destroy: fn(Object);
    pw_properties_new_dict: fn(*const Dict) -> Object;
    pw_stream_new: fn(Object, *const c_char, Object) -> Object;
    pw_stream_destroy: fn(Object);
    pw_stream_add_listener: fn(Object, *mut Hook, *const StreamEvents, Object);
    pw_stream_connect: fn(Object, c_int, u32, c_int, *const *const c_void, u32) -> c_int;
    pw_stream_update_params: fn(Object, *const *const c_void, u32) -> c_int;
    pw_stream_get_node_id: fn(Object) -> u32;
    pw_stream_set_active: fn(Object, bool) -> c_int;
    pw_stream_dequeue_buffer: fn(Object) -> *mut Buffer;
    pw_stream_queue_buffer: fn(Object, *mut Buffer) -> c_int;
}

/// The library, loaded and initialised once for the process.
///
/// # Errors
/// - [`ErrorKind::Unsupported`] if it is not installed, or too old to have all functions.
pub(super) fn library() -> Result<&'static Functions> {
    static LIBRARY: OnceLock<Result<Functions>> = OnceLock::new();
    let loaded = LIBRARY.get_or_init(|| {
        let library = Functions::load()?;
        // SAFETY: both may be null, and it is called once.
        unsafe { (library.pw_init)(std::ptr::null_mut(), std::ptr::null_mut()) };
        Ok(library)
    });
    loaded.as_ref().map_err(Clone::clone)
}
