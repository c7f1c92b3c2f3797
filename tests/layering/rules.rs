//! The rules themselves. Each broken one is a line that names the file.

use crate::source::{code, paths, words};
use std::collections::BTreeMap;

/// Source files by their path from the workspace's root.
pub(crate) type Tree = BTreeMap<String, String>;

/// The stages in the order data flows.
const STAGES: [&str; 6] = ["capture", "damage", "codec", "bitstream", "session", "ffi"];
/// What every stage may import.
const NOUNS: [&str; 4] = ["consent", "error", "frame", "limits"];
/// What lib.rs exports of them under its own name.
const NOUNS_AT_THE_ROOT: [&str; 4] = ["Error", "ErrorKind", "Limits", "Result"];
/// What a library without sockets and clocks of its own cannot need.
const OUTSIDE_SESSION: [&str; 7] = [
    "std::net",
    "std::os",
    "std::fs",
    "std::thread",
    "std::process",
    "std::time::Instant",
    "std::time::SystemTime",
];
const EMPTY_NAMES: [&str; 8] =
    ["util", "utils", "common", "misc", "helper", "helpers", "manager", "managers"];
const MOST_LINES: usize = 800;

/// What `module` may import besides itself and the shared nouns; `None`: everything.
fn may_import(module: &str) -> Option<&'static [&'static str]> {
    match module {
        "capture" | "frame" | "error" | "limits" | "consent" => Some(&[]),
        "damage" => Some(&["capture"]),
        // The codec writes and reads its payloads itself, so the stateless reader and writer are open to it; in
        // turn the bitstream must not know the codec.
        "codec" => Some(&["capture", "damage", "bitstream"]),
        "bitstream" => Some(&[]),
        // Sans-I/O: who may see what, never what it looks like. Its messages are written with the stateless writer.
        "session" => Some(&["bitstream"]),
        _ => None,
    }
}

/// Every broken rule of the tree.
pub(crate) fn violations(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in tree {
        let mut broken = |rule: String| found.push(format!("{name}: {rule}"));
        let lines = text.lines().count();
        if lines > MOST_LINES {
            broken(format!("{lines} lines; {MOST_LINES} is the ceiling"));
        }
        let mut parts = name.trim_end_matches(".rs").trim_end_matches(".ts").split(['/', '_', '-']);
        if let Some(empty) = parts.find(|part| EMPTY_NAMES.contains(part)) {
            broken(format!("the name {empty:?} says nothing about what is inside"));
        }
        if name.ends_with(".rs") {
            let code = code(text);
            let words = words(&code);
            naming(&words, &mut broken);
            unsafety(name, &words, &mut broken);
            if let Some(inside) = name.strip_prefix("src/") {
                opening(inside, text, &mut broken);
                imports(inside, &words, &mut broken);
            }
        }
    }
    found
}

fn naming(words: &[&str], broken: &mut impl FnMut(String)) {
    for pair in words.windows(2) {
        if pair[0] == "fn" && pair[1].starts_with("get_") {
            broken(format!("fn {}: a getter is named after what it returns", pair[1]));
        }
    }
}

fn unsafety(name: &str, words: &[&str], broken: &mut impl FnMut(String)) {
    let systems = ["linux", "macos", "windows", "android"].map(|system| format!("src/capture/{system}/"));
    let allowed = systems.iter().any(|folder| name.starts_with(folder))
        || name.starts_with("src/ffi/")
        || name.starts_with("src/codec/av1/")
        || name == "src/frame/colour.rs"
        || name == "src/damage/simd.rs"
        // A counting allocator cannot be written without; none of it ships.
        || name.starts_with("benches/")
        || name == "tests/memory.rs"
        // The page's JavaScript reads the decoder's memory by address.
        || name.starts_with("bindings/web/decoder/")
        || name.starts_with("bindings/web/sharer/src/exports")
        || name == "bindings/web/av1-decoder/src/exports.rs";
    // `forbid(unsafe_code)` is welcome; it is `allow` or `expect` that opens the door.
    let opens = |at: usize| {
        let level = words[..at]
            .iter()
            .rev()
            .find(|word| ["allow", "expect", "forbid", "deny", "warn"].contains(word));
        words[at] == "unsafe_code" && level.is_some_and(|level| ["allow", "expect"].contains(level))
    };
    if !allowed && (words.contains(&"unsafe") || (0..words.len()).any(opens)) {
        broken(
            "unsafe stays in capture/<os>, damage/simd.rs, the codec libraries' wrappers and ffi".to_owned(),
        );
    }
}

