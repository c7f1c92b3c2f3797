//! `encode`, `decode`, `record` and `inspect` on files and pipes, sound and broken.

mod panecast;

use panecast::{FRAME_BYTES, HEIGHT, SIZE, WIDTH, pictures, run};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A stream of `count` pictures, by pipes.
fn stream(count: usize) -> Vec<u8> {
    run(&["encode", "-", "--size", SIZE, "-o", "-"], &pictures(count)).ok()
}

#[test]
fn encoding_and_decoding_give_every_picture_back() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let original = pictures(20);
    fs::write(file("in.bgra"), &original).unwrap();
    let (input, coded, back) = (file("in.bgra"), file("a.pcast"), file("out.bgra"));
    let stats = file("stats.json");
    run(
        &["encode", text(&input), "--size", SIZE, "--fps", "24", "-o", text(&coded), "--stats", text(&stats)],
        &[],
    )
    .ok();
    run(&["decode", text(&coded), "-o", text(&back), "--format", "bgra"], &[]).ok();
    assert!(fs::read(&back).unwrap() == original, "the pictures are not the same");

    let facts: Value = serde_json::from_slice(&fs::read(&stats).unwrap()).unwrap();
    assert_eq!((&facts["width"], &facts["height"]), (&WIDTH.into(), &HEIGHT.into()));
    assert_eq!((&facts["frames"], &facts["changed_frames"]), (&20.into(), &11.into()));
    let frame_bytes: Vec<u64> =
        facts["frame_bytes"].as_array().unwrap().iter().map(|b| b.as_u64().unwrap()).collect();
    assert_eq!(frame_bytes.len(), 20);
    assert_eq!(frame_bytes.iter().filter(|b| **b > 0).count(), 11, "nothing is sent for unchanged pictures");
    let size = fs::metadata(&coded).unwrap().len();
    assert_eq!(facts["bytes_total"], size);
    assert!(size - frame_bytes.iter().sum::<u64>() < 16, "only the end record comes on top");
    assert!(facts["encode_cpu_ms_total"].as_f64().unwrap() > 0.0);
    if cfg!(target_os = "linux") {
        assert!(facts["peak_rss_bytes"].as_u64().unwrap() > 1 << 20);
    }

    let report = run(&["inspect", text(&coded), "--json"], &[]).ok();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!((&report["frames"], &report["fps"]), (&20.into(), &24.into()));
    assert_eq!(report["bytes"], size);
    assert_eq!(report["pictures"].as_array().unwrap().len(), 11);
    assert_eq!(report["pictures"][0]["kind"], "snapshot");
    assert_eq!(report["kinds"]["update"]["packets"], 10);
    assert!(report["error"].is_null());
    let table = String::from_utf8(run(&["inspect", text(&coded)], &[]).ok()).unwrap();
    assert!(
        table.contains("20 pictures at 24/s, 11 of them changed") && table.contains("snapshot"),
        "{table}"
    );
}

#[test]
fn pipes_carry_pictures_and_streams() {
    let original = pictures(7);
    let decoded = run(&["decode", "-", "-o", "-"], &stream(7)).ok();
    assert!(decoded == original, "the pictures are not the same");
    let report = run(&["inspect", "-", "--json"], &stream(7)).ok();
    assert_eq!(serde_json::from_slice::<Value>(&report).unwrap()["frames"], 7);
}

#[test]
fn the_stream_is_the_same_for_any_number_of_threads() {
    let one = run(&["encode", "-", "--size", SIZE, "-o", "-", "--threads", "1"], &pictures(9)).ok();
    for threads in ["2", "7"] {
        let more = run(&["encode", "-", "--size", SIZE, "-o", "-", "--threads", threads], &pictures(9)).ok();
        assert!(one == more, "{threads} threads");
    }
    let lossless = run(&["encode", "-", "--size", SIZE, "-o", "-", "--mode", "lossless"], &pictures(9)).ok();
    assert!(one == lossless);
}

