//! A camera that PipeWire has: a device of V4L2's or libcamera's, a phone's, a virtual one.

use super::{PipeFrame, PipePixels, PipeStream, Wanted};
use crate::capture::camera::{Layout, unpack_jpeg};
use crate::capture::{Camera, Shot, SourceInfo};
use crate::consent::{CaptureGrant, Purpose, Revoke};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Planes, Size};
use std::time::Duration;

/// Longest that a camera may take until it agrees on a format: some have a motor before the lens.
const OPENS_WITHIN: Duration = Duration::from_secs(5);

/// One that has given nothing for so long is stalled.
const STALLED_AFTER: Duration = Duration::from_secs(1);

/// A camera's node. It is off once this is dropped.
#[derive(Debug)]
pub struct PipeCamera {
    stream: PipeStream,
    frame: PipeFrame,
    decoded: Vec<u8>,
    info: SourceInfo,
    revoke: Revoke,
}

impl PipeCamera {
    /// Opens the node that `info` is about, with pictures near to `size` and `fps`.
    ///
    /// # Errors
    /// - [`ErrorKind::Denied`] if `grant` is for something else, [`ErrorKind::Revoked`] if it was taken back.
    /// - as [`PipeStream::connect`] and [`PipeStream::wait_format`].
    pub fn open(
        node: u32,
        mut info: SourceInfo,
        size: Option<Size>,
        fps: Option<u32>,
        grant: &CaptureGrant,
    ) -> Result<Self> {
        grant.covers(Purpose::Camera, &info.id)?;
        let revoke = grant.revoke_handle();
        let layouts = [Layout::Nv12, Layout::I420, Layout::Yv12, Layout::Yuy2, Layout::Uyvy];
        let raw = layouts.into_iter().chain([Layout::Bgrx, Layout::Rgbx]).map(PipePixels::Raw);
        let pixels = raw.chain([PipePixels::Jpeg]).collect();
        let stream = PipeStream::connect(None, node, Wanted { pixels, size, fps, cursor: false })?;
        info.size = stream.wait_format(OPENS_WITHIN)?.size;
        Ok(Self { stream, frame: PipeFrame::default(), decoded: Vec::new(), info, revoke })
    }
}

impl Camera for PipeCamera {
    fn info(&self) -> SourceInfo {
        let size = self.stream.format().map_or(self.info.size, |format| format.size);
        SourceInfo { size, ..self.info.clone() }
    }

    fn next(&mut self, planes: &mut Planes, timeout: Duration) -> Result<Shot> {
        self.revoke.check()?;
        let came = self.stream.next(&mut self.frame, timeout)?;
        let (true, Some(format)) = (came && self.frame.fresh, self.frame.format) else {
            if self.stream.gave().elapsed() >= STALLED_AFTER {
                return Err(Error::new(ErrorKind::Stalled, "the camera gives no pictures"));
            }
            return Ok(Shot::None);
        };
        let bytes = &self.frame.bytes;
        let colour = match format.pixels {
            PipePixels::Raw(layout) => {
                layout.unpack(format.size, self.frame.stride, bytes, format.colour, planes)?
            }
            // A cable that is moved breaks a picture now and then.
            PipePixels::Jpeg => match unpack_jpeg(format.size, bytes, &mut self.decoded, planes) {
                Err(e) if e.kind() == ErrorKind::InvalidData => return Ok(Shot::None),
                colour => colour?,
            },
        };
        Ok(Shot::Taken { timestamp: None, colour })
    }

    fn forget(&mut self) {
        self.stream.forget();
        self.decoded.fill(0);
        self.frame.bytes.fill(0);
        self.frame = PipeFrame::default();
    }
}

impl Drop for PipeCamera {
    fn drop(&mut self) {
        self.forget();
    }
}
