//! TigerVNC's X server in a process of its own, and pictures on its screen.

use crate::failure::Failure;
use panecast::frame::{FrameBuf, Region, Size};
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use x11rb::connection::{Connection, RequestConnection};
use x11rb::protocol::xproto::{ConnectionExt, CreateGCAux, ImageFormat};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// How to have it.
pub(crate) const INSTALL: &str =
    "TigerVNC's Xvnc; on Debian and Ubuntu: apt install tigervnc-standalone-server";

/// Names that it goes by.
const PROGRAMS: [&str; 2] = ["Xtigervnc", "Xvnc"];

/// A viewer that waits for longer than this has been forgotten.
const PATIENCE: Duration = Duration::from_secs(10);

/// Its version; `None` if it is not installed, or is another one.
pub(crate) fn version() -> Option<String> {
    program().map(|(_, version)| version)
}

fn program() -> Option<(&'static str, String)> {
    PROGRAMS.into_iter().find_map(|program| {
        let said = Command::new(program).arg("-version").stdin(Stdio::null()).output().ok()?;
        let text = [said.stdout, said.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let version = text.split_once("TigerVNC ")?.1.split_whitespace().next()?.to_owned();
        Some((program, version))
    })
}

/// The running server; it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    socket: PathBuf,
    display: RustConnection,
    root: u32,
    context: u32,
    depth: u8,
}

impl Server {
    /// With a screen of `size`, its socket in `folder`.
    pub(crate) fn start(size: Size, folder: &Path) -> Result<Self, Failure> {
        let (program, _) = program().ok_or_else(|| Failure::new("no VNC server", INSTALL))?;
        let socket = folder.join("rfb");
        let mut command = Command::new(program);
        // It finds a free display by itself, tells it on its standard output, and ends when nobody is left to show
        // pictures. No network port is opened. Viewers are as fast as they ask: 1000 a second.
        command.args(["-displayfd", "1", "-geometry", &size.to_string(), "-depth", "24", "-terminate"]);
        command.args(["-nolisten", "tcp"]);
        command.args(["-rfbport", "-1", "-SecurityTypes", "None", "-FrameRate", "1000", "-CompareFB", "1"]);
        command.arg("-rfbunixpath").arg(&socket);
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut number = String::new();
        let told = process.stdout.take().map(|out| BufReader::new(out).read_line(&mut number));
        let display = match told {
            Some(Ok(1..)) => x11rb::connect(Some(&format!(":{}", number.trim()))).map_err(failed),
            _ => Err(Failure::new(format!("{program} did not start"), "start it by hand to see why")),
        };
        let (display, root, depth) = match display {
            Ok((display, screen)) => {
                let (root, depth) =
                    (display.setup().roots[screen].root, display.setup().roots[screen].root_depth);
                (display, root, depth)
            }
            Err(failure) => {
                end(&mut process);
                return Err(failure);
            }
        };
        let mut server = Self { process, socket, display, root, context: 0, depth };
        server.context = server.display.generate_id().map_err(failed)?;
        server.display.create_gc(server.context, root, &CreateGCAux::new()).map_err(failed)?;
        server.display.sync().map_err(failed)?;
        Ok(server)
    }

    /// A viewer's connection.
    pub(crate) fn connect(&self) -> Result<UnixStream, Failure> {
        let stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// Puts the parts of `picture` in `region` on the screen; all of it is there afterwards.
    pub(crate) fn show(&mut self, picture: &FrameBuf, region: &Region) -> Result<(), Failure> {
        let most = self.display.maximum_request_bytes().saturating_sub(64);
        let mut pixels = Vec::new();
        for rect in region.rects() {
            let row_bytes = rect.width as usize * 4;
            let rows = (most / row_bytes.max(1)).clamp(1, rect.height.max(1) as usize) as u32;
            for top in (rect.y..rect.bottom()).step_by(rows as usize) {
                let height = rows.min(rect.bottom() - top);
                pixels.clear();
                for y in top..top + height {
                    pixels.extend_from_slice(&picture.row(y)[rect.x as usize * 4..][..row_bytes]);
                }
                let (width, height) = (rect.width as u16, height as u16);
                let (x, y) = (rect.x as i16, top as i16);
                let (format, depth) = (ImageFormat::Z_PIXMAP, self.depth);
                let image = self.display.put_image(
                    format,
                    self.root,
                    self.context,
                    width,
                    height,
                    x,
                    y,
                    0,
                    depth,
                    &pixels,
                );
                image.map_err(failed)?.check().map_err(failed)?;
            }
        }
        Ok(())
    }

    /// User and system time of all its threads so far.
    pub(crate) fn cpu_ns(&self) -> Result<u64, Failure> {
        let mut sum = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            sum += text.split_whitespace().next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(sum)
    }

    /// Most bytes of memory that it has had resident.
    pub(crate) fn peak_bytes(&self) -> Option<u64> {
        crate::cost::peak_rss_bytes_of(&self.process.id().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Asks it to end, so that it takes its lock and its socket along.
fn end(process: &mut Child) {
    if let Ok(pid) = i32::try_from(process.id())
        && let Some(pid) = rustix::process::Pid::from_raw(pid)
        && rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok()
    {
        let _ = process.wait();
    }
}

fn failed(e: impl std::fmt::Display) -> Failure {
    Failure::new(format!("the VNC server's display: {e}"), "start Xvnc by hand to see why")
}
