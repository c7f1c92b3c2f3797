//! One line of the results: a codec at one quality on one trace.

use super::step::{Encoded, Shown};
use super::trace::RawTrace;
use serde_json::{Map, Value, json};

/// A codec at one quality on one trace.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) trace: String,
    /// Name of the codec with its settings, the same for all its qualities.
    pub(crate) codec: String,
    /// The setting that makes it better or smaller; empty where there is none.
    pub(crate) quality: String,
    /// Whether it is panecast's own.
    pub(crate) own: bool,
    pub(crate) size: String,
    pub(crate) fps: u32,
    pub(crate) frames: u64,
    pub(crate) changed: u64,
    pub(crate) bytes: u64,
    pub(crate) first_bytes: u64,
    /// Bytes of each changed picture after the first: mean, median, 95 and 99 of 100.
    pub(crate) changed_bytes: Spread,
    /// Bytes up to each picture, for a plot.
    pub(crate) running_bytes: Vec<u64>,
    pub(crate) encode: Cpu,
    pub(crate) decode: Cpu,
    /// Of `bytes`, what made good what earlier pictures had lost, and its CPU in ms.
    pub(crate) refine_bytes: u64,
    pub(crate) refine_ms: f64,
    pub(crate) latency_frames: Option<u64>,
    /// Over the tiles that changed; `None` is exact.
    pub(crate) psnr_rgb: Option<f64>,
    pub(crate) psnr_luma: Option<f64>,
    pub(crate) ssim: f64,
    /// Over whole pictures.
    pub(crate) frame_psnr_rgb: Option<f64>,
    pub(crate) frame_psnr_luma: Option<f64>,
    pub(crate) frame_ssim: f64,
    /// Of the first picture.
    pub(crate) first_psnr_rgb: Option<f64>,
    pub(crate) exact_frames: u64,
    /// When the first picture has arrived, and the first exact one.
    pub(crate) first_ms: f64,
    pub(crate) exact_ms: Option<f64>,
    /// Longest time that what was shown was not exact.
    pub(crate) longest_inexact_ms: f64,
    /// How long after the last picture it is exact, and what that took on top of `bytes`.
    pub(crate) tail_ms: Option<f64>,
    pub(crate) tail_bytes: u64,
    pub(crate) encode_peak_bytes: Option<u64>,
    pub(crate) decode_peak_bytes: Option<u64>,
    /// Bytes against the baseline at the same PSNR, in percent.
    pub(crate) bd_rate: Option<f64>,
}

/// Mean and percentiles; percentiles are missing where single values are unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    pub(crate) mean: f64,
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
}

impl Spread {
    /// Of single values.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        values.sort_by(f64::total_cmp);
        // The smallest value that at least so many percent do not exceed.
        let percentile = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100).max(1);
            Some(values[rank - 1])
        };
        Self {
            mean: values.iter().sum::<f64>() / values.len() as f64,
            p50: percentile(50),
            p95: percentile(95),
            p99: percentile(99),
        }
    }
}

/// CPU in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cpu {
    /// Of the changed pictures, the first included. Where single pictures cannot be told apart, the mean alone, and
    /// it is that of `share`.
    pub(crate) changed: Spread,
    /// Mean of the unchanged pictures; `None` if there are none or they cannot be told apart.
    pub(crate) idle: Option<f64>,
    /// All that was spent, by the number of changed pictures.
    pub(crate) share: f64,
}

impl Cpu {
    /// From what each picture took, if that is known, and what all took, in nanoseconds.
    fn new(each: &[u64], total: u64, is_changed: &[bool]) -> Self {
        let of = |wanted: bool| -> Vec<f64> {
            let all = each.iter().zip(is_changed).filter(|(_, changed)| **changed == wanted);
            all.map(|(ns, _)| *ns as f64 / 1e6).collect()
        };
        let changed = is_changed.iter().filter(|changed| **changed).count();
        let share = total as f64 / 1e6 / changed.max(1) as f64;
        if each.is_empty() {
            let changed = Spread { mean: share, ..Spread::default() };
            return Self { changed, idle: None, share };
        }
        let idle = of(false);
        let mean = (!idle.is_empty()).then(|| Spread::of(idle).mean);
        Self { changed: Spread::of(of(true)), idle: mean, share }
    }
}

