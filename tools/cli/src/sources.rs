//! `panecast sources`.

use crate::failure::Failure;
use crate::output::line;
use panecast::capture::{SourceKind, sources};

/// List what can be shared: monitors, windows, the built-in desktop
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast sources
  panecast sources --json

Exit codes: 0 success, 1 the display does not answer.")]
pub(crate) struct Arguments {
    /// Print an array of JSON objects: id, name, kind, width, height
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let found = sources()?;
    if arguments.json {
        let facts = found.iter().map(|s| {
            serde_json::json!({
                "id": s.id,
                "name": s.name,
                "kind": kind_name(s.kind),
                "width": s.size.width,
                "height": s.size.height,
            })
        });
        return line(facts.collect::<serde_json::Value>());
    }
    let width = found.iter().map(|s| s.id.len()).max().unwrap_or(0);
    for s in &found {
        line(format_args!("{:width$}  {:>11}  {}", s.id, s.size.to_string(), printable(&s.name)))?;
    }
    Ok(())
}

fn kind_name(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Screen => "screen",
        SourceKind::Window => "window",
        SourceKind::Pattern => "pattern",
        SourceKind::File => "file",
        SourceKind::Push => "push",
    }
}

/// A window's title is written by another program: it must not steer the terminal.
pub(crate) fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
