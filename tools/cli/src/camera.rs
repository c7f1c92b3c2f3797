//! `panecast camera`.

use crate::access::AccessArgs;
use crate::failure::Failure;
use crate::status::Reporter;
use crate::view::{self, Keeping};
use crate::watcher::Knock;
use panecast::session::Purpose;
use panecast::session::relay::Way;
use panecast::session::seal::LinkSecret;
use panecast_links::command::{SecretArguments, SenderArguments, sender};
use panecast_links::{LINK_LASTS, LinkMessage, PhoneNumber};
use serde_json::json;
use std::path::PathBuf;
use std::time::SystemTime;

/// See a phone's camera: send it a link, wait until it is opened and allowed, watch
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast camera --relay http://127.0.0.1:7700
  panecast camera --relay http://127.0.0.1:7700 --to '+49 151 23456789' --outbox outbox/ --save camera.png
  panecast camera --relay https://relay.example --to +4915123456789 --name 'Ada of Support' \\
      --webhook https://gateway.example/sms --webhook-secret gateway.secret

Without --to the link is printed for you to pass on. It works once, within half an hour. Cameras that send AV1 are
decoded here; what sends H.264, VP9 or VP8 is for the agent page.
Exit codes: 0 you stopped or the session ended, 1 failure, 2 wrong usage, 3 the other side declined or did not answer.")]
#[command(group = clap::ArgGroup::new("by").requires("to"))]
pub(crate) struct Arguments {
    #[command(flatten)]
    access: AccessArgs,
    /// Phone number that the link goes to, with its country
    #[arg(long, value_name = "NUMBER", requires = "by")]
    to: Option<PhoneNumber>,
    /// Folder that gets the message as a file, instead of the phone: for development
    #[arg(long, value_name = "DIR", group = "by")]
    outbox: Option<PathBuf>,
    /// Address of a gateway for short messages (docs/links.md)
    #[arg(long, value_name = "URL", group = "by", requires = "webhook_secret")]
    webhook: Option<String>,
    /// File with the secret that the gateway checks signatures by
    #[arg(long, value_name = "FILE", requires = "webhook")]
    webhook_secret: Option<PathBuf>,
    /// How the person is told who asks
    #[arg(long, value_name = "NAME", default_value = "panecast camera")]
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
    let Arguments { access, to, outbox, webhook, webhook_secret, name, save, seconds, json } = arguments;
    let relay = access.access()?;
    let sender = match &to {
        Some(_) => Some(sender(&SenderArguments { outbox, webhook }, &SecretArguments { webhook_secret })?),
        None => None,
    };
    let link = LinkSecret::draw().map_err(panecast::Error::from)?;
    let tenant = relay.tenant.clone();
    let url = relay.url.camera_url(&tenant, &link);
    let knock = Knock { relay, way: Way::Sent(link), name: name.clone(), purpose: Purpose::Camera };
    view::watch(knock, &Keeping { save, seconds }, Reporter::new(json), async |reporter| {
        let lasts = LINK_LASTS.as_secs();
        let Some((to, sender)) = to.as_ref().zip(sender.as_ref()) else {
            let text = format!("link      {url}\nnext      open it on the phone; it works once");
            reporter.event(&text, json!({ "event": "link", "url": url, "expires_in_s": lasts }));
            return Ok(());
        };
        let message = LinkMessage::new(to, &url, &tenant, &name, SystemTime::now());
        let next = "check the number and the gateway, then try again";
        sender.send(&message).await.map_err(|e| Failure::new(e.to_string(), next))?;
        let facts = json!({ "event": "link-sent", "id": message.id, "expires_in_s": lasts });
        reporter.event(&format!("sent      a link to {to}; it works once"), facts);
        Ok(())
    })
}
