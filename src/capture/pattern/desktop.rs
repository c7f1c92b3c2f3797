//! The desktop: wallpaper, windows and clock, as a function of size and time.

use super::canvas::{Area, Canvas, between, wave};
use super::font::Font;
use super::window::{Content, Theme, Window};
use crate::error::Result;
use crate::frame::{FrameBuf, Rect, Region, Size};
use crate::limits::Limits;

/// Height of the panel at the top at scale 1.
const PANEL_PX: i32 = 30;
/// What the clock shows at the start: 10:30.
const START_S: u64 = (10 * 60 + 30) * 60;

/// A desktop of one size.
#[derive(Debug)]
pub(super) struct Desktop {
    size: Size,
    theme: Theme,
    wallpaper: FrameBuf,
    windows: Vec<Window>,
}

impl Desktop {
    pub(super) fn new(size: Size) -> Result<Self> {
        let mut wallpaper = FrameBuf::new(size, &Limits::default())?;
        // One pixel of the design is one of the picture up to 1440p; from 4K on it is two.
        let scale = (size.height / 1080).clamp(1, 8) as i32;
        let pitch = if size.height >= 1080 { 4 * scale } else { 3 };
        let theme = Theme { scale, body: Font::new(pitch, false), bold: Font::new(pitch, true) };
        paint_wallpaper(size, &mut Canvas::new(&mut wallpaper, size.rect()));
        let windows = windows(size, &theme);
        Ok(Self { size, theme, wallpaper, windows })
    }

    /// Where the picture at `to` may differ from the one at `from`, both in milliseconds.
    pub(super) fn damage(&self, from: u64, to: u64) -> Region {
        let mut region = Region::empty();
        if from / 1000 != to / 1000 {
            region.add(self.clock().rect(self.size));
        }
        for window in &self.windows {
            window.damage(from, to, &self.theme, &mut |area| region.add(area.rect(self.size)));
        }
        region
    }

    /// Paints what lies within `clip`, as it is at `ms`.
    pub(super) fn paint(&self, ms: u64, clip: Rect, frame: &mut FrameBuf) {
        let mut canvas = Canvas::new(frame, clip);
        canvas.copy(&self.wallpaper);
        self.paint_panel(ms, &mut canvas);
        for window in &self.windows {
            window.paint(ms, &self.theme, &mut canvas);
        }
    }

    fn panel(&self) -> Area {
        Area::new(0, 0, self.size.width as i32, PANEL_PX * self.theme.scale)
    }

    fn clock(&self) -> Area {
        let (panel, width) = (self.panel(), self.theme.bold.width("00:00:00"));
        Area::new(panel.width - width - 16 * self.theme.scale, 0, width, panel.height)
    }

    fn paint_panel(&self, ms: u64, canvas: &mut Canvas<'_>) {
        let (panel, theme) = (self.panel(), &self.theme);
        if canvas.visible(panel).is_empty() {
            return;
        }
        canvas.fill(panel, 0x14_2033);
        let y = (panel.height - theme.bold.line) / 2 + theme.scale;
        let mut x = 14 * theme.scale;
        canvas.disc((x + 6 * theme.scale, panel.height / 2), 6 * theme.scale, 0x3D_D6B0);
        x += 22 * theme.scale;
        canvas.text(&theme.bold, x, y, "panecast", 0xFF_FFFF);
        x += theme.bold.width("panecast   ");
        canvas.text(&theme.body, x, y, "File   Edit   View   Window   Help", 0xB8_C4D6);
        let s = START_S + ms / 1000;
        let time = format!("{:02}:{:02}:{:02}", s / 3600 % 24, s / 60 % 60, s % 60);
        canvas.text(&theme.bold, self.clock().x, y, &time, 0xFF_FFFF);
    }
}

/// The windows, back to front. One that would be too small to show anything is left out.
fn windows(size: Size, theme: &Theme) -> Vec<Window> {
    let (w, h) = (i64::from(size.width), i64::from(size.height));
    let at = |x: i64, y: i64| ((w * x / 1000) as i32, (h * y / 1000) as i32);
    let area = |x: i64, y: i64, width: i64, height: i64| {
        let ((x, y), (width, height)) = (at(x, y), at(width, height));
        Area::new(x, y, width, height)
    };
    let fixed = |content, title, home: Area| Window { content, title, home, away: (home.x, home.y) };
    let mut note = area(560, 690, 0, 0);
    (note.width, note.height) =
        (theme.body.advance * 15 + 32 * theme.scale, theme.body.line * 7 + 20 * theme.scale);
    let all = [
        fixed(Content::Terminal, "Terminal", area(22, 80, 440, 470)),
        fixed(Content::Document, "Getting help", area(40, 440, 530, 520)),
        fixed(Content::Editor, "share.rs - Editor", area(480, 110, 480, 560)),
        fixed(Content::Video, "Film", area(690, 600, 280, 350)),
        Window { content: Content::Note, title: "Note", home: note, away: at(300, 250) },
    ];
    let least = (theme.body.advance * 8, theme.body.line * 4);
    let note_fits = (w, h) >= (400, 240) && h >= 240;
    all.into_iter()
        .filter(|x| x.home.width >= least.0 && x.home.height >= least.1)
        .filter(|x| x.content != Content::Note || note_fits)
        .collect()
}

/// An evening sky with a sun, and hills in front of it.
fn paint_wallpaper(size: Size, canvas: &mut Canvas<'_>) {
    let (w, h) = (size.width as i32, size.height as i32);
    let all = Area::new(0, 0, w, h);
    canvas.shade(all, |_, y| {
        let horizon = i64::from(h) * 7 / 10;
        let y = i64::from(y);
        if y < horizon / 2 {
            between(0x1B_3B6F, 0x4A_7FB5, y, horizon / 2)
        } else {
            between(0x4A_7FB5, 0xF6_C28B, y - horizon / 2, horizon / 2)
        }
    });
    canvas.disc((w * 3 / 4, h * 13 / 25), h / 9, 0xFF_E6B0);
    let hills = [
        (0x5D_7FA3, 62, 9, 3, 40),
        (0x3F_6288, 70, 8, 4, 150),
        (0x2A_476A, 79, 7, 5, 90),
        (0x18_2D47, 89, 5, 7, 10),
    ];
    for (color, base, rise, waves, phase) in hills {
        canvas.blend(all, color, |x, y| {
            let at = i64::from(x) * 2048 * waves / i64::from(w.max(1)) + phase * 16;
            let crest = wave(at) + wave(at * 2 + 1232) / 3;
            // In 1/256 of a pixel, for a soft edge.
            let top = i64::from(h) * 256 * base / 100 - i64::from(h) * rise * crest * 256 / 100_000;
            (i64::from(y) * 256 - top).clamp(0, 255) as u8
        });
    }
}
