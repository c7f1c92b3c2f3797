//! Installs what is missing, and only that.

use crate::apt::{self, Apt};
use crate::debian::{self, Wanted};
use crate::process::{capture, cargo, on_path, root, run_within, succeeds};
use crate::steps::Steps;
use crate::{Result, doors, wasm};
use clap::ValueEnum;
use std::path::PathBuf;
use std::process::Command;

/// What the machine is set up for; each includes what it builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Purpose {
    /// Building the agent page
    Viewer,
    /// Running the demo
    Demo,
    /// Running every test
    Test,
}

/// Something the project needs: how to see that it is there, and the packages that hold it.
struct Need {
    purpose: Purpose,
    packages: &'static [&'static str],
    present: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need { purpose: Purpose::Viewer, packages: &["gcc", "libc6-dev"], present: || on_path("cc").is_some() },
    Need { purpose: Purpose::Viewer, packages: &["clang"], present: || wasm::c_compiler().is_some() },
    Need { purpose: Purpose::Viewer, packages: &["nodejs"], present: node_is_new_enough },
    Need { purpose: Purpose::Viewer, packages: &["npm"], present: || on_path("npm").is_some() },
    // libaom is compiled from its bundled sources: cmake calls make, a C++ compiler and, on x86, nasm.
    Need { purpose: Purpose::Demo, packages: &["g++"], present: || on_path("c++").is_some() },
    Need { purpose: Purpose::Demo, packages: &["cmake"], present: || on_path("cmake").is_some() },
    Need { purpose: Purpose::Demo, packages: &["make"], present: || on_path("make").is_some() },
    Need { purpose: Purpose::Demo, packages: &["nasm"], present: || on_path("nasm").is_some() },
    Need { purpose: Purpose::Test, packages: &["dav1d"], present: || on_path("dav1d").is_some() },
    Need { purpose: Purpose::Test, packages: &["ffmpeg"], present: || any(&["ffmpeg"]) && any(&["ffprobe"]) },
    Need { purpose: Purpose::Test, packages: &["xvfb"], present: || on_path("Xvfb").is_some() },
    // An X server whose monitors come and go.
    Need {
        purpose: Purpose::Test,
        packages: &["xserver-xorg-core", "xserver-xorg-video-dummy"],
        present: || apt::installed("xserver-xorg-core") && apt::installed("xserver-xorg-video-dummy"),
    },
    Need {
        purpose: Purpose::Test,
        packages: &["x11-xserver-utils"],
        present: || on_path("xrandr").is_some(),
    },
    Need { purpose: Purpose::Test, packages: &["xterm"], present: || on_path("xterm").is_some() },
    Need { purpose: Purpose::Test, packages: &["xdotool"], present: || on_path("xdotool").is_some() },
    Need {
        purpose: Purpose::Test,
        packages: &["fonts-dejavu-core"],
        present: || apt::installed("fonts-dejavu-core"),
    },
    // Streams of a daemon of the tests' own, without a session manager.
    Need {
        purpose: Purpose::Test,
        packages: &["pipewire", "pipewire-bin", "libspa-0.2-modules"],
        present: || on_path("pipewire").is_some(),
    },
    Need {
        purpose: Purpose::Test,
        packages: &[
            "gstreamer1.0-tools",
            "gstreamer1.0-pipewire",
            "gstreamer1.0-plugins-base",
            "gstreamer1.0-plugins-good",
        ],
        present: || {
            any(&["gst-launch-1.0"])
                && ["gstreamer1.0-pipewire", "gstreamer1.0-plugins-good"].into_iter().all(apt::installed)
        },
    },
    Need { purpose: Purpose::Test, packages: &["valgrind"], present: || on_path("valgrind").is_some() },
    Need { purpose: Purpose::Test, packages: &["nats-server"], present: || nats_server().is_some() },
    // Wayland: the compositor that the tests capture. A newer one is unpacked beside it.
    Need { purpose: Purpose::Test, packages: &["sway"], present: || on_path("sway").is_some() },
    // The portal: a bus, and who links PipeWire's streams.
    Need { purpose: Purpose::Test, packages: &["dbus-daemon"], present: || on_path("dbus-daemon").is_some() },
    Need { purpose: Purpose::Test, packages: &["wireplumber"], present: || on_path("wireplumber").is_some() },
    // The Kotlin package.
    Need {
        purpose: Purpose::Test,
        packages: &["default-jdk-headless"],
        present: java_compiler_is_new_enough,
    },
    Need { purpose: Purpose::Test, packages: &["maven"], present: || on_path("mvn").is_some() },
    // A newer Debian's packages are unpacked by it: the newer compositor, and Swift where there is none.
    Need {
        purpose: Purpose::Test,
        packages: &["debootstrap", "debian-archive-keyring"],
        present: || {
            COMPOSITOR.is_there() && doors::swift_toolchain::is_prepared() || debian::debootstrap().is_ok()
        },
    },
    Need { purpose: Purpose::Test, packages: &["zstd"], present: || on_path("zstd").is_some() },
    // The C door: a second compiler for C++, what examples and tests link, what installs and inspects libraries.
    Need { purpose: Purpose::Test, packages: &["clang"], present: || any(&["clang"]) && any(&["clang++"]) },
    Need { purpose: Purpose::Test, packages: &["pkg-config"], present: || on_path("pkg-config").is_some() },
    Need { purpose: Purpose::Test, packages: &["binutils"], present: || any(&["objcopy"]) && any(&["nm"]) },
    Need { purpose: Purpose::Test, packages: &["libpng-dev"], present: || apt::installed("libpng-dev") },
    Need { purpose: Purpose::Test, packages: &["libcjson-dev"], present: || apt::installed("libcjson-dev") },
    Need {
        purpose: Purpose::Test,
        packages: &["libwebsockets-dev"],
        present: || apt::installed("libwebsockets-dev"),
    },
    Need {
        purpose: Purpose::Test,
        packages: &["chromium"],
        present: || any(&["chromium", "chromium-browser", "google-chrome"]),
    },
    Need { purpose: Purpose::Test, packages: &["firefox-esr"], present: || any(&["firefox-esr", "firefox"]) },
];

