//! `bench` on a tiny trace, and `decode --reference` against ffmpeg's own judgement.

mod panecast;

use panecast::{HEIGHT, SIZE, WIDTH, pictures, run};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn has_ffmpeg() -> bool {
    let status = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|s| s.success())
}

#[test]
fn the_built_in_desktop_gives_figures_a_table_and_a_page() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("figures");
    let printed = run(
        &[
            "bench",
            "pattern:200x120@30",
            "--frames",
            "12",
            "--codec",
            "lossless",
            "--out",
            text(&out),
            "--json",
        ],
        &[],
    )
    .ok();
    let report: Value = serde_json::from_slice(&printed).unwrap();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!((&row["frames"], &row["exact_frames"]), (&12.into(), &12.into()));
    assert!(row["psnr_rgb_frame"].is_null() && row["ssim_frame"] == 1.0, "lossless is exact: {row}");
    assert_eq!(row["latency_frames"], 0);
    let bytes = row["bytes"].as_u64().unwrap();
    let first = row["first_bytes"].as_u64().unwrap();
    assert!(0 < first && first <= bytes);
    // 10 Mbit/s: 1.25 bytes a microsecond.
    let expected = first as f64 / 1250.0;
    assert!((row["first_picture_ms"].as_f64().unwrap() - expected).abs() < 0.01, "{row}");

    let csv = fs::read_to_string(out.join("bench.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].split(',').count(), lines[1].split(',').count());
    assert!(
        lines[0].starts_with("trace,codec,quality,") && lines[1].contains(&format!(",{bytes},")),
        "{csv}"
    );
    let page = fs::read_to_string(out.join("bench.html")).unwrap();
    assert!(page.matches("<svg").count() == 3 && page.contains("panecast lossless"));
    assert!(!page.contains("src=") && !page.contains("<link") && !page.contains("@import"), "self-contained");
    let left: Vec<_> = fs::read_dir(&out).unwrap().collect();
    assert_eq!(left.len(), 2, "nothing else stays: {left:?}");
}

#[test]
fn the_automatic_mode_becomes_exact_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("figures");
    let args = ["bench", "pattern:320x180@30", "--frames", "45", "--codec", "auto", "--quality", "40,90"];
    let report = run(&[&args[..], &["--out", text(&out), "--json"]].concat(), &[]).ok();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let of = |codec: &str| -> Vec<&Value> { rows.iter().filter(|r| r["codec"] == codec).collect() };
    let (refined, unrefined) = (of("panecast auto"), of("panecast auto, unrefined"));
    assert_eq!((rows.len(), refined.len(), unrefined.len()), (4, 2, 2));
    for (row, quality) in refined.iter().zip(["q 40", "q 90"]) {
        assert_eq!(row["quality"], quality);
        // The pattern's film is lossy while it runs; when nothing follows, the rest of it is sent.
        assert!(row["last_exact_ms"].as_f64().is_some(), "{row}");
        assert!(
            row["exact_frames"].as_u64() == Some(45) || row["psnr_rgb_frame"].as_f64().is_some(),
            "{row}"
        );
    }
    for (row, refined) in unrefined.iter().zip(refined) {
        assert_eq!(row["quality"], refined["quality"]);
        assert_eq!((&row["refine_bytes"], &row["last_exact_bytes"]), (&0.into(), &0.into()), "{row}");
        assert_eq!(row["first_bytes"], refined["first_bytes"], "refinement comes after the first picture");
        if row["psnr_rgb_frame"].as_f64().is_some() {
            assert!(row["last_exact_ms"].is_null(), "what was lost stays lost: {row}");
        }
    }
}

#[test]
fn raw_pictures_and_streams_of_them_give_the_same_figures() {
    let dir = tempfile::tempdir().unwrap();
    let traces = dir.path().join("traces");
    fs::create_dir(&traces).unwrap();
    let raw = traces.join("a.bgra");
    fs::write(&raw, pictures(10)).unwrap();
    fs::write(traces.join("a.txt"), format!("{SIZE} 25\n")).unwrap();
    run(&["encode", text(&raw), "--size", SIZE, "--fps", "25", "-o", text(&traces.join("b.pcast"))], &[])
        .ok();
    let out = dir.path().join("figures");
    let args = ["bench", text(&traces), "--codec", "lossless", "--out", text(&out), "--json"];
    let report: Value = serde_json::from_slice(&run(&args, &[]).ok()).unwrap();
    let rows = report["rows"].as_array().unwrap();
    assert_eq!((&rows[0]["trace"], &rows[1]["trace"]), (&"a".into(), &"b".into()));
    for key in ["bytes", "first_bytes", "frames", "changed_frames", "fps", "size", "exact_frames"] {
        assert_eq!(rows[0][key], rows[1][key], "{key}");
    }
    assert_eq!(
        (&rows[0]["frames"], &rows[0]["fps"], &rows[0]["size"]),
        (&10.into(), &25.into(), &SIZE.into())
    );
    let stream = fs::metadata(traces.join("b.pcast")).unwrap().len();
    let bytes = rows[0]["bytes"].as_u64().unwrap();
    assert!(bytes < stream && stream - bytes < 16, "only the end record comes on top: {bytes}, {stream}");
}

