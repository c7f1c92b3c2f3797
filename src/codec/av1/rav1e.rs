//! rav1e: Rust alone. Its inter coding holds pictures back (a unit comes when four further pictures are there), so
//! every picture is coded by itself here, and its unit comes at once.

use super::{Av1Encoder, Chroma, Planes};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Size;
use crate::limits::Limits;
use rav1e::color::{ColorDescription, ColorPrimaries, MatrixCoefficients, TransferCharacteristics};
use rav1e::prelude::{
    ChromaSampling, Config, EncoderConfig, Frame, FrameParameters, FrameTypeOverride, PixelRange,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The fastest; docs/av1.md §4.
const SPEED: u8 = 10;

/// Stills of one size. A context serves one picture, whose quantizer it fixes; making one costs little.
pub(super) struct Rav1e {
    size: Size,
    chroma: Chroma,
    shown: Option<Arc<Frame<u8>>>,
}

impl Rav1e {
    pub(super) fn new(size: Size, chroma: Chroma) -> Result<Self> {
        let rav1e = Self { size, chroma, shown: None };
        rav1e.config(0).validate().map_err(|error| refusal(&error))?;
        Ok(rav1e)
    }

    fn config(&self, quantizer: u8) -> Config {
        let mut config = EncoderConfig::with_speed_preset(SPEED);
        (config.width, config.height) = (self.size.width as usize, self.size.height as usize);
        (config.chroma_sampling, config.pixel_range) = match self.chroma {
            Chroma::Half => (ChromaSampling::Cs420, PixelRange::Limited),
            Chroma::Full => (ChromaSampling::Cs444, PixelRange::Full),
        };
        config.color_description = Some(ColorDescription {
            color_primaries: ColorPrimaries::BT709,
            transfer_characteristics: TransferCharacteristics::SRGB,
            matrix_coefficients: MatrixCoefficients::BT601,
        });
        config.still_picture = true;
        // rav1e takes 0 for "not set".
        config.quantizer = usize::from(quantizer.max(1));
        Config::new().with_encoder_config(config).with_threads(1)
    }

    fn code(&self, planes: &Planes, quantizer: u8) -> Result<(Vec<u8>, Arc<Frame<u8>>)> {
        let mut context = self.config(quantizer).new_context::<u8>().map_err(|error| refusal(&error))?;
        let mut frame = context.new_frame();
        for (i, plane) in frame.planes.iter_mut().enumerate() {
            plane.copy_from_raw_u8(planes.plane(i), planes.plane_size(i).width as usize, 1);
        }
        let alone = FrameParameters { frame_type_override: FrameTypeOverride::Key, ..Default::default() };
        context.send_frame((frame, alone)).map_err(|error| refusal(&error))?;
        context.flush();
        let packet = context.receive_packet().map_err(|error| refusal(&error))?;
        let shown = packet.rec.ok_or_else(|| refusal(&"no reconstruction"))?;
        Ok((packet.data, shown))
    }
}

impl Av1Encoder for Rav1e {
    fn encode(&mut self, planes: &Planes, quantizer: u8, _keyframe: bool, out: &mut Vec<u8>) -> Result<()> {
        super::check_planes(planes, self.size, self.chroma)?;
        // It asserts what it does not foresee; a panic must not leave the encode thread.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.code(planes, quantizer)));
        let (unit, shown) = outcome.unwrap_or_else(|_| Err(refusal(&"it panicked")))?;
        out.extend_from_slice(&unit);
        self.shown = Some(shown);
        Ok(())
    }

    fn reconstruction(&mut self, planes: &mut Planes) -> Result<()> {
        let shown = self.shown.as_ref().ok_or_else(|| Error::input("nothing was encoded yet"))?;
        planes.reset(self.size, self.chroma, &Limits::default())?;
        for (i, plane) in shown.planes.iter().enumerate() {
            let (width, stride) = (planes.plane_size(i).width as usize, plane.cfg.stride);
            let rows = planes.plane_mut(i).chunks_exact_mut(width);
            for (to, from) in rows.zip(plane.data_origin().chunks(stride)) {
                to.copy_from_slice(&from[..width]);
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Rav1e {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rav1e({}, {:?})", self.size, self.chroma)
    }
}

fn refusal(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unsupported, format!("rav1e: {error}"))
}
