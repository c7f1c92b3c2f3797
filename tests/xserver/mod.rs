//! An X server of its own for each test, and a client that draws on it.
#![allow(dead_code, reason = "each test binary and the bench use their own part")]

pub(crate) mod eye;

use panecast::frame::{FrameBuf, FrameView, PixelFormat, Rect, Size};
use panecast::limits::Limits;
use std::io::BufRead as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    ChangeGCAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, Gcontext, ImageFormat, Rectangle, Screen,
    Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// What Xorg needs to know: no hardware, and room for monitors.
const XORG: &str = r#"
Section "ServerFlags"
  Option "AutoAddDevices" "false"
  Option "DontVTSwitch" "true"
EndSection
Section "Device"
  Identifier "card"
  Driver "dummy"
  VideoRam 256000
EndSection
Section "Screen"
  Identifier "screen"
  Device "card"
  DefaultDepth 24
EndSection
"#;

/// Against hangs only: a loaded machine may be slow.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// An X server; it ends with the value.
pub(crate) struct XServer {
    child: Child,
    pub(crate) display: String,
    /// What it reads and writes.
    _files: Option<Folder>,
}

impl XServer {
    /// Xvfb: one screen, no monitor to plug in.
    pub(crate) fn start(screen: &str, options: &[&str]) -> Self {
        let mut command = Command::new("Xvfb");
        command
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0", screen])
            .args(options);
        Self::ready(&mut command, None)
    }

    /// Xorg with the dummy driver: monitors come, go, move and change their modes, as `xrandr` says.
    pub(crate) fn with_outputs() -> Self {
        let files = Folder::new();
        let (config, log) = (files.0.join("xorg.conf"), files.0.join("log"));
        std::fs::write(&config, XORG).expect("a file in a folder of ours");
        let mut command = Command::new("Xorg");
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-novtswitch", "-sharevts"]);
        command.arg("-config").arg(&config).arg("-logfile").arg(&log);
        Self::ready(&mut command, Some(files))
    }

    fn ready(command: &mut Command, files: Option<Folder>) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{name} does not start ({e}): run `cargo xtask setup`"));
        // The server says its number once it listens; if it fails it closes the pipe.
        let mut number = String::new();
        let out = child.stdout.take().expect("its output is a pipe");
        std::io::BufReader::new(out).read_line(&mut number).expect("a server says its display");
        let number = number.trim();
        assert!(!number.is_empty(), "{name} ended before it was ready");
        Self { child, display: format!(":{number}"), _files: files }
    }

    /// Asks the server to arrange its monitors.
    pub(crate) fn xrandr(&self, arguments: &[&str]) {
        let mut command = Command::new("xrandr");
        let done = command.args(["--display", &self.display]).args(arguments).output();
        let done = done.unwrap_or_else(|e| panic!("xrandr does not start ({e}): run `cargo xtask setup`"));
        assert!(done.status.success(), "xrandr {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the server is ours to kill");
        self.child.wait().expect("the server is ours to wait for");
    }

    /// Stops the server as a debugger would; it keeps its connections and answers nothing.
    pub(crate) fn stop(&self) {
        signal("STOP", self.pid());
        // The signal takes effect some time after `kill` returned.
        wait_for("the server to stop", || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
            stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
        });
    }

    pub(crate) fn resume(&self) {
        signal("CONT", self.pid());
    }
}

