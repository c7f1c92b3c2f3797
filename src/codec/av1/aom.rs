//! libaom: the default encoder. One pass, no look-ahead, one thread: a unit for every picture at once, the same
//! bytes on every run.
#![allow(unsafe_code)]

use super::{Av1Encoder, Chroma, Planes};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Size;
use crate::limits::Limits;
use libaom_sys as ffi;
use std::ffi::{CStr, c_int, c_uint};
use std::ptr::NonNull;

/// What is set beside the configuration, by libaom's own names. docs/av1.md §4 gives the figures behind it.
type Options = &'static [(&'static CStr, &'static CStr)];

const VIDEO: Options = &[
    (c"aq-mode", c"0"),
    (c"enable-tpl-model", c"0"),
    (c"deltaq-mode", c"0"),
    (c"enable-order-hint", c"0"),
    (c"enable-obmc", c"0"),
    (c"enable-warped-motion", c"0"),
    (c"enable-global-motion", c"0"),
    (c"enable-ref-frame-mvs", c"0"),
    (c"enable-restoration", c"0"),
    (c"enable-cdef", c"1"),
    (c"coeff-cost-upd-freq", c"3"),
    (c"mode-cost-upd-freq", c"3"),
    (c"mv-cost-upd-freq", c"3"),
];
const STILL: Options = &[
    (c"cpu-used", c"8"),
    (c"aq-mode", c"0"),
    (c"deltaq-mode", c"0"),
    (c"enable-restoration", c"0"),
    (c"enable-cdef", c"1"),
];

/// libaom's speed for films of up to so many pixels a picture: small ones have the time for more (docs/av1.md).
const SPEEDS: [(u64, i32); 2] = [(640 * 480, 7), (1280 * 720, 8)];
const FASTEST: i32 = 9;

/// Screens are sRGB; the matrix is BT.601, in the range that [`Chroma`] says.
const PRIMARIES: c_int = ffi::AOM_CICP_CP_BT_709 as c_int;
const TRANSFER: c_int = ffi::AOM_CICP_TC_SRGB as c_int;
const MATRIX: c_int = ffi::AOM_CICP_MC_BT_601 as c_int;

/// One encoder context.
pub(super) struct Aom {
    size: Size,
    chroma: Chroma,
    fps: u32,
    still: bool,
    /// `None` before the first unit and after an error.
    context: Option<Context>,
    pictures: i64,
}

impl Aom {
    pub(super) fn still(size: Size, chroma: Chroma) -> Result<Self> {
        let mut aom = Self { size, chroma, fps: 1, still: true, context: None, pictures: 0 };
        aom.context = Some(aom.open()?);
        Ok(aom)
    }

    pub(super) fn video(size: Size, chroma: Chroma, fps: u32) -> Result<Self> {
        let fps = fps.clamp(1, 240);
        let mut aom = Self { size, chroma, fps, still: false, context: None, pictures: 0 };
        aom.context = Some(aom.open()?);
        Ok(aom)
    }

    fn open(&self) -> Result<Context> {
        let usage = if self.still { ffi::AOM_USAGE_ALL_INTRA } else { ffi::AOM_USAGE_REALTIME };
        let mut config = default_config(usage)?;
        config.g_w = self.size.width;
        config.g_h = self.size.height;
        config.g_profile = match self.chroma {
            Chroma::Half => 0,
            Chroma::Full => 1,
        };
        config.g_threads = 1;
        config.g_timebase = ffi::aom_rational { num: 1, den: self.fps as c_int };
        config.g_pass = ffi::AOM_RC_ONE_PASS;
        config.g_lag_in_frames = 0;
        config.g_error_resilient = 0;
        config.rc_dropframe_thresh = 0;
        config.rc_resize_mode = 0;
        // Constant quality: libaom codes a film's keyframe finer than what follows, which pays within a second.
        config.rc_end_usage = ffi::AOM_Q;
        // Keyframes come when they are asked for, and not otherwise.
        config.kf_mode = ffi::AOM_KF_DISABLED;
        let mut context = Context::new(config)?;
        for (name, value) in if self.still { STILL } else { VIDEO } {
            context.option(name, value)?;
        }
        if !self.still {
            let area = self.size.area();
            let speed = SPEEDS.iter().find(|(most, _)| area <= *most).map_or(FASTEST, |(_, speed)| *speed);
            context.control(ffi::AOME_SET_CPUUSED, speed)?;
        }
        context.control(ffi::AV1E_SET_COLOR_PRIMARIES, PRIMARIES)?;
        context.control(ffi::AV1E_SET_TRANSFER_CHARACTERISTICS, TRANSFER)?;
        context.control(ffi::AV1E_SET_MATRIX_COEFFICIENTS, MATRIX)?;
        context.control(ffi::AV1E_SET_COLOR_RANGE, c_int::from(self.chroma == Chroma::Full))?;
        Ok(context)
    }

