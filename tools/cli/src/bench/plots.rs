//! The charts of the report, as SVG that needs nothing else.

use super::row::Row;
use crate::failure::Failure;
use plotters::coord::combinators::{BindKeyPoints, LogCoord, WithKeyPoints};
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;
use std::ops::Range;

const SIZE: (u32, u32) = (560, 380);
const FONT: &str = "system-ui, sans-serif";

/// By how many dB a codec without loss stands above the best of the others in a chart.
const ABOVE_DB: f64 = 6.0;

/// `page.css` gives these others where the reader wants it dark.
const GRID_FINE: RGBColor = RGBColor(244, 244, 246);
const GRID: RGBColor = RGBColor(228, 228, 232);
const AXIS: RGBColor = RGBColor(120, 120, 130);

/// One codec in a chart.
struct Series {
    colour: RGBColor,
    own: bool,
    dots: bool,
    points: Vec<(f64, f64)>,
}

/// Codecs by how their names begin, and their colours: in full colour, and with 4:2:0 or without refinement. They can
/// be told apart on white and on black.
const COLOURS: [(&str, Colour, Colour); 8] = [
    ("panecast lossless", (226, 50, 100), (226, 50, 100)),
    ("panecast auto", (150, 60, 200), (196, 150, 232)),
    ("x264 veryfast", (50, 120, 225), (135, 185, 240)),
    ("x264 ultrafast", (20, 150, 170), (130, 205, 215)),
    ("VP9", (70, 150, 50), (160, 205, 130)),
    ("libaom", (220, 125, 15), (240, 190, 115)),
    ("SVT-AV1", (130, 130, 140), (130, 130, 140)),
    ("VNC", (150, 95, 60), (195, 150, 120)),
];

type Colour = (u8, u8, u8);

/// A level to compare with.
struct Line {
    from: (f64, f64),
    to: (f64, f64),
    name: &'static str,
}

/// The colour of a codec, the same in all charts.
pub(crate) fn colour(codec: &str) -> Colour {
    let light = ["4:2:0", "unrefined", "ZRLE"].iter().any(|part| codec.contains(part));
    let found = COLOURS.iter().find(|(name, ..)| codec.starts_with(name));
    found.map_or((130, 130, 140), |(_, full, pale)| if light { *pale } else { *full })
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
    let lossy = || rows.iter().filter_map(|row| row.psnr_rgb);
    let lowest = lossy().fold(40.0, f64::min);
    let exact = lossy().fold(45.0, f64::max) + ABOVE_DB;
    let series = all(rows, |row| Some((row.bytes as f64 / 1e3, row.psnr_rgb.unwrap_or(exact))));
    let x = log_range(&series, |p| p.0);
    let y = ((lowest - 2.0) / 5.0).floor() * 5.0..exact + 1.5;
    let line = Line { from: (x.start, exact), to: (x.end, exact), name: "exact" };
    let label = |db: &f64| if *db > exact - 2.0 { String::new() } else { format!("{db:.0}") };
    draw(&series, ["bytes, kB", "PSNR-RGB over changed tiles, dB"], logarithmic(x), y, &label, Some(line))
}

/// CPU over bytes.
pub(crate) fn cost(rows: &[&Row]) -> Result<String, Failure> {
    let series = all(rows, |row| {
        let ms = row.encode.changed.mean;
        (ms > 0.0).then_some((row.bytes as f64 / 1e3, ms))
    });
    let (x, y) = (logarithmic(log_range(&series, |p| p.0)), logarithmic(log_range(&series, |p| p.1)));
    draw(&series, ["bytes, kB", "encode CPU of a changed picture, ms"], x, y, &number, None)
}

/// Bytes as they add up over time, of one quality of each codec.
pub(crate) fn growth(rows: &[&Row]) -> Result<String, Failure> {
    let mut series = Vec::new();
    let mut seconds = 0.001_f64;
    for row in rows {
        let second = |i: usize| (i + 1) as f64 / f64::from(row.fps);
        seconds = seconds.max(second(row.running_bytes.len().saturating_sub(1)));
        let points = row.running_bytes.iter().enumerate().map(|(i, n)| (second(i), *n as f64 / 1e3));
        // A chart has fewer columns than a long trace has pictures.
        let step = (row.running_bytes.len() / 280).max(1);
        let last = row.running_bytes.len().saturating_sub(1);
        let points = points.enumerate().filter(|(i, p)| (i % step == 0 || *i == last) && p.1 > 0.0);
        let (r, g, b) = colour(&row.codec);
        let points = points.map(|(_, p)| p).collect();
        series.push(Series { colour: RGBColor(r, g, b), own: row.own, dots: false, points });
    }
    let y = logarithmic(log_range(&series, |p| p.1));
    draw(&series, ["seconds", "bytes so far, kB"], 0.0..seconds, y, &number, None)
}

