//! The damage pass against `memcmp`, one thread, and what it allocates.
//!
//! `cargo bench --bench damage` compares two equal 1080p pictures (nothing can stop early, the worst case) and two
//! that differ everywhere, in turn with a plain comparison of the same bytes, and prints medians of the ratio.

use panecast::Limits;
use panecast::capture::Damage;
use panecast::damage::{DirtyRows, compare, compare_scalar};
use panecast::frame::{FrameBuf, Size};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system's allocator unchanged.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn cpu_us() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 * 1e6 + t.tv_nsec as f64 / 1e3
}

fn timed(mut f: impl FnMut()) -> f64 {
    const ROUNDS: usize = 20;
    let start = cpu_us();
    (0..ROUNDS).for_each(|_| f());
    (cpu_us() - start) / ROUNDS as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    pool.install(|| {
        let size = Size::new(1920, 1080);
        let old = FrameBuf::new(size, &Limits::default()).expect("a picture");
        let equal = old.clone();
        let mut other = old.clone();
        other.pixels_mut().chunks_exact_mut(4).for_each(|px| px[0] = 9);
        let mut dirty = DirtyRows::default();
        println!(
            "{:<10} {:>11} {:>11} {:>11} {:>16}",
            "pictures", "memcmp µs", "pass µs", "scalar µs", "speed of memcmp"
        );
        for (name, new) in [("equal", &equal), ("different", &other)] {
            let (mut plain, mut fast, mut scalar, mut ratio) = (vec![], vec![], vec![], vec![]);
            for _ in 0..25 {
                // Row by row, so that a difference does not end it.
                let m = timed(|| {
                    let rows = old.pixels().chunks(8192).zip(equal.pixels().chunks(8192));
                    black_box(rows.filter(|(a, b)| black_box(a == b)).count());
                });
                let f =
                    timed(|| compare(&old, new, &Damage::Unknown, black_box(&mut dirty)).expect("one size"));
                let s = timed(|| {
                    compare_scalar(&old, new, &Damage::Unknown, black_box(&mut dirty)).expect("one size")
                });
                plain.push(m);
                fast.push(f);
                scalar.push(s);
                ratio.push(m / f);
            }
            println!(
                "{name:<10} {:>11.0} {:>11.0} {:>11.0} {:>15.0}%",
                median(plain),
                median(fast),
                median(scalar),
                median(ratio) * 100.0
            );
        }
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for _ in 0..100 {
            compare(&old, &other, &Damage::Unknown, &mut dirty).expect("one size");
        }
        println!("allocations in 100 warm passes: {}", ALLOCATIONS.load(Ordering::Relaxed) - before);
    });
}
