//! The rules of docs/architecture.md that a compiler does not check: which stage may know which, where `unsafe`
//! may stand, how long a file may be and what it may be called.

#[path = "layering/rules.rs"]
mod rules;
#[path = "layering/source.rs"]
mod source;

use rules::{Tree, violations};
use std::path::{Path, PathBuf};

const FOLDERS: [&str; 8] = ["src", "protocol", "tools", "xtask", "tests", "benches", "examples", "bindings"];
const MADE: [&str; 3] = ["node_modules", "dist", "target"];

fn collect(root: &Path, dir: &Path, tree: &mut Tree) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            if !MADE.iter().any(|made| path.ends_with(made)) {
                collect(root, &path, tree);
            }
        } else if path.extension().is_some_and(|end| ["rs", "ts"].iter().any(|ours| end == *ours)) {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            tree.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn the_tree_keeps_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tree = Tree::new();
    for folder in FOLDERS {
        collect(root, &root.join(folder), &mut tree);
    }
    for stage in ["capture", "damage", "codec", "bitstream", "session", "ffi"] {
        assert!(
            tree.contains_key(&format!("src/{stage}/mod.rs")),
            "the walk did not find src/{stage}/mod.rs"
        );
    }
    let found = violations(&tree);
    assert!(found.is_empty(), "{} broken rules:\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_librarys_manifest_stays_a_librarys() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let found = rules::manifest_violations(&manifest);
    assert!(found.is_empty(), "{}", found.join("\n"));
    let bad = "[package]\nname = \"x\"\n[lib]\ncrate-type = [\"cdylib\"]\n[dependencies]\nclap = \"4\"\n\
               [target.'cfg(unix)'.dependencies]\ntokio = { version = \"1\" }\n[dev-dependencies]\naxum = \"1\"\n";
    assert_eq!(
        rules::manifest_violations(bad),
        [
            "Cargo.toml: the library depends on clap, which belongs in a program under tools/",
            "Cargo.toml: the library depends on tokio, which belongs in a program under tools/",
            "Cargo.toml: crate-type on the library switches link-time optimisation off",
        ]
    );
}

/// The single broken rule of a tree that is sound but for one file.
fn only_violation(name: &str, text: &str) -> String {
    let found = violations(&Tree::from([(name.to_owned(), text.to_owned())]));
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found.into_iter().next().unwrap()
}

fn sound(name: &str, text: &str) {
    let found = violations(&Tree::from([(name.to_owned(), text.to_owned())]));
    assert!(found.is_empty(), "{name}: {found:?}");
}

#[test]
fn a_later_stage_is_refused_however_it_is_written() {
    for text in [
        "use crate::session::Consent;",
        "use crate::{error::Error, session::{self, Consent}};",
        "fn f() { crate::session::begin(); }",
        "use super::super::session::Consent;",
        "pub(crate) use crate :: session as s;",
        "#[cfg(test)]\nmod tests { use crate::session::Consent; }",
    ] {
        let message = only_violation("src/codec/encoder.rs", text);
        assert!(message.contains("codec imports session"), "{text}: {message}");
    }
    assert!(
        only_violation("src/capture/push.rs", "use crate::damage::X;").contains("capture imports damage")
    );
    assert!(
        only_violation("src/bitstream/packet.rs", "use crate::codec::X;").contains("bitstream imports codec")
    );
    assert!(
        only_violation("src/session/flow.rs", "use crate::capture::X;").contains("session imports capture")
    );
    assert!(only_violation("src/frame/buf.rs", "use crate::capture::X;").contains("frame imports capture"));
    assert!(
        only_violation("src/codec/encoder.rs", "use crate::pipeline::X;").contains("codec imports pipeline")
    );
    assert!(only_violation("src/codec/encoder.rs", "use crate::Capturer;").contains("crate::Capturer"));
    for name in ["src/pipeline/mod.rs", "src/session/flow.rs"] {
        assert!(only_violation(name, "use crate::ffi::Share;").contains("the last stage"), "{name}");
    }
    sound("src/ffi/share.rs", "use crate::ffi::Grant;\nuse crate::pipeline::Pipeline;");
}

#[test]
fn earlier_stages_shared_nouns_and_comments_are_fine() {
    sound(
        "src/codec/encoder.rs",
        "use crate::{Error, Limits, damage::Damage, frame::{self, Rect}, bitstream::Writer};",
    );
    sound("src/codec/lossless/solid.rs", "use super::super::cache::Tile;\nuse crate::codec::Update;");
    sound("src/pipeline.rs", "use crate::{capture::A, damage::B, codec::C, session::D};");
    sound(
        "src/capture/push.rs",
        "//! See [`crate::session`].\n/* crate::session /* nested */ crate::codec */\nfn f() {}",
    );
    sound(
        "src/capture/push.rs",
        "const S: &str = \"crate::session \\\" crate::codec\";\nconst R: &str = r#\"crate::codec\"#;",
    );
    sound("src/capture/push.rs", "fn f<'a>(x: &'a str) -> char { '\"' }\n// \"crate::session\nfn g() {}");
}

#[test]
fn the_session_has_no_socket_and_no_clock() {
    for text in [
        "use std::net::TcpStream;",
        "use std::{fmt, net};",
        "use std::time::{Duration, Instant};",
        "fn f() -> std::time::SystemTime { todo() }",
        "use std::thread;",
        "use std::os::unix::net::UnixStream;",
    ] {
        let message = only_violation("src/session/flow.rs", text);
        assert!(message.contains("session uses std::"), "{text}: {message}");
    }
    sound("src/session/flow.rs", "use std::time::Duration;\nuse std::collections::VecDeque;");
    sound("src/pipeline.rs", "use std::time::Instant;\nuse std::thread;");
}

#[test]
fn unsafe_code_stays_where_it_is_allowed() {
    for name in
        ["src/capture/linux/x11.rs", "src/damage/simd.rs", "src/ffi/c/handle.rs", "src/codec/av1/dav1d.rs"]
    {
        sound(name, "#![allow(unsafe_code)]\nfn f() { unsafe { g() } }");
    }
    for name in
        ["src/capture/push.rs", "src/damage/compare.rs", "src/session/flow.rs", "tools/cli/src/share.rs"]
    {
        assert!(only_violation(name, "fn f() { unsafe { g() } }").contains("unsafe"), "{name}");
        assert!(only_violation(name, "#![allow(unsafe_code)]").contains("unsafe"), "{name}");
        assert!(only_violation(name, "#[expect(dead_code, unsafe_code)]").contains("unsafe"), "{name}");
        sound(name, "#![forbid(unsafe_code)]");
        sound(name, "// unsafe in a comment\nconst WORD: &str = \"unsafe\";");
    }
}

#[test]
fn a_stage_says_which_it_is() {
    sound("src/codec/mod.rs", "//! Stage 3 of 6. In: pixels. Out: payloads.\n");
    sound("src/codec/lossless/mod.rs", "//! Tiles without loss.\n");
    for text in
        ["//! The codec.\n", "//! Stage 2 of 6. In: a. Out: b.\n", "//! Stage 3 of 6. In: pixels.\n", ""]
    {
        assert!(only_violation("src/codec/mod.rs", text).contains("Stage 3 of 6"), "{text:?}");
    }
    // In and Out may stand on the lines after.
    sound("src/codec/mod.rs", "//! Stage 3 of 6. In: pixels\n//! and more. Out: payloads.\n");
}

#[test]
fn files_are_short_and_named_by_what_they_hold() {
    let line = "// a line\n";
    sound("src/codec/encoder.rs", &line.repeat(800));
    assert!(only_violation("src/codec/encoder.rs", &line.repeat(801)).contains("801 lines"));
    assert!(only_violation("bindings/web/src/page.ts", &line.repeat(900)).contains("900 lines"));
    for name in
        ["src/utils.rs", "src/codec/helpers.rs", "tools/cli/src/common/mod.rs", "src/frame/buffer_manager.rs"]
    {
        assert!(only_violation(name, "").contains("says nothing"), "{name}");
    }
    assert!(only_violation("src/frame/buf.rs", "fn get_row() {}").contains("get_row"));
    sound("src/frame/buf.rs", "fn row() { map.get(1); forget_row(); }");
}
