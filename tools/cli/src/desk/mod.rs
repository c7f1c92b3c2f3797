//! What the visitor sees on its own screen while it shares: agents' marks over it, and a mirror of what leaves.

#[cfg(not(target_os = "linux"))]
mod absent;
#[cfg(target_os = "linux")]
mod canvas;
#[cfg(target_os = "linux")]
mod marks;
#[cfg(target_os = "linux")]
mod mirror;
#[cfg(target_os = "linux")]
mod pane;
#[cfg(target_os = "linux")]
mod scene;

#[cfg(not(target_os = "linux"))]
use absent::{Marks, Mirror};
#[cfg(target_os = "linux")]
use marks::Marks;
#[cfg(target_os = "linux")]
use mirror::Mirror;

use crate::status::Reporter;
use panecast::capture::{Excluded, OpenOptions, SourceSpec};
use panecast::pipeline::Audience;
use panecast::session::{Mark, StreamState, ViewerId};
use serde_json::json;

/// What is shown on the visitor's own screen.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct DeskArgs {
    /// Do not draw over the screen what agents point at and draw
    #[arg(long)]
    no_marks: bool,
    /// Open a window that shows what leaves this device
    #[arg(long)]
    mirror: bool,
}

impl DeskArgs {
    /// No window of ours.
    pub(crate) const NOTHING: Self = Self { no_marks: true, mirror: false };
}

/// The windows over the shared screen; none of them is ever captured.
pub(crate) struct Desk {
    wanted: DeskArgs,
    excluded: Excluded,
    marks: Option<Marks>,
    mirror: Option<Mirror>,
}

impl Desk {
    pub(crate) fn new(wanted: DeskArgs) -> Self {
        Self { wanted, excluded: Excluded::new(), marks: None, mirror: None }
    }

    /// How to open what is shared.
    pub(crate) fn options(&self) -> OpenOptions {
        OpenOptions { excluded: self.excluded.clone(), ..OpenOptions::default() }
    }

    /// Opens the windows, now that `source` is shared. What cannot be shown is told; the share goes on.
    pub(crate) async fn open(&mut self, source: &SourceSpec, reporter: &mut Reporter) {
        let (wanted, source, excluded) = (self.wanted, source.clone(), self.excluded.clone());
        let again = self.mirror.is_some();
        let opening = tokio::task::spawn_blocking(move || {
            let marks = if wanted.no_marks { Ok(None) } else { Marks::open(&source, None, &excluded) };
            let mirror = (wanted.mirror && !again).then(|| Mirror::open(None, &excluded)).transpose();
            (marks, mirror)
        });
        let Ok((marks, mirror)) = opening.await else { return };
        let mut told = |what: &str, e: panecast::Error| {
            let facts = json!({ "event": "not-shown", "what": what, "message": e.message() });
            reporter.event(&format!("no {what}: {}", e.message()), facts);
        };
        self.marks = marks.unwrap_or_else(|e| {
            told("marks", e);
            None
        });
        match mirror {
            Ok(Some(mirror)) => self.mirror = Some(mirror),
            Ok(None) => {}
            Err(e) => told("mirror", e),
        }
    }

    pub(crate) fn mark(&self, viewer: ViewerId, mark: Mark) {
        if let Some(marks) = &self.marks {
            marks.mark(viewer, mark);
        }
    }

    /// Takes away what `viewer` drew.
    pub(crate) fn left(&self, viewer: ViewerId) {
        if let Some(marks) = &self.marks {
            marks.left(viewer);
        }
    }

    /// What is sent.
    pub(crate) fn sent(&self, to: Audience, bytes: &[u8]) {
        if let Some(mirror) = &self.mirror {
            mirror.sent(matches!(to, Audience::One(_)), bytes);
        }
    }

    pub(crate) fn state(&self, state: StreamState) {
        if let (StreamState::Paused, Some(marks)) = (state, &self.marks) {
            // They belong to what was seen.
            marks.clear();
        }
        if let Some(mirror) = &self.mirror {
            mirror.state(state);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
#[path = "../../../../tests/xserver/mod.rs"]
mod xserver;
