//! What the figures were taken on.

use std::process::Command;

/// Names and values for the head of the report.
pub(crate) fn describe(peers: bool) -> Vec<(String, String)> {
    let mut facts = vec![
        ("Processor".to_owned(), processor()),
        ("Cores".to_owned(), std::thread::available_parallelism().map_or(0, usize::from).to_string()),
        ("System".to_owned(), system()),
        ("panecast".to_owned(), env!("CARGO_PKG_VERSION").to_owned() + build()),
    ];
    if peers {
        facts.extend(libraries());
        facts.extend(super::vnc::version().map(|version| ("TigerVNC".to_owned(), version)));
    }
    facts
}

fn build() -> &'static str {
    if cfg!(debug_assertions) { ", DEBUG BUILD: its CPU times mean nothing" } else { ", release build" }
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(':'));
    let name = name.map_or(std::env::consts::ARCH, |(_, name)| name.trim());
    let features: Vec<&str> = [("avx2", has_avx2()), ("no avx2", !has_avx2())]
        .into_iter()
        .filter_map(|(name, has)| has.then_some(name))
        .collect();
    format!("{name} ({}, {})", std::env::consts::ARCH, features.join(", "))
}

fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

fn system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|l| l.strip_prefix("PRETTY_NAME="));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", name.map_or(std::env::consts::OS, |n| n.trim_matches('"')), kernel.trim())
}

/// ffmpeg, and the files of the encoders it is linked with, whose names carry their versions.
fn libraries() -> Vec<(String, String)> {
    let output = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Some(version) = output("ffmpeg", "-version") else { return Vec::new() };
    let first = version.lines().next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().take(3).collect();
    let mut facts = vec![("ffmpeg".to_owned(), words.last().copied().unwrap_or_default().to_owned())];
    let path = std::env::var_os("PATH").and_then(|paths| {
        std::env::split_paths(&paths).map(|folder| folder.join("ffmpeg")).find(|file| file.is_file())
    });
    let linked = path.and_then(|path| output("ldd", path.to_str()?)).unwrap_or_default();
    for name in ["libx264", "libvpx", "libaom", "libSvtAv1Enc", "libdav1d"] {
        let file = linked.lines().find(|l| l.trim_start().starts_with(&format!("{name}.so")));
        let file = file.and_then(|l| l.split_whitespace().nth(2)).and_then(|f| std::fs::canonicalize(f).ok());
        if let Some(file) = file.as_ref().and_then(|f| f.file_name()) {
            facts.push((format!("{name}.so"), file.to_string_lossy().replace(&format!("{name}.so."), "")));
        }
    }
    facts
}
