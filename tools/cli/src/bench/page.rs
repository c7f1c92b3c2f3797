//! The report: one HTML page that needs nothing else.

use super::row::Row;
use super::{Results, UNREFINED, plots, table};
use crate::failure::Failure;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");

/// A lossy codec is held against exact ones from this quality on.
const GOOD_DB: f64 = 43.0;

/// The whole page.
pub(crate) fn html(results: &Results) -> Result<String, Failure> {
    let mut page = String::new();
    let traces = traces(&results.rows);
    page += "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\"><title>panecast bench</title>\n<style>";
    page += STYLE;
    page += "</style></head>\n<body><header><h1>panecast bench</h1>\n<p>";
    page += &format!(
        "{} on {}. Every codec got the same pictures in the same run, in processes of its own with one thread. ",
        count(results.rows.len(), "run"),
        count(traces.len(), "trace"),
    );
    page += "Bytes count all pictures, the first included. CPU is user and system time a changed picture.</p></header>\n<main>";
    overview(&mut page, results, &traces);
    bd_rates(&mut page, results, &traces);
    for trace in &traces {
        section(&mut page, results, trace)?;
    }
    method(&mut page, results);
    page += "</main></body></html>\n";
    Ok(page)
}

fn traces(rows: &[Row]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for row in rows {
        if !names.contains(&row.trace) {
            names.push(row.trace.clone());
        }
    }
    names
}

/// Per trace: each of panecast's modes against the smallest other codec that is good enough.
fn overview(page: &mut String, results: &Results, traces: &[String]) {
    let has_peers = results.rows.iter().any(|r| !r.own);
    *page += "<section><h2>In short</h2><div class=\"wide\"><table><thead>\
              <tr><th>trace</th><th>panecast</th><th>kB</th><th>encode ms</th><th>decode ms</th><th>PSNR-RGB</th>";
    if has_peers {
        *page += "<th class=\"text\">smallest other as good, or ≥ 43 dB</th><th>kB</th><th>encode ms</th><th>PSNR-RGB</th>\
                  <th>of its bytes</th><th>unrefined</th><th>of its CPU</th>";
    }
    *page += "</tr></thead><tbody>";
    for trace in traces {
        let of_trace: Vec<&Row> = results.rows.iter().filter(|r| r.trace == *trace).collect();
        let own = of_trace.iter().filter(|r| r.own && r.codec != UNREFINED);
        for (i, row) in own.enumerate() {
            let _ = write!(
                page,
                "<tr class=\"own\"><td>{}</td><td>{}</td><td>{}</td><td>{:.2}</td><td>{:.2}</td><td>{}</td>",
                if i == 0 { escaped(trace) } else { String::new() },
                escaped(&label(row)),
                kb(row.bytes),
                row.encode.changed.mean,
                row.decode.changed.mean,
                db(row.psnr_rgb),
            );
            match best_other(&of_trace, row) {
                Some(best) => {
                    let unrefined =
                        of_trace.iter().find(|r| r.codec == UNREFINED && r.quality == row.quality);
                    // It must be as good as what it is held against, too.
                    let unrefined =
                        unrefined.filter(|r| best_other(&of_trace, r).is_some_and(|b| b.bytes >= best.bytes));
                    let bytes = |r: &Row| ratio(r.bytes as f64, best.bytes as f64, "");
                    let (ms, bound) = (best.encode.changed, best.encode.changed.p50.is_none());
                    let _ = write!(
                        page,
                        "<td class=\"text\">{}</td><td>{}</td><td>{}{:.2}</td><td>{}</td>{}{}{}",
                        escaped(&label(best)),
                        kb(best.bytes),
                        if bound { "≤ " } else { "" },
                        ms.mean,
                        db(best.psnr_rgb),
                        bytes(row),
                        unrefined.map_or("<td></td>".to_owned(), |r| bytes(r)),
                        ratio(row.encode.changed.mean, ms.mean, if bound { "≥ " } else { "" }),
                    );
                }
                None if has_peers => *page += "<td colspan=\"7\" class=\"none\">none reaches it</td>",
                None => {}
            }
            *page += "</tr>";
        }
    }
    *page += "</tbody></table></div></section>\n";
}