/// A sway with ext-image-copy-capture, windows included: 1.12 or newer. Tests start it by its own loader, without root.
const COMPOSITOR: Wanted = Wanted {
    name: "compositor",
    suite: "sid",
    packages: "sway",
    places: &[],
    purpose: "the Wayland tests need a newer compositor",
};

/// Installs what `purpose` needs, with progress lines of its own.
pub(crate) fn run(purpose: Purpose, choice: wasm::Choice) -> Result<()> {
    let mut steps = Steps::new(2);
    steps.run("programs and packages", |_| packages(purpose))?;
    steps.run("WebAssembly target", |_| {
        wasm::prepare(choice).map(|toolchain| println!("  {}", toolchain.name))
    })
}

/// Both parts of [`run`], as one step of a longer chore.
pub(crate) fn quietly(purpose: Purpose, choice: wasm::Choice) -> Result<()> {
    packages(purpose)?;
    wasm::prepare(choice).map(|toolchain| println!("  {}", toolchain.name))
}

/// rustfmt and clippy, which a minimal Rust leaves out.
fn rust_components() -> Result<()> {
    let missing = || !["fmt", "clippy"].iter().all(|tool| succeeds(cargo().args([tool, "--version"])));
    if !missing() {
        return Ok(());
    }
    println!("  adding rustfmt and clippy …");
    let added = if on_path("rustup").is_some() {
        let mut add = Command::new("rustup");
        run_within(
            add.args(["component", "add", "rustfmt", "clippy"]).current_dir(root()),
            wasm::RUSTUP_DEADLINE,
        )
    } else {
        // A Rust from Debian: these stand beside its rustc-web.
        Apt::default().install(&["rustfmt-web".to_owned(), "rust-web-clippy".to_owned()])
    };
    added?;
    if missing() {
        Err("`cargo fmt` and `cargo clippy` are needed and could not be added".to_owned())
    } else {
        Ok(())
    }
}

fn packages(purpose: Purpose) -> Result<()> {
    if purpose == Purpose::Test {
        rust_components()?;
    }
    let wanted: Vec<&Need> = NEEDS.iter().filter(|need| need.purpose <= purpose).collect();
    let missing: Vec<&&Need> = wanted.iter().filter(|need| !(need.present)()).collect();
    if missing.is_empty() {
        println!("  nothing is missing");
        return unpacked(purpose);
    }
    let names: Vec<String> =
        missing.iter().flat_map(|need| need.packages).map(|name| (*name).to_owned()).collect();
    Apt::default().install(&names)?;
    let still: Vec<&str> =
        missing.iter().filter(|need| !(need.present)()).flat_map(|need| need.packages).copied().collect();
    if still.is_empty() {
        return unpacked(purpose);
    }
    let reason = if still.contains(&"nodejs") {
        format!("; an older node comes first on PATH ({})", on_path("node").unwrap_or_default().display())
    } else {
        String::new()
    };
    Err(format!("installed, but still not usable: {}{reason}", still.join(" ")))
}

/// What comes of a newer Debian.
fn unpacked(purpose: Purpose) -> Result<()> {
    if purpose < Purpose::Test || !cfg!(target_os = "linux") || COMPOSITOR.is_there() {
        return Ok(());
    }
    COMPOSITOR.install(&COMPOSITOR.become_root()?)
}

fn any(names: &[&str]) -> bool {
    names.iter().any(|name| on_path(name).is_some())
}

/// Debian puts it where only root's PATH looks.
fn nats_server() -> Option<PathBuf> {
    on_path("nats-server").or_else(|| Some(PathBuf::from("/usr/sbin/nats-server")).filter(|p| p.is_file()))
}

/// JUnit and the Android classes need Java 17: `javac 17.0.15`.
fn java_compiler_is_new_enough() -> bool {
    let version = capture(Command::new("javac").arg("--version")).unwrap_or_default();
    version.trim().strip_prefix("javac ").and_then(|v| major(&format!("v{v}"))).is_some_and(|v| v >= 17)
}

/// The agent page's tools need node 18.
fn node_is_new_enough() -> bool {
    let version = capture(Command::new("node").arg("--version")).unwrap_or_default();
    major(&version).is_some_and(|major| major >= 18)
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_node_versions() {
        assert_eq!(major("v18.19.0\n"), Some(18));
        assert_eq!(major("v9.0.0"), Some(9));
        assert_eq!(major(""), None);
    }

    #[test]
    fn tests_need_what_the_demo_needs_and_more() {
        assert!(Purpose::Viewer < Purpose::Demo && Purpose::Demo < Purpose::Test);
    }
}
