//! Other codecs in their real-time settings, as far as ffmpeg has them. Each at a few qualities, one thread.

use super::vnc;
use serde::{Deserialize, Serialize};
use std::process::{Command, Stdio};

/// A codec in one setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// What the report calls it.
    pub(crate) name: &'static str,
    /// ffmpeg's name for the encoder.
    pub(crate) encoder: &'static str,
    /// ffmpeg's name for its pixels.
    pub(crate) pixels: &'static str,
    /// Arguments but for the quality.
    settings: &'static [&'static str],
    /// Values of `-crf`, best first.
    pub(crate) qualities: &'static [u32],
    /// It works on threads of its own, so that the CPU of single pictures is unknown.
    pub(crate) asynchronous: bool,
}

const X264: &[u32] = &[12, 20, 28, 36];
const VP9: &[u32] = &[8, 20, 34, 48];
const AOM: &[u32] = &[8, 20, 34, 48];
const SVT: &[u32] = &[10, 22, 35, 48];

const X264_VERYFAST: &[&str] = &["-preset", "veryfast", "-tune", "zerolatency"];
const X264_ULTRAFAST: &[&str] = &["-preset", "ultrafast", "-tune", "zerolatency"];
const VPX: &[&str] = &[
    "-deadline",
    "realtime",
    "-cpu-used",
    "8",
    "-tune-content",
    "screen",
    "-lag-in-frames",
    "0",
    "-row-mt",
    "0",
    "-auto-alt-ref",
    "0",
    "-b:v",
    "0",
];
const LIBAOM: &[&str] = &[
    "-usage",
    "realtime",
    "-cpu-used",
    "8",
    "-lag-in-frames",
    "0",
    "-b:v",
    "0",
    // ffmpeg's own option ends at 8.
    "-aom-params",
    "cpu-used=9:tune-content=screen",
];
const SVT_AV1: &[&str] = &["-preset", "12", "-svtav1-params", "pred-struct=1:lp=1:lookahead=0:scm=1"];

/// The codec that BD-rates refer to unless another is named.
pub(crate) const BASELINE: &str = "libaom realtime 4:4:4";

/// All that are known.
pub(crate) const PEERS: [Peer; 9] = [
    peer("x264 veryfast 4:2:0", "libx264", "yuv420p", X264_VERYFAST, X264),
    peer("x264 veryfast 4:4:4", "libx264", "yuv444p", X264_VERYFAST, X264),
    peer("x264 ultrafast 4:2:0", "libx264", "yuv420p", X264_ULTRAFAST, X264),
    peer("x264 ultrafast 4:4:4", "libx264", "yuv444p", X264_ULTRAFAST, X264),
    peer("VP9 realtime screen 4:2:0", "libvpx-vp9", "yuv420p", VPX, VP9),
    peer("VP9 realtime screen 4:4:4", "libvpx-vp9", "yuv444p", VPX, VP9),
    peer("libaom realtime 4:2:0", "libaom-av1", "yuv420p", LIBAOM, AOM),
    peer(BASELINE, "libaom-av1", "yuv444p", LIBAOM, AOM),
    Peer { asynchronous: true, ..peer("SVT-AV1 low delay 4:2:0", "libsvtav1", "yuv420p", SVT_AV1, SVT) },
];

const fn peer(
    name: &'static str,
    encoder: &'static str,
    pixels: &'static str,
    settings: &'static [&'static str],
    qualities: &'static [u32],
) -> Peer {
    Peer { name, encoder, pixels, settings, qualities, asynchronous: false }
}

impl Peer {
    /// ffmpeg's arguments for the output.
    pub(crate) fn arguments(&self, quality: u32) -> Vec<String> {
        let quality = quality.to_string();
        let mut all = vec!["-c:v", self.encoder, "-threads", "1", "-g", "9999", "-crf", quality.as_str()];
        all.extend(self.settings);
        all.into_iter().map(str::to_owned).collect()
    }
}

/// How a VNC server codes pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum VncEncoding {
    /// Tight without JPEG, which has no loss.
    Tight,
    /// ZRLE.
    Zrle,
}

impl VncEncoding {
    pub(crate) const ALL: [Self; 2] = [Self::Tight, Self::Zrle];

    /// What the report calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tight => "VNC Tight, lossless",
            Self::Zrle => "VNC ZRLE",
        }
    }
}

/// The peers of ffmpeg and of VNC that this machine has, and the names of those that it lacks.
pub(crate) fn installed() -> (Vec<Peer>, Vec<VncEncoding>, Vec<String>) {
    let output = Command::new("ffmpeg").args(["-hide_banner", "-encoders"]).stdin(Stdio::null()).output();
    let listed = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    let has = |peer: &Peer| listed.lines().any(|l| l.split_whitespace().nth(1) == Some(peer.encoder));
    let (there, missing): (Vec<Peer>, Vec<Peer>) = PEERS.into_iter().partition(has);
    let mut missing: Vec<String> =
        missing.iter().map(|p| format!("{} (ffmpeg with {})", p.name, p.encoder)).collect();
    if vnc::version().is_some() {
        return (there, VncEncoding::ALL.to_vec(), missing);
    }
    missing.extend(VncEncoding::ALL.map(|encoding| format!("{} ({})", encoding.name(), vnc::INSTALL)));
    (there, Vec::new(), missing)
}