/// The smallest of the other codecs that is as good as `row`, or good enough.
fn best_other<'a>(rows: &[&'a Row], row: &Row) -> Option<&'a Row> {
    let least = row.psnr_rgb.map_or(GOOD_DB, |db| db.min(GOOD_DB));
    let good = |r: &&&Row| !r.own && r.psnr_rgb.is_none_or(|db| db >= least);
    rows.iter().filter(good).min_by_key(|r| r.bytes).copied()
}

/// BD-rates of all codecs on all traces.
fn bd_rates(page: &mut String, results: &Results, traces: &[String]) {
    let all: Vec<&Row> = results.rows.iter().collect();
    let codecs: Vec<String> = plots::codecs(&all);
    let of = |trace: &str, codec: &str| {
        results.rows.iter().find(|r| r.trace == trace && r.codec == codec).and_then(|r| r.bd_rate)
    };
    let codecs: Vec<&String> =
        codecs.iter().filter(|codec| traces.iter().any(|trace| of(trace, codec).is_some())).collect();
    if codecs.len() < 2 {
        return;
    }
    let _ = write!(
        page,
        "<section><h2>Bytes at equal quality</h2><p class=\"facts\">BD-rate against {}: −20 % means a fifth fewer \
         bytes at the same PSNR-RGB over changed tiles. “panecast auto” pays for becoming exact afterwards, which no \
         other codec here does; “unrefined” stops at the quality that is shown first, as they do. Empty: exact, or no \
         quality in common.</p><div class=\"wide\"><table class=\"rates\"><thead><tr><th>trace</th><th></th>",
        escaped(&results.baseline)
    );
    for codec in &codecs {
        let _ = write!(page, "<th>{}</th>", escaped(codec));
    }
    *page += "</tr></thead><tbody>";
    for trace in traces {
        let _ = write!(page, "<tr><td>{}</td><td></td>", escaped(trace));
        for codec in &codecs {
            *page += &match of(trace, codec) {
                Some(percent) => {
                    let class = match percent.round() {
                        0.0 => "",
                        p if p < 0.0 => "better",
                        _ => "worse",
                    };
                    format!("<td class=\"{class}\">{}</td>", signed(percent))
                }
                None => "<td></td>".to_owned(),
            };
        }
        *page += "</tr>";
    }
    *page += "</tbody></table></div></section>\n";
}

fn section(page: &mut String, results: &Results, trace: &str) -> Result<(), Failure> {
    let rows: Vec<&Row> = results.rows.iter().filter(|r| r.trace == trace).collect();
    let Some(first) = rows.first() else { return Ok(()) };
    let _ = write!(
        page,
        "<section><h2>{}</h2><p class=\"facts\">{} · {} a second · {} · {} changed</p><p class=\"legend\">",
        escaped(trace),
        first.size,
        count(first.fps as usize, "picture"),
        count(first.frames as usize, "picture"),
        first.changed,
    );
    for codec in plots::codecs(&rows) {
        let (r, g, b) = plots::colour(&codec);
        let _ = write!(page, "<span><i style=\"background:rgb({r},{g},{b})\"></i>{}</span>", escaped(&codec));
    }
    let chosen = one_quality_each(&rows);
    for (title, note, svg) in [
        ("Quality", "up and to the left is better", plots::quality(&rows)?),
        ("CPU", "down and to the left is better", plots::cost(&rows)?),
        ("Bytes over time", "each codec at its quality nearest to 43 dB", plots::growth(&chosen)?),
    ] {
        let open = if title == "Quality" { "</p><div class=\"charts\">" } else { "" };
        let _ = write!(page, "{open}<figure><figcaption><b>{title}</b> {note}</figcaption>{svg}</figure>");
    }
    *page += "</div>";
    table::tables(page, &rows);
    *page += "</section>\n";
    Ok(())
}

/// Of each codec the row that is nearest to [`GOOD_DB`].
fn one_quality_each<'a>(rows: &[&'a Row]) -> Vec<&'a Row> {
    let far = |row: &Row| (row.psnr_rgb.unwrap_or(GOOD_DB) - GOOD_DB).abs();
    let of_codec = |codec: &String| {
        let rows = rows.iter().filter(|r| r.codec == *codec).copied();
        rows.min_by(|a, b| far(a).total_cmp(&far(b)))
    };
    plots::codecs(rows).iter().filter_map(of_codec).collect()
}

