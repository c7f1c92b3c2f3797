//! The gate on instruction counts: a fixed piece of work for damage, encoding and decoding under valgrind, held
//! against a committed baseline. Counts repeat to a few parts in a million where times vary by a third.

use crate::Result;
use crate::process::{capture, cargo, on_path, root, target_dir};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const BASELINE: &str = "benches/counts.txt";

/// What a count may grow or shrink by, in percent.
const TOLERANCE: f64 = 5.0;
/// The same where another compiler or processor than the baseline's is at work.
const ELSEWHERE_TOLERANCE: f64 = 25.0;

/// Counts of one toolchain on one kind of processor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// The compiler's version and the processor's features that choose between code paths.
    facts: BTreeMap<String, String>,
    /// Instructions by kernel.
    kernels: BTreeMap<String, u64>,
}

/// Counts, and compares with the baseline or replaces it.
pub(crate) fn run(bless: bool) -> Result<()> {
    if on_path("valgrind").is_none() {
        if bless || cfg!(target_os = "linux") {
            return Err("valgrind is needed; `cargo xtask setup` installs it".to_owned());
        }
        println!("  left out: valgrind is not to be had on this system");
        return Ok(());
    }
    let counts = count()?;
    let path = root().join(BASELINE);
    if bless {
        std::fs::write(&path, counts.text()).map_err(|error| format!("{BASELINE}: {error}"))?;
        println!("  wrote {BASELINE}\n{}", indented(&counts.text()));
        return Ok(());
    }
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("{BASELINE}: {error}; make it: cargo xtask counts --bless"))?;
    let (table, outcome) = compare(&Counts::read(&text)?, &counts);
    print!("{}", indented(&table));
    outcome
}

/// Builds the client and runs each of its kernels under callgrind.
fn count() -> Result<Counts> {
    let client = build()?;
    let mut counts = Counts::default();
    let rustc = capture(Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-V"))?;
    // The part without the day: `rustc 1.90.0 (hash`.
    counts.facts.insert("rustc".into(), rustc.split_whitespace().nth(1).unwrap_or("unknown").to_owned());
    // Under valgrind, too: it hides features that it cannot simulate.
    let listed = capture(Command::new("valgrind").args(["--tool=none", "-q"]).arg(&client))?;
    let out = target_dir().join("callgrind.out");
    for line in listed.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["features", features @ ..] => {
                counts.facts.insert("features".into(), features.join(" "));
            }
            ["kernel", name, function] => {
                let total = count_one(&client, name, function, &out)?;
                counts.kernels.insert((*name).to_owned(), total);
            }
            _ => return Err(format!("the client said: {line}")),
        }
    }
    Ok(counts)
}

fn build() -> Result<PathBuf> {
    let mut build = cargo();
    // What is counted needs no AV1, and libaom takes minutes to build.
    build.args(["bench", "--no-run", "--package", "panecast", "--no-default-features", "--bench", "counts"]);
    let said = capture(build.args(["--message-format", "json-render-diagnostics"]))?;
    // One JSON object a line; the program's name is the one value that is wanted.
    let path = said.lines().filter(|line| line.contains("\"name\":\"counts\"")).find_map(|line| {
        let rest = line.split_once("\"executable\":\"")?.1;
        Some(PathBuf::from(rest.split('"').next()?))
    });
    path.ok_or_else(|| "cargo did not say where the client is".to_owned())
}

fn count_one(client: &Path, kernel: &str, function: &str, out: &Path) -> Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--collect-atstart=no", &format!("--toggle-collect=*{function}*")]);
    command.arg(format!("--callgrind-out-file={}", out.display())).arg(client).arg(kernel);
    capture(&mut command)?;
    let text = std::fs::read_to_string(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let total = read_total(&text).filter(|total| *total > 0);
    total.ok_or_else(|| format!("no instruction of {kernel} was counted; is `{function}` inlined?"))
}

/// The total of a callgrind file: its `summary:` or `totals:` line.
fn read_total(text: &str) -> Option<u64> {
    let total = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
    };
    total("totals:").or_else(|| total("summary:"))
}

impl Counts {
    fn text(&self) -> String {
        let mut text = "# Instructions of fixed work; renew with: cargo xtask counts --bless\n".to_owned();
        for (name, value) in &self.facts {
            let _ = writeln!(text, "{name}: {value}");
        }
        for (name, count) in &self.kernels {
            let _ = writeln!(text, "kernel {name}: {count}");
        }
        text
    }

