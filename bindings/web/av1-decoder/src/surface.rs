//! One AV1 stream of its own: temporal units in order, each giving one picture at once.

use re_rav1d::{Decoder, Error, InloopFilterType, Picture, PixelLayout, PlanarImageComponent, Settings};

/// Most pixels of a picture: that of the library's limits, an 8K picture.
const MOST_PIXELS: u32 = 8192 * 4352;

/// What a temporal unit has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Columns of the first plane.
    pub(crate) width: u32,
    /// Rows of the first plane.
    pub(crate) height: u32,
    /// Whether the other planes are as large; else half of it each way, rounded up.
    pub(crate) full_chroma: bool,
}

/// A decoder and the planes it gave last.
pub(crate) struct Surface {
    decoder: Decoder,
    /// Y, U, V, rows without padding.
    pub(crate) planes: Vec<u8>,
}

impl Surface {
    pub(crate) fn new() -> Result<Self, String> {
        let mut settings = Settings::new();
        settings.set_n_threads(1);
        settings.set_max_frame_delay(1);
        settings.set_frame_size_limit(MOST_PIXELS);
        settings.set_apply_grain(true);
        settings.set_inloop_filters(InloopFilterType::all());
        let decoder = Decoder::with_settings(&settings).map_err(|e| sentence(&e))?;
        Ok(Self { decoder, planes: Vec::new() })
    }

    /// Decodes one temporal unit into [`Surface::planes`]; it must give one picture of `shape`.
    pub(crate) fn decode(&mut self, unit: Vec<u8>, shape: Shape) -> Result<(), String> {
        self.planes.clear();
        match self.decoder.send_data(unit, None, None, None) {
            Ok(()) => {}
            Err(Error::Again) => {
                // More than one picture in the unit: what is left of it must not reach the next one.
                self.decoder.flush();
                return Err("a temporal unit holds more than one picture".to_owned());
            }
            Err(e) => return Err(sentence(&e)),
        }
        let picture = match self.decoder.get_picture() {
            Ok(picture) => picture,
            Err(Error::Again) => return Err("a temporal unit gave no picture".to_owned()),
            Err(e) => return Err(sentence(&e)),
        };
        if !matches!(self.decoder.get_picture(), Err(Error::Again)) {
            return Err("a temporal unit gave more than one picture".to_owned());
        }
        self.take(&picture, shape)
    }

    fn take(&mut self, picture: &Picture, shape: Shape) -> Result<(), String> {
        let layout = if shape.full_chroma { PixelLayout::I444 } else { PixelLayout::I420 };
        let found = (picture.width(), picture.height(), picture.pixel_layout(), picture.bit_depth());
        if found != (shape.width, shape.height, layout, 8) {
            return Err(format!(
                "a picture of {} × {} ({:?}, {} bits) instead of {} × {} ({layout:?}, 8 bits)",
                found.0, found.1, found.2, found.3, shape.width, shape.height
            ));
        }
        let chroma = |side: u32| if shape.full_chroma { side } else { side.div_ceil(2) };
        let sizes = [
            (PlanarImageComponent::Y, shape.width, shape.height),
            (PlanarImageComponent::U, chroma(shape.width), chroma(shape.height)),
            (PlanarImageComponent::V, chroma(shape.width), chroma(shape.height)),
        ];
        let bytes: usize = sizes.iter().map(|&(_, width, height)| width as usize * height as usize).sum();
        self.planes.try_reserve_exact(bytes).map_err(|_| "no memory for the planes".to_owned())?;
        for (component, width, height) in sizes {
            let stride = picture.stride(component) as usize;
            let plane = picture.plane(component);
            for row in plane.chunks(stride).take(height as usize) {
                let row = row.get(..width as usize).ok_or("a plane is narrower than its picture")?;
                self.planes.extend_from_slice(row);
            }
        }
        if self.planes.len() == bytes { Ok(()) } else { Err("a plane lacks rows".to_owned()) }
    }
}

fn sentence(error: &Error) -> String {
    match error {
        Error::NotEnoughMemory => "the browser has no memory for the picture".to_owned(),
        _ => format!("the AV1 data are not sound ({error})"),
    }
}