fn method(page: &mut String, results: &Results) {
    *page += "<section><h2>Machine and method</h2><table class=\"machine\"><tbody>";
    for (name, value) in &results.machine {
        let _ = write!(page, "<tr><th>{}</th><td>{}</td></tr>", escaped(name), escaped(value));
    }
    *page += "</tbody></table><ul>";
    let method = [
        "Quality is judged in RGB against the source. <b>Changed tiles</b> are the 64×64 tiles in which the source \
         differs from the picture before, squared errors of all of them added up, the first picture left out; \
         <b>whole pictures</b> are all pixels of all pictures. PSNR-Y and SSIM are of the BT.601 luma."
            .to_owned(),
        "CPU is user and system time, never wall time. <b>Mean</b> and percentiles are of the changed pictures, the \
         first included; <b>unchanged</b> is the mean of the pictures that equal the one before; <b>all in</b> is \
         everything that was spent, by the number of changed pictures: unchanged pictures, refinement and start \
         included."
            .to_owned(),
        "CPU of panecast is taken around its calls, from pixels to bytes and from bytes to pixels; refinement, which \
         runs between pictures, is in all in alone. CPU of other codecs is that of the calls of the encoder and of \
         the decoder inside ffmpeg; all in is the ffmpeg process less an ffmpeg that reads the same planes into \
         nothing. SVT-AV1 encodes on threads of its own, so that only all in is known: it stands for the mean, too. \
         Colour conversion is counted for panecast and left out for the others."
            .to_owned(),
        "Tight and ZRLE are TigerVNC's: its X server shows each picture as an image of the changed tiles, and a viewer \
         of panecast's own asks for one update after another until it has the picture exactly. CPU is that of the \
         server from the image to the end of the last update, less the same without a viewer. Desktops \
         that move their windows by the server's own copies would need fewer bytes than these images. Decode CPU is \
         that of panecast's viewer; peak memory is that of the whole X server."
            .to_owned(),
        "Other codecs get their planes by ffmpeg, BT.601 full range with accurate rounding, and are brought back the \
         same way."
            .to_owned(),
        "<b>Pictures held</b> is the delay: the most pictures that a coder held while it gave one. SVT-AV1 codes \
         beside ffmpeg, so that what its threads have not done yet counts, too."
            .to_owned(),
        format!(
            "Times count a link of {} kbit/s without other delay, and no time for coding: when the first picture and \
             the first exact one have arrived, the longest stretch in which the shown picture was not exact, and how \
             long after the last picture that one is exact if nothing follows it. What becomes exact only then is not \
             in the bytes.",
            results.link_kbit
        ),
        "Peak memory is the largest resident set of the process, with its input and, for decoding, the pictures it \
         is compared with."
            .to_owned(),
        format!(
            "BD-rate is the mean difference in bytes at the same PSNR-RGB over changed tiles, against {}. Refinement is in the bytes of panecast auto and never in those of \
             panecast auto, unrefined.",
            escaped(&results.baseline)
        ),
    ];
    for text in method {
        let _ = write!(page, "<li>{text}</li>");
    }
    *page += "</ul>";
    if !results.notes.is_empty() {
        *page += "<h3>Not run</h3><ul>";
        for note in &results.notes {
            let _ = write!(page, "<li>{}</li>", escaped(note));
        }
        *page += "</ul>";
    }
    *page += "</section>";
}

fn label(row: &Row) -> String {
    if row.quality.is_empty() { row.codec.clone() } else { format!("{}, {}", row.codec, row.quality) }
}

fn ratio(own: f64, other: f64, before: &str) -> String {
    if other <= 0.0 {
        return "<td></td>".to_owned();
    }
    let share = own / other;
    let class = if share <= 1.0 { "better" } else { "worse" };
    format!("<td class=\"{class}\">{before}{share:.2}×</td>")
}

pub(crate) fn signed(percent: f64) -> String {
    if percent.round() == 0.0 { "0 %".to_owned() } else { format!("{percent:+.0} %").replace('-', "−") }
}

pub(crate) fn db(value: Option<f64>) -> String {
    value.map_or("exact".to_owned(), |db| format!("{db:.2}"))
}

pub(crate) fn kb(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e3)
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
