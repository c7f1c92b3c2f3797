//! The charts of the report, as SVG that needs nothing else.

use super::row::Row;
use crate::failure::Failure;
use plotters::prelude::*;

const SIZE: (u32, u32) = (560, 380);
const FONT: &str = "system-ui, sans-serif";

/// Where a codec without loss stands on an axis of dB: above all that can be reached otherwise.
const EXACT_DB: f64 = 62.0;

/// One codec in a chart.
struct Series {
    colour: RGBColor,
    own: bool,
    points: Vec<(f64, f64)>,
}

/// The colour of a codec, the same in all charts.
pub(crate) fn colour(codec: &str) -> (u8, u8, u8) {
    let half = codec.contains("4:2:0");
    match codec {
        c if c.starts_with("panecast lossless") => (214, 40, 90),
        c if c.starts_with("panecast") => (120, 20, 140),
        c if c.contains("veryfast") => {
            if half {
                (130, 180, 235)
            } else {
                (30, 100, 200)
            }
        }
        c if c.contains("ultrafast") => {
            if half {
                (150, 210, 220)
            } else {
                (20, 140, 160)
            }
        }
        c if c.starts_with("VP9") => {
            if half {
                (160, 205, 130)
            } else {
                (60, 140, 40)
            }
        }
        c if c.starts_with("libaom") => {
            if half {
                (245, 190, 110)
            } else {
                (215, 120, 10)
            }
        }
        _ => (130, 130, 140),
    }
}

/// The names of codecs in the order of the rows, each once.
pub(crate) fn codecs(rows: &[&Row]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for row in rows {
        if !names.contains(&row.codec) {
            names.push(row.codec.clone());
        }
    }
    names
}

/// Quality over bytes.
pub(crate) fn quality(rows: &[&Row]) -> Result<String, Failure> {
    let series = all(rows, |row| {
        Some((row.bytes as f64 / 1e3, row.psnr_rgb.map_or(EXACT_DB, |db| db.clamp(20.0, EXACT_DB - 4.0))))
    });
    let points = series.iter().flat_map(|s| s.points.iter());
    let lowest = points.map(|p| p.1).fold(EXACT_DB, f64::min);
    let y = ((lowest - 2.0) / 5.0).floor() * 5.0..EXACT_DB + 1.5;
    draw(&series, "bytes, kB", "PSNR-RGB over changed tiles, dB", log_range(&series, |p| p.0), y, |db| {
        if *db > EXACT_DB - 3.0 { String::new() } else { format!("{db:.0}") }
    })
}

/// CPU over bytes.
pub(crate) fn cost(rows: &[&Row]) -> Result<String, Failure> {
    let series = all(rows, |row| {
        let ms = row.encode.changed.mean;
        (ms > 0.0).then_some((row.bytes as f64 / 1e3, ms.log10()))
    });
    let y = log_range(&series, |p| 10_f64.powf(p.1));
    let y = y.start.log10()..y.end.log10();
    draw(&series, "bytes, kB", "encode CPU a changed picture, ms", log_range(&series, |p| p.0), y, |log| {
        number(10_f64.powf(*log))
    })
}

/// Bytes as they add up over time, of one quality of each codec.
pub(crate) fn growth(rows: &[&Row]) -> Result<String, Failure> {
    let mut series = Vec::new();
    for row in rows {
        let seconds = |i: usize| (i + 1) as f64 / f64::from(row.fps);
        let points = row.running_bytes.iter().enumerate().map(|(i, n)| (seconds(i), *n as f64 / 1e3));
        // A chart has fewer columns than a long trace has pictures.
        let step = (row.running_bytes.len() / 280).max(1);
        let last = row.running_bytes.len().saturating_sub(1);
        let points = points.enumerate().filter(|(i, _)| i % step == 0 || *i == last).map(|(_, p)| p);
        let (r, g, b) = colour(&row.codec);
        series.push(Series { colour: RGBColor(r, g, b), own: row.own, points: points.collect() });
    }
    let most =
        |f: fn(&(f64, f64)) -> f64| series.iter().flat_map(|s| s.points.iter()).map(f).fold(0.001, f64::max);
    let (x, y) = (most(|p| p.0), most(|p| p.1));
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        let mut chart = builder(&root).build_cartesian_2d(0.0..x, 0.0..y * 1.05).map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc("seconds")
            .y_desc("kB so far")
            .y_label_formatter(&|kb| number(*kb))
            .light_line_style(RGBColor(244, 244, 246))
            .bold_line_style(RGBColor(228, 228, 232))
            .axis_style(RGBColor(120, 120, 130))
            .label_style((FONT, 12))
            .axis_desc_style((FONT, 13))
            .draw()
            .map_err(failed)?;
        for s in &series {
            let style = s.colour.stroke_width(if s.own { 3 } else { 1 });
            chart.draw_series(LineSeries::new(s.points.iter().copied(), style)).map_err(failed)?;
        }
        root.present().map_err(failed)?;
    }
    Ok(text)
}

