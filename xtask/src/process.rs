//! Runs other programs: in the foreground, captured, within a deadline, or counting the tests they report.

use crate::Result;
use crate::steps::Tally;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The cargo that runs this program, in the workspace's root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Runs in the foreground; an exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    expect_success(command, status)
}

/// Runs and returns what it wrote to standard output; its errors are part of the message on failure.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| cannot_start(command, &error))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}\n{}{}", failed(command, output.status), text, errors.trim_end()))
}

/// Runs without output; true if it could be started and ended with 0.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs in the foreground and kills it if it has not ended by the deadline.
pub(crate) fn run_within(command: &mut Command, deadline: Duration) -> Result<()> {
    let mut child = command.stdin(Stdio::null()).spawn().map_err(|error| cannot_start(command, &error))?;
    let end = Instant::now() + deadline;
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => return expect_success(command, status),
            None if Instant::now() < end => std::thread::sleep(Duration::from_millis(50)),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("`{}` did not end within {} s", line(command), deadline.as_secs()));
            }
        }
    }
}

/// Runs, passes its standard output on, and adds the tests it reports to `tally`.
pub(crate) fn run_counting(command: &mut Command, tally: &mut Tally) -> Result<()> {
    count_into(command, tally, std::io::stdout())
}

fn count_into(command: &mut Command, tally: &mut Tally, mut out: impl Write) -> Result<()> {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| cannot_start(command, &error))?;
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            // A closed standard output must not stop the tests.
            let _ = out.write_all(&line);
            tally.read(&String::from_utf8_lossy(&line));
            line.clear();
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    expect_success(command, status)
}

/// The first file of that name on `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// `name-N` with the highest N on `PATH`, else plain `name`.
pub(crate) fn newest_on_path(name: &str) -> Option<PathBuf> {
    let newest = (14..=40).rev().find_map(|version| on_path(&format!("{name}-{version}")));
    newest.or_else(|| on_path(name))
}

fn expect_success(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() { Ok(()) } else { Err(failed(command, status)) }
}

fn failed(command: &Command, status: ExitStatus) -> String {
    format!("`{}` failed ({status})", line(command))
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("`{}` could not be started: {error}", line(command))
}

/// The command as a person would type it, without its folder.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or_default().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_ends_a_program_that_hangs() {
        let started = Instant::now();
        let message = run_within(Command::new("sleep").arg("600"), Duration::from_millis(100)).unwrap_err();
        assert!(message.contains("did not end"), "{message}");
        assert!(started.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn failures_name_the_command() {
        let message = run(Command::new("false").arg("x")).unwrap_err();
        assert!(message.starts_with("`false x` failed"), "{message}");
        assert!(run(&mut Command::new("no-such-program-here")).unwrap_err().contains("could not be started"));
    }

    #[test]
    fn output_is_passed_through_the_tally() {
        let (mut tally, mut out) = (Tally::default(), Vec::new());
        let script = "echo 'test result: ok. 3 passed; 0 failed; 0 ignored'; exit 4";
        assert!(count_into(Command::new("sh").args(["-c", script]), &mut tally, &mut out).is_err());
        assert_eq!((tally.passed, tally.failed), (3, 0));
        assert!(out.starts_with(b"test result") && out.ends_with(b"\n"));
    }
}
