//! What the agents must not see of a source: rectangles, windows, everything but one window.
//!
//! A [`MaskSet`] is what the visitor wants. For each picture it becomes rectangles *of that very picture*
//! ([`MaskSource`], where windows are meant), and [`Masked`] paints them over the private copy of the pixels before
//! anything compares, hashes, moves, remembers or codes it. Where it is not known what to hide, all is hidden.

mod area;
mod masked;

pub use area::{area_px, without};
pub use masked::{MASK_COLOUR, Masked};

use crate::error::{Error, Result};
use crate::frame::{Rect, Size};
use std::fmt;
use std::str::FromStr;

/// Most rectangles of a picture's mask; more hide the whole picture.
pub const MOST_MASK_RECTS: usize = 256;

/// Which windows are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WindowMatch {
    /// The one with this id.
    Id(u64),
    /// Those whose title holds this text, in capitals or not.
    Title(String),
    /// Those whose class or application name is this text, in capitals or not.
    Class(String),
}

/// What is known of a window to tell whether it is meant.
#[derive(Clone, Copy, Debug, Default)]
pub struct WindowFacts<'a> {
    /// Its id.
    pub id: u64,
    /// Its titles, as the system and as the window manager have them.
    pub titles: &'a [String],
    /// Its class and application names.
    pub classes: &'a [String],
}

impl WindowMatch {
    /// Whether the window with these facts is meant.
    #[must_use]
    pub fn fits(&self, window: &WindowFacts<'_>) -> bool {
        match self {
            Self::Id(id) => window.id == *id,
            Self::Title(text) => {
                let text = text.to_lowercase();
                window.titles.iter().any(|title| title.to_lowercase().contains(&text))
            }
            Self::Class(text) => {
                let text = text.to_lowercase();
                window.classes.iter().any(|class| class.to_lowercase() == text)
            }
        }
    }
}

impl FromStr for WindowMatch {
    type Err = Error;

    /// Reads `0x1200003`, `18874371`, `title:TEXT`, `class:TEXT`.
    fn from_str(s: &str) -> Result<Self> {
        let wrong = || {
            Error::input(format!(
                "`{s}` names no window; write an id of the sources list, title:TEXT or class:TEXT"
            ))
        };
        match s.split_once(':') {
            Some(("title", text)) if !text.trim().is_empty() => Ok(Self::Title(text.trim().into())),
            Some(("class", text)) if !text.trim().is_empty() => Ok(Self::Class(text.trim().into())),
            Some(("window", id)) => super::select::parse_id(id).map(Self::Id).ok_or_else(wrong),
            Some(_) => Err(wrong()),
            None => super::select::parse_id(s).map(Self::Id).ok_or_else(wrong),
        }
    }
}

impl fmt::Display for WindowMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id:#x}"),
            Self::Title(text) => write!(f, "title:{text}"),
            Self::Class(text) => write!(f, "class:{text}"),
        }
    }
}

/// Reads a rectangle `X,Y,WIDTH,HEIGHT`, as masks are written on a command line.
///
/// # Errors
/// - [`crate::ErrorKind::InvalidInput`] for anything else, and for a rectangle without pixels.
pub fn parse_rect(s: &str) -> Result<Rect> {
    let wrong =
        || Error::input(format!("`{s}` is no rectangle; write X,Y,WIDTH,HEIGHT, for example 0,0,400,90"));
    let mut numbers = s.split(',').map(|n| n.trim().parse::<u32>());
    let mut next = || numbers.next().and_then(std::result::Result::ok).ok_or_else(wrong);
    let rect = Rect::new(next()?, next()?, next()?, next()?);
    if numbers.next().is_some() || rect.is_empty() { Err(wrong()) } else { Ok(rect) }
}

/// What the visitor wants hidden. Empty, nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskSet {
    rects: Vec<Rect>,
    hidden: Vec<WindowMatch>,
    only: Vec<WindowMatch>,
}

impl MaskSet {
    /// Nothing is hidden.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hides `rect`, in pixels of the source's picture.
    #[must_use]
    pub fn with_rect(mut self, rect: Rect) -> Self {
        self.rects.push(rect);
        self
    }

    /// Hides windows, with frames, menus and dialogs, wherever they are.
    #[must_use]
    pub fn with_window(mut self, window: WindowMatch) -> Self {
        self.hidden.push(window);
        self
    }

    /// Hides everything but these windows. Hidden rectangles and windows stay hidden within them.
    #[must_use]
    pub fn with_only(mut self, window: WindowMatch) -> Self {
        self.only.push(window);
        self
    }

    /// Whether nothing is hidden.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rects.is_empty() && !self.has_windows()
    }

    /// Whether it names windows, so that a [`MaskSource`] is needed.
    #[must_use]
    pub fn has_windows(&self) -> bool {
        !self.hidden.is_empty() || !self.only.is_empty()
    }

    /// The hidden rectangles.
    #[must_use]
    pub fn rects(&self) -> &[Rect] {
        &self.rects
    }

    /// The hidden windows.
    #[must_use]
    pub fn hidden(&self) -> &[WindowMatch] {
        &self.hidden
    }

    /// The windows that alone are shown; if there is none, all are.
    #[must_use]
    pub fn only(&self) -> &[WindowMatch] {
        &self.only
    }
}

/// The mask of one picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The number that was asked for. A mask of another picture hides the whole of this one.
    pub picture: u64,
    /// What the windows of the set hide, in pixels of the picture; parts outside are cut off.
    pub rects: Vec<Rect>,
    /// Whether it hides a window that could be seen before: then what was shown of it is to be forgotten, too.
    pub anew: bool,
}

/// Knows where windows are.
pub trait MaskSource: Send {
    /// What `masks` hides of the picture with the number `picture`, which has `size` and has been taken since the last
    /// call: each place where a hidden window was in that time counts, not only where it is now. The first call for a
    /// set of masks, and the first one after an error, comes before the picture, and what it gives is not used.
    ///
    /// # Errors
    /// Any, where it is not certain. The whole picture is hidden then.
    fn resolve(&mut self, masks: &MaskSet, picture: u64, size: Size) -> Result<Resolved>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read_as_they_are_written() {
        for (text, window) in [
            ("0x1200003", WindowMatch::Id(0x120_0003)),
            ("window:0x1200003", WindowMatch::Id(0x120_0003)),
            ("17", WindowMatch::Id(17)),
            ("title: My Bank", WindowMatch::Title("My Bank".into())),
            ("class:keepassxc", WindowMatch::Class("keepassxc".into())),
        ] {
            assert_eq!(text.parse::<WindowMatch>().expect("it is sound"), window, "{text}");
        }
        for text in ["", "title:", "class:  ", "bank", "0x", "name:x", "-1"] {
            assert!(text.parse::<WindowMatch>().is_err(), "{text}");
        }
        assert_eq!(parse_rect("1, 2,30,4"), Ok(Rect::new(1, 2, 30, 4)));
        for text in ["", "1,2,3", "1,2,3,4,5", "1,2,0,4", "-1,2,3,4", "a,b,c,d"] {
            assert!(parse_rect(text).is_err(), "{text}");
        }
    }

    #[test]
    fn titles_match_in_part_and_classes_whole() {
        let (titles, classes) = (["My BANK - Browser".to_owned()], ["browser".to_owned()]);
        let window = WindowFacts { id: 7, titles: &titles, classes: &classes };
        let fits = |text: &str| text.parse::<WindowMatch>().expect("sound").fits(&window);
        assert!(fits("title:bank") && fits("class:Browser") && fits("7"));
        assert!(!fits("title:mail") && !fits("class:brow") && !fits("8"));
    }
}