impl Row {
    /// Puts together what the steps of one run counted. `link` is in bits a second.
    pub(crate) fn new(
        trace: &RawTrace,
        codec: &str,
        quality: &str,
        encoded: &Encoded,
        shown: &Shown,
        link: u64,
    ) -> Self {
        let scores = &shown.scores;
        let is_changed = &scores.is_changed;
        let changed = is_changed.iter().filter(|changed| **changed).count() as u64;
        let changed_bytes = encoded.bytes.iter().zip(is_changed).skip(1);
        let changed_bytes = changed_bytes.filter(|(_, changed)| **changed).map(|(bytes, _)| *bytes as f64);
        // What goes over the link in each picture's time.
        let refined = encoded.refined.iter().copied().chain(std::iter::repeat(0));
        let sent: Vec<u64> =
            encoded.bytes.iter().zip(refined).map(|(picture, more)| picture + more).collect();
        let arrivals = arrivals(trace, &sent, link);
        let exact = scores.is_exact.iter().position(|exact| *exact);
        let errors = scores.over_changes();
        Self {
            trace: trace.name.clone(),
            codec: codec.to_owned(),
            quality: quality.to_owned(),
            own: codec.starts_with("panecast"),
            size: trace.size().to_string(),
            fps: trace.fps,
            frames: is_changed.len() as u64,
            changed,
            bytes: sent.iter().sum(),
            first_bytes: encoded.bytes.first().copied().unwrap_or(0),
            changed_bytes: Spread::of(changed_bytes.collect()),
            running_bytes: running(&sent),
            encode: Cpu::new(&encoded.cpu_ns, encoded.cpu_total_ns, is_changed),
            decode: Cpu::new(&shown.cpu_ns, shown.cpu_total_ns, is_changed),
            refine_bytes: encoded.refined.iter().sum(),
            refine_ms: encoded.refine_ns as f64 / 1e6,
            latency_frames: encoded.latency_frames,
            psnr_rgb: errors.psnr_rgb(),
            psnr_luma: errors.psnr_luma(),
            ssim: errors.ssim(),
            frame_psnr_rgb: scores.picture.psnr_rgb(),
            frame_psnr_luma: scores.picture.psnr_luma(),
            frame_ssim: scores.picture.ssim(),
            first_psnr_rgb: scores.first.psnr_rgb(),
            exact_frames: scores.is_exact.iter().filter(|exact| **exact).count() as u64,
            first_ms: arrivals.first().copied().unwrap_or(0.0),
            exact_ms: exact.and_then(|at| arrivals.get(at).copied()),
            longest_inexact_ms: longest_run(&scores.is_exact) as f64 * 1000.0 / f64::from(trace.fps),
            tail_ms: match (scores.is_exact.last(), arrivals.last()) {
                (Some(true), Some(arrival)) => {
                    Some((arrival - trace.time_us(sent.len() as u64 - 1) as f64 / 1000.0).max(0.0))
                }
                _ => encoded.tail_ms.filter(|_| shown.ends_exact),
            },
            tail_bytes: encoded.tail_bytes,
            encode_peak_bytes: encoded.peak_bytes,
            decode_peak_bytes: shown.peak_bytes,
            bd_rate: None,
        }
    }

    /// Names and values in the order of the CSV's columns.
    pub(crate) fn fields(&self) -> Vec<(&'static str, Value)> {
        let spread = |s: &Spread| [Some(s.mean), s.p50, s.p95, s.p99].map(|v| json!(v.map(rounded)));
        let [bytes, bytes_p50, bytes_p95, bytes_p99] = spread(&self.changed_bytes);
        let [enc, enc_p50, enc_p95, enc_p99] = spread(&self.encode.changed);
        let [dec, dec_p50, dec_p95, dec_p99] = spread(&self.decode.changed);
        let db = |value: Option<f64>| json!(value.map(rounded));
        vec![
            ("trace", json!(self.trace)),
            ("codec", json!(self.codec)),
            ("quality", json!(self.quality)),
            ("size", json!(self.size)),
            ("fps", json!(self.fps)),
            ("frames", json!(self.frames)),
            ("changed_frames", json!(self.changed)),
            ("bytes", json!(self.bytes)),
            ("first_bytes", json!(self.first_bytes)),
            ("changed_bytes", bytes),
            ("changed_bytes_p50", bytes_p50),
            ("changed_bytes_p95", bytes_p95),
            ("changed_bytes_p99", bytes_p99),
            ("encode_ms", enc),
            ("encode_ms_p50", enc_p50),
            ("encode_ms_p95", enc_p95),
            ("encode_ms_p99", enc_p99),
            ("encode_ms_unchanged", db(self.encode.idle)),
            ("encode_ms_share", json!(rounded(self.encode.share))),
            ("decode_ms", dec),
            ("decode_ms_p50", dec_p50),
            ("decode_ms_p95", dec_p95),
            ("decode_ms_p99", dec_p99),
            ("decode_ms_unchanged", db(self.decode.idle)),
            ("decode_ms_share", json!(rounded(self.decode.share))),
            ("refine_bytes", json!(self.refine_bytes)),
            ("refine_ms", json!(rounded(self.refine_ms))),
            ("latency_frames", json!(self.latency_frames)),
            ("psnr_rgb_changed", db(self.psnr_rgb)),
            ("psnr_y_changed", db(self.psnr_luma)),
            ("ssim_changed", json!(precise(self.ssim))),
            ("psnr_rgb_frame", db(self.frame_psnr_rgb)),
            ("psnr_y_frame", db(self.frame_psnr_luma)),
            ("ssim_frame", json!(precise(self.frame_ssim))),
            ("psnr_rgb_first", db(self.first_psnr_rgb)),
            ("exact_frames", json!(self.exact_frames)),
            ("first_picture_ms", json!(rounded(self.first_ms))),
            ("first_exact_ms", db(self.exact_ms)),
            ("longest_inexact_ms", json!(rounded(self.longest_inexact_ms))),
            ("last_exact_ms", db(self.tail_ms)),
            ("last_exact_bytes", json!(self.tail_bytes)),
            ("encode_peak_bytes", json!(self.encode_peak_bytes)),
            ("decode_peak_bytes", json!(self.decode_peak_bytes)),
            ("bd_rate_percent", db(self.bd_rate)),
        ]
    }

