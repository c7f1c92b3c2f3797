//! Units against decoders that share nothing with the library's: the `dav1d` program, and libaom's decoder in `ffmpeg`.

use crate::scene::picture;
use panecast::Limits;
use panecast::codec::av1::{Av1Choice, Chroma, Planes, to_planes};
use panecast::frame::Size;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("panecast-av1-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The standard output of a program that must succeed; `None` where it is not installed.
fn output(program: &str, words: &[&str], file: &Path) -> Option<Vec<u8>> {
    let words: Vec<String> = words.iter().map(|word| word.replace("FILE", file.to_str().unwrap())).collect();
    match Command::new(program).args(&words).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{program} {words:?}: {said}");
            Some(output.stdout)
        }
        Err(_) => {
            println!("{program} is not installed");
            None
        }
    }
}

/// The container that both programs read.
fn ivf(size: Size, units: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"DKIF\0\0\x20\0AV01".to_vec();
    file.extend((size.width as u16).to_le_bytes());
    file.extend((size.height as u16).to_le_bytes());
    for word in [30, 1, units.len() as u32, 0] {
        file.extend(word.to_le_bytes());
    }
    for (time, unit) in units.iter().enumerate() {
        file.extend((unit.len() as u32).to_le_bytes());
        file.extend((time as u64).to_le_bytes());
        file.extend(unit);
    }
    file
}

/// Writes a coded scene to `file` and returns the samples of all that it shows.
fn code(choice: Av1Choice, size: Size, chroma: Chroma, file: &Path) -> Vec<u8> {
    let mut encoder = choice.video(size, chroma, 30).unwrap();
    let (mut planes, mut units, mut shown) = (Planes::default(), Vec::new(), Vec::new());
    for time in 0..6 {
        to_planes(&picture(size, time), &size.rect(), &mut planes, chroma, &Limits::default()).unwrap();
        let mut unit = Vec::new();
        encoder.encode(&planes, 60 + 30 * time as u8, time == 4, &mut unit).unwrap();
        units.push(unit);
        encoder.reconstruction(&mut planes).unwrap();
        shown.extend_from_slice(planes.data());
    }
    std::fs::write(file, ivf(size, &units)).unwrap();
    shown
}

#[test]
fn other_decoders_show_the_reconstruction() {
    let folder = Folder::new("exchange");
    let file = folder.0.join("scene.ivf");
    for choice in [Av1Choice::Aom, Av1Choice::Rav1e].into_iter().filter(|choice| choice.available()) {
        for chroma in [Chroma::Half, Chroma::Full] {
            for (width, height) in [(16, 16), (67, 35), (130, 98), (33, 1), (1, 1)] {
                let size = Size::new(width, height);
                let shown = code(choice, size, chroma, &file);
                let of = format!("{choice} {size} {chroma:?}");
                let dav1d = ["-q", "-i", "FILE", "--muxer", "yuv", "-o", "-"];
                if let Some(found) = output("dav1d", &dav1d, &file) {
                    assert!(found == shown, "dav1d shows something else: {of}");
                }
                let ffmpeg =
                    ["-v", "error", "-c:v", "libaom-av1", "-i", "FILE", "-fps_mode", "passthrough", "-f"];
                if let Some(found) = output("ffmpeg", &[&ffmpeg[..], &["rawvideo", "-"]].concat(), &file) {
                    assert!(found == shown, "ffmpeg shows something else: {of}");
                }
            }
        }
    }
}

#[test]
fn the_sequence_header_tells_the_colours() {
    let folder = Folder::new("tags");
    let file = folder.0.join("scene.ivf");
    for choice in [Av1Choice::Aom, Av1Choice::Rav1e].into_iter().filter(|choice| choice.available()) {
        for (chroma, format, range) in [(Chroma::Half, "yuv420p", "tv"), (Chroma::Full, "yuv444p", "pc")] {
            code(choice, Size::new(64, 36), chroma, &file);
            let fields = "stream=pix_fmt,color_range,color_space,color_transfer,color_primaries";
            let words = ["-v", "error", "-show_entries", fields, "-of", "default=nw=1", "FILE"];
            let Some(found) = output("ffprobe", &words, &file) else { return };
            let mut found: Vec<&str> = std::str::from_utf8(&found).unwrap().lines().collect();
            found.sort_unstable();
            let expected = [
                "color_primaries=bt709".to_owned(),
                format!("color_range={range}"),
                "color_space=smpte170m".to_owned(),
                "color_transfer=iec61966-2-1".to_owned(),
                format!("pix_fmt={format}"),
            ];
            assert_eq!(found, expected, "{choice} {chroma:?}");
        }
    }
}
