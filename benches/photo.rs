//! Bytes, loss and CPU of the photo coder on the photographs and films of recorded desktops.
//!
//! `cargo bench --bench photo [-- NEAR …]` takes pictures of the traces in `../shared/traces`, codes their
//! photographs with each `near` (0, 1, 3, 4, 5, 8, 12 or those given), checks that the decoder has what the encoder
//! showed, and prints one line for each. CPU is the least of some rounds of the process's user and system time.

use panecast::Limits;
use panecast::codec::photo;
use panecast::frame::{BYTES_PER_PIXEL, FrameBuf, Rect, Size};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

const ROUNDS: usize = 5;
const SIZE: Size = Size::new(1280, 720);

/// Trace, picture, what is in it.
type Sample = (&'static str, usize, &'static str, &'static [Rect]);

/// The parts of the pictures that are photographs.
const SAMPLES: [Sample; 8] = [
    (
        "t08_idle",
        0,
        "wallpaper",
        &[
            Rect::new(0, 0, 1030, 120),
            Rect::new(0, 120, 120, 600),
            Rect::new(922, 120, 358, 600),
            Rect::new(120, 630, 802, 90),
        ],
    ),
    (
        "t06_windows",
        0,
        "wallpaper",
        &[
            Rect::new(0, 0, 1280, 40),
            Rect::new(0, 510, 420, 210),
            Rect::new(982, 250, 199, 410),
            Rect::new(700, 0, 350, 220),
            Rect::new(1182, 246, 98, 474),
        ],
    ),
    ("t12_film720", 60, "film", &[Rect::new(0, 0, 1280, 720)]),
    ("t05_videopage", 60, "film in a page", &[Rect::new(32, 200, 640, 360)]),
    ("t06_windows", 0, "one photograph", &[Rect::new(982, 250, 198, 410)]),
    ("t08_idle", 0, "10 columns", &[Rect::new(1000, 100, 10, 400)]),
    ("t06_windows", 0, "5 rows", &[Rect::new(100, 520, 300, 5)]),
    ("t05_videopage", 60, "12 columns", &[Rect::new(232, 200, 12, 300)]),
];

fn cpu_ms() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 * 1e3 + t.tv_nsec as f64 / 1e6
}

fn picture(name: &str, index: usize) -> Option<FrameBuf> {
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    let mut child = Command::new(traces.join("decode.sh")).arg(name).stdout(Stdio::piped()).spawn().ok()?;
    let mut picture = FrameBuf::new(SIZE, &Limits::default()).ok()?;
    let mut pipe = child.stdout.take()?;
    let read = (0..=index).all(|_| pipe.read_exact(picture.pixels_mut()).is_ok());
    drop(pipe);
    let _ = child.wait();
    read.then_some(picture)
}

fn main() {
    let named: Vec<u8> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let nears = if named.is_empty() { vec![0, 1, 3, 4, 5, 8, 12] } else { named };
    println!(
        "{:<14} {:<15} {:>4} {:>9} {:>8} {:>8} {:>7} {:>8} {:>8}",
        "trace", "what", "near", "bytes", "bits/px", "RGB dB", "most", "enc ms", "dec ms"
    );
    for (trace, index, what, rects) in SAMPLES {
        let Some(picture) = picture(trace, index) else {
            println!("{trace:<14} is not there");
            continue;
        };
        for near in &nears {
            run(trace, what, &picture, rects, *near);
        }
    }
}

fn run(trace: &str, what: &str, picture: &FrameBuf, rects: &[Rect], near: u8) {
    let mut shown = FrameBuf::new(SIZE, &Limits::default()).expect("a picture");
    let mut decoded = shown.clone();
    let mut bytes = Vec::new();
    let (mut encode_ms, mut decode_ms) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        bytes.clear();
        let start = cpu_ms();
        photo::encode(picture, rects, near, &mut shown, &mut bytes);
        let encoded = cpu_ms();
        photo::decode(&bytes, &mut decoded, rects, near).expect("a sound layer");
        decode_ms = decode_ms.min(cpu_ms() - encoded);
        encode_ms = encode_ms.min(encoded - start);
    }
    assert!(decoded == shown, "{trace}: the decoder has something else");
    let (mut squares, mut most, mut px) = (0_u64, 0, 0);
    for rect in rects {
        px += rect.area();
        for y in rect.y..rect.bottom() {
            for (a, b) in picture.row_of(rect, y).iter().zip(decoded.row_of(rect, y)) {
                let off = a.abs_diff(*b);
                most = most.max(off);
                squares += u64::from(off).pow(2);
            }
        }
    }
    let colours = px * (BYTES_PER_PIXEL as u64 - 1);
    let db = 10.0 * (255.0 * 255.0 * colours as f64 / squares as f64).log10();
    println!(
        "{trace:<14} {what:<15} {near:>4} {:>9} {:>8.3} {db:>8.2} {most:>7} {encode_ms:>8.2} {decode_ms:>8.2}",
        bytes.len(),
        bytes.len() as f64 * 8.0 / px as f64,
    );
}
