//! The tables of the report: all figures of one trace.

use super::page::{db, escaped, kb, signed};
use super::row::{Cpu, Row, Spread};
use std::fmt::Write;

/// A column: the group it stands in, its name, and what a row has in it. Neighbours of one group share a head.
type Column = (&'static str, &'static str, fn(&Row) -> String);

const BYTES: &str = "bytes";
const CHANGED: &str = "changed tiles";
const WHOLE: &str = "whole pictures";
const ENCODE: &str = "encode CPU, ms a picture";
const DECODE: &str = "decode CPU, ms a picture";
const TIME: &str = "time, ms";
const MEMORY: &str = "peak memory, MB";

const PERCENTILES: &str = "p50 / p95 / p99";

const BYTES_AND_QUALITY: [Column; 13] = [
    (BYTES, "total kB", |r| kb(r.bytes)),
    (BYTES, "first kB", |r| kb(r.first_bytes)),
    (BYTES, "refining kB", |r| if r.refine_bytes == 0 { String::new() } else { kb(r.refine_bytes) }),
    (BYTES, "a change", |r| format!("{:.0}", r.changed_bytes.mean)),
    (BYTES, PERCENTILES, |r| percentiles(&r.changed_bytes, 0)),
    (CHANGED, "PSNR-RGB", |r| db(r.psnr_rgb)),
    (CHANGED, "PSNR-Y", |r| db(r.psnr_luma)),
    (CHANGED, "SSIM", |r| format!("{:.4}", r.ssim)),
    (WHOLE, "PSNR-RGB", |r| db(r.frame_psnr_rgb)),
    (WHOLE, "PSNR-Y", |r| db(r.frame_psnr_luma)),
    (WHOLE, "SSIM", |r| format!("{:.4}", r.frame_ssim)),
    (WHOLE, "exact", |r| format!("{}/{}", r.exact_frames, r.frames)),
    ("", "BD-rate", |r| r.bd_rate.map_or(String::new(), signed)),
];

const CPU_TIME_AND_MEMORY: [Column; 14] = [
    (ENCODE, "mean", |r| mean(&r.encode)),
    (ENCODE, PERCENTILES, |r| percentiles(&r.encode.changed, 2)),
    (ENCODE, "unchanged", |r| r.encode.idle.map_or(String::new(), ms)),
    (ENCODE, "all in", |r| ms(r.encode.share)),
    (DECODE, "mean", |r| mean(&r.decode)),
    (DECODE, PERCENTILES, |r| percentiles(&r.decode.changed, 2)),
    (DECODE, "unchanged", |r| r.decode.idle.map_or(String::new(), ms)),
    ("", "pictures held", |r| r.latency_frames.map_or("?".to_owned(), |n| n.to_string())),
    (TIME, "first picture", |r| format!("{:.0}", r.first_ms)),
    (TIME, "first exact", |r| whole_ms(r.exact_ms)),
    (TIME, "longest inexact", |r| format!("{:.0}", r.longest_inexact_ms)),
    (TIME, "last exact", |r| whole_ms(r.tail_ms)),
    (MEMORY, "encode", |r| mb(r.encode_peak_bytes)),
    (MEMORY, "decode", |r| mb(r.decode_peak_bytes)),
];

/// Appends both tables; with many rows they are folded up.
pub(crate) fn tables(page: &mut String, rows: &[&Row]) {
    let open = if rows.len() <= 12 { " open" } else { "" };
    for (title, columns) in
        [("Bytes and quality", &BYTES_AND_QUALITY[..]), ("CPU, time and memory", &CPU_TIME_AND_MEMORY)]
    {
        let _ = write!(
            page,
            "<details{open}><summary>{title}: {} runs</summary><div class=\"wide\">",
            rows.len()
        );
        table(page, rows, columns);
        *page += "</div></details>";
    }
}

fn table(page: &mut String, rows: &[&Row], columns: &[Column]) {
    *page += "<table><thead><tr><th colspan=\"2\"></th>";
    for group in columns.chunk_by(|a, b| a.0 == b.0) {
        let _ = write!(page, "<th class=\"edge\" colspan=\"{}\">{}</th>", group.len(), group[0].0);
    }
    *page += "</tr><tr><th>codec</th><th></th>";
    for (i, (_, name, _)) in columns.iter().enumerate() {
        let _ = write!(page, "<th{}>{name}</th>", edge(columns, i));
    }
    *page += "</tr></thead><tbody>";
    for row in rows {
        let class = if row.own { " class=\"own\"" } else { "" };
        let _ = write!(page, "<tr{class}><td>{}</td><td>{}</td>", escaped(&row.codec), escaped(&row.quality));
        for (i, (.., cell)) in columns.iter().enumerate() {
            let _ = write!(page, "<td{}>{}</td>", edge(columns, i), cell(row));
        }
        *page += "</tr>";
    }
    *page += "</tbody></table>";
}

/// A line before the first column of each group.
fn edge(columns: &[Column], i: usize) -> &'static str {
    if i == 0 || columns[i - 1].0 != columns[i].0 { " class=\"edge\"" } else { "" }
}

fn percentiles(spread: &Spread, digits: usize) -> String {
    match (spread.p50, spread.p95, spread.p99) {
        (Some(a), Some(b), Some(c)) => format!("{a:.digits$} / {b:.digits$} / {c:.digits$}"),
        _ => String::new(),
    }
}

/// Where single pictures cannot be told apart, unchanged ones are in the mean.
fn mean(cpu: &Cpu) -> String {
    format!("{}{:.2}", if cpu.changed.p50.is_some() { "" } else { "≤ " }, cpu.changed.mean)
}

fn ms(value: f64) -> String {
    format!("{value:.2}")
}

fn whole_ms(value: Option<f64>) -> String {
    value.map_or("never".to_owned(), |ms| format!("{ms:.0}"))
}

fn mb(bytes: Option<u64>) -> String {
    bytes.map_or("?".to_owned(), |bytes| format!("{:.0}", bytes as f64 / 1e6))
}
