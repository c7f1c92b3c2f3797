//! Frames that an app hands over.

use panecast::ErrorKind;
use panecast::capture::{Captured, Capturer, Damage, PushHandle, push_source};
use panecast::frame::{FrameBuf, FrameView, PixelFormat, Rect, Region, Size, Timestamp};
use panecast::limits::Limits;
use panecast::session::{CaptureGrant, Consent, Decision, Purpose};
use std::time::Duration;

const SIZE: Size = Size::new(8, 6);
/// Against hangs only.
const LONG: Duration = Duration::from_secs(60);

fn blank(size: Size) -> FrameBuf {
    FrameBuf::new(size, &Limits::default()).unwrap()
}

fn filled(size: Size, value: u8) -> Vec<u8> {
    vec![value; size.area() as usize * 4]
}

fn granted() -> CaptureGrant {
    Consent::ask(Purpose::Camera, "a phone's camera").answer(Decision::Allow).unwrap()
}

fn push(handle: &PushHandle, size: Size, value: u8, damage: &Damage, at: u64) -> panecast::Result<()> {
    let bytes = filled(size, value);
    let view = FrameView::packed(PixelFormat::Bgra8, size, &bytes, size.width as usize * 4)?;
    handle.push(&view, damage, Timestamp(at))
}

fn within(rects: &[Rect]) -> Damage {
    Damage::Within(rects.iter().copied().collect())
}

#[test]
fn the_newest_wins_and_damage_adds_up() {
    let (handle, mut source) = push_source(&granted(), "test", SIZE).unwrap();
    let (mut frame, all) = (blank(SIZE), Region::full(SIZE));
    assert_eq!(source.next(&mut frame, &all, Duration::ZERO).unwrap(), Captured::Unchanged);
    push(&handle, SIZE, 1, &within(&[]), 10).unwrap();
    // The first frame is whole, whatever its hints say.
    let first = source.next(&mut frame, &all, Duration::ZERO).unwrap();
    let full = Damage::Within(Region::full(SIZE));
    assert_eq!(first, Captured::Frame { timestamp: Some(Timestamp(10)), damage: full });
    assert_eq!(frame.pixels()[..4], [1, 1, 1, 255]);

    let (a, b) = (Rect::new(0, 0, 2, 2), Rect::new(4, 4, 2, 2));
    push(&handle, SIZE, 2, &within(&[a]), 20).unwrap();
    push(&handle, SIZE, 3, &within(&[b]), 30).unwrap();
    let both = source.next(&mut frame, &Region::empty(), Duration::ZERO).unwrap();
    assert_eq!(both, Captured::Frame { timestamp: Some(Timestamp(30)), damage: within(&[a, b]) });
    assert_eq!(frame.row(0)[0], 2);
    assert_eq!(frame.row(5)[4 * 4], 3);
    assert_eq!(frame.row(2)[2 * 4], 1, "outside the hints nothing changes");
    assert_eq!(source.next(&mut frame, &Region::empty(), Duration::ZERO).unwrap(), Captured::Unchanged);

    push(&handle, SIZE, 4, &Damage::Unknown, 40).unwrap();
    push(&handle, SIZE, 4, &within(&[a]), 50).unwrap();
    let unknown = source.next(&mut frame, &Region::empty(), Duration::ZERO).unwrap();
    assert_eq!(unknown, Captured::Frame { timestamp: Some(Timestamp(50)), damage: Damage::Unknown });
    assert!(frame.pixels().as_chunks::<4>().0.iter().all(|px| *px == [4, 4, 4, 255]));
}

#[test]
fn stale_buffers_are_made_whole() {
    let (handle, mut source) = push_source(&granted(), "test", SIZE).unwrap();
    let (mut one, mut two) = (blank(SIZE), blank(SIZE));
    push(&handle, SIZE, 1, &Damage::Unknown, 0).unwrap();
    source.next(&mut one, &Region::full(SIZE), Duration::ZERO).unwrap();
    let spot = Rect::new(3, 2, 1, 1);
    push(&handle, SIZE, 9, &within(&[spot]), 1).unwrap();
    source.next(&mut two, &Region::full(SIZE), Duration::ZERO).unwrap();
    let mut expected = one.clone();
    expected.row_of_mut(&spot, 2)[..3].fill(9);
    assert!(two == expected);
}

