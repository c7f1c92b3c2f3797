//! Bytes, quality and CPU of the AV1 backends, as docs/av1.md gives them.
//!
//! `cargo bench --bench av1 --features rav1e [-- PART …]` runs the parts (`colour`, `film`, `page`, `photos`) on the
//! traces in `../shared/traces`. Quality is that of red, green and blue; CPU is the process's user and system time.

use panecast::Limits;
use panecast::codec::av1::{self, Av1Choice, Av1Encoder, Chroma, Planes, to_picture, to_planes};
use panecast::frame::{FrameBuf, Rect, Size};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

const SIZE: Size = Size::new(1280, 720);

fn cpu_ms() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 * 1e3 + t.tv_nsec as f64 / 1e6
}

/// The first `count` pictures of a trace.
fn pictures(name: &str, count: usize) -> Vec<FrameBuf> {
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    let child = Command::new(traces.join("decode.sh")).arg(name).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        println!("{name} is not there");
        return Vec::new();
    };
    let mut pipe = child.stdout.take().expect("a pipe");
    let mut found = Vec::new();
    while found.len() < count {
        let mut frame = FrameBuf::new(SIZE, &Limits::default()).expect("a buffer");
        if pipe.read_exact(frame.pixels_mut()).is_err() {
            break;
        }
        found.push(frame);
    }
    drop(pipe);
    let _ = child.wait();
    found
}

fn squares(a: &FrameBuf, b: &FrameBuf, rect: &Rect) -> u64 {
    let rows = rect.y..rect.bottom();
    let row = |y| {
        let pairs = a.row_of(rect, y).iter().zip(b.row_of(rect, y));
        pairs.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum::<u64>()
    };
    rows.map(row).sum()
}

fn decibels(squares: u64, samples: u64) -> f64 {
    10.0 * (255.0_f64.powi(2) / (squares as f64 / samples as f64)).log10()
}

#[derive(Default)]
struct Cost {
    bytes: usize,
    first: usize,
    to_planes: f64,
    encode: f64,
    decode: f64,
    to_picture: f64,
    squares: u64,
    luma_squares: u64,
    pixels: u64,
    units: usize,
}

impl Cost {
    fn head() {
        println!(
            "{:<26} {:>4} {:>9} {:>9} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8}",
            "", "q", "bytes", "first", "dB RGB", "dB Y", "planes", "encode", "decode", "pixels"
        );
    }

    fn line(&self, what: &str, quantizer: u8) {
        let each = |ms: f64| ms / self.units as f64;
        println!(
            "{what:<26} {quantizer:>4} {:>9} {:>9} {:>7.2} {:>7.2} {:>8.2} {:>8.2} {:>8.2} {:>8.2}",
            self.bytes,
            self.first,
            decibels(self.squares, 3 * self.pixels),
            decibels(self.luma_squares, self.pixels),
            each(self.to_planes),
            each(self.encode),
            each(self.decode),
            each(self.to_picture)
        );
    }
}

fn run(encoder: &mut dyn Av1Encoder, frames: &[FrameBuf], rect: Rect, chroma: Chroma, quantizer: u8) -> Cost {
    let limits = Limits::default();
    let mut decoder = av1::decoder(&limits).expect("a decoder");
    let (mut planes, mut shown, mut unit) = (Planes::default(), Planes::default(), Vec::new());
    let mut cost = Cost::default();
    let mut seen = FrameBuf::new(SIZE, &limits).expect("a buffer");
    for frame in frames {
        let mut times = [cpu_ms(); 5];
        to_planes(frame, &rect, &mut planes, chroma, &limits).expect("planes");
        times[1] = cpu_ms();
        unit.clear();
        encoder.encode(&planes, quantizer, false, &mut unit).expect("a unit");
        times[2] = cpu_ms();
        decoder.decode(&unit, &mut shown).expect("a picture");
        times[3] = cpu_ms();
        to_picture(&shown, &rect.size().rect(), &mut seen, (rect.x, rect.y)).expect("pixels");
        times[4] = cpu_ms();
        let luma = planes.plane(0).iter().zip(shown.plane(0));
        cost.luma_squares += luma.map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum::<u64>();
        encoder.reconstruction(&mut planes).expect("a reconstruction");
        assert!(planes == shown, "the decoder shows something else");
        cost.to_planes += times[1] - times[0];
        cost.encode += times[2] - times[1];
        cost.decode += times[3] - times[2];
        cost.to_picture += times[4] - times[3];
        cost.bytes += unit.len();
        cost.units += 1;
        if cost.units == 1 {
            cost.first = unit.len();
        }
        cost.squares += squares(frame, &seen, &rect);
        cost.pixels += rect.area();
    }
    cost
}

