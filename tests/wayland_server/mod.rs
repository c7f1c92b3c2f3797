//! A headless compositor of its own for each test, and a client that draws on it.
#![allow(dead_code, reason = "each test binary and the bench use their own part")]

pub(crate) mod hand;
pub(crate) mod painter;
pub(crate) mod viewer;

use std::io::{BufRead as _, Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Against hangs only: a loaded machine may be slow.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Who the compositor runs as where the tests are root's: an old sway refuses to be root.
const NOBODY: u32 = 65534;

const CONFIG: &str = "xwayland disable\n\
    default_border none\n\
    focus_follows_mouse no\n\
    seat * hide_cursor 0\n\
    exec echo \"$WAYLAND_DISPLAY $SWAYSOCK\"\n";

/// Which sway: their protocols differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suite {
    /// The one on `PATH`: wlr-screencopy.
    Own,
    /// The one that the set-up unpacks from a newer suite: ext-image-copy-capture as well.
    Newer,
}

/// A headless sway; it ends with the value.
pub(crate) struct Sway {
    child: Child,
    folder: PathBuf,
    ipc: PathBuf,
    /// The socket's path, as `WAYLAND_DISPLAY` may name it.
    pub(crate) display: String,
}

impl Sway {
    /// One output of `mode`, such as `640x480`, named `HEADLESS-1`.
    pub(crate) fn start(suite: Suite, mode: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("panecast-sway-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for its socket");
        let config = folder.join("config");
        std::fs::write(&config, format!("output * mode {mode} position 0 0\n{CONFIG}"))
            .expect("its folder is ours");
        let mut words = program(suite);
        if suite == Suite::Own && rustix::process::getuid().is_root() {
            chown(&folder, Some(NOBODY), Some(NOBODY)).expect("root may");
            let whose = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")];
            words = ["setpriv".into()]
                .into_iter()
                .chain(whose)
                .chain(["--clear-groups".into()])
                .chain(words)
                .collect();
        }
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).expect("its folder is ours");
        let mut child = command
            .arg("-c")
            .arg(&config)
            .env_clear()
            .envs([("PATH", "/usr/bin:/bin"), ("WLR_BACKENDS", "headless"), ("WLR_RENDERER", "pixman")])
            .envs([("WLR_LIBINPUT_NO_DEVICES", "1"), ("XKB_CONFIG_ROOT", "/usr/share/X11/xkb")])
            .envs([("XDG_RUNTIME_DIR", &folder), ("HOME", &folder)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sway does not start: run `cargo xtask setup`");
        // Its configuration has it say where it listens once it does; if it fails it closes the pipe.
        let mut line = String::new();
        let out = child.stdout.take().expect("its output is a pipe");
        std::io::BufReader::new(out).read_line(&mut line).expect("sway says its sockets");
        let (socket, ipc) = line.trim().split_once(' ').expect("sway ended before it was ready");
        let display = folder.join(socket).to_str().expect("a plain path").to_owned();
        Self { child, ipc: ipc.into(), folder, display }
    }

    /// The process that is sway itself: `setpriv` becomes it.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has sway carry out `text`, as `swaymsg` would.
    pub(crate) fn command(&self, text: &str) {
        let reply = self.ask(0, text);
        assert!(reply.contains("\"success\": true") || reply.contains("\"success\":true"), "{text}: {reply}");
    }

    /// One question of sway's own protocol: a magic word, the length, the kind, the text.
    pub(crate) fn ask(&self, kind: u32, text: &str) -> String {
        let mut ipc = UnixStream::connect(&self.ipc).expect("sway listens");
        let mut message = b"i3-ipc".to_vec();
        message.extend((text.len() as u32).to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(text.as_bytes());
        ipc.write_all(&message).expect("sway reads");
        let mut head = [0; 14];
        ipc.read_exact(&mut head).expect("sway answers");
        let len = u32::from_ne_bytes([head[6], head[7], head[8], head[9]]) as usize;
        let mut body = vec![0; len];
        ipc.read_exact(&mut body).expect("sway answers");
        String::from_utf8(body).expect("JSON")
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("sway is ours to kill");
        self.child.wait().expect("sway is ours to wait for");
    }

    /// Stops the compositor as a debugger would; it keeps its connections and answers nothing.
    pub(crate) fn stop(&self) {
        self.signal(rustix::process::Signal::STOP);
        // The signal takes effect some time after it was sent.
        wait_for("the compositor to stop", || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
            stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
        });
    }

    pub(crate) fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("sway is ours");
    }
}

impl Drop for Sway {
    fn drop(&mut self) {
        // It may be gone already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The words that start a sway. The newer one brings its own libraries, and their loader.
fn program(suite: Suite) -> Vec<String> {
    match suite {
        Suite::Own => vec!["sway".into()],
        Suite::Newer => {
            let root = unpacked();
            let place = |inner: &str| root.join(inner).to_str().expect("a plain path").to_owned();
            let loader = std::fs::read_dir(root.join("usr/lib64"))
                .expect("the newer sway is not unpacked: run `cargo xtask setup`")
                .find_map(|entry| Some(entry.ok()?.path()).filter(|path| is_loader(path)))
                .expect("a loader is there");
            let libraries = format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH);
            vec![
                loader.to_str().expect("a plain path").to_owned(),
                "--library-path".into(),
                place(&libraries),
                place("usr/bin/sway"),
            ]
        }
    }
}

fn is_loader(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("ld-linux"))
}

/// Where the set-up unpacks the newer suite.
fn unpacked() -> PathBuf {
    let named = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache");
    named.unwrap_or_else(home).join("panecast/compositor/root")
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