#[test]
fn the_last_bytes_of_each_pixel_are_ignored_and_come_back_as_255() {
    let mut holes = pictures(2);
    holes.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 7);
    let stream = run(&["encode", "-", "--size", SIZE, "-o", "-"], &holes).ok();
    assert!(run(&["decode", "-", "-o", "-"], &stream).ok() == pictures(2));
}

#[test]
fn pictures_come_as_png_and_y4m() {
    let dir = tempfile::tempdir().unwrap();
    let original = pictures(4);
    let coded = stream(4);
    let numbered = dir.path().join("p-%02d.png");
    run(&["decode", "-", "-o", text(&numbered)], &coded).ok();
    let read = |name: &str| {
        let file = std::io::BufReader::new(fs::File::open(dir.path().join(name)).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!((info.width as usize, info.height as usize), (WIDTH, HEIGHT));
        rgb
    };
    for i in 0..4 {
        let bgra = &original[i * FRAME_BYTES..][..FRAME_BYTES];
        let rgb: Vec<u8> = bgra.chunks_exact(4).flat_map(|p| [p[2], p[1], p[0]]).collect();
        assert!(read(&format!("p-0{i}.png")) == rgb, "picture {i}");
    }
    let last = dir.path().join("last.png");
    run(&["decode", "-", "-o", text(&last)], &coded).ok();
    assert!(read("last.png") == read("p-03.png"));

    let y4m = run(&["decode", "-", "-o", "-", "--format", "y4m"], &coded).ok();
    let head = format!("YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 ");
    assert!(y4m.starts_with(head.as_bytes()));
    let line = y4m.iter().position(|b| *b == b'\n').unwrap() + 1;
    assert_eq!(y4m.len(), line + 4 * (6 + WIDTH * HEIGHT * 3));
}

#[test]
fn y4m_is_encoded_with_its_own_size_and_rate() {
    let mut y4m = b"YUV4MPEG2 W16 H8 F25:1 C420\n".to_vec();
    for luma in [40, 40, 200] {
        y4m.extend_from_slice(b"FRAME\n");
        y4m.extend_from_slice(&[luma; 16 * 8]);
        y4m.extend_from_slice(&[128; 16 * 8 / 2]);
    }
    let coded = run(&["encode", "-", "--format", "y4m", "-o", "-"], &y4m).ok();
    let report: Value = serde_json::from_slice(&run(&["inspect", "-", "--json"], &coded).ok()).unwrap();
    assert_eq!((&report["frames"], &report["fps"]), (&3.into(), &25.into()));
    assert_eq!(report["pictures"].as_array().unwrap().len(), 2);
    assert_eq!(run(&["decode", "-", "-o", "-"], &coded).ok().len(), 3 * 16 * 8 * 4);
}

#[test]
fn a_recording_can_be_inspected_and_decoded() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pattern.pcast");
    let source = ["record", "--source", "pattern:320x180@30", "--seconds", "0.5"];
    run(&[&source[..], &["-o", text(&file)]].concat(), &[]).ok();
    let report: Value = serde_json::from_slice(&run(&["inspect", text(&file), "--json"], &[]).ok()).unwrap();
    assert_eq!((&report["width"], &report["height"]), (&320.into(), &180.into()));
    let frames = report["frames"].as_u64().unwrap() as usize;
    assert!(frames >= 1);
    let decoded = run(&["decode", text(&file), "-o", "-"], &[]).ok();
    assert!(decoded.len() >= frames * 320 * 180 * 4);
    assert_eq!(decoded.len() % (320 * 180 * 4), 0);
}

