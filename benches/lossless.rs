//! Bytes and CPU of the lossless codec on recorded desktops.
//!
//! `cargo bench --bench lossless [-- NAME …]` runs the traces in `../shared/traces` (or those named), encodes and
//! decodes them, checks that every picture comes back exactly, and prints one line for each. CPU is the process's
//! user and system time around the calls; reading is left out.

use panecast::Limits;
use panecast::capture::Damage;
use panecast::codec::{Decoded, Decoder, Encoder, EncoderConfig, UpdateKind};
use panecast::frame::{FrameBuf, Size, Timestamp};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

fn cpu_ms() -> f64 {
    if std::env::var_os("NO_CLOCK").is_some() {
        return 0.0; // Under valgrind, which cannot read this clock.
    }
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 * 1e3 + t.tv_nsec as f64 / 1e6
}

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    let names = if named.is_empty() {
        ["t01_docscroll", "t03_terminal", "t06_windows", "t08_idle"].map(String::from).to_vec()
    } else {
        named
    };
    println!(
        "{:<14} {:>7} {:>7} {:>9} {:>9} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8}",
        "trace",
        "frames",
        "changed",
        "kB",
        "first kB",
        "first ms",
        "B/change",
        "enc ms",
        "max ms",
        "dec ms",
        "idle ms"
    );
    for name in names {
        // A name of a recorded desktop, or a file of B, G, R, 255 at 1280 × 720.
        if let Ok(file) = std::fs::File::open(&name) {
            run(name.rsplit('/').next().unwrap_or(&name), file);
            continue;
        }
        let mut child = match Command::new(traces.join("decode.sh")).arg(&name).stdout(Stdio::piped()).spawn()
        {
            Ok(child) => child,
            Err(e) => {
                println!("{name:<14} is not there: {e}");
                continue;
            }
        };
        if let Some(pipe) = child.stdout.take() {
            run(&name, pipe);
        }
        let _ = child.wait();
    }
}

fn run(name: &str, mut pictures: impl Read) {
    let size = Size::new(1280, 720);
    let limits = Limits::default();
    let mut encoder = Encoder::new(EncoderConfig::default()).expect("an encoder");
    let mut decoder = Decoder::new(limits);
    let mut frame = FrameBuf::new(size, &limits).expect("a buffer");
    let mut raw = vec![0; frame.pixels().len()];
    let mut packet = Vec::new();
    let (mut frames, mut changed, mut bytes, mut first, mut first_ms) = (0, 0, 0, 0, 0.0);
    let mut facts = Default::default();
    let (mut encode_ms, mut decode_ms, mut idle_ms, mut most_ms) = (0.0, 0.0, 0.0, 0.0_f64);
    while pictures.read_exact(&mut raw).is_ok() {
        frame.pixels_mut().copy_from_slice(&raw);
        packet.clear();
        let start = cpu_ms();
        let update = encoder
            .encode(&mut frame, &Damage::Unknown, Timestamp::of_frame(frames, 30), &mut packet)
            .expect("an update");
        let encoded = cpu_ms();
        frames += 1;
        if update.kind == UpdateKind::Unchanged {
            idle_ms += encoded - start;
            assert!(packet.is_empty());
            continue;
        }
        decoder.feed(&packet).expect("a stream");
        while let Some(decoded) = decoder.next().expect("a packet") {
            if let Decoded::Picture { facts: f, .. } = decoded {
                facts = f;
            }
        }
        let decoded = cpu_ms();
        assert!(decoder.frame().is_some_and(|f| f.pixels() == raw), "{name}: picture {frames} differs");
        changed += 1;
        if changed == 1 {
            first = packet.len();
            first_ms = encoded - start;
        } else {
            encode_ms += encoded - start;
            decode_ms += decoded - encoded;
            most_ms = most_ms.max(encoded - start);
        }
        bytes += packet.len();
        if std::env::var_os("EACH").is_some() {
            eprintln!("{frames} {} {:?}", packet.len(), facts);
        }
    }
    let per = |total: f64, n: u64| total / n.max(1) as f64;
    println!(
        "{name:<14} {frames:>7} {changed:>7} {:>9.1} {:>9.1} {first_ms:>8.1} {:>9.0} {:>8.2} {most_ms:>8.2} {:>8.2} {:>8.2}",
        bytes as f64 / 1e3,
        first as f64 / 1e3,
        per(bytes as f64, changed),
        per(encode_ms, changed.max(2) - 1),
        per(decode_ms, changed.max(2) - 1),
        per(idle_ms, frames - changed),
    );
}