fn choices() -> impl Iterator<Item = Av1Choice> {
    Av1Choice::ALL.into_iter().filter(|choice| *choice != Av1Choice::Off && choice.available())
}

fn video(name: &str, rect: Rect, quantizers: &[u8]) {
    let frames = pictures(name, 150);
    println!("\n{name}, {} pictures of {rect}", frames.len());
    Cost::head();
    for choice in choices() {
        // rav1e codes every picture by itself: a few say it all.
        let count = if choice == Av1Choice::Rav1e { 5 } else { frames.len() };
        for quantizer in quantizers {
            let mut encoder = choice.video(rect.size(), Chroma::Half, 30).expect("an encoder");
            let frames = &frames[..count.min(frames.len())];
            run(&mut *encoder, frames, rect, Chroma::Half, *quantizer).line(choice.name(), *quantizer);
        }
    }
}

fn photos() {
    for name in ["t06_windows", "t08_idle"] {
        let frames = pictures(name, 1);
        println!("\n{name}, first picture, whole");
        Cost::head();
        for choice in choices() {
            for chroma in [Chroma::Half, Chroma::Full] {
                for quantizer in [60, 80, 100, 120, 140, 160] {
                    let mut encoder = choice.still(SIZE, chroma).expect("an encoder");
                    let cost = run(&mut *encoder, &frames, SIZE.rect(), chroma, quantizer);
                    cost.line(&format!("{choice} {chroma:?}"), quantizer);
                }
            }
        }
    }
}

fn colour() {
    println!("\nconversion alone, there and back");
    println!("{:<26} {:>7} {:>8} {:>8}", "", "dB RGB", "planes", "pixels");
    for name in ["t12_film720", "t05_videopage", "t06_windows"] {
        let frames = pictures(name, 30);
        for chroma in [Chroma::Half, Chroma::Full] {
            let (limits, mut planes, mut cost) = (Limits::default(), Planes::default(), Cost::default());
            let mut seen = FrameBuf::new(SIZE, &limits).expect("a buffer");
            for frame in &frames {
                let start = cpu_ms();
                to_planes(frame, &SIZE.rect(), &mut planes, chroma, &limits).expect("planes");
                let middle = cpu_ms();
                to_picture(&planes, &SIZE.rect(), &mut seen, (0, 0)).expect("pixels");
                cost.to_planes += middle - start;
                cost.to_picture += cpu_ms() - middle;
                cost.squares += squares(frame, &seen, &SIZE.rect());
                cost.pixels += SIZE.area();
                cost.units += 1;
            }
            let count = cost.units as f64;
            println!(
                "{:<26} {:>7.2} {:>8.3} {:>8.3}",
                format!("{name} {chroma:?}"),
                decibels(cost.squares, 3 * cost.pixels),
                cost.to_planes / count,
                cost.to_picture / count
            );
        }
    }
}

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    if wanted("colour") {
        colour();
    }
    if wanted("film") {
        video("t12_film720", SIZE.rect(), &[60, 90, 120, 150, 180]);
    }
    if wanted("page") {
        video("t05_videopage", PAGE_FILM, &[60, 90, 120, 150, 180]);
    }
    if wanted("photos") {
        photos();
    }
}

/// Where the film stands in the page.
const PAGE_FILM: Rect = Rect::new(32, 200, 640, 360);