impl Drop for XServer {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of its own, which goes with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("panecast-xorg-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left there hurts nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A program on the server; it ends with the value.
pub(crate) struct Program(Child);

impl Program {
    pub(crate) fn start(server: &XServer, name: &str, arguments: &[&str]) -> Self {
        let child = Command::new(name)
            .args(arguments)
            .env("DISPLAY", &server.display)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{name} does not start ({e}): run `cargo xtask setup`"));
        Self(child)
    }

    pub(crate) fn stop(&self) {
        signal("STOP", self.0.id());
    }

    pub(crate) fn resume(&self) {
        signal("CONT", self.0.id());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(name: &str, pid: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().expect("sh runs");
    assert!(status.success(), "kill -{name} {pid}");
}

/// Waits until `condition` holds, or fails after [`LONG`].
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LONG, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

/// Pseudo-random numbers that repeat.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 16) as u32) % end.max(1)
    }
}

/// A client that draws.
pub(crate) struct Artist {
    pub(crate) x: RustConnection,
    screen: usize,
    gc: Gcontext,
}

impl Artist {
    pub(crate) fn connect(server: &XServer) -> Self {
        let (x, screen) = RustConnection::connect(Some(&server.display)).expect("the server is ours");
        let gc = x.generate_id().unwrap();
        let root = x.setup().roots[screen].root;
        x.create_gc(gc, root, &CreateGCAux::new().graphics_exposures(0)).unwrap();
        Self { x, screen, gc }
    }

    pub(crate) fn screen(&self) -> &Screen {
        &self.x.setup().roots[self.screen]
    }

    pub(crate) fn root(&self) -> Window {
        self.screen().root
    }

    /// Waits until the server has drawn all that was asked for.
    pub(crate) fn sync(&self) {
        self.x.sync().unwrap();
    }

    pub(crate) fn window(&self, at: Rect, border: u16, color: u32) -> Window {
        let id = self.made(at, border, color, true);
        self.x.map_window(id).unwrap();
        self.sync();
        id
    }

    /// A window that is not shown yet, and that a window manager would manage.
    pub(crate) fn hidden_window(&self, at: Rect, color: u32) -> Window {
        self.made(at, 0, color, false)
    }

    fn made(&self, at: Rect, border: u16, color: u32, unmanaged: bool) -> Window {
        let id = self.x.generate_id().unwrap();
        let options = CreateWindowAux::new()
            .background_pixel(color)
            .border_pixel(0xFF_00FF)
            .override_redirect(u32::from(unmanaged));
        let (x, y) = (at.x as i16, at.y as i16);
        self.x
            .create_window(
                x11rb::COPY_DEPTH_FROM_PARENT,
                id,
                self.root(),
                x,
                y,
                at.width as u16,
                at.height as u16,
                border,
                WindowClass::INPUT_OUTPUT,
                0,
                &options,
            )
            .unwrap();
        id
    }

    pub(crate) fn fill(&self, on: Window, rect: Rect, color: u32) {
        self.x.change_gc(self.gc, &ChangeGCAux::new().foreground(color)).unwrap();
        let rect = Rectangle {
            x: rect.x as i16,
            y: rect.y as i16,
            width: rect.width as u16,
            height: rect.height as u16,
        };
        self.x.poly_fill_rectangle(on, self.gc, &[rect]).unwrap();
    }

    /// Moves a part of `on` within it, as scrolling does.
    pub(crate) fn scroll(&self, on: Window, from: Rect, x: u32, y: u32) {
        let (w, h) = (from.width as u16, from.height as u16);
        self.x.copy_area(on, on, self.gc, from.x as i16, from.y as i16, x as i16, y as i16, w, h).unwrap();
    }

    /// A few random rectangles, lines and scrolls on `on`, which has `size`.
    pub(crate) fn scribble(&self, on: Window, size: Size, dice: &mut Dice) {
        for _ in 0..1 + dice.below(4) {
            let rect = random_rect(size, dice);
            match dice.below(4) {
                0 => self.scroll(on, rect, dice.below(size.width), dice.below(size.height)),
                1 => {
                    self.fill(on, Rect { width: 1 + dice.below(12), height: 13, ..rect }, dice.below(1 << 24))
                }
                _ => self.fill(on, rect, dice.below(1 << 24)),
            }
        }
    }

    /// The server's own pixels of `rect` on `on`, taken under a grab.
    pub(crate) fn pixels(&self, on: Window, rect: Rect) -> FrameBuf {
        self.x.grab_server().unwrap();
        let image = self
            .x
            .get_image(
                ImageFormat::Z_PIXMAP,
                on,
                rect.x as i16,
                rect.y as i16,
                rect.width as u16,
                rect.height as u16,
                !0,
            )
            .unwrap();
        self.x.ungrab_server().unwrap();
        let data = image.reply().expect("the rectangle is on the screen").data;
        let view =
            FrameView::packed(PixelFormat::Bgrx8, rect.size(), &data, rect.width as usize * 4).unwrap();
        let mut frame = FrameBuf::new(rect.size(), &Limits::default()).unwrap();
        frame.copy_from(&view, &rect.size().rect()).unwrap();
        frame
    }

    /// The server's own pixels of the whole screen.
    pub(crate) fn screen_pixels(&self) -> FrameBuf {
        let geometry = self.x.get_geometry(self.root()).unwrap().reply().unwrap();
        self.pixels(self.root(), Rect::new(0, 0, geometry.width.into(), geometry.height.into()))
    }
}

fn random_rect(size: Size, dice: &mut Dice) -> Rect {
    let (x, y) = (dice.below(size.width), dice.below(size.height));
    Rect::new(x, y, 1 + dice.below(size.width - x), 1 + dice.below(size.height - y))
}
