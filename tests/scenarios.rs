//! Plays tests/vectors/scenarios/*.json, as every other door does: the same bytes, the same pixels, the same errors.
//!
//! `cargo test --test scenarios -- --ignored` writes what is expected anew.

#[path = "scenarios/pattern.rs"]
mod pattern;
#[path = "scenarios/player.rs"]
mod player;
#[cfg(any(feature = "capi", feature = "uniffi"))]
#[path = "scenarios/rooms.rs"]
mod rooms;

use player::Player;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/scenarios");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    // Hosts and joiners are there where a door is.
    let rooms = cfg!(any(feature = "capi", feature = "uniffi"));
    let is_room = |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("room-"));
    files.retain(|path| rooms || !is_room(path));
    files.sort();
    assert!(files.len() >= 8, "{files:?}");
    files
}

fn steps(text: &str) -> Vec<Value> {
    let scenario: Value = serde_json::from_str(text).unwrap();
    scenario["steps"].as_array().unwrap().clone()
}

#[test]
fn scenarios_go_as_they_are_written() {
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut player = Player::default();
        for (index, step) in steps(&text).iter().enumerate() {
            let Some(outcome) = player.play(step) else { continue };
            let at = format!("{}, step {index}: {step}\n  gave {outcome:?}", file.display());
            let expect = step.get("expect").and_then(Value::as_object).cloned().unwrap_or_default();
            let status = expect.get("status").and_then(Value::as_str).unwrap_or("ok");
            assert_eq!(outcome.status, status, "{at}");
            for (name, value) in expect.iter().filter(|(name, _)| *name != "status") {
                assert_eq!(outcome.facts.get(name), Some(value), "`{name}` of {at}");
            }
        }
    }
}

#[test]
fn the_pattern_is_as_its_description_says() {
    // Written down by hand from the README: block (1, 0) of frame 0 has the seed 7920 | 1.
    let mut x: u32 = 7921;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    assert_eq!(pattern::block(1, 0, 0), x);
    assert_eq!(pattern::fnv(b""), "cbf29ce484222325");
    assert_eq!(pattern::fnv(b"a"), "af63dc4c8601ec8c");
    assert_eq!(pattern::fnv(b"foobar"), "85944171f73967e8");
}

/// Writes the facts that each step names into its line.
#[test]
#[ignore = "writes the expected values anew"]
fn write_what_is_expected() {
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut player = Player::default();
        let steps = steps(&text);
        let mut lines = Vec::new();
        let mut index = 0;
        for line in text.lines() {
            let mut line = line.to_owned();
            if line.trim_start().starts_with("{\"do\"") {
                let outcome = player.play(&steps[index]);
                let expect =
                    steps[index].get("expect").and_then(Value::as_object).cloned().unwrap_or_default();
                for name in expect.keys() {
                    let fact = outcome.as_ref().and_then(|o| o.facts.get(name));
                    if let Some(value) = fact {
                        line = with_value(&line, name, &value.to_string());
                    }
                }
                index += 1;
            }
            lines.push(line);
        }
        assert_eq!(index, steps.len(), "{}: one step a line", file.display());
        std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    }
}

/// The line with another value of `name`, in what is expected.
fn with_value(line: &str, name: &str, value: &str) -> String {
    let expect = line.find("\"expect\"").unwrap();
    let key = format!("\"{name}\": ");
    let start = expect + line[expect..].find(&key).unwrap() + key.len();
    let rest = &line[start..];
    let end =
        if rest.starts_with('[') { rest.find(']').unwrap() + 1 } else { rest.find([',', '}']).unwrap() };
    format!("{}{value}{}", &line[..start], &rest[end..])
}