    /// libaom counts quantizers from 0 to 63, in steps of 4 of the format's own but at the end.
    fn level(quantizer: u8) -> c_int {
        ((c_int::from(quantizer) + 2) / 4).min(63)
    }
}

impl Av1Encoder for Aom {
    fn encode(&mut self, planes: &Planes, quantizer: u8, keyframe: bool, out: &mut Vec<u8>) -> Result<()> {
        super::check_planes(planes, self.size, self.chroma)?;
        let mut context = match self.context.take() {
            Some(context) => context,
            None => {
                self.pictures = 0;
                self.open()?
            }
        };
        let keyframe = keyframe || self.still || self.pictures == 0;
        let start = out.len();
        let outcome = context
            .control(
                if self.still { ffi::AV1E_SET_QUANTIZER_ONE_PASS } else { ffi::AOME_SET_CQ_LEVEL },
                Self::level(quantizer),
            )
            .and_then(|()| context.encode(planes, self.pictures, keyframe, out));
        if let Err(error) = outcome {
            out.truncate(start);
            return Err(error);
        }
        self.pictures += 1;
        self.context = Some(context);
        Ok(())
    }

    fn reconstruction(&mut self, planes: &mut Planes) -> Result<()> {
        match &mut self.context {
            Some(context) if self.pictures > 0 => {
                planes.reset(self.size, self.chroma, &Limits::default())?;
                context.preview(planes)
            }
            _ => Err(Error::input("nothing was encoded yet")),
        }
    }
}

impl std::fmt::Debug for Aom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Aom({}, {:?}, {})", self.size, self.chroma, if self.still { "still" } else { "video" })
    }
}

fn default_config(usage: c_uint) -> Result<ffi::aom_codec_enc_cfg_t> {
    let mut config = std::mem::MaybeUninit::zeroed();
    // SAFETY: the pointer is to memory for a whole configuration, which the call fills if it returns AOM_CODEC_OK.
    let status =
        unsafe { ffi::aom_codec_enc_config_default(ffi::aom_codec_av1_cx(), config.as_mut_ptr(), usage) };
    if status != ffi::AOM_CODEC_OK {
        return Err(refusal("configuration", status, None));
    }
    // SAFETY: the call above filled it.
    Ok(unsafe { config.assume_init() })
}

fn refusal(what: &str, status: ffi::aom_codec_err_t, detail: Option<&CStr>) -> Error {
    // SAFETY: libaom returns a string with static lifetime for any status.
    let name = unsafe { CStr::from_ptr(ffi::aom_codec_err_to_string(status)) };
    let detail = detail.map(|detail| format!(" ({})", detail.to_string_lossy())).unwrap_or_default();
    Error::new(ErrorKind::Unsupported, format!("libaom, {what}: {}{detail}", name.to_string_lossy()))
}

/// An initialised libaom context.
struct Context {
    /// *Safety invariant*: points to a context that `aom_codec_enc_init_ver` has initialised, owned by this value
    /// alone and destroyed once, by `drop`. Boxed, so that it never moves.
    raw: NonNull<ffi::aom_codec_ctx_t>,
}

// SAFETY: a context is tied to no thread, and `&mut self` keeps its calls apart.
unsafe impl Send for Context {}

impl Context {
    fn new(config: ffi::aom_codec_enc_cfg_t) -> Result<Self> {
        // SAFETY: all fields are integers and pointers, for which zero is valid.
        let raw: Box<ffi::aom_codec_ctx_t> = Box::new(unsafe { std::mem::zeroed() });
        let raw = NonNull::from(Box::leak(raw));
        // SAFETY: `raw` and `config` are live; libaom copies the configuration.
        let status = unsafe {
            ffi::aom_codec_enc_init_ver(
                raw.as_ptr(),
                ffi::aom_codec_av1_cx(),
                &config,
                0,
                ffi::AOM_ENCODER_ABI_VERSION as c_int,
            )
        };
        if status != ffi::AOM_CODEC_OK {
            // SAFETY: it came from `Box::leak`, and libaom keeps nothing of a context it did not initialise.
            drop(unsafe { Box::from_raw(raw.as_ptr()) });
            return Err(refusal("start", status, None));
        }
        Ok(Self { raw })
    }

    fn check(&mut self, what: &str, status: ffi::aom_codec_err_t) -> Result<()> {
        if status == ffi::AOM_CODEC_OK {
            return Ok(());
        }
        // SAFETY: the invariant of `raw`; the string, if any, lives in the context until the next call.
        let detail = unsafe {
            let detail = ffi::aom_codec_error_detail(self.raw.as_ptr());
            (!detail.is_null()).then(|| CStr::from_ptr(detail))
        };
        Err(refusal(what, status, detail))
    }

