//! Prints the time of every damage report of an X display, in milliseconds since 1970: an observer of its own for
//! measuring how long a change takes to reach an agent's screen (`bindings/web/bench/typing.mjs`).

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::io::Write;
    use std::time::{SystemTime, UNIX_EPOCH};
    use x11rb::connection::Connection;
    use x11rb::protocol::Event;
    use x11rb::protocol::damage::{ConnectionExt, ReportLevel};

    let (connection, screen) = x11rb::connect(None)?;
    let root = connection.setup().roots[screen].root;
    connection.damage_query_version(1, 1)?.reply()?;
    let damage = connection.generate_id()?;
    connection.damage_create(damage, root, ReportLevel::NON_EMPTY)?.check()?;
    let mut out = std::io::stdout().lock();
    loop {
        if let Event::DamageNotify(_) = connection.wait_for_event()? {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            writeln!(out, "{:.3}", now.as_secs_f64() * 1e3)?;
            out.flush()?;
            connection.damage_subtract(damage, x11rb::NONE, x11rb::NONE)?;
            connection.flush()?;
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this example watches an X display; there is none on this platform");
}