    fn read(text: &str) -> Result<Self> {
        let mut counts = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let (name, value) =
                line.split_once(": ").ok_or_else(|| format!("{BASELINE}: not `name: value`: {line}"))?;
            match name.strip_prefix("kernel ") {
                Some(kernel) => {
                    let count = value.trim().parse().map_err(|_| format!("{BASELINE}: no number: {line}"))?;
                    counts.kernels.insert(kernel.to_owned(), count);
                }
                None => {
                    counts.facts.insert(name.to_owned(), value.trim().to_owned());
                }
            }
        }
        Ok(counts)
    }
}

/// A table of both, and whether the gate is passed.
fn compare(baseline: &Counts, now: &Counts) -> (String, Result<()>) {
    let mut table = String::new();
    let elsewhere = baseline.facts != now.facts;
    let tolerance = if elsewhere { ELSEWHERE_TOLERANCE } else { TOLERANCE };
    let mut broken = Vec::new();
    let names: std::collections::BTreeSet<&String> =
        baseline.kernels.keys().chain(now.kernels.keys()).collect();
    for name in names {
        match (baseline.kernels.get(name), now.kernels.get(name)) {
            (Some(before), Some(after)) => {
                let change = (*after as f64 / (*before).max(1) as f64 - 1.0) * 100.0;
                let _ = writeln!(table, "{name:<16} {before:>13} {after:>13} {change:>+8.2} %");
                if change.abs() > tolerance {
                    broken.push(format!("{name} {change:+.1} %"));
                }
            }
            (None, Some(_)) => broken.push(format!("{name} is not in the baseline")),
            _ => broken.push(format!("{name} is no longer counted")),
        }
    }
    if elsewhere {
        let _ = writeln!(
            table,
            "ATTENTION: the baseline is of {:?}, this is {:?}. Only changes over {ELSEWHERE_TOLERANCE} % fail here. \
             To have the full gate, check out the last good commit, run `cargo xtask counts --bless` there, and \
             count again.",
            baseline.facts, now.facts
        );
    }
    let outcome = if broken.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "instruction counts are off by more than {tolerance} %: {}. If that is meant, renew {BASELINE}: \
             cargo xtask counts --bless",
            broken.join(", ")
        ))
    };
    (table, outcome)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(rustc: &str, damage: u64) -> Counts {
        Counts {
            facts: [("rustc".to_owned(), rustc.to_owned())].into(),
            kernels: [("damage".to_owned(), damage)].into(),
        }
    }

    #[test]
    fn the_baseline_reads_back() {
        let original = counts("1.90.0", 1_234_567);
        assert_eq!(Counts::read(&original.text()).unwrap(), original);
        assert!(Counts::read("damage").is_err());
        assert!(Counts::read("kernel damage: many").is_err());
    }

    #[test]
    fn five_percent_either_way_fail() {
        let base = counts("1.90.0", 1000);
        for (now, passes) in [(1000, true), (1049, true), (1051, false), (951, true), (940, false)] {
            assert_eq!(compare(&base, &counts("1.90.0", now)).1.is_ok(), passes, "{now}");
        }
    }

    #[test]
    fn another_compiler_is_told_and_still_held_to_something() {
        let base = counts("1.90.0", 1000);
        let (table, outcome) = compare(&base, &counts("1.91.0", 1200));
        assert!(table.contains("ATTENTION") && table.contains("--bless") && outcome.is_ok());
        assert!(compare(&base, &counts("1.91.0", 1300)).1.is_err());
        assert!(!compare(&base, &base).0.contains("ATTENTION"));
    }

    #[test]
    fn a_kernel_on_one_side_alone_fails() {
        let (base, mut more) = (counts("1.90.0", 1000), counts("1.90.0", 1000));
        more.kernels.insert("new".to_owned(), 1);
        assert!(compare(&base, &more).1.is_err_and(|e| e.contains("not in the baseline")));
        assert!(compare(&more, &base).1.is_err_and(|e| e.contains("no longer")));
    }

    #[test]
    fn totals_are_read_from_callgrinds_files() {
        assert_eq!(read_total("events: Ir\nfn=x\n12 40\ntotals: 4711\n"), Some(4711));
        assert_eq!(read_total("summary: 12\n"), Some(12));
        assert_eq!(read_total("events: Ir\n"), None);
    }
}