fn all(rows: &[&Row], point: impl Fn(&Row) -> Option<(f64, f64)>) -> Vec<Series> {
    let of_codec = |codec: &String| {
        let rows = rows.iter().filter(|r| r.codec == *codec);
        let (r, g, b) = colour(codec);
        let mut points: Vec<(f64, f64)> = rows.clone().filter_map(|row| point(row)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let own = rows.clone().any(|r| r.own);
        Series { colour: RGBColor(r, g, b), own, points }
    };
    codecs(rows).iter().map(of_codec).collect()
}

/// From below the smallest to above the largest value.
fn log_range(series: &[Series], value: impl Fn(&(f64, f64)) -> f64) -> std::ops::Range<f64> {
    let values = series.iter().flat_map(|s| s.points.iter()).map(value).filter(|v| *v > 0.0);
    let (low, high) = values.fold((f64::MAX, 0.0), |(low, high), v| (v.min(low), v.max(high)));
    if high <= 0.0 { 1.0..10.0 } else { low / 1.4..high * 1.4 }
}

fn draw(
    series: &[Series],
    x_name: &str,
    y_name: &str,
    x: std::ops::Range<f64>,
    y: std::ops::Range<f64>,
    y_label: impl Fn(&f64) -> String,
) -> Result<String, Failure> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        let exact = (y.start..y.end).contains(&EXACT_DB) && y_name.contains("dB");
        let ends = x.clone();
        let mut chart = builder(&root).build_cartesian_2d(x.log_scale(), y).map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc(x_name)
            .y_desc(y_name)
            .x_label_formatter(&|kb| number(*kb))
            .y_label_formatter(&y_label)
            .light_line_style(RGBColor(244, 244, 246))
            .bold_line_style(RGBColor(228, 228, 232))
            .axis_style(RGBColor(120, 120, 130))
            .label_style((FONT, 12))
            .axis_desc_style((FONT, 13))
            .draw()
            .map_err(failed)?;
        if exact {
            let line = [(ends.start, EXACT_DB), (ends.end, EXACT_DB)];
            chart.draw_series(LineSeries::new(line, RGBColor(200, 200, 206))).map_err(failed)?;
            let label = Text::new("exact", (ends.start * 1.02, EXACT_DB + 1.3), (FONT, 12));
            chart.draw_series([label]).map_err(failed)?;
        }
        for s in series {
            let width = if s.own { 3 } else { 1 };
            let line = LineSeries::new(s.points.iter().copied(), s.colour.stroke_width(width));
            chart.draw_series(line).map_err(failed)?;
            let radius = if s.own { 6 } else { 3 };
            let dots = s.points.iter().map(|p| Circle::new(*p, radius, s.colour.filled()));
            chart.draw_series(dots).map_err(failed)?;
        }
        root.present().map_err(failed)?;
    }
    Ok(text)
}

fn builder<'a, 'b>(
    root: &'a DrawingArea<SVGBackend<'b>, plotters::coord::Shift>,
) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(root);
    builder.margin(8).margin_right(18).x_label_area_size(42).y_label_area_size(58);
    builder
}

/// A number with as many digits as a label needs.
fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 10_000.0 => format!("{:.0}k", value / 1000.0),
        v if v >= 1000.0 => format!("{:.1}k", value / 1000.0),
        v if v >= 10.0 => format!("{value:.0}"),
        v if v >= 1.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.2}"),
    }
}

fn failed(e: impl std::fmt::Display) -> Failure {
    Failure::new(format!("a chart could not be drawn: {e}"), "use bench.csv, and report this")
}