#[test]
fn damaged_streams_are_failures_and_what_is_sound_is_written() {
    let whole = stream(6);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.bgra");
    let decode = |bytes: &[u8]| run(&["decode", "-", "-o", text(&out)], bytes);
    decode(b"").failed(1, "cut off");
    decode(b"PC").failed(1, "cut off");
    decode(b"not a stream at all").failed(1, "not a panecast stream");
    decode(&whole[..whole.len() - 1]).failed(1, "cut off");
    assert!(pictures(6).starts_with(&fs::read(&out).unwrap()), "sound pictures are exact");
    let mut version = whole.clone();
    version[4] = 200;
    decode(&version).failed(1, "version 200");
    let mut after = whole.clone();
    after.extend_from_slice(&whole);
    decode(&after).failed(1, "after its end record");
    for at in (8..whole.len()).step_by(whole.len() / 40) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        let outcome = decode(&flipped);
        assert!(!outcome.stderr.contains("panicked"), "byte {at}: {}", outcome.stderr);
        match outcome.code {
            // A time or a rate may have changed; pictures have not.
            Some(0) => {}
            _ => outcome.failed(1, "next: "),
        }
        run(&["inspect", "-"], &flipped);
    }
    // A stream of a few bytes that asks for 2^62 pictures.
    let mut bomb = whole[..whole.len() - 4].to_vec();
    bomb.extend_from_slice(&[5, 10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 30]);
    decode(&bomb).failed(1, "pictures, 1000000 are allowed");
}

#[test]
fn absurd_input_is_a_failure_with_advice() {
    let encode = |args: &[&str], stdin: &[u8]| run(&[&["encode", "-", "-o", "-"], args].concat(), stdin);
    encode(&["--size", SIZE], &pictures(2)[..FRAME_BYTES + 5]).failed(1, "cut off");
    encode(&["--size", SIZE], b"").failed(1, "no picture");
    encode(&["--size", "0x10"], b"x").failed(1, "no pixels");
    encode(&["--size", "16385x1"], b"x").failed(1, "16384");
    encode(&["--size", "2147483648x2147483648"], b"x").failed(1, "16384");
    encode(&["--size", "99999999999x1"], b"x").failed(2, "size");
    encode(&["--size", "1x1"], &[1, 2, 3, 4]).ok();
    encode(&[], b"x").failed(2, "--size");
    encode(&["--format", "y4m"], b"RIFF....\n").failed(1, "YUV4MPEG2");
    encode(&["--format", "y4m"], b"YUV4MPEG2 W4000000000 H4000000000 F30:1\n").failed(1, "16384");
    encode(&["--size", SIZE, "--fps", "0"], b"").failed(2, "fps");
    encode(&["--size", SIZE, "--stats", "-"], b"").failed(2, "standard output");
    encode(&["--size", SIZE, "--quality", "0"], b"").failed(2, "quality");
    encode(&["--size", SIZE, "--bitrate", "5G"], b"").failed(2, "bitrate");
    encode(&["--size", SIZE, "--av1", "x264"], b"").failed(2, "rav1e, aom or off");
    encode(&["--size", SIZE, "--refine", "always"], b"").failed(2, "refine");
    run(&["encode", "no/such/file", "--size", SIZE, "-o", "-"], b"").failed(1, "no/such/file");
    run(&["decode", "no/such/file", "-o", "-"], b"").failed(1, "no/such/file");
    run(&["inspect", "no/such/file"], b"").failed(1, "no/such/file");
    run(&["decode", "-", "-o", "no/such/folder/x.bgra"], &stream(1)).failed(1, "no/such/folder");
    run(&["record", "--source", "pattern", "--seconds", "0", "-o", "-"], b"").failed(2, "seconds");
    run(&["record", "--source", "nonsense", "--seconds", "1", "-o", "-"], b"").failed(2, "not a source");
    run(&["record", "--source", "screen", "--seconds", "1", "-o", "-"], b"").failed(1, "next: ");
    run(&["record", "--source", "file:no/such.y4m", "--seconds", "1", "-o", "-"], b"")
        .failed(1, "no/such.y4m");
}

/// Waves and grain, standing still: a photograph as far as a coder can tell.
fn photographs(count: usize) -> Vec<u8> {
    let mut one = Vec::with_capacity(FRAME_BYTES);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let grain = (x * 7919 + y * 104_729) % 251 % 9;
            let wave = (x as f64 / 9.0).sin() * 50.0 + (y as f64 / 13.0).cos() * 40.0;
            one.extend((1..4).map(|c| (120.0 + wave + (grain * c) as f64) as u8));
            one.push(255);
        }
    }
    one.repeat(count)
}