#[test]
fn other_codecs_run_where_ffmpeg_has_them() {
    if !has_ffmpeg() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("figures");
    let args =
        ["bench", "pattern:192x128@30", "--frames", "8", "--peers", "--codec", "x264 ultrafast", "--codec"];
    let args =
        [&args[..], &["lossless", "--baseline", "x264 ultrafast 4:4:4", "--out", text(&out), "--json"]]
            .concat();
    let report: Value = serde_json::from_slice(&run(&args, &[]).ok()).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let of = |codec: &str| -> Vec<&Value> { rows.iter().filter(|r| r["codec"] == codec).collect() };
    let full = of("x264 ultrafast 4:4:4");
    if full.is_empty() {
        // An ffmpeg without the encoder: the report must say so.
        assert!(report["notes"].to_string().contains("x264 ultrafast"), "{report}");
        return;
    }
    assert_eq!(full.len(), 4);
    let psnr = |row: &Value| row["psnr_rgb_frame"].as_f64().unwrap();
    let bytes = |row: &Value| row["bytes"].as_u64().unwrap();
    for pair in full.windows(2) {
        assert!(psnr(pair[0]) > psnr(pair[1]) && bytes(pair[0]) > bytes(pair[1]), "best first: {pair:?}");
    }
    assert!(psnr(full[0]) > 35.0, "the colours come back: {}", full[0]);
    for row in of("x264 ultrafast 4:2:0").into_iter().chain(full) {
        assert_eq!((&row["frames"], &row["latency_frames"]), (&8.into(), &0.into()), "{row}");
        assert!(row["encode_ms_p50"].as_f64().is_some() && row["encode_peak_bytes"].as_u64() > Some(1 << 20));
        if row["codec"] == "x264 ultrafast 4:4:4" {
            assert_eq!(row["bd_rate_percent"].as_f64(), Some(0.0), "against itself");
        }
    }
    assert!(of("panecast lossless")[0]["psnr_rgb_frame"].is_null());
}

#[test]
fn vnc_encodings_run_where_the_server_is_installed() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("figures");
    let args =
        ["bench", "pattern:333x211@30", "--frames", "8", "--peers", "--codec", "VNC", "--codec", "lossless"];
    let report = run(&[&args[..], &["--out", text(&out), "--json"]].concat(), &[]).ok();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let own = rows.iter().find(|r| r["codec"] == "panecast lossless").unwrap();
    let vnc: Vec<&Value> = rows.iter().filter(|r| r["codec"].as_str().unwrap().starts_with("VNC ")).collect();
    if vnc.is_empty() {
        assert!(report["notes"].to_string().contains("VNC ZRLE"), "{report}");
        return;
    }
    assert_eq!((&vnc[0]["codec"], &vnc[1]["codec"]), (&"VNC Tight, lossless".into(), &"VNC ZRLE".into()));
    for row in vnc {
        for key in ["frames", "changed_frames"] {
            assert_eq!(row[key], own[key], "{row}");
        }
        assert_eq!(row["exact_frames"], 8, "{row}");
        assert!(row["psnr_rgb_frame"].is_null() && row["encode_ms"].as_f64() > Some(0.0), "{row}");
        // It cannot be less than the noise in the picture takes, nor more than the pixels.
        let raw = 333 * 211 * 4 * 8;
        assert!((1000..raw).contains(&row["bytes"].as_u64().unwrap()), "{row}");
    }
}