    /// The same as a JSON object; `null` PSNR means exact.
    pub(crate) fn json(&self) -> Value {
        let fields = self.fields().into_iter().map(|(name, value)| (name.to_owned(), value));
        Value::Object(fields.collect::<Map<_, _>>())
    }
}

/// All rows as CSV. An empty PSNR means exact, another empty field unknown.
pub(crate) fn csv(rows: &[Row]) -> String {
    let mut text = String::new();
    for (i, row) in rows.iter().enumerate() {
        let fields = row.fields();
        if i == 0 {
            text += &fields.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(",");
            text.push('\n');
        }
        let values: Vec<String> = fields.iter().map(|(_, value)| quoted(value)).collect();
        text += &values.join(",");
        text.push('\n');
    }
    text
}

fn quoted(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.contains(['"', ',', '\n']) => {
            format!("\"{}\"", text.replace('"', "\"\""))
        }
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn precise(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn running(bytes: &[u64]) -> Vec<u64> {
    bytes
        .iter()
        .scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        })
        .collect()
}

/// When each picture's bytes have arrived over a link of so many bits a second, in ms; coding takes no time.
fn arrivals(trace: &RawTrace, bytes: &[u64], link: u64) -> Vec<f64> {
    let mut free = 0.0_f64;
    let ms_of = |bytes: u64| bytes as f64 * 8000.0 / link.max(1) as f64;
    let sent = bytes.iter().enumerate().map(|(i, n)| {
        free = free.max(trace.time_us(i as u64) as f64 / 1000.0) + ms_of(*n);
        free
    });
    sent.collect()
}

/// Most pictures in a row that were not exact.
fn longest_run(exact: &[bool]) -> u64 {
    exact.split(|exact| *exact).map(<[bool]>::len).max().unwrap_or(0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_there() {
        let s = Spread::of((1..=100).rev().map(f64::from).collect());
        assert_eq!(s, Spread { mean: 50.5, p50: Some(50.0), p95: Some(95.0), p99: Some(99.0) });
        assert_eq!(Spread::of(vec![7.0]).p99, Some(7.0));
    }

    #[test]
    fn unchanged_pictures_are_not_charged_to_changed_ones() {
        let changed = [true, false, true, false];
        let cpu = Cpu::new(&[9_000_000, 1_000_000, 3_000_000, 2_000_000], 16_000_000, &changed);
        assert_eq!((cpu.changed.mean, cpu.changed.p50, cpu.changed.p99), (6.0, Some(3.0), Some(9.0)));
        assert_eq!((cpu.idle, cpu.share), (Some(1.5), 8.0));
        let still = Cpu::new(&[4_000_000], 5_000_000, &[true]);
        assert_eq!((still.changed.mean, still.idle), (4.0, None));
        let unknown = Cpu::new(&[], 16_000_000, &changed);
        assert_eq!((unknown.changed.mean, unknown.changed.p50, unknown.idle), (8.0, None, None));
    }

    #[test]
    fn a_slow_link_adds_up() {
        let trace = RawTrace { name: "t".into(), path: "t".into(), width: 1, height: 1, fps: 10, frames: 3 };
        // 8,000 bits a second: a byte takes a millisecond.
        assert_eq!(arrivals(&trace, &[250, 0, 50], 8000), [250.0, 250.0, 300.0]);
        assert_eq!(arrivals(&trace, &[10, 10, 10], 8000), [10.0, 110.0, 210.0]);
    }

    #[test]
    fn stretches_that_are_not_exact_are_counted() {
        assert_eq!(longest_run(&[true, false, false, true, false]), 2);
        assert_eq!(longest_run(&[true]), 0);
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        assert_eq!(quoted(&json!("a,\"b\"")), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted(&json!(null)), "");
        assert_eq!(quoted(&json!(1.5)), "1.5");
    }
}