#[test]
fn photographs_are_lossy_at_first_and_exact_in_the_end() {
    let original = photographs(120);
    let encode =
        |more: &[&str]| run(&[&["encode", "-", "--size", SIZE, "-o", "-"], more].concat(), &original).ok();
    let exact_from = |stream: &[u8]| {
        let decoded = run(&["decode", "-", "-o", "-"], stream).ok();
        assert_eq!(decoded.len(), original.len());
        decoded.chunks(FRAME_BYTES).position(|p| p == &original[..FRAME_BYTES])
    };
    let lossless = encode(&[]);
    assert_eq!(exact_from(&lossless), Some(0), "without a mode, everything is exact");
    let auto = encode(&["--mode", "auto"]);
    let first = |stream: &[u8]| -> Value {
        let report = run(&["inspect", "-", "--json"], stream).ok();
        serde_json::from_slice::<Value>(&report).unwrap()
    };
    let (whole, hybrid) = (first(&lossless), first(&auto));
    let bytes = |report: &Value| report["pictures"][0]["bytes"].as_u64().unwrap();
    assert!(bytes(&hybrid) * 3 < bytes(&whole) * 2, "{} and {}", bytes(&hybrid), bytes(&whole));
    let exact = exact_from(&auto).expect("exact in the end");
    assert!((30..90).contains(&exact), "exact from picture {exact}");
    assert!(hybrid["tools"]["refine"]["bytes"].as_u64() > Some(0));
    assert_eq!(hybrid["pictures"].as_array().unwrap().last().unwrap()["refines"], true);
    let slow = exact_from(&encode(&["--mode", "auto", "--bitrate", "300k"]));
    assert!(slow.is_none_or(|at| at > exact + 5), "a thin line takes longer: {slow:?}");
    assert_eq!(exact_from(&encode(&["--mode", "auto", "--refine", "off"])), None);
    let (poor, good) =
        (encode(&["--mode", "auto", "--quality", "5"]), encode(&["--mode", "auto", "--quality", "95"]));
    assert!(bytes(&first(&poor)) < bytes(&first(&good)));
    assert!(exact_from(&encode(&["--mode", "auto", "--av1", "off"])).is_some());
}

#[test]
fn the_tools_are_told_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let coded = dir.path().join("a.pcast");
    fs::write(&coded, stream(6)).unwrap();
    let report: Value = serde_json::from_slice(&run(&["inspect", text(&coded), "--json"], &[]).ok()).unwrap();
    let tools = report["tools"].as_object().unwrap();
    let used = ["modelled", "photo", "around"].iter().all(|name| tools.contains_key(*name));
    assert!(used && !tools.contains_key("refine"), "{tools:?}");
    let sum: u64 = tools.values().map(|t| t["bytes"].as_u64().unwrap()).sum();
    let bodies: u64 =
        report["pictures"].as_array().unwrap().iter().map(|p| p["bytes"].as_u64().unwrap()).sum();
    // Only kinds and lengths of packets are missing.
    assert!(sum <= bodies && sum + 10 * 6 + 8 >= bodies, "{sum} of {bodies}");
    let shown = dir.path().join("one.png");
    let table = run(&["inspect", text(&coded), "--overlay", "2", text(&shown)], &[]).ok();
    assert!(String::from_utf8(table).unwrap().contains("overlay"));
    let reader = png::Decoder::new(std::io::BufReader::new(fs::File::open(&shown).unwrap()));
    assert_eq!(reader.read_info().unwrap().info().size(), (WIDTH as u32, HEIGHT as u32));
    run(&["inspect", text(&coded), "--overlay", "all", text(dir.path())], &[]).ok();
    let pictures = fs::read_dir(dir.path())
        .unwrap()
        .filter(|f| f.as_ref().unwrap().path().file_stem().unwrap().to_str().unwrap().parse::<u64>().is_ok());
    assert_eq!(pictures.count(), report["pictures"].as_array().unwrap().len());
    run(&["inspect", text(&coded), "--av1", text(dir.path())], &[]).ok();
    run(&["inspect", text(&coded), "--overlay", "99", text(&shown)], &[]).failed(1, "no picture");
    run(&["inspect", text(&coded), "--overlay", "x", text(&shown)], &[]).failed(2, "sequence number");
    run(&["inspect", text(&coded), "--overlay", "all", text(&shown)], &[]).failed(2, "no folder");
    run(&["inspect", text(&coded), "--av1", text(&shown)], &[]).failed(2, "no folder");
}

