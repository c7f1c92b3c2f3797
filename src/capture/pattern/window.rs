//! Windows: what surrounds them, and what is in them at a given time.

use super::canvas::{Area, Canvas, Color, between, wave};
use super::font::Font;
use super::text;

/// Height of a title bar at scale 1.
const TITLE_PX: i32 = 28;
/// How far a shadow reaches at scale 1.
const SHADOW_PX: i32 = 12;

/// What a window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A log that scrolls line by line, in bursts.
    Terminal,
    /// A file that is being typed.
    Editor,
    /// A page that scrolls smoothly.
    Document,
    /// A film.
    Video,
    /// A note; its window moves.
    Note,
}

/// One window: where it rests, and where it travels to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) content: Content,
    pub(super) title: &'static str,
    pub(super) home: Area,
    pub(super) away: (i32, i32),
}

/// The typefaces and the scale that all windows share.
#[derive(Debug)]
pub(super) struct Theme {
    pub(super) scale: i32,
    pub(super) body: Font,
    pub(super) bold: Font,
}

/// A window's looks.
struct Look {
    bar: Color,
    title: Color,
    body: Color,
}

impl Window {
    fn look(&self) -> Look {
        match self.content {
            Content::Terminal => Look { bar: 0x2B_3340, title: 0xC9_D3E0, body: 0x16_1B22 },
            Content::Editor => Look { bar: 0xE4_E8EE, title: 0x3A_4454, body: 0xFB_FCFD },
            Content::Document => Look { bar: 0xE9_E4DA, title: 0x51_4A3E, body: 0xFF_FDF8 },
            Content::Video => Look { bar: 0x1F_2128, title: 0xB6_BAC6, body: 0x0B_0C10 },
            Content::Note => Look { bar: 0xF2_C94C, title: 0x5B_4708, body: 0xFF_F3C4 },
        }
    }

    /// Where it is at `ms`.
    pub(super) fn area(&self, ms: u64) -> Area {
        // Away for 3 s, rest for 3 s, home for 3 s, rest for 3 s.
        let part = swing(ms, 12_000, 3000);
        let on_way = |from: i32, to: i32| from + ((i64::from(to - from) * part + 500) / 1000) as i32;
        Area::new(
            on_way(self.home.x, self.away.0),
            on_way(self.home.y, self.away.1),
            self.home.width,
            self.home.height,
        )
    }

    /// All that it may paint: the window with its shadow.
    pub(super) fn bounds(&self, ms: u64, theme: &Theme) -> Area {
        self.area(ms).inset(-SHADOW_PX * theme.scale)
    }

    fn body(&self, ms: u64, theme: &Theme) -> Area {
        let (a, title) = (self.area(ms), TITLE_PX * theme.scale);
        Area::new(a.x, a.y + title, a.width, a.height - title)
    }

    /// Adds where the picture at `to` may differ from the one at `from`.
    pub(super) fn damage(&self, from: u64, to: u64, theme: &Theme, add: &mut impl FnMut(Area)) {
        if self.area(from) != self.area(to) {
            add(self.bounds(from, theme));
            add(self.bounds(to, theme));
            return;
        }
        let body = self.body(to, theme);
        match self.content {
            Content::Terminal if log_lines(from) != log_lines(to) => add(body),
            Content::Document if scrolled(from, theme) != scrolled(to, theme) => add(body),
            Content::Video if film_frame(from) != film_frame(to) => {
                add(film_area(body, theme));
                add(progress_area(body, theme));
            }
            Content::Editor => typing_damage(body, from, to, theme, add),
            _ => {}
        }
    }