/// What ffmpeg's filter says about two raw files, after `name:`.
fn ffmpeg_says(filter: &str, name: &str, files: [&Path; 2]) -> f64 {
    let raw = ["-f", "rawvideo", "-pix_fmt", "bgra", "-video_size", SIZE, "-framerate", "30", "-i"];
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostats"]);
    for file in files {
        command.args(raw).arg(file);
    }
    let output = command.args(["-lavfi", filter, "-f", "null", "-"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let value = said.split(name).nth(1).and_then(|rest| rest.split_whitespace().next());
    value.and_then(|v| v.parse().ok()).unwrap_or_else(|| panic!("no {name} in: {said}"))
}

/// The number after `name` in a line of ours.
fn said(line: &str, name: &str) -> f64 {
    let rest = line.split(name).nth(1).unwrap_or_else(|| panic!("no {name} in {line}"));
    rest.split([' ', ',']).next().unwrap().parse().unwrap()
}

#[test]
fn a_reference_is_judged_as_ffmpeg_judges_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let original = pictures(5);
    let mut noisy = original.clone();
    // Errors that differ by place and channel, the most in the fourth picture.
    let mut seed = 1_u32;
    for (i, byte) in noisy.iter_mut().enumerate() {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let most = if i / (WIDTH * HEIGHT * 4) == 3 { 40 } else { 12 };
        if i % 4 != 3 && i % 7 < 4 {
            *byte = byte.saturating_add((seed >> 24) as u8 % most);
        }
    }
    fs::write(file("a.bgra"), &original).unwrap();
    fs::write(file("b.bgra"), &noisy).unwrap();
    run(&["encode", text(&file("b.bgra")), "--size", SIZE, "-o", text(&file("b.pcast"))], &[]).ok();
    let decode = |reference: &str| {
        run(&["decode", text(&file("b.pcast")), "--reference", text(&file(reference))], &[])
    };
    let same = String::from_utf8(decode("b.bgra").ok()).unwrap();
    assert!(same.contains("PSNR-RGB exact, PSNR-Y exact, SSIM 1.00000, 5 of 5 pictures exact"), "{same}");
    let judged = String::from_utf8(decode("a.bgra").ok()).unwrap();
    let lines: Vec<&str> = judged.lines().collect();
    assert!(lines[0].starts_with("all:") && lines[0].ends_with("0 of 5 pictures exact"), "{judged}");
    assert!(lines[1].starts_with("worst:") && lines[1].ends_with("picture 3"), "{judged}");
    fs::write(file("short.bgra"), &original[..WIDTH * HEIGHT * 8]).unwrap();
    decode("short.bgra").failed(1, "it has 2 pictures");
    decode("none.bgra").failed(1, "none.bgra");
    if !has_ffmpeg() {
        return;
    }
    let files = [&*file("b.bgra"), &*file("a.bgra")];
    let near = |ours: f64, theirs: f64, most: f64| {
        assert!((ours - theirs).abs() <= most, "{ours} here, {theirs} by ffmpeg: {judged}");
    };
    let rgb = "[0]format=gbrp[a];[1]format=gbrp[b];[a][b]psnr";
    near(said(lines[0], "PSNR-RGB "), ffmpeg_says(rgb, "average:", files), 0.001);
    near(said(lines[1], "PSNR-RGB "), ffmpeg_says(rgb, "min:", files), 0.001);
    // Its luma is rounded in another way.
    let luma = "scale=out_range=full:out_color_matrix=bt601:flags=accurate_rnd+full_chroma_int,format=yuvj444p,extractplanes=y";
    let both = |judge: &str| format!("[0]{luma}[a];[1]{luma}[b];[a][b]{judge}");
    near(said(lines[0], "PSNR-Y "), ffmpeg_says(&both("psnr"), "average:", files), 0.1);
    near(said(lines[0], "SSIM "), ffmpeg_says(&both("ssim"), "All:", files), 0.002);
}

#[test]
fn wrong_use_is_a_failure_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("figures");
    let bench = |args: &[&str]| run(&[&["bench", "--out", text(&out)], args].concat(), &[]);
    bench(&["no/such/file.pcast"]).failed(1, "no/such/file.pcast");
    bench(&["no/such/file.bgra"]).failed(2, "--size");
    bench(&[text(dir.path())]).failed(1, "no .bgra");
    bench(&["--codec", "nonsense"]).failed(2, "nonsense");
    bench(&["pattern:0x0"]).failed(1, "next: ");
    fs::write(dir.path().join("x.pcast"), b"not a stream").unwrap();
    bench(&[text(&dir.path().join("x.pcast"))]).failed(1, "not a panecast stream");
    run(&["bench"], &[]).failed(2, "--out");
    run(&["decode", "x.pcast"], &[]).failed(2, "--output");
}