#[test]
fn a_new_size_is_announced_first() {
    let (handle, mut source) = push_source(&granted(), "test", SIZE).unwrap();
    let (mut frame, all) = (blank(SIZE), Region::full(SIZE));
    push(&handle, SIZE, 1, &Damage::Unknown, 0).unwrap();
    source.next(&mut frame, &all, Duration::ZERO).unwrap();
    let turned = Size::new(6, 8);
    push(&handle, turned, 7, &within(&[]), 1).unwrap();
    assert_eq!(source.next(&mut frame, &all, Duration::ZERO).unwrap(), Captured::Resized(turned));
    assert_eq!(frame.pixels()[0], 1);
    assert_eq!(source.info().size, turned);
    let mut frame = blank(turned);
    let captured = source.next(&mut frame, &Region::full(turned), Duration::ZERO).unwrap();
    assert!(matches!(captured, Captured::Frame { .. }));
    assert!(frame.pixels().as_chunks::<4>().0.iter().all(|px| *px == [7, 7, 7, 255]));
}

#[test]
fn either_end_may_leave() {
    let (handle, mut source) = push_source(&granted(), "test", SIZE).unwrap();
    let (mut frame, all) = (blank(SIZE), Region::full(SIZE));
    push(&handle, SIZE, 5, &Damage::Unknown, 0).unwrap();
    handle.close();
    assert!(matches!(source.next(&mut frame, &all, LONG).unwrap(), Captured::Frame { .. }));
    assert_eq!(source.next(&mut frame, &all, LONG).unwrap(), Captured::Ended);

    let (handle, source) = push_source(&granted(), "test", SIZE).unwrap();
    drop(source);
    assert_eq!(push(&handle, SIZE, 5, &Damage::Unknown, 0).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_waiting_capturer_is_woken() {
    let (handle, mut source) = push_source(&granted(), "test", SIZE).unwrap();
    let waiting = std::thread::spawn(move || {
        let mut frame = blank(SIZE);
        let first = source.next(&mut frame, &Region::full(SIZE), LONG).unwrap();
        let second = source.next(&mut frame, &Region::empty(), LONG).unwrap();
        (first, second, frame.pixels()[0])
    });
    push(&handle, SIZE, 8, &Damage::Unknown, 3).unwrap();
    handle.close();
    let (first, second, value) = waiting.join().unwrap();
    assert!(matches!(first, Captured::Frame { timestamp: Some(Timestamp(3)), .. }));
    assert_eq!((second, value), (Captured::Ended, 8));
}

/// A pusher and a capturer at full speed: what is captured is always one of the pushed frames, never a mix.
#[test]
fn a_frame_is_never_torn() {
    let size = Size::new(64, 64);
    let (handle, mut source) = push_source(&granted(), "test", size).unwrap();
    let pushing = std::thread::spawn(move || {
        for i in 0..2000u32 {
            push(&handle, size, i as u8, &Damage::Unknown, u64::from(i)).unwrap();
        }
    });
    let mut frame = blank(size);
    let mut last = None;
    loop {
        match source.next(&mut frame, &Region::full(size), LONG).unwrap() {
            Captured::Frame { timestamp: Some(at), .. } => {
                let value = at.micros() as u8;
                assert!(frame.pixels().as_chunks::<4>().0.iter().all(|px| *px == [value, value, value, 255]));
                assert!(last < Some(at), "older after newer");
                last = Some(at);
            }
            Captured::Ended => break,
            other => panic!("{other:?}"),
        }
    }
    pushing.join().unwrap();
    assert_eq!(last, Some(Timestamp(1999)));
}

#[test]
fn absurd_sizes_are_refused() {
    assert_eq!(push_source(&granted(), "x", Size::new(0, 4)).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(
        push_source(&granted(), "x", Size::new(1 << 31, 4)).unwrap_err().kind(),
        ErrorKind::LimitExceeded
    );
    let (handle, _source) = push_source(&granted(), "x", SIZE).unwrap();
    let wide = Size::new(16_385, 1);
    let error = push(&handle, wide, 0, &Damage::Unknown, 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}