    /// Paints it as it is at `ms`.
    pub(super) fn paint(&self, ms: u64, theme: &Theme, canvas: &mut Canvas<'_>) {
        if canvas.visible(self.bounds(ms, theme)).is_empty() {
            return;
        }
        let (area, look) = (self.area(ms), self.look());
        paint_shadow(area, theme, canvas);
        let bar = Area::new(area.x, area.y, area.width, TITLE_PX * theme.scale);
        canvas.fill(bar, look.bar);
        for (i, color) in [0xFF_5F57, 0xFE_BC2E, 0x28_C840].into_iter().enumerate() {
            let x = area.x + (16 + 20 * i as i32) * theme.scale;
            canvas.disc((x, bar.y + bar.height / 2), 6 * theme.scale, color);
        }
        let x = area.x + 76 * theme.scale;
        let y = bar.y + (bar.height - theme.bold.line) / 2 + theme.scale;
        canvas.within(bar).text(&theme.bold, x, y, self.title, look.title);
        let body = self.body(ms, theme);
        let mut inside = canvas.within(body);
        inside.fill(body, look.body);
        match self.content {
            Content::Terminal => paint_log(body, ms, theme, &mut inside),
            Content::Editor => paint_editor(body, ms, theme, &mut inside),
            Content::Document => paint_document(body, ms, theme, &mut inside),
            Content::Video => paint_film(body, ms, theme, &mut inside),
            Content::Note => {
                for (i, line) in text::NOTE.iter().enumerate() {
                    let font = if i == 0 { &theme.bold } else { &theme.body };
                    let y = body.y + 10 * theme.scale + i as i32 * font.line;
                    inside.text(font, body.x + 16 * theme.scale, y, line, 0x5B_4708);
                }
            }
        }
    }
}

/// There and back: 0 → 1000 within `travel` ms, rest until half of `period`, then back; with soft ends.
fn swing(ms: u64, period: u64, travel: u64) -> i64 {
    let t = ms % period;
    let (t, back) = if t < period / 2 { (t, false) } else { (t - period / 2, true) };
    let t = (t.min(travel) * 1000 / travel) as i64;
    let eased = t * t * (3000 - 2 * t) / 1_000_000;
    if back { 1000 - eased } else { eased }
}

fn paint_shadow(area: Area, theme: &Theme, canvas: &mut Canvas<'_>) {
    let reach = SHADOW_PX * theme.scale;
    let outer = area.inset(-reach);
    let alpha = |x: i32, y: i32| {
        let past = |at: i32, len: i32| (reach - at).max(at - (reach + len - 1)).max(0);
        let away = past(x, area.width).max(past(y, area.height));
        let left = reach - away;
        if away == 0 || left <= 0 { 0 } else { (70 * left * left / (reach * reach)) as u8 }
    };
    // Only the frame around the window: what the window covers needs no shadow.
    let sides = [
        Area::new(outer.x, outer.y, outer.width, reach),
        Area::new(outer.x, area.y + area.height, outer.width, reach),
        Area::new(outer.x, area.y, reach, area.height),
        Area::new(area.x + area.width, area.y, reach, area.height),
    ];
    for side in sides {
        let (dx, dy) = (side.x - outer.x, side.y - outer.y);
        canvas.blend(side, 0x00_0000, |x, y| alpha(x + dx, y + dy));
    }
}

/// Lines that the log has printed by `ms`: 42 in 3.5 s, then 2.5 s of rest.
fn log_lines(ms: u64) -> u64 {
    ms / 6000 * 42 + (ms % 6000).min(3500) * 12 / 1000
}

fn paint_log(body: Area, ms: u64, theme: &Theme, canvas: &mut Canvas<'_>) {
    let inner = body.inset(8 * theme.scale);
    let rows = (inner.height / theme.body.line).max(1);
    // The log started before the picture did: the window is full from the first frame on.
    let printed = log_lines(ms) + text::LOG.len() as u64 * 8;
    for row in 0..rows {
        let index = (printed + row as u64).saturating_sub(rows as u64);
        let line = text::LOG[(index % text::LOG.len() as u64) as usize];
        let y = inner.y + row * theme.body.line;
        let (head, color) = match line {
            l if l.starts_with('$') => (1, 0x7E_E787),
            l if l.starts_with("test result") => (l.len(), 0x7E_E787),
            l if l.starts_with("   ") && l.as_bytes().get(12) == Some(&b' ') => (12, 0x56_D364),
            _ => (0, 0),
        };
        canvas.text(&theme.body, inner.x, y, line, 0xC9_D1D9);
        if let Some(head) = line.get(..head).filter(|h| !h.is_empty()) {
            canvas.fill(Area::new(inner.x, y, theme.body.width(head), theme.body.line), 0x16_1B22);
            canvas.text(&theme.body, inner.x, y, head, color);
        }
        if line.ends_with("... ok") {
            let x = inner.x + theme.body.width(&line[..line.len() - 2]);
            canvas.fill(Area::new(x, y, theme.body.width("ok"), theme.body.line), 0x16_1B22);
            canvas.text(&theme.body, x, y, "ok", 0x56_D364);
        }
    }
}