    fn option(&mut self, name: &CStr, value: &CStr) -> Result<()> {
        // SAFETY: the invariant of `raw`; both strings end with a zero and are copied.
        let status = unsafe { ffi::aom_codec_set_option(self.raw.as_ptr(), name.as_ptr(), value.as_ptr()) };
        self.check(&name.to_string_lossy(), status)
    }

    /// Sets one of the controls that take an int.
    fn control(&mut self, id: ffi::aome_enc_control_id, value: c_int) -> Result<()> {
        // SAFETY: the invariant of `raw`; the callers pass controls whose argument is an int.
        let status = unsafe { ffi::aom_codec_control(self.raw.as_ptr(), id as c_int, value) };
        self.check("control", status)
    }

    fn encode(&mut self, planes: &Planes, time: i64, keyframe: bool, out: &mut Vec<u8>) -> Result<()> {
        let image = image_of(planes);
        let flags = if keyframe { ffi::AOM_EFLAG_FORCE_KF } else { 0 };
        // SAFETY: the invariant of `raw`; `image` points into `planes`, which outlives the call, and libaom copies
        // the picture before it returns and writes nothing through the pointers.
        let status = unsafe { ffi::aom_codec_encode(self.raw.as_ptr(), &image, time, 1, flags as _) };
        self.check("picture", status)?;
        let start = out.len();
        let mut iterator = std::ptr::null();
        loop {
            // SAFETY: the invariant of `raw`; the packet, if any, is valid until the next call on the context.
            let packet = unsafe { ffi::aom_codec_get_cx_data(self.raw.as_ptr(), &mut iterator).as_ref() };
            let Some(packet) = packet else { break };
            if packet.kind == ffi::AOM_CODEC_CX_FRAME_PKT {
                // SAFETY: packets of this kind have a frame, whose buffer has `sz` bytes.
                let bytes = unsafe {
                    let frame = &packet.data.frame;
                    std::slice::from_raw_parts(frame.buf.cast::<u8>(), frame.sz)
                };
                out.extend_from_slice(bytes);
            }
        }
        if out.len() == start {
            return Err(Error::new(ErrorKind::Unsupported, "libaom gave no unit for a picture"));
        }
        Ok(())
    }

    /// Copies the picture that the last unit decodes to.
    fn preview(&mut self, planes: &mut Planes) -> Result<()> {
        // SAFETY: the invariant of `raw`; the image, if any, is valid until the next call on the context.
        let image = unsafe { ffi::aom_codec_get_preview_frame(self.raw.as_ptr()).as_ref() };
        let size = planes.size();
        let Some(image) = image.filter(|image| (image.d_w, image.d_h) == (size.width, size.height)) else {
            return Err(Error::new(ErrorKind::Unsupported, "libaom shows no reconstruction"));
        };
        for plane in 0..3 {
            let (width, stride) = (planes.plane_size(plane).width as usize, image.stride[plane] as usize);
            let start = image.planes[plane];
            for (row, to) in planes.plane_mut(plane).chunks_exact_mut(width).enumerate() {
                // SAFETY: a reference picture of libaom has whole 8 × 8 blocks, so at least (width + 1) / 2 samples
                // a row and (height + 1) / 2 rows of colour differences, `stride` bytes apart.
                let from = unsafe { std::slice::from_raw_parts(start.add(row * stride), width) };
                to.copy_from_slice(from);
            }
        }
        Ok(())
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the invariant of `raw`; nothing uses it afterwards.
        unsafe {
            ffi::aom_codec_destroy(self.raw.as_ptr());
            drop(Box::from_raw(self.raw.as_ptr()));
        }
    }
}

/// The planes as libaom takes them: borrowed, for one call.
fn image_of(planes: &Planes) -> ffi::aom_image_t {
    // SAFETY: all fields are integers and pointers, for which zero is valid.
    let mut image: ffi::aom_image_t = unsafe { std::mem::zeroed() };
    let size = planes.size();
    let (format, shift, bits) = match planes.chroma() {
        Chroma::Half => (ffi::AOM_IMG_FMT_I420, 1, 12),
        Chroma::Full => (ffi::AOM_IMG_FMT_I444, 0, 24),
    };
    image.fmt = format;
    (image.cp, image.tc, image.mc) = (PRIMARIES as _, TRANSFER as _, MATRIX as _);
    image.range = c_uint::from(planes.chroma() == Chroma::Full);
    (image.w, image.h, image.d_w, image.d_h) = (size.width, size.height, size.width, size.height);
    (image.x_chroma_shift, image.y_chroma_shift) = (shift, shift);
    (image.bit_depth, image.bps) = (8, bits);
    for plane in 0..3 {
        image.planes[plane] = planes.plane(plane).as_ptr().cast_mut();
        image.stride[plane] = planes.plane_size(plane).width as c_int;
    }
    image
}
