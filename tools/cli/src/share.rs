//! `panecast share`.

use crate::codec_args::CodecArgs;
use crate::consent;
use crate::failure::Failure;
use crate::link::RelayUrl;
use crate::mask_args::MaskArgs;
use crate::status::Reporter;
use crate::visitor::{self, Share};
use panecast::capture::SourceSpec;
use panecast::codec::Mode;
use panecast_relay::command::stop_signal;

/// Show a screen or a window to agents who type the key, each once you allow it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast share --relay http://127.0.0.1:7700 --source screen
  panecast share --relay http://127.0.0.1:7700 --source window:0x1200003 --fps 15
  panecast share --relay http://127.0.0.1:7700 --source screen --mode auto
  panecast share --relay http://127.0.0.1:7700 --source screen --bitrate 2M --quality 40
  panecast share --relay http://127.0.0.1:7700 --source screen --mask 0,0,400,90 --mask-window 'title:my bank'
  panecast share --relay http://127.0.0.1:7700 --source screen --only-window class:firefox
  panecast share --relay http://127.0.0.1:7700 --source pattern --yes --json

Sources: screen, screen:N, window:ID, pattern[:WxH@FPS], file:PATH; see `panecast sources`.
A key is for one agent, and its last five digits never leave this device: the relay reads nothing.
Whoever types it asks you; nothing is captured before you allow it. Ctrl-C ends the session and tells the agents.
Exit codes: 0 you stopped or the source ended, 1 failure, 2 wrong usage.")]
pub(crate) struct Arguments {
    /// The relay's address
    #[arg(long, value_name = "URL")]
    relay: RelayUrl,
    /// What to show
    #[arg(long, value_name = "S")]
    source: SourceSpec,
    /// Allow every agent who has a key without being asked
    #[arg(long)]
    yes: bool,
    /// Most pictures a second
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=240))]
    fps: u32,
    #[command(flatten)]
    codec: CodecArgs,
    #[command(flatten)]
    masks: MaskArgs,
    /// Print JSON: one object for each event, and one a second
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { relay, source, yes, fps, codec, masks, json } = arguments;
    let config = codec.pipeline(Mode::Auto, fps)?;
    let masks = masks.masks(&source)?;
    let ask = consent::how(&source, yes)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let stop = stop_signal()?;
        let mut reporter = Reporter::new(json);
        let share = Share { relay, source, ask, masks, config };
        visitor::share(share, &mut reporter, stop, |_| {}).await
    })
}
