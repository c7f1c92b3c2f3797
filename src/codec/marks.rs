//! What a decoder notes of a packet while it carries it out: where it wrote, with what, how exactly, and over what.

use super::exactness::Exactness;
use super::lossless::{Canvas, CodedRect, Coding};
use super::picture_hash::PictureHash;
use super::recall::Recall;
use super::tools::{Tool, ToolUse};
use crate::damage::{Copy, DirtyRows};
use crate::frame::{FrameBuf, Rect, Size, Timestamp};

/// Figures of one picture packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpdateFacts {
    /// Bytes of the packet's body.
    pub bytes: usize,
    /// Copies within the picture.
    pub copies: usize,
    /// Pixels that the copies wrote.
    pub copied_px: u64,
    /// Rectangles of exact pixels, solid and recalled ones included.
    pub rects: usize,
    /// Rectangles of one colour.
    pub solid_rects: usize,
    /// Rectangles that hold what was there before.
    pub recalled_rects: usize,
    /// Pixels of the rectangles.
    pub coded_px: u64,
    /// Bytes of AV1.
    pub av1_bytes: usize,
    /// Bytes of a film that somebody else encodes.
    pub film_bytes: usize,
    /// Bytes of photographs that are predicted from their neighbours.
    pub photo_bytes: usize,
    /// Bytes of exact pixels.
    pub exact_bytes: usize,
    /// Whether nothing changed and the packet only makes pixels exact.
    pub refines: bool,
}

/// The notes of the packet at hand, and what is kept from packet to packet.
#[derive(Debug, Default)]
pub(super) struct Marks {
    pub(super) exactness: Exactness,
    pub(super) recall: Recall,
    pub(super) hash: PictureHash,
    pub(super) dirty: DirtyRows,
    pub(super) tools: Vec<ToolUse>,
    pub(super) facts: UpdateFacts,
}

impl Marks {
    /// A whole picture begins: nothing is known of what was.
    pub(super) fn begin_picture(&mut self, size: Size, recall_px: u64, now: Timestamp, facts: UpdateFacts) {
        self.exactness.reset(size);
        self.recall.reset(size, recall_px, now);
        self.hash.begin(size);
        self.begin(size, facts);
    }

    /// An update of a picture of `size` begins.
    pub(super) fn begin_update(&mut self, size: Size, now: Timestamp, facts: UpdateFacts) {
        if !facts.refines {
            self.recall.begin(&self.exactness, now);
        }
        self.begin(size, facts);
    }

    /// A film's picture begins, of which no pixel is exact.
    pub(super) fn film(&mut self, size: Size, keyframe: bool, now: Timestamp, facts: UpdateFacts) {
        if keyframe {
            self.begin_picture(size, 0, now, facts);
            self.exactness.set(&size.rect(), false);
        } else {
            self.begin(size, facts);
        }
        self.did(Tool::Film, size.rect(), 0);
    }

    fn begin(&mut self, size: Size, facts: UpdateFacts) {
        self.dirty.reset(size);
        self.tools.clear();
        self.facts = facts;
    }

    /// A copy is carried out.
    pub(super) fn copy(&mut self, picture: &mut FrameBuf, copy: &Copy) {
        if !self.facts.refines {
            self.recall.stage_copy(picture, copy);
        }
        copy.apply(picture);
        self.exactness.copy(copy);
        self.hash.copied(copy);
        self.did(Tool::Copy, copy.to, 0);
    }

    /// A layer has been laid over `rect`.
    pub(super) fn laid(&mut self, tool: Tool, rect: Rect, exact: bool) {
        self.exactness.set(&rect, exact);
        self.wrote(tool, rect, 0);
    }

    fn wrote(&mut self, tool: Tool, rect: Rect, bytes: u64) {
        self.hash.wrote(&rect);
        self.did(tool, rect, bytes);
    }

    fn did(&mut self, tool: Tool, rect: Rect, bytes: u64) {
        self.dirty.mark(&rect);
        self.tools.push(ToolUse { tool, rect, bytes });
    }

    /// The update has been carried out.
    pub(super) fn finish_update(&mut self, picture: &FrameBuf) {
        if !self.facts.refines {
            self.recall.commit(picture);
        }
    }
}

impl Canvas for Marks {
    fn before(&mut self, picture: &FrameBuf, rect: &Rect) {
        if !self.facts.refines {
            self.recall.stage(picture, rect);
        }
    }

    fn written(&mut self, coded: &CodedRect, bytes: u64) {
        let CodedRect { rect, coding } = *coded;
        let tool = match coding {
            Coding::Modelled => Tool::Modelled,
            Coding::Nearly => Tool::Nearly,
            Coding::Solid => Tool::Solid,
            Coding::Rows => Tool::Rows,
            Coding::Predicted => Tool::Predicted,
            Coding::Recalled => Tool::Recalled,
        };
        self.exactness.set(&rect, coding != Coding::Nearly);
        self.wrote(tool, rect, bytes);
        self.facts.rects += 1;
        self.facts.solid_rects += usize::from(coding == Coding::Solid);
        self.facts.recalled_rects += usize::from(coding == Coding::Recalled);
        self.facts.coded_px += rect.area();
    }

    fn recall(&self) -> &Recall {
        &self.recall
    }
}