fn opening(inside: &str, text: &str, broken: &mut impl FnMut(String)) {
    let Some(number) = STAGES.iter().position(|stage| inside == format!("{stage}/mod.rs")) else { return };
    let start = format!("Stage {} of 6. In: ", number + 1);
    let head: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let head = head.join(" ");
    if !head.starts_with(&start) || !head.contains(" Out: ") {
        broken(format!("does not open with \"//! {start}… Out: …\""));
    }
}

fn imports(inside: &str, words: &[&str], broken: &mut impl FnMut(String)) {
    let parts: Vec<&str> = inside.trim_end_matches(".rs").trim_end_matches("/mod").split('/').collect();
    let module = parts[0];
    let mut seen = Vec::new();
    for path in paths(words) {
        if module == "session" && OUTSIDE_SESSION.iter().any(|outside| within(&path, outside)) {
            broken(format!("session uses {path}; bytes and time are arguments there"));
        }
        let Some(target) = from_root(&path, parts.len()) else { continue };
        if target == "ffi" && !["ffi", "lib"].contains(&module) {
            broken(format!("{module} imports ffi ({path}), the last stage"));
            continue;
        }
        let Some(allowed) = may_import(module) else { continue };
        let known = target == module || NOUNS.contains(&target) || allowed.contains(&target);
        if known || NOUNS_AT_THE_ROOT.contains(&target) || seen.contains(&target.to_owned()) {
            continue;
        }
        seen.push(target.to_owned());
        if target.starts_with(char::is_uppercase) {
            broken(format!("crate::{target}: import it from the module it stands in"));
        } else {
            broken(format!("{module} imports {target} ({path})"));
        }
    }
}

fn within(path: &str, outside: &str) -> bool {
    path.strip_prefix(outside).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The first part of a path that starts at the crate's root, be it by `crate` or by enough `super`.
fn from_root(path: &str, depth: usize) -> Option<&str> {
    let mut parts = path.split("::").peekable();
    let mut ups = 0;
    if parts.peek() == Some(&"crate") {
        parts.next();
        return parts.next();
    }
    while parts.peek() == Some(&"super") {
        parts.next();
        ups += 1;
    }
    let target = parts.next()?;
    // An inline module is one deeper than its file: only a stage's name makes the step to the root certain.
    (ups > 0 && ups >= depth && (STAGES.contains(&target) || target == "pipeline")).then_some(target)
}

/// What the library's manifest must not hold.
pub(crate) fn manifest_violations(manifest: &str) -> Vec<String> {
    let programs_only = [
        "clap",
        "axum",
        "tokio",
        "hyper",
        "tungstenite",
        "tokio-tungstenite",
        "indicatif",
        "tracing-subscriber",
    ];
    let mut found = Vec::new();
    let mut section = "";
    for line in manifest.lines() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line;
        }
        let Some((key, _)) = line.split_once('=') else { continue };
        let key = key.trim();
        let depends = section == "[dependencies]"
            || (section.starts_with("[target.") && section.ends_with(".dependencies]"));
        if depends && programs_only.contains(&key) {
            found.push(format!(
                "Cargo.toml: the library depends on {key}, which belongs in a program under tools/"
            ));
        }
    }
    if manifest.lines().any(|line| line.trim_start().starts_with("crate-type")) {
        found.push("Cargo.toml: crate-type on the library switches link-time optimisation off".to_owned());
    }
    found
}
