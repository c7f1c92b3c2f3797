//! Figures of what is shared.

use super::sized::Sized32;
use crate::pipeline::PipelineStats;

/// Figures of a share; totals since the start.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct panecast_stats {
    /// sizeof(panecast_stats).
    pub struct_size: u32,
    /// Viewers that have joined.
    pub viewers: u32,
    /// Pictures captured.
    pub frames_captured: u64,
    /// Updates sent to all viewers, without those that only refine.
    pub updates_sent: u64,
    /// Updates that only made lossy places exact.
    pub refinements_sent: u64,
    /// Bytes of all packets.
    pub bytes_sent: u64,
    /// Bits a second that moving pictures may take; 0 while unknown.
    pub target_bitrate: u64,
    /// Share of the picture that the last update changed, 0 to 1.
    pub dirty_ratio: f32,
    /// Share of the shown picture that is exact, 0 to 1.
    pub exact_ratio: f32,
    /// Share of the newest picture that masks hide, 0 to 1.
    pub masked_ratio: f32,
    /// Milliseconds the last update took to compare and encode.
    pub encode_ms: f32,
    /// Milliseconds from an update's sending to its acknowledgement, smoothed.
    pub round_trip_ms: f32,
    /// Milliseconds that updates wait behind those before them, smoothed.
    pub queueing_ms: f32,
}

// SAFETY: numbers, the first of them the size.
unsafe impl Sized32 for panecast_stats {}

pub(super) fn c_stats(s: &PipelineStats) -> panecast_stats {
    panecast_stats {
        struct_size: 0,
        viewers: s.viewers,
        frames_captured: s.frames_captured,
        updates_sent: s.updates_sent,
        refinements_sent: s.refinements_sent,
        bytes_sent: s.bytes_sent,
        target_bitrate: s.target_bitrate,
        dirty_ratio: s.dirty_ratio,
        exact_ratio: s.exact_ratio,
        masked_ratio: s.masked_ratio,
        encode_ms: s.encode_ms,
        round_trip_ms: s.round_trip_ms,
        queueing_ms: s.queueing_ms,
    }
}
