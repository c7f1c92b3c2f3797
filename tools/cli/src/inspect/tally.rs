//! Bytes, pixels and packets by tool.

use panecast::bitstream::{Layer, Packet};
use panecast::codec::{Tool, ToolUse, UpdateFacts};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What one tool took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Share {
    pub(super) bytes: f64,
    pub(super) px: u64,
    pub(super) packets: u64,
}

/// What all tools took.
#[derive(Debug, Default)]
pub(super) struct Tally {
    tools: BTreeMap<&'static str, Share>,
}

/// Packets that only make lossy places exact, whatever they are coded with.
const REFINE: &str = "refine";
/// Heads of packets and places of copies.
const AROUND: &str = "around";

impl Tally {
    /// Counts a picture's packet.
    pub(super) fn add(&mut self, packet: &Packet<'_>, used: &[ToolUse], facts: &UpdateFacts) {
        let mut shares: BTreeMap<&'static str, Share> = BTreeMap::new();
        for u in used {
            shares.entry(u.tool.name()).or_default().px += u.rect.area();
        }
        let layers = match packet {
            Packet::Snapshot(b) => &b.layers[..],
            Packet::Update(b) => &b.layers,
            Packet::Resume(b) => &b.layers,
            _ => &[],
        };
        let mut laid = 0;
        if let Packet::Film(b) = packet {
            shares.entry(Tool::Film.name()).or_default().bytes += b.data.len() as f64;
            laid += b.data.len();
        }
        for layer in layers {
            let (tool, bytes) = match layer {
                Layer::Av1(a) if a.surface == 0 => (Tool::Av1Still, a.data.len()),
                Layer::Av1(a) => (Tool::Av1Video, a.data.len()),
                Layer::Photo(p) => (Tool::Photo, p.data.len()),
                Layer::Change(c) => (Tool::Change, c.data.len()),
                Layer::Fade(_) | Layer::End { .. } => continue,
            };
            shares.entry(tool.name()).or_default().bytes += bytes as f64;
            laid += bytes;
        }
        let exact: u64 = used.iter().map(|u| u.bytes).sum();
        for u in used {
            shares.entry(u.tool.name()).or_default().bytes += u.bytes as f64;
        }
        let around = facts.bytes.saturating_sub(laid + exact as usize);
        shares.entry(AROUND).or_default().bytes += around as f64;
        for (name, share) in shares {
            let name = if facts.refines { REFINE } else { name };
            let all = self.tools.entry(name).or_default();
            all.bytes += share.bytes;
            all.px += share.px;
            // A packet that refines with several tools is one.
            all.packets += u64::from(!facts.refines);
        }
        if facts.refines {
            self.tools.entry(REFINE).or_default().packets += 1;
        }
    }

    /// The tools by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, Share)> {
        self.tools.iter().map(|(name, share)| (*name, *share))
    }

    pub(super) fn json(&self) -> Value {
        let tool = |s: Share| json!({ "bytes": s.bytes.round() as u64, "px": s.px, "packets": s.packets });
        self.iter()
            .map(|(name, share)| (name.to_owned(), tool(share)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}
