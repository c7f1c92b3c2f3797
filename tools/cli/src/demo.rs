//! `panecast demo`.

use crate::access::Access;
use crate::codec_args::CodecArgs;
use crate::consent::{self, Ask};
use crate::desk::DeskArgs;
use crate::failure::Failure;
use crate::link::RelayUrl;
use crate::mask_args::MaskArgs;
use crate::status::Reporter;
use crate::visitor::{self, Share};
use panecast::capture::{SourceKind, SourceSpec, sources};
use panecast::codec::Mode;
use panecast::pipeline::PipelineConfig;
use panecast_links::Outbox;
use panecast_links::service::Service;
use panecast_relay::command::stop_signal;
use panecast_relay::{Config, Relay, Tenants};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// The relay's own port, so that the demo's URL is the one that the documents name.
const USUAL_PORT: u16 = 7700;

/// Most links an hour: whoever tries the demo tries it often.
const MOST_LINKS: usize = 100;

/// Run relay, visitor and agent page on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast demo                       the screen if there is one, else the built-in desktop
  panecast demo --source pattern
  panecast demo --mode auto
  panecast demo --source screen --mask-window class:keepassxc --mask 0,0,400,90
  panecast demo --yes --no-open --seconds 20 --json

Open the printed URL in a browser. Ctrl-C ends everything.
Exit codes: 0 success, 1 failure, 2 wrong usage.")]
pub(crate) struct Arguments {
    /// Port of the relay; 0 takes any free one [default: 7700, or any free one if that is in use]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// What to show [default: screen if there is a display, else pattern]
    #[arg(long, value_name = "S")]
    source: Option<SourceSpec>,
    /// Allow the screen without being asked
    #[arg(long)]
    yes: bool,
    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
    /// End after so many seconds
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Most pictures a second
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=240))]
    fps: u32,
    #[command(flatten)]
    codec: CodecArgs,
    #[command(flatten)]
    masks: MaskArgs,
    #[command(flatten)]
    desk: DeskArgs,
    /// Print JSON: one object for each event, and one a second
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = arguments.codec.pipeline(Mode::Auto, arguments.fps)?;
    let (source, ask) = choose(&arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run_all(arguments, source, ask, config))
}

async fn run_all(
    arguments: Arguments,
    source: SourceSpec,
    ask: Ask,
    config: PipelineConfig,
) -> Result<(), Failure> {
    // A mistake is told before anything is begun.
    arguments.masks.masks(&source)?;
    let signal = stop_signal()?;
    let mut reporter = Reporter::new(arguments.json);
    // For as long as the demo lasts: in it are the secrets of links.
    let outbox = tempfile::tempdir()?;
    let mut links = links(outbox.path()).await?;
    let relay = bind(arguments.port, format!("http://{}", links.address())).await?;
    let address = relay.address();
    links.add_page(format!("http://{address}"))?;
    let url: RelayUrl =
        address.to_string().parse().map_err(|e: String| Failure::new(e, "choose another --port"))?;
    reporter.event(
        &format!(
            "sharing   {source}\nrelay     {relay}\nalso      {relay}/show shows a screen to somebody else; links to \
             phones (the page's *A camera*) are printed here",
            relay = url.name()
        ),
        json!({ "event": "demo", "source": source.to_string(), "relay": url.name() }),
    );
    let (stop_links, links_stopped) = oneshot::channel::<()>();
    let sending = tokio::spawn(links.run(async {
        let _ = links_stopped.await;
    }));
    let (stop_relay, relay_stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(relay.run(async {
        // Dropping the sender stops it too.
        let _ = relay_stopped.await;
    }));
    let stop = async {
        let time = async {
            match arguments.seconds {
                Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = signal => {}
            () = time => {}
        }
    };
    let opens = !arguments.no_open && has_desktop();
    let (masks, source) = (arguments.masks, Some(source));
    let desk = arguments.desk;
    let share = Share {
        relay: Access::open(url)?,
        source,
        ask,
        masks,
        config,
        keys: true,
        presence: None,
        desk,
        commands: consent::hears(),
        shown: None,
        link: None,
    };
    let mut opened = false;
    let result = visitor::share(share, &mut reporter, stop, |agent_url| {
        // The first key is for the browser here, the next for whom the visitor tells it.
        if opens
            && !std::mem::replace(&mut opened, true)
            && let Err(e) = open::that_detached(agent_url)
        {
            eprintln!("no browser could be opened ({e}); open the URL above");
        }
    })
    .await;
    drop((stop_relay, stop_links));
    let _ = tokio::join!(serving, sending);
    result
}

/// What sends links to phones: to the console, and to files in `outbox`.
async fn links(outbox: &Path) -> Result<Service, Failure> {
    let config = panecast_links::service::Config {
        bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        pages: Vec::new(),
        tenants: Tenants::default(),
        sender: Arc::new(Outbox::into(outbox, true)?),
        agent_links: MOST_LINKS,
        number_links: MOST_LINKS,
    };
    Ok(Service::bind(config).await?)
}

/// The relay on this machine only; on any free port if the usual one is in use and no other was asked for.
async fn bind(port: Option<u16>, links: String) -> Result<Relay, Failure> {
    let config = |port| Config {
        bind: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        links: Some(links.clone()),
        ..Config::default()
    };
    let bound = match Relay::bind(config(port.unwrap_or(USUAL_PORT))).await {
        Err(_) if port.is_none() => Relay::bind(config(0)).await,
        bound => bound,
    };
    bound
        .map_err(|e| panecast_relay::command::Failure::Relay(e).into())
        .map_err(|e: Failure| e.with_next("choose another port: --port 0 takes any free one"))
}

/// What is shown, and how the visitor is asked. The built-in desktop shows nothing of the visitor's, so nobody is
/// asked; where nobody can be asked about the screen, it is shown in its place.
fn choose(arguments: &Arguments) -> Result<(SourceSpec, Ask), Failure> {
    match &arguments.source {
        Some(source) => {
            let yes = arguments.yes || matches!(source, SourceSpec::Pattern(..));
            Ok((source.clone(), consent::how(Some(source), yes, false)?))
        }
        None => {
            if has_screen() {
                let screen = SourceSpec::Screen(None);
                match consent::how(Some(&screen), arguments.yes, false) {
                    Ok(ask) => return Ok((screen, ask)),
                    Err(_) => eprintln!(
                        "no terminal to ask whether the screen may be shown: the built-in desktop is shown instead; \
                         --yes shows the screen"
                    ),
                }
            }
            Ok(("pattern".parse()?, Ask::AlreadyAllowed))
        }
    }
}

/// Whether a screen can be captured; asking takes no picture of it.
fn has_screen() -> bool {
    sources().is_ok_and(|all| all.iter().any(|s| s.kind == SourceKind::Screen))
}

/// Whether a browser window would show up anywhere.
fn has_desktop() -> bool {
    cfg!(any(windows, target_os = "macos"))
        || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|v| std::env::var_os(v).is_some_and(|v| !v.is_empty()))
}