#[test]
fn every_command_has_help_with_examples() {
    let commands =
        ["sources", "demo", "relay", "share", "view", "record", "encode", "decode", "inspect", "bench"];
    for command in commands {
        let help = String::from_utf8(run(&[command, "--help"], b"").ok()).unwrap();
        assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{command}: {help}");
    }
    run(&[], b"").failed_usage();
    run(&["nonsense"], b"").failed(2, "nonsense");
}

impl panecast::Run {
    /// No command at all: help instead of an error.
    fn failed_usage(self) {
        assert_eq!(self.code, Some(2), "{}", self.stderr);
        assert!(self.stderr.contains("Usage:"), "{}", self.stderr);
    }
}

#[test]
fn the_built_in_desktop_is_always_listed() {
    let listed = run(&["sources", "--json"], b"").ok();
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    let pattern = listed.as_array().unwrap().iter().find(|s| s["kind"] == "pattern").unwrap();
    assert!(pattern["id"].as_str().unwrap().starts_with("pattern:"));
    assert!(String::from_utf8(run(&["sources"], b"").ok()).unwrap().contains("pattern:"));
}

#[test]
fn what_is_masked_is_in_no_stream() {
    // The window and the pane differ from one run to the other, under two masks.
    let with = |secret: u8| {
        let mut pictures = pictures(9);
        for (i, px) in pictures.chunks_exact_mut(4).enumerate() {
            let (x, y) = (i % WIDTH, i / WIDTH % HEIGHT);
            if (250..WIDTH).contains(&x) || ((20..150).contains(&x) && (30..100).contains(&y)) {
                px[..3].fill(secret.wrapping_mul(i as u8));
            }
        }
        let masks = ["--mask", "250,0,80,200", "--mask", "20,30,130,70"];
        run(&[&["encode", "-", "--size", SIZE, "-o", "-", "--mode", "auto"], &masks[..]].concat(), &pictures)
            .ok()
    };
    let stream = with(3);
    assert!(stream == with(7), "the secret shows");
    let decoded = run(&["decode", "-", "-o", "-"], &stream).ok();
    let (first, last) = (&decoded[..FRAME_BYTES], &decoded[8 * FRAME_BYTES..]);
    let hidden =
        |picture: &[u8], x: usize, y: usize| picture[(y * WIDTH + x) * 4..][..3] == [0x46, 0x40, 0x3C];
    for picture in [first, last] {
        assert!(hidden(picture, 20, 30) && hidden(picture, 149, 99) && hidden(picture, 329, 199));
        assert!(!hidden(picture, 150, 99) && !hidden(picture, 0, 0));
    }
}

#[test]
fn masks_that_cannot_be_are_wrong_usage() {
    let encode = |mask: &str| run(&["encode", "-", "--size", SIZE, "-o", "-", "--mask", mask], &[]);
    encode("1,2,3").failed(2, "no rectangle");
    encode("1,2,0,9").failed(2, "no rectangle");
    let record = |masks: &[&str]| {
        run(&[&["record", "--source", "pattern", "--seconds", "1", "-o", "-"], masks].concat(), &[])
    };
    record(&["--mask-window", "title:"]).failed(2, "names no window");
    record(&["--mask-window", "title:mail"]).failed(2, "on a screen");
    record(&["--only-window", "0x17"]).failed(2, "on a screen");
}
