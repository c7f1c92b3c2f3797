//! What each part of a picture was coded with.

use crate::frame::Rect;

/// A way to code pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tool {
    /// Moved from elsewhere in the picture.
    Copy,
    /// What its tiles held before.
    Recalled,
    /// Exact pixels, as their neighbourhood foretells them.
    Modelled,
    /// Nearly exact pixels, as their neighbourhood foretells them.
    Nearly,
    /// One colour.
    Solid,
    /// Exact pixels, row by row, through the zstd stream.
    Rows,
    /// Exact pixels as differences from their neighbours, through the zstd stream.
    Predicted,
    /// What was there, lighter or darker.
    Fade,
    /// A photograph, as differences from what was there.
    Change,
    /// A photograph, predicted from its neighbours and range-coded.
    Photo,
    /// An AV1 still.
    Av1Still,
    /// A picture of an AV1 video.
    Av1Video,
    /// A picture of a film that somebody else encodes.
    Film,
}

impl Tool {
    /// Its name, as `inspect` shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Recalled => "recalled",
            Self::Solid => "solid",
            Self::Rows => "rows",
            Self::Modelled => "modelled",
            Self::Nearly => "nearly",
            Self::Predicted => "predicted",
            Self::Fade => "fade",
            Self::Change => "change",
            Self::Photo => "photo",
            Self::Av1Still => "av1 still",
            Self::Av1Video => "av1 video",
            Self::Film => "film",
        }
    }
}

/// A tool and where it was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolUse {
    /// With what.
    pub tool: Tool,
    /// Where.
    pub rect: Rect,
    /// Its bytes in the payload, as good as they can be told apart; 0 for what is not in the payload.
    pub bytes: u64,
}
