//! AV1 surfaces as files that other decoders read.

use crate::failure::Failure;
use panecast::bitstream::{FilmBody, FilmCodec, Layer, Packet};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes the temporal units of each surface, one after the other: the low-overhead format of the AV1 specification,
/// section 5.
#[derive(Debug)]
pub(super) struct Units {
    folder: PathBuf,
    /// The files of surfaces that live.
    open: BTreeMap<u32, PathBuf>,
    files: u64,
}

impl Units {
    /// Into a folder that is there.
    pub(super) fn into(folder: &Path) -> Result<Self, Failure> {
        if !folder.is_dir() {
            return Err(Failure::usage(
                format!("{} is no folder", folder.display()),
                "name one that is there",
            ));
        }
        Ok(Self { folder: folder.to_owned(), open: BTreeMap::new(), files: 0 })
    }

    /// Takes the units of a packet; all surfaces end where an epoch begins.
    pub(super) fn packet(&mut self, packet: &Packet<'_>) -> Result<(), Failure> {
        let (sequence, layers) = match packet {
            Packet::Snapshot(b) => {
                self.open.clear();
                (b.sequence, &b.layers)
            }
            Packet::Resume(b) => {
                self.open.clear();
                (b.sequence, &b.layers)
            }
            Packet::Update(b) => (b.sequence, &b.layers),
            Packet::Epoch(_) => {
                self.open.clear();
                return Ok(());
            }
            Packet::Film(b) => return self.film(b),
            Packet::Cursor(_) | Packet::End(_) => return Ok(()),
        };
        for (i, layer) in layers.iter().enumerate() {
            match layer {
                Layer::Av1(layer) if layer.surface == 0 => {
                    let path = self.folder.join(format!("still-{sequence:06}-{i}.obu"));
                    self.write(&path, layer.data)?;
                    self.files += 1;
                }
                Layer::Av1(layer) => {
                    let path = match self.open.get(&layer.surface) {
                        Some(path) => path.clone(),
                        None => {
                            let name = format!("surface-{}-{sequence:06}.obu", layer.surface);
                            let path = self.folder.join(name);
                            // What an earlier run has left there is another stream's.
                            File::create(&path).map_err(|e| Failure::from(e).about(path.display()))?;
                            self.open.insert(layer.surface, path.clone());
                            self.files += 1;
                            path
                        }
                    };
                    let mut file = OpenOptions::new().append(true).open(&path)?;
                    file.write_all(layer.data)?;
                }
                Layer::End { surface } => {
                    self.open.remove(surface);
                }
                Layer::Photo(_) | Layer::Change(_) | Layer::Fade(_) => {}
            }
        }
        Ok(())
    }

    /// A film has the same place among files as a surface; from a keyframe on it may be another one.
    fn film(&mut self, body: &FilmBody<'_>) -> Result<(), Failure> {
        if body.keyframe {
            self.open.clear();
            let ending = match body.codec {
                FilmCodec::Av1 => "obu",
                FilmCodec::H264 => "h264",
                FilmCodec::Vp9 => "vp9",
                FilmCodec::Vp8 => "vp8",
            };
            let path = self.folder.join(format!("film-{:06}.{ending}", body.sequence));
            File::create(&path).map_err(|e| Failure::from(e).about(path.display()))?;
            self.open.insert(0, path);
            self.files += 1;
        }
        let Some(path) = self.open.get(&0) else { return Ok(()) };
        OpenOptions::new().append(true).open(path)?.write_all(body.data)?;
        Ok(())
    }

    fn write(&self, path: &Path, data: &[u8]) -> Result<(), Failure> {
        std::fs::write(path, data).map_err(|e| Failure::from(e).about(path.display()))
    }

    /// Files written.
    pub(super) fn files(&self) -> u64 {
        self.files
    }
}
