//! `panecast show`.

use crate::access::AccessArgs;
use crate::codec_args::CodecArgs;
use crate::consent::{self, Ask};
use crate::desk::DeskArgs;
use crate::failure::Failure;
use crate::mask_args::MaskArgs;
use crate::status::Reporter;
use crate::visitor::{self, Share};
use panecast::capture::SourceSpec;
use panecast::codec::Mode;
use panecast::session::relay::LinkKind;
use panecast_relay::command::stop_signal;
use std::time::Duration;

/// How one's own screen is shown.
pub(crate) struct Shown {
    /// Whose it is, as others are told.
    pub(crate) name: String,
    pub(crate) link: LinkKind,
}

/// Show your own screen to others, who see it by a link
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast show --relay https://relay.example --source screen --name Ada
  panecast show --relay https://relay.example --source screen --key
  panecast show --relay http://127.0.0.1:7700 --source window:0x1200003 --people 1 --hours 1
  panecast show --relay http://127.0.0.1:7700 --source screen --ask --mask-window 'title:my bank'
  panecast show --relay http://127.0.0.1:7700 --source pattern --json

Sources: screen, screen:N, window:ID, pattern[:WxH@FPS], file:PATH; see `panecast sources`.
Others open the link in a browser, or with `panecast view LINK`. Whoever has it is let in, unless you say --key or --ask.
With --key each also needs a key, which you tell another way; it is good for one, and for ten minutes.
Nothing is captured before somebody is there. The relay reads nothing: the link's secret stands after the #, which
browsers send to nobody. Ctrl-C ends it for all.
Exit codes: 0 you stopped or the source ended, 1 failure, 2 wrong usage.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    access: AccessArgs,
    /// What to show
    #[arg(long, value_name = "S")]
    source: SourceSpec,
    /// Whose screen it is, as others are told
    #[arg(long, value_name = "NAME", default_value = "the agent", value_parser = name)]
    name: String,
    /// Ask for a key as well as the link
    #[arg(long, conflicts_with_all = ["people", "hours"])]
    key: bool,
    /// Be asked about each who comes
    #[arg(long)]
    ask: bool,
    /// How many the link lets in
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    people: u32,
    /// How long the link lets in; then there is a new one
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u8).range(1..=24))]
    hours: u8,
    /// Most pictures a second
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=240))]
    fps: u32,
    #[command(flatten)]
    codec: CodecArgs,
    #[command(flatten)]
    masks: MaskArgs,
    /// Take pause, resume, end and answers from standard input, though it is no terminal
    #[arg(long)]
    commands: bool,
    /// Print JSON: one object for each event, and one a second
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { access, source, name, key, ask, people, hours, fps, codec, masks, commands, json } =
        arguments;
    let config = codec.pipeline(Mode::Auto, fps)?;
    masks.masks(&source)?;
    let ask = if ask { consent::how(Some(&source), false, commands)? } else { Ask::AlreadyAllowed };
    let relay = access.access()?;
    let link = match key {
        true => LinkKind::WithKeys,
        false => LinkKind::Alone { uses: people, lasts: Duration::from_secs(u64::from(hours) * 3600) },
    };
    let shown = Some(Shown { name, link });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let stop = stop_signal()?;
        let mut reporter = Reporter::new(json);
        let source = Some(source);
        let share = Share {
            relay,
            source,
            ask,
            masks,
            config,
            keys: key,
            presence: None,
            // Those who see it have nothing to draw with.
            desk: DeskArgs::NOTHING,
            commands: commands || consent::hears(),
            shown,
            link: None,
        };
        visitor::share(share, &mut reporter, stop, |_| {}).await
    })
}

fn name(text: &str) -> Result<String, String> {
    let sound = !text.trim().is_empty() && text.len() <= 200 && !text.chars().any(char::is_control);
    if sound { Ok(text.trim().to_owned()) } else { Err("a name has 1 to 200 bytes".to_owned()) }
}
