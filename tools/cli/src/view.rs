//! `panecast view`.

use crate::access::AccessArgs;
use crate::doors::visitor_id;
use crate::failure::Failure;
use crate::link::LinkUrl;
use crate::output::{has_extension, is_standard, writer};
use crate::pass::credential;
use crate::pictures::write_png;
use crate::recording::Recording;
use crate::sources::printable;
use crate::status::Reporter;
use crate::watcher::{Knock, Watcher};
use panecast::frame::Timestamp;
use panecast::session::Purpose;
use panecast::session::relay::Way;
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
  panecast view --relay https://relay.example --visitor 4711 --pass ada.pass --purpose window
  panecast view https://relay.example/see#m4x1… --name Bo

With a link you see what somebody shows you (`panecast show`); some links need a --key as well.
With --visitor it waits until the visitor is there, then asks.
Exit codes: 0 you stopped or the session ended, 1 failure, 2 wrong usage, 3 the visitor declined or did not answer.")]
#[command(group = clap::ArgGroup::new("way").required(true).multiple(true))]
pub(crate) struct Arguments {
    /// The link of somebody who shows a screen
    #[arg(value_name = "LINK", group = "way", conflicts_with_all = ["visitor", "pass"])]
    link: Option<LinkUrl>,
    #[command(flatten)]
    access: AccessArgs,
    /// The key that the visitor tells, or that belongs to the link
    #[arg(long, value_name = "KEY", group = "way", conflicts_with = "visitor", value_parser = typed_key)]
    key: Option<TypedKey>,
    /// The visitor to ask, by the id that the app has for it
    #[arg(long, value_name = "ID", group = "way", requires = "pass", value_parser = visitor_id)]
    visitor: Option<String>,
    /// File with your pass and its key (`panecast pass --help`)
    #[arg(long, value_name = "FILE", requires = "visitor")]
    pass: Option<PathBuf>,
    /// What you ask to see
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Wanted::Screen)]
    purpose: Wanted,
    /// How the visitor is told who asks; a pass has your name
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

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Wanted {
    Screen,
    Window,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { link, access, key, visitor, pass, purpose, name, save, seconds, json } = arguments;
    let by_link = link.is_some();
    let (access, way) = match (link, key, visitor, pass) {
        (Some(link), key, _, _) => {
            check_key(&link, key.as_ref())?;
            (access.at(link.relay, &link.tenant)?, Way::Link(link.text, key))
        }
        (None, Some(key), _, _) => (access, Way::Key(key)),
        (None, None, Some(visitor), Some(pass)) => {
            let has = credential(&pass)?;
            (of_tenant(access, has.pass().tenant())?, Way::Visitor(visitor, Box::new(has)))
        }
        _ => {
            return Err(Failure::usage("nobody to ask", "give a link, a --key, or a --visitor and a --pass"));
        }
    };
    let purpose = match purpose {
        _ if by_link => Purpose::AgentScreen,
        Wanted::Screen => Purpose::Screen,
        Wanted::Window => Purpose::Window,
    };
    let knock = Knock { relay: access.access()?, way, name, purpose };
    watch(knock, &Keeping { save, seconds }, Reporter::new(json), async |_| Ok(()))
}

/// What is kept of what is watched, and how long it is.
#[derive(Debug)]
pub(crate) struct Keeping {
    pub(crate) save: Option<PathBuf>,
    pub(crate) seconds: Option<u64>,
}

/// Watches, once `first` is done.
pub(crate) fn watch(
    knock: Knock,
    keeping: &Keeping,
    mut reporter: Reporter,
    first: impl AsyncFnOnce(&mut Reporter) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let seconds = keeping.seconds;
    let (mut png, mut recording) = (None, None);
    match keeping.save.clone() {
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
        first(&mut reporter).await?;
        let mut watcher = Watcher::new(knock, recording, &mut reporter);
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

/// Some links need a key, the others have no use for one.
fn check_key(link: &LinkUrl, key: Option<&TypedKey>) -> Result<(), Failure> {
    match (link.text.with_key, key) {
        (true, None) => Err(Failure::usage("this link needs a key", "ask for it, and give it with --key")),
        (false, Some(_)) => Err(Failure::usage("this link needs no key", "leave --key out")),
        _ => Ok(()),
    }
}

/// A pass is good at its own tenant's visitors alone.
fn of_tenant(access: AccessArgs, tenant: &str) -> Result<AccessArgs, Failure> {
    match access.tenant() {
        Some(named) if named != tenant => Err(Failure::usage(
            format!("the pass is of the tenant {}", printable(tenant)),
            "leave --tenant out: the pass has it",
        )),
        _ => Ok(access.for_tenant(tenant)),
    }
}

fn typed_key(text: &str) -> Result<TypedKey, String> {
    text.parse().map_err(|_| "a session key has nine digits, such as `482 913 507`".to_owned())
}