fn all(rows: &[&Row], point: impl Fn(&Row) -> Option<(f64, f64)>) -> Vec<Series> {
    let of_codec = |codec: &String| {
        let rows = rows.iter().filter(|r| r.codec == *codec);
        let (r, g, b) = colour(codec);
        let mut points: Vec<(f64, f64)> = rows.clone().filter_map(|row| point(row)).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let own = rows.clone().any(|r| r.own);
        Series { colour: RGBColor(r, g, b), own, dots: true, points }
    };
    codecs(rows).iter().map(of_codec).collect()
}

/// From below the smallest to above the largest value.
fn log_range(series: &[Series], value: impl Fn(&(f64, f64)) -> f64) -> Range<f64> {
    let values = series.iter().flat_map(|s| s.points.iter()).map(value).filter(|v| *v > 0.0);
    let (low, high) = values.fold((f64::MAX, 0.0), |(low, high), v| (v.min(low), v.max(high)));
    if high <= 0.0 { 1.0..10.0 } else { low / 1.4..high * 1.4 }
}

/// `names` are of the axes.
fn draw<X, Y>(
    series: &[Series],
    names: [&str; 2],
    x: X,
    y: Y,
    y_label: &dyn Fn(&f64) -> String,
    level: Option<Line>,
) -> Result<String, Failure>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&root);
        chart.margin(8).margin_right(18).x_label_area_size(44).y_label_area_size(62);
        let mut chart = chart.build_cartesian_2d(x, y).map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc(names[0])
            .y_desc(names[1])
            .x_label_formatter(&number)
            .y_label_formatter(&y_label)
            .light_line_style(GRID_FINE)
            .bold_line_style(GRID)
            .axis_style(AXIS)
            .label_style((FONT, 13))
            .axis_desc_style((FONT, 14))
            .draw()
            .map_err(failed)?;
        if let Some(Line { from, to, name }) = level {
            chart.draw_series(LineSeries::new([from, to], AXIS)).map_err(failed)?;
            let label = Text::new(name, (from.0 * 1.02, from.1 - 0.3), (FONT, 13));
            chart.draw_series([label]).map_err(failed)?;
        }
        // Own ones last, so that nothing hides them.
        for s in series.iter().filter(|s| !s.own).chain(series.iter().filter(|s| s.own).rev()) {
            let width = if s.own { 3 } else { 1 };
            let line = LineSeries::new(s.points.iter().copied(), s.colour.stroke_width(width));
            chart.draw_series(line).map_err(failed)?;
            let radius = if s.own { 6 } else { 4 };
            let dots = s.points.iter().filter(|_| s.dots);
            let dots = dots.map(|p| Circle::new(*p, radius, s.colour.filled()));
            chart.draw_series(dots).map_err(failed)?;
        }
        root.present().map_err(failed)?;
    }
    Ok(text)
}

/// An axis with a label at 1, 2 and 5 of each power of ten.
fn logarithmic(range: Range<f64>) -> WithKeyPoints<LogCoord<f64>> {
    let powers = range.start.log10().floor() as i32..=range.end.log10().ceil() as i32;
    let marks = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
    let marks: Vec<f64> = marks.filter(|mark| range.contains(mark)).collect();
    range.log_scale().with_key_points(marks)
}

/// A number with as many digits as a label needs.
fn number(value: &f64) -> String {
    match value.abs() {
        v if v >= 1e6 => format!("{}M", short(value / 1e6)),
        v if v >= 1e3 => format!("{}k", short(value / 1e3)),
        _ => short(*value),
    }
}

fn short(value: f64) -> String {
    let text = if value >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn failed(e: impl std::fmt::Display) -> Failure {
    Failure::new(format!("a chart could not be drawn: {e}"), "use bench.csv, and report this")
}
