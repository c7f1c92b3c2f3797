//! What is hidden: the arguments that `share`, `demo`, `record` and `encode` have in common.

use crate::failure::Failure;
use panecast::capture::SourceSpec;
use panecast::capture::mask::{MaskSet, WindowMatch, parse_rect};
use panecast::frame::Rect;

/// Hidden rectangles.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Masks")]
pub(crate) struct RectArgs {
    /// Hide a rectangle, in pixels of the picture; may be given more than once
    #[arg(long = "mask", value_name = "X,Y,W,H", value_parser = parse_rect)]
    rects: Vec<Rect>,
}

impl RectArgs {
    pub(crate) fn masks(&self) -> MaskSet {
        self.rects.iter().fold(MaskSet::new(), |masks, rect| masks.with_rect(*rect))
    }
}

/// Hidden rectangles and windows.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Masks")]
pub(crate) struct MaskArgs {
    #[command(flatten)]
    rects: RectArgs,
    /// Hide a window, with its menus and dialogs, wherever it moves: an id of the sources list, title:TEXT or class:TEXT
    #[arg(long = "mask-window", value_name = "WINDOW")]
    windows: Vec<WindowMatch>,
    /// Hide everything but this window
    #[arg(long = "only-window", value_name = "WINDOW")]
    only: Vec<WindowMatch>,
}

impl MaskArgs {
    /// What is hidden of `source`.
    pub(crate) fn masks(&self, source: &SourceSpec) -> Result<MaskSet, Failure> {
        let masks = self.windows.iter().fold(self.rects.masks(), |masks, w| masks.with_window(w.clone()));
        let masks = self.only.iter().fold(masks, |masks, w| masks.with_only(w.clone()));
        if masks.has_windows() && !matches!(source, SourceSpec::Screen(_)) {
            return Err(Failure::usage(
                format!("windows can be hidden on a screen, not in {source}"),
                "share screen or screen:N, or hide a rectangle with --mask X,Y,W,H",
            ));
        }
        Ok(masks)
    }
}
