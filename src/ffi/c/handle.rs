//! Handles: numbers that look like pointers, looked up in a register of what is alive. A handle that was freed, or is of
//! another type, or never was one, is told from a live one without touching memory.

use crate::error::{Error, Result};
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Registers of one type are this many, so that threads seldom meet.
const SHARDS: usize = 16;
/// Handles are multiples of it, as pointers are; what is below it says of which type they are.
const STEP: usize = 32;

static NEXT: AtomicUsize = AtomicUsize::new(1);

/// A type that handles stand for.
pub trait Handled: Send + Sync + Sized + 'static {
    /// Which type: below `STEP` / 2.
    const TAG: usize;
    /// What a person calls it.
    const NAME: &'static str;
    /// Where its live objects are.
    fn register() -> &'static Register<Self>;
}

/// The live objects of a type.
#[derive(Debug)]
pub struct Register<T>([Shard<T>; SHARDS]);

type Shard<T> = RwLock<Option<HashMap<usize, Arc<Slot<T>>>>>;

/// A live object.
#[derive(Debug)]
pub struct Slot<T> {
    /// The object itself.
    pub(super) object: T,
    /// A bug was caught in one of its calls: it may be half changed.
    pub(super) retired: AtomicBool,
    /// What the last failed call said.
    pub(super) error: Mutex<String>,
}

impl<T> Slot<T> {
    pub(super) fn note(&self, message: &str) {
        message.clone_into(&mut self.error.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<T: Handled> Register<T> {
    /// With nothing in it.
    pub(super) const fn new() -> Self {
        Self([const { RwLock::new(None) }; SHARDS])
    }

    fn shard(&self, handle: usize) -> &Shard<T> {
        &self.0[handle / STEP % SHARDS]
    }

    /// Takes an object in and gives its handle.
    pub(super) fn add(&self, object: T) -> usize {
        let slot = Slot { object, retired: AtomicBool::new(false), error: Mutex::default() };
        let slot = Arc::new(slot);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let handle = number.wrapping_mul(STEP).wrapping_add(T::TAG * 2);
            // Numbers come again where pointers have 32 bits, after a hundred million objects.
            if number == 0 || handle < STEP {
                continue;
            }
            let mut shard = self.shard(handle).write().unwrap_or_else(PoisonError::into_inner);
            let shard = shard.get_or_insert_default();
            if let Entry::Vacant(free) = shard.entry(handle) {
                free.insert(slot);
                return handle;
            }
        }
    }

    /// The live object of that handle.
    pub(super) fn find(&self, handle: usize) -> Option<Arc<Slot<T>>> {
        let shard = self.shard(handle).read().unwrap_or_else(PoisonError::into_inner);
        shard.as_ref()?.get(&handle).map(Arc::clone)
    }

    /// Takes an object out; from then on its handle is none.
    pub(super) fn remove(&self, handle: usize) -> Option<Arc<Slot<T>>> {
        let mut shard = self.shard(handle).write().unwrap_or_else(PoisonError::into_inner);
        shard.as_mut()?.remove(&handle)
    }

    /// How many are alive.
    pub(super) fn len(&self) -> usize {
        let count = |shard: &Shard<T>| {
            shard.read().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, HashMap::len)
        };
        self.0.iter().map(count).sum()
    }
}

/// Says that a type has handles, and where.
macro_rules! handled {
    ($type:ty, $tag:literal, $name:literal) => {
        impl crate::ffi::c::handle::Handled for $type {
            const TAG: usize = $tag;
            const NAME: &'static str = $name;
            fn register() -> &'static crate::ffi::c::handle::Register<Self> {
                static REGISTER: crate::ffi::c::handle::Register<$type> =
                    crate::ffi::c::handle::Register::new();
                &REGISTER
            }
        }
    };
}
pub(super) use handled;

/// The live object behind a handle.
///
/// # Errors
/// - [`crate::ErrorKind::InvalidInput`] if there is none.
pub(super) fn find<T: Handled>(handle: usize) -> Result<Arc<Slot<T>>> {
    T::register().find(handle).ok_or_else(|| none::<T>(handle))
}

pub(super) fn none<T: Handled>(handle: usize) -> Error {
    Error::input(match handle {
        0 => format!("a {} is needed, not NULL", T::NAME),
        _ => format!("this is no {}, or it was freed", T::NAME),
    })
}

thread_local! {
    /// The handles whose callbacks this thread is in.
    static WITHIN: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Calls back on behalf of `handle`.
pub(super) fn calling_back<R>(handle: usize, call: impl FnOnce() -> R) -> R {
    WITHIN.with_borrow_mut(|within| within.push(handle));
    let result = call();
    WITHIN.with_borrow_mut(Vec::pop);
    result
}

/// Whether this thread is in a callback of `handle`.
pub(super) fn is_calling_back(handle: usize) -> bool {
    WITHIN.with_borrow(|within| within.contains(&handle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Apple(u32);
    #[derive(Debug)]
    struct Pear;
    handled!(Apple, 14, "apple");
    handled!(Pear, 15, "pear");

    #[test]
    fn a_handle_is_good_from_its_making_to_its_end() {
        let (a, b) = (Apple::register().add(Apple(1)), Apple::register().add(Apple(2)));
        let pear = Pear::register().add(Pear);
        assert!(a != b && a != 0 && a % 4 == 0, "{a:#x} {b:#x}");
        assert_eq!(find::<Apple>(a).expect("alive").object.0, 1);
        assert_eq!(find::<Apple>(b).expect("alive").object.0, 2);
        for none in [0, 1, usize::MAX, pear, a + 4, a + STEP * 1000] {
            assert!(find::<Apple>(none).is_err(), "{none:#x}");
        }
        assert!(Apple::register().remove(a).is_some());
        assert!(Apple::register().remove(a).is_none());
        assert!(find::<Apple>(a).is_err());
        assert_eq!(Apple::register().len(), 1);
        assert!(Apple::register().remove(b).is_some());
    }
}