/// How far the page is scrolled, in pixels.
fn scrolled(ms: u64, theme: &Theme) -> i32 {
    let way = i64::from(theme.body.line) * 20;
    (way * swing(ms + 1500, 14_000, 4000) / 1000) as i32
}

fn paint_document(body: Area, ms: u64, theme: &Theme, canvas: &mut Canvas<'_>) {
    let mut y = body.y + 14 * theme.scale - scrolled(ms, theme);
    let x = body.x + 22 * theme.scale;
    for line in text::DOCUMENT {
        if let Some(head) = line.strip_prefix("# ").or_else(|| line.strip_prefix("## ")) {
            canvas.text(&theme.bold, x, y, head, 0x1D_4E89);
            if line.starts_with("# ") {
                let width = theme.bold.width(head);
                canvas.fill(Area::new(x, y + theme.bold.line, width, 2 * theme.scale), 0xE0_A030);
            }
        } else {
            canvas.text(&theme.body, x, y, line, 0x33_3A44);
        }
        y += theme.body.line + 2 * theme.scale;
    }
    // The scroll bar.
    let (track, way) = (body.height - 16 * theme.scale, theme.body.line * 20);
    let thumb = track / 3;
    let top = body.y + 8 * theme.scale + (track - thumb) * scrolled(ms, theme) / way.max(1);
    let bar = Area::new(body.x + body.width - 10 * theme.scale, top, 4 * theme.scale, thumb);
    canvas.fill(bar, 0xC9_C2B4);
}

/// Characters a second that are typed.
const TYPED_PER_S: u64 = 14;

/// Which page is being typed and how many of its characters are there, for a window of `rows` rows.
fn typed(ms: u64, rows: usize) -> (u64, usize) {
    let page = text::SOURCE.iter().take(rows).map(|l| l.len() + 1).sum::<usize>().saturating_sub(1);
    // Two thirds are there when the picture starts; each page rests for 40 characters' time.
    let keys = ms * TYPED_PER_S / 1000 + page as u64 * 2 / 3;
    let cycle = page as u64 + 40;
    (keys / cycle, ((keys % cycle) as usize).min(page))
}

/// Where the character after the first `count` stands: row, column.
fn place(count: usize, rows: usize) -> (i32, i32) {
    let mut left = count;
    for (row, line) in text::SOURCE.iter().take(rows).enumerate() {
        if left <= line.len() {
            return (row as i32, left as i32);
        }
        left -= line.len() + 1;
    }
    (text::SOURCE.len().min(rows) as i32 - 1, 0)
}

/// The text's area within the editor, and how many rows fit.
fn sheet(body: Area, theme: &Theme) -> (Area, usize) {
    let gutter = theme.body.advance * 3 + 12 * theme.scale;
    let top = 8 * theme.scale;
    let area = Area::new(body.x + gutter, body.y + top, body.width - gutter, body.height - top);
    (area, (area.height / theme.body.line).max(1) as usize)
}

fn cursor_shown(ms: u64) -> bool {
    (ms / 500).is_multiple_of(2)
}

fn typing_damage(body: Area, from: u64, to: u64, theme: &Theme, add: &mut impl FnMut(Area)) {
    let (area, rows) = sheet(body, theme);
    let ((page_a, count_a), (page_b, count_b)) = (typed(from, rows), typed(to, rows));
    if page_a != page_b || count_a > count_b {
        add(body);
        return;
    }
    if count_a == count_b && cursor_shown(from) == cursor_shown(to) {
        return;
    }
    let (a, b) = (place(count_a, rows), place(count_b, rows));
    let cell = &theme.body;
    for row in a.0..=b.0 {
        let first = if row == a.0 { a.1 } else { 0 };
        let last = if row == b.0 { b.1 } else { text::SOURCE[row as usize].len() as i32 };
        let width = (last - first + 1) * cell.advance + 2 * theme.scale;
        add(Area::new(area.x + first * cell.advance, area.y + row * cell.line, width, cell.line));
    }
}

