//! `panecast sources`.

use crate::failure::Failure;
use crate::output::line;
use panecast::capture::{Facing, PermissionState, Rotation, SourceInfo, SourceKind, permission, sources};
use panecast::session::Purpose;

/// List what can be shared: monitors, windows, the built-in desktop
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast sources
  panecast sources --json
  panecast sources --permission    whether the system lets a screen, a window, a camera be captured

Exit codes: 0 success, 1 the display does not answer.")]
pub(crate) struct Arguments {
    /// Print an array of JSON objects: id, name, kind, width, height, x, y, scale_percent, rotation_degrees,
    /// class, pid, facing; null where nobody says
    #[arg(long)]
    json: bool,

    /// Print what the system says about capturing, and what to do next: granted, denied, ask or restricted
    #[arg(long)]
    permission: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.permission {
        return permissions(arguments.json);
    }
    let found = sources()?;
    if arguments.json {
        let facts = found.iter().map(|s| {
            serde_json::json!({
                "id": s.id,
                "name": s.name,
                "kind": s.kind.name(),
                "width": s.size.width,
                "height": s.size.height,
                "x": s.origin.map(|at| at.0),
                "y": s.origin.map(|at| at.1),
                "scale_percent": s.scale_percent,
                "rotation_degrees": s.rotation.degrees(),
                "class": s.class,
                "pid": s.pid,
                "facing": s.facing.map(Facing::name),
            })
        });
        return line(facts.collect::<serde_json::Value>());
    }
    let width = found.iter().map(|s| s.id.len()).max().unwrap_or(0);
    for s in &found {
        line(format_args!("{:width$}  {:>11}  {}", s.id, s.size.to_string(), described(s)))?;
    }
    Ok(())
}

/// What the system says for each purpose.
fn permissions(json: bool) -> Result<(), Failure> {
    let purposes = [Purpose::Screen, Purpose::Window, Purpose::Camera];
    let found = purposes.map(|purpose| (purpose.name(), permission(purpose)));
    if json {
        let facts = found.iter().map(|(purpose, p)| {
            let next = Some(&p.next).filter(|next| !next.is_empty());
            ((*purpose).to_owned(), serde_json::json!({ "state": p.state.name(), "next": next }))
        });
        return line(serde_json::Value::Object(facts.collect()));
    }
    for (purpose, p) in &found {
        let next = if p.state == PermissionState::Granted { String::new() } else { format!(": {}", p.next) };
        line(format_args!("{purpose:8}{}{}", p.state, printable(&next)))?;
    }
    Ok(())
}

/// A source in a few words: its name, then what is out of the ordinary about it.
fn described(s: &SourceInfo) -> String {
    let mut text = printable(&s.name);
    if let (SourceKind::Screen, Some((x, y))) = (s.kind, s.origin.filter(|at| *at != (0, 0))) {
        text += &format!(", at {x},{y}");
    }
    if s.scale_percent != 100 && s.kind == SourceKind::Screen {
        text += &format!(", {} %", s.scale_percent);
    }
    if s.rotation != Rotation::None {
        text += &format!(", turned by {}°", s.rotation.degrees());
    }
    if let Some(class) = &s.class {
        text += &format!(" ({})", printable(class));
    }
    if let Some(facing) = s.facing {
        text += &format!(" ({})", facing.name());
    }
    text
}

/// A window's title is written by another program: it must not steer the terminal.
pub(crate) fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
