//! `panecast pass`.

use crate::doors::tenant_public;
use crate::failure::Failure;
use crate::output::line;
use crate::sources::printable;
use panecast::Error;
use panecast::session::seal::{AgentKey, AgentPublic, Credential, TenantKey};
use panecast_protocol::DEFAULT_TENANT;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Longest text of a key or a credential in a file.
const MOST_FILE_BYTES: u64 = 64 << 10;

/// Make the keys and passes by which a visitor's app knows your agents
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  panecast pass keygen --out shop.key            the tenant's key; shop.key.pub goes into the app
  panecast pass issue --tenant-key shop.key --name 'Ada Lovelace' --out ada.pass
  panecast share --relay http://127.0.0.1:7700 --visitor-id 4711 --tenant-key shop.key.pub
  panecast view --relay http://127.0.0.1:7700 --visitor 4711 --pass ada.pass

An agent who draws a key of its own keeps it, and sends no more than the public half:
  panecast pass keygen --agent --out ada.key     on the agent's device
  panecast pass issue --tenant-key shop.key --agent ada.key.pub --name 'Ada Lovelace' --out ada.signed
  cat ada.key ada.signed > ada.pass              on the agent's device; what `view` and the page take

Exit codes: 0 success, 1 failure, 2 wrong usage.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Draw a tenant's key, or an agent's, and write it to a file that only you can read
    Keygen {
        /// An agent's key instead of a tenant's
        #[arg(long)]
        agent: bool,
        /// File for the key; its public half goes to FILE.pub
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Sign a pass for an agent
    Issue {
        /// File with the tenant's key
        #[arg(long, value_name = "FILE")]
        tenant_key: PathBuf,
        /// The agent's public half, or a file with it or with the agent's key [default: a key drawn here, written beside
        /// the pass]
        #[arg(long, value_name = "FILE|TEXT")]
        agent: Option<String>,
        /// The agent's name, as visitors read it
        #[arg(long, value_name = "NAME")]
        name: String,
        /// The tenant, as the relay calls it
        #[arg(long, value_name = "NAME", default_value = DEFAULT_TENANT)]
        tenant: String,
        /// How long it is good
        #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=8760))]
        hours: u32,
        /// File for the pass
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Say whose a pass is and how long it is good
    Show {
        /// File with a pass and the agent's key
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Also check that this tenant signed it
        #[arg(long, value_name = "FILE|TEXT")]
        tenant_key: Option<String>,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Keygen { agent, out, json } => keygen(agent, &out, json),
        Command::Issue { tenant_key, agent, name, tenant, hours, out, json } => {
            let key: TenantKey =
                read(&tenant_key, "tenant's key", "name the file that `panecast pass keygen` wrote")?;
            issue(&key, agent.as_deref(), &name, &tenant, hours, &out, json)
        }
        Command::Show { file, tenant_key, json } => show(&file, tenant_key.as_deref(), json),
    }
}

fn keygen(agent: bool, out: &Path, json: bool) -> Result<(), Failure> {
    let (key, public) = if agent {
        let key = AgentKey::draw().map_err(Error::from)?;
        (key.to_string(), key.public().to_string())
    } else {
        let key = TenantKey::draw().map_err(Error::from)?;
        (key.to_string(), key.public().to_string())
    };
    let public_file = PathBuf::from(format!("{}.pub", out.display()));
    write_secret(out, &key)?;
    write_new(&public_file, &public, false)?;
    if json {
        let (key, public_file) = (out.display().to_string(), public_file.display().to_string());
        return line(json!({ "key_file": key, "public_file": public_file, "public": public }));
    }
    line(format_args!("key       {} (keep it to yourself)", out.display()))?;
    line(format_args!("public    {}", public_file.display()))?;
    line(format_args!("          {public}"))
}

fn issue(
    tenant_key: &TenantKey,
    agent: Option<&str>,
    name: &str,
    tenant: &str,
    hours: u32,
    out: &Path,
    json: bool,
) -> Result<(), Failure> {
    let (public, key) = match agent {
        None => {
            let key = AgentKey::draw().map_err(Error::from)?;
            (key.public(), Some(key))
        }
        Some(text) => agent_of(text)?,
    };
    let not_after = now_s() + u64::from(hours) * 3600;
    let pass = tenant_key.issue(tenant, name, &public, not_after).map_err(|_| {
        Failure::usage(
            "a name or a tenant is empty, too long or not to be shown",
            "give names of 1 to 255 bytes without control characters",
        )
    })?;
    let text = match &key {
        Some(key) => Credential::new(key.clone(), pass).map_err(Error::from)?.to_string(),
        None => format!("{pass}\n"),
    };
    write_secret(out, text.trim_end())?;
    if json {
        return line(json!({
            "pass_file": out.display().to_string(),
            "name": name,
            "tenant": tenant,
            "agent": public.short(),
            "not_after": not_after,
            "has_key": key.is_some(),
        }));
    }
    line(format_args!("pass      {}", out.display()))?;
    line(format_args!("agent     {} ({})", printable(name), public.short()))?;
    line(format_args!("good for  {hours} h, at visitors of {}", printable(tenant)))?;
    if key.is_none() {
        return line("The agent puts its own key before it: cat AGENT.key PASS > FILE");
    }
    Ok(())
}

/// An agent's public half, and its key if that is what was given.
fn agent_of(text: &str) -> Result<(AgentPublic, Option<AgentKey>), Failure> {
    if let Ok(public) = text.parse() {
        return Ok((public, None));
    }
    let path = Path::new(text);
    let next = "give what `panecast pass keygen --agent` printed, or one of the files that it wrote";
    let held = read_text(path, next)?;
    if let Ok(public) = held.trim().parse() {
        return Ok((public, None));
    }
    let key: AgentKey =
        held.trim().parse().map_err(|_| Failure::new(format!("{text} holds no agent's key"), next))?;
    Ok((key.public(), Some(key)))
}

fn show(file: &Path, tenant_key: Option<&str>, json: bool) -> Result<(), Failure> {
    let has = credential(file)?;
    let pass = has.pass();
    let left = pass.not_after().saturating_sub(now_s());
    if let Some(text) = tenant_key {
        let public = tenant_public(text)?;
        pass.check(&public, pass.tenant(), now_s())
            .map_err(Error::from)
            .map_err(|e| Failure::from(e).with_next("have it signed anew: `panecast pass issue`"))?;
    }
    if json {
        return line(json!({
            "name": pass.name(),
            "tenant": pass.tenant(),
            "agent": pass.agent().short(),
            "not_after": pass.not_after(),
            "seconds_left": left,
        }));
    }
    line(format_args!("agent     {} ({})", printable(pass.name()), pass.agent().short()))?;
    line(format_args!("tenant    {}", printable(pass.tenant())))?;
    match left {
        0 => line("too old   issue a new one: `panecast pass issue`"),
        left => line(format_args!("good for  {} h {} min", left / 3600, left / 60 % 60)),
    }
}

/// An agent's pass with the key.
pub(crate) fn credential(path: &Path) -> Result<Credential, Failure> {
    let next =
        "name a file with the agent's key and the pass, one line each: `panecast pass issue` writes it";
    read(path, "pass with its key", next)
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn read<T: std::str::FromStr>(path: &Path, what: &str, next: &str) -> Result<T, Failure> {
    let text = read_text(path, next)?;
    text.trim().parse().map_err(|_| Failure::new(format!("{} holds no {what}", path.display()), next))
}

fn read_text(path: &Path, next: &str) -> Result<String, Failure> {
    use std::io::Read;
    let failed = |e: std::io::Error| Failure::from(e).about(path.display()).with_next(next);
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(MOST_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn write_secret(path: &Path, text: &str) -> Result<(), Failure> {
    write_new(path, text, true)
}

/// Writes a file that is not there yet: a key that is overwritten cannot be had again.
fn write_new(path: &Path, text: &str, secret: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(if secret { 0o600 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = secret;
    options.open(path).and_then(|mut file| writeln!(file, "{text}")).map_err(|e| {
        let next = if e.kind() == std::io::ErrorKind::AlreadyExists {
            "choose another file: nothing is overwritten"
        } else {
            "check that the folder is there and writable"
        };
        Failure::from(e).about(path.display()).with_next(next)
    })
}