fn paint_editor(body: Area, ms: u64, theme: &Theme, canvas: &mut Canvas<'_>) {
    let (area, rows) = sheet(body, theme);
    let gutter = Area::new(body.x, body.y, area.x - body.x - 6 * theme.scale, body.height);
    canvas.fill(gutter, 0xF1_F4F7);
    for row in 0..rows as i32 {
        let y = area.y + row * theme.body.line;
        canvas.text(&theme.body, body.x + 4 * theme.scale, y, &format!("{:>3}", row + 1), 0xA3_AFBD);
    }
    let (_, count) = typed(ms, rows);
    let mut left = count;
    for (row, line) in text::SOURCE.iter().take(rows).enumerate() {
        let shown = &line[..left.min(line.len())];
        paint_source(area.x, area.y + row as i32 * theme.body.line, shown, line, theme, canvas);
        if left <= line.len() {
            break;
        }
        left -= line.len() + 1;
    }
    if cursor_shown(ms) {
        let (row, column) = place(count, rows);
        let (x, y) = (area.x + column * theme.body.advance, area.y + row * theme.body.line);
        canvas.fill(Area::new(x, y, 2 * theme.scale, theme.body.line), 0x1D_4E89);
    }
}

/// Writes one line of source, words in the colours of their kinds. A word's kind is that of the finished line,
/// so that typing on never recolours what is there.
fn paint_source(x: i32, y: i32, shown: &str, whole: &str, theme: &Theme, canvas: &mut Canvas<'_>) {
    const KEYWORDS: &[&str] = &["use", "fn", "let", "mut", "loop", "match", "break", "continue", "self"];
    let comment = whole.trim_start().starts_with("//");
    let mut start = 0;
    while start < shown.len() {
        let word_char = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = &whole[start..];
        let length = match rest.find(|c| !word_char(c)) {
            Some(0) => 1,
            Some(n) => n,
            None => rest.len(),
        };
        let word = &rest[..length];
        let color = match word {
            _ if comment => 0x6A_8F6B,
            w if KEYWORDS.contains(&w) => 0x8A_3FA0,
            w if w.starts_with(|c: char| c.is_ascii_uppercase()) => 0x1D_6FA5,
            w if w.starts_with('"') => 0xB2_5A00,
            w if w.starts_with(word_char) => 0x2B_3340,
            _ => 0x4E_5968,
        };
        let end = (start + length).min(shown.len());
        let at = x + start as i32 * theme.body.advance;
        canvas.text(&theme.body, at, y, &shown[start..end], color);
        start += length;
    }
}

/// The film's frame at `ms`: 25 a second.
fn film_frame(ms: u64) -> u64 {
    ms / 40
}

fn film_area(body: Area, theme: &Theme) -> Area {
    Area::new(body.x, body.y, body.width, body.height - 16 * theme.scale)
}

fn progress_area(body: Area, theme: &Theme) -> Area {
    Area::new(body.x, body.y + body.height - 16 * theme.scale, body.width, 16 * theme.scale)
}

/// A wave of period 256.
fn film_wave(at: i64) -> i64 {
    wave(at * 16)
}

fn paint_film(body: Area, ms: u64, theme: &Theme, canvas: &mut Canvas<'_>) {
    let (film, t) = (film_area(body, theme), film_frame(ms) as i64);
    let scale = i64::from(theme.scale);
    let middle = (i64::from(film.width / 2), i64::from(film.height / 2));
    canvas.shade(film, |x, y| {
        let (x, y) = ((i64::from(x) - middle.0) / scale, (i64::from(y) - middle.1) / scale);
        let height =
            film_wave(x + t * 3) + film_wave(y * 2 - t * 2) + film_wave((x + y) * 3 / 4 + film_wave(t) / 16);
        let glow = between(0x10_2A5C, 0xF2_7D52, height + 3000, 6000);
        between(glow, 0xFF_E3A3, film_wave(x / 2 - y + t * 4) - 600, 900)
    });
    // A ball that bounces over it.
    let radius = film.height.min(film.width) / 9;
    let bounce = |t: i64, room: i32| {
        let room = i64::from(room.max(1));
        let at = t % (2 * room);
        if at < room { at as i32 } else { (2 * room - at) as i32 }
    };
    let x = film.x + radius + bounce(t * 5 * scale, film.width - 2 * radius);
    let y = film.y + radius + bounce(t * 3 * scale, film.height - 2 * radius);
    canvas.within(film).disc((x, y), radius, 0xFD_FDFD);
    let bar = progress_area(body, theme);
    let track = Area::new(bar.x + 8 * theme.scale, bar.y + 6 * theme.scale, bar.width - 16 * theme.scale, 4);
    canvas.fill(track, 0x3A_3D48);
    let played = (i64::from(track.width) * (t % 1500) / 1500) as i32;
    canvas.fill(Area { width: played, ..track }, 0xF2_7D52);
}
