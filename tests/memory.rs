//! What an encoder keeps: at most 25 MB of heap at 1080p without a loss, its first picture included.
#![allow(unsafe_code)] // An allocator that counts cannot be written without.

mod scene;

use panecast::Limits;
use panecast::capture::{Damage, Pattern};
use panecast::codec::{Encoder, EncoderConfig};
use panecast::frame::{FrameBuf, Rect, Size, Timestamp};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Room for the largest packet.
const OUT: usize = 8 << 20;

/// Counts the bytes in use and the most that there have been.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The whole file is one test: another one beside it would be counted too.
#[test]
fn an_encoder_without_a_loss_keeps_its_memory_promise_at_1080p() {
    let size = Size::new(1920, 1080);
    let desktop = Pattern::new(size, 30).expect("a desktop");
    let mut frame = FrameBuf::new(size, &Limits::default()).expect("a buffer");
    let mut out = Vec::with_capacity(OUT);
    let before = IN_USE.load(Relaxed);
    MOST.store(before, Relaxed);
    let mut encoder = Encoder::new(EncoderConfig::default()).expect("an encoder");
    let mut sent = 0;
    for index in 0..60 {
        desktop.paint(index, &mut frame).expect("a picture");
        // A photograph is dragged over it: large photographs are the dearest that there is without a loss.
        let photo = Rect::new(300 + index as u32 * 4, 200, 800, 600);
        scene::fill(&mut frame, &photo, |x, y| scene::photographed(x, y, index as u32 / 20));
        out.clear();
        let now = Timestamp::of_frame(index, 30);
        encoder.encode(&mut frame, &Damage::Unknown, now, &mut out).expect("an update");
        sent += usize::from(!out.is_empty());
        assert!(out.capacity() == OUT, "the packets themselves are not the encoder's");
    }
    assert!(sent > 30, "only {sent} pictures changed");
    let (kept, most) = (IN_USE.load(Relaxed) - before, MOST.load(Relaxed) - before);
    println!("{kept} bytes kept, {most} at most");
    assert!(kept > 1920 * 1080 * 4, "it holds a picture; is anything counted at all?");
    assert!(most <= 25_000_000, "{most} bytes");
}
