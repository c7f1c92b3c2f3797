//! `panecast share`.

use crate::access::AccessArgs;
use crate::codec_args::CodecArgs;
use crate::consent;
use crate::desk::DeskArgs;
use crate::doors::{tenant_public, visitor_id};
use crate::failure::Failure;
use crate::link::CameraUrl;
use crate::mask_args::MaskArgs;
use crate::status::Reporter;
use crate::visitor::{self, Share};
use panecast::capture::SourceSpec;
use panecast::codec::Mode;
use panecast::session::relay::Presence;
use panecast_relay::command::stop_signal;

/// Show a screen or a window to agents who type the key or have a pass, each once you allow it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast share --relay http://127.0.0.1:7700 --source screen
  panecast share --relay https://relay.example
  panecast share --relay http://127.0.0.1:7700 --source window:0x1200003 --fps 15
  panecast share --relay http://127.0.0.1:7700 --source screen --mode auto
  panecast share --relay http://127.0.0.1:7700 --source screen --bitrate 2M --quality 40
  panecast share --relay http://127.0.0.1:7700 --source screen --mask 0,0,400,90 --mask-window 'title:my bank'
  panecast share --relay http://127.0.0.1:7700 --source screen --only-window class:firefox
  panecast share --relay http://127.0.0.1:7700 --visitor-id 4711 --tenant-key shop.key.pub --no-key
  panecast share --relay http://127.0.0.1:7700 --source pattern --yes --json
  panecast share --link 'https://relay.example/camera#0123…' --source window:0x1200003

Sources: screen, screen:N, window:ID, pattern[:WxH@FPS], file:PATH; see `panecast sources`. Without --source you choose
when somebody asks.
A key is for one agent, and its last five digits never leave this device: the relay reads nothing.
With --visitor-id agents of the tenant see that you are there, and need no key (`panecast pass --help`).
Whoever comes asks you; nothing is captured before you allow it. No answer within two minutes is a no. Type p and
Enter to pause, r to resume, q or Ctrl-C to end the session and tell the agents.
Exit codes: 0 you stopped or the source ended, 1 failure, 2 wrong usage.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    access: AccessArgs,
    /// What to show [default: you choose when somebody asks]
    #[arg(long, value_name = "S")]
    source: Option<SourceSpec>,
    /// Be present as this visitor: agents of the tenant may ask without a key
    #[arg(long, value_name = "ID", requires = "tenant_key", value_parser = visitor_id)]
    visitor_id: Option<String>,
    /// The public half of the key that signs the tenant's passes, or a file with it
    #[arg(long, value_name = "FILE|TEXT", requires = "visitor_id")]
    tenant_key: Option<String>,
    /// Show no key: only agents with a pass may ask
    #[arg(long, requires = "visitor_id")]
    no_key: bool,
    /// Answer a link that somebody has sent, such as https://HOST/camera#…: who sent it may ask, once, and nobody else
    #[arg(long, value_name = "URL", conflicts_with_all = ["visitor_id", "no_key"])]
    link: Option<CameraUrl>,
    /// Allow every agent who has a key or a pass without being asked
    #[arg(long)]
    yes: bool,
    /// Most pictures a second
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=240))]
    fps: u32,
    #[command(flatten)]
    codec: CodecArgs,
    #[command(flatten)]
    masks: MaskArgs,
    #[command(flatten)]
    desk: DeskArgs,
    /// Take pause, resume, end and answers from standard input, though it is no terminal
    #[arg(long)]
    commands: bool,
    /// Print JSON: one object for each event, and one a second
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments {
        access,
        source,
        visitor_id,
        tenant_key,
        no_key,
        link,
        yes,
        fps,
        codec,
        masks,
        desk,
        commands,
        json,
    } = arguments;
    let config = codec.pipeline(Mode::Auto, fps)?;
    if let Some(source) = &source {
        masks.masks(source)?;
    }
    let ask = consent::how(source.as_ref(), yes, commands)?;
    let relay = match &link {
        Some(link) => access.at(link.relay.clone(), &link.tenant)?.access()?,
        None => access.access()?,
    };
    let presence = match (visitor_id, tenant_key) {
        (Some(visitor), Some(key)) => Some(Presence::new(visitor, tenant_public(&key)?)?),
        _ => None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let stop = stop_signal()?;
        let mut reporter = Reporter::new(json);
        let share = Share {
            relay,
            source,
            ask,
            masks,
            config,
            keys: !no_key && link.is_none(),
            presence,
            desk,
            commands: commands || consent::hears(),
            shown: None,
            link: link.map(|link| link.secret),
        };
        visitor::share(share, &mut reporter, stop, |_| {}).await
    })
}
