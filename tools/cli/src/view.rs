//! `panecast view`.

use crate::failure::Failure;
use crate::link::RelayUrl;
use crate::output::{has_extension, is_standard, writer};
use crate::pictures::write_png;
use crate::recording::Recording;
use crate::status::Reporter;
use crate::watcher::Watcher;
use panecast::frame::Timestamp;
use panecast::session::seal::TypedKey;
use panecast_relay::command::stop_signal;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// Pictures a second on the grid of a recording that is watched; a visitor sends at most as many by default.
const RECORDED_FPS: u32 = 30;

/// Watch a session without a window: decode it, print what comes, save it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast view --relay http://127.0.0.1:7700 --key 482913507
  panecast view --relay http://127.0.0.1:7700 --key 482913507 --seconds 10 --save last.png
  panecast view --relay http://127.0.0.1:7700 --key 482913507 --save session.pcast

Exit codes: 0 you stopped or the session ended, 1 failure, 2 wrong usage.")]
pub(crate) struct Arguments {
    /// The relay's address
    #[arg(long, value_name = "URL")]
    relay: RelayUrl,
    /// The key that the visitor tells
    #[arg(long, value_name = "KEY", value_parser = typed_key)]
    key: TypedKey,
    /// How the visitor is told who asks
    #[arg(long, value_name = "NAME", default_value = "panecast view")]
    name: String,
    /// File for the last picture (.png) or the whole stream (.pcast)
    #[arg(long, value_name = "OUT")]
    save: Option<PathBuf>,
    /// Stop after so many seconds
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Print JSON: one object for each event, and one a second
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { relay, key, name, save, seconds, json } = arguments;
    let (mut png, mut recording) = (None, None);
    match save {
        Some(path) if has_extension(&path, "png") => png = Some(path),
        Some(path) if has_extension(&path, "pcast") => {
            recording = Some(Recording::create(&path, RECORDED_FPS)?)
        }
        Some(path) => {
            let what = if is_standard(&path) { "standard output".into() } else { path.display().to_string() };
            return Err(Failure::usage(
                format!("cannot save to {what}"),
                "name a file that ends in .png for the last picture or .pcast for the stream",
            ));
        }
        None => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let signal = stop_signal()?;
        let stop = async {
            let time = async {
                match seconds {
                    Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = signal => {}
                () = time => {}
            }
        };
        let mut reporter = Reporter::new(json);
        let mut watcher = Watcher::new(relay, key, name, recording, &mut reporter);
        let recording = watcher.watch(stop).await?;
        if let Some(recording) = recording {
            recording.finish(Timestamp(0))?;
        }
        if let Some(path) = png {
            let Some(picture) = watcher.decoder.frame() else {
                return Err(Failure::new(
                    "no picture came, so none is saved",
                    "check that the visitor shares, and give it more --seconds",
                ));
            };
            write_png(&mut writer(&path)?, picture)?;
        }
        let pictures = watcher.pictures;
        reporter.event(&format!("{pictures} pictures"), json!({ "event": "summary", "pictures": pictures }));
        Ok(())
    })
}

fn typed_key(text: &str) -> Result<TypedKey, String> {
    text.parse().map_err(|_| "a session key has nine digits, such as `482 913 507`".to_owned())
}
