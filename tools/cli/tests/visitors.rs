//! Agents with a pass, and a visitor who is asked at a terminal: `pass`, `share --visitor-id` and `view --visitor`.
#![cfg(unix)]

mod panecast;
mod terminal;

use panecast::{Running, run};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use terminal::Terminal;

/// A relay, a tenant's key and Ada's pass.
struct Shop {
    _relay: Running,
    url: String,
    dir: tempfile::TempDir,
}

fn path(dir: &Path, name: &str) -> String {
    dir.join(name).to_str().unwrap().to_owned()
}

fn pass(dir: &Path, key: &str, name: &str, file: &str) {
    let (key, out) = (path(dir, key), path(dir, file));
    run(&["pass", "issue", "--tenant-key", &key, "--name", name, "--out", &out], b"").ok();
}

impl Shop {
    fn open() -> Self {
        let relay = Running::start(&["relay", "--bind", "127.0.0.1:0", "--json"]);
        let url = relay.find("address", |line| line["url"].is_string())["url"].as_str().unwrap().to_owned();
        let dir = tempfile::tempdir().unwrap();
        run(&["pass", "keygen", "--out", &path(dir.path(), "shop.key")], b"").ok();
        pass(dir.path(), "shop.key", "Ada Lovelace", "ada.pass");
        Self { _relay: relay, url, dir }
    }

    fn file(&self, name: &str) -> String {
        path(self.dir.path(), name)
    }

    fn visitor_args<'a>(&'a self, key: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let here = ["share", "--relay", &self.url, "--visitor-id", "4711", "--tenant-key", key, "--json"];
        [&here, more].concat()
    }

    fn agent(&self, more: &[&str]) -> Running {
        let has = self.file("ada.pass");
        Running::start(
            &[&["view", "--relay", &self.url, "--visitor", "4711", "--pass", &has, "--json"], more].concat(),
        )
    }
}

fn has_pictures(line: &Value) -> bool {
    line["event"] == "status" && line["pictures"].as_u64() >= Some(3)
}

const QUESTION: &str = "press Enter to decline: ";

#[test]
fn one_click_the_agent_waits_for_the_visitor_who_is_told_who_asks() {
    let shop = Shop::open();
    let agent = shop.agent(&[]);
    assert_eq!(agent.event("unavailable")["visitor"], "4711");
    let key = shop.file("shop.key.pub");
    let mut visitor = Running::start(&shop.visitor_args(&key, &["--source", "pattern:320x180@30", "--yes"]));
    // A key is shown beside it, for agents without a pass.
    let typed = visitor.event("key")["key"].as_str().unwrap().to_owned();
    assert_eq!(visitor.event("present")["visitor"], "4711");
    agent.event("available");
    let request = visitor.event("request");
    assert_eq!((&request["name"], &request["purpose"]), (&"Ada Lovelace".into(), &"screen".into()));
    assert_eq!((&request["proven"], request["id"].as_str().map(str::len)), (&true.into(), Some(8)));
    agent.find("pictures", has_pictures);

    let by_key = Running::start(&["view", "--relay", &shop.url, "--key", &typed, "--name", "Bob", "--json"]);
    let request = visitor.event("request");
    assert_eq!((&request["name"], &request["proven"]), (&"Bob".into(), &false.into()));
    by_key.find("pictures", has_pictures);
    let second = shop.agent(&[]);
    second.find("pictures", has_pictures);
    visitor.signal("-INT");
    assert_eq!(visitor.exit(), Some(0));
    for mut watching in [agent, by_key, second] {
        assert_eq!(watching.event("end")["reason"], "sharer-stopped");
        assert_eq!(watching.exit(), Some(0));
    }
}

#[test]
fn view_their_screen_is_chosen_allowed_and_declined_at_the_terminal() {
    let shop = Shop::open();
    let key = shop.file("shop.key.pub");
    let mut visitor = Terminal::start(&shop.visitor_args(&key, &["--no-key"]));
    visitor.command.event("present");

    let mut declined = shop.agent(&["--purpose", "window"]);
    assert_eq!(visitor.command.event("request")["purpose"], "window");
    let asked = visitor.shows(QUESTION);
    assert!(asked.contains("pattern:"), "the list of what can be shown: {asked}");
    declined.event("asking");
    visitor.types("");
    assert_eq!(declined.event("end")["reason"], "declined");
    assert_eq!(declined.exit(), Some(3));
    visitor.command.event("declined");

    let mut watching = shop.agent(&[]);
    visitor.shows(QUESTION);
    visitor.types("99");
    visitor.shows("not in the list");
    visitor.types("1");
    let allowed = watching.event("allowed");
    assert!(allowed["source"].as_str().unwrap().starts_with("pattern:"), "{allowed}");
    watching.find("pictures", has_pictures);
    // Whoever comes next is asked for as well, about what is shown now.
    let second = shop.agent(&[]);
    visitor.shows("Allow this agent to see pattern");
    visitor.types("y");
    second.find("pictures", has_pictures);
    for agent in [&watching, &second] {
        agent.signal("-INT");
    }
    assert_eq!(watching.exit(), Some(0));
    visitor.command.event("agent-left");
    visitor.command.event("agent-left");
    // Nobody watches any more: what is shown is the visitor's choice again.
    let third = shop.agent(&[]);
    visitor.shows(QUESTION);
    // It leaves before it is answered: a line that was meant for it answers nobody else.
    third.signal("-INT");
    visitor.command.event("agent-left");
    visitor.types("1");
    let mut fourth = shop.agent(&[]);
    visitor.shows(QUESTION);
    visitor.types("n");
    assert_eq!(fourth.event("end")["reason"], "declined");
    assert_eq!(fourth.exit(), Some(3));
}

#[test]
fn a_pass_of_another_tenant_or_a_visitor_on_another_device_is_told_as_that() {
    let shop = Shop::open();
    run(&["pass", "keygen", "--out", &shop.file("other.key")], b"").ok();
    let (ours, other) = (shop.file("shop.key.pub"), shop.file("other.key.pub"));
    let shown = ["--source", "pattern:64x64@5", "--yes", "--no-key"];
    let mut stranger = Running::start(&shop.visitor_args(&other, &shown));
    stranger.event("present");
    let has = shop.file("ada.pass");
    run(&["view", "--relay", &shop.url, "--visitor", "4711", "--pass", &has], b"").failed(1, "pass");
    let visitor = Running::start(&shop.visitor_args(&ours, &shown));
    visitor.event("present");
    stranger.event("taken-over");
    assert_eq!(stranger.exit(), Some(1));
    shop.agent(&[]).find("pictures", has_pictures);
}

/// Of the tenant `shop`, HS256 with [`SECRET`]: `sub` ada, `name` Ada, `exp` in the year 2100.
const TOKEN: [&str; 3] = [
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
    "eyJ0ZW5hbnQiOiJzaG9wIiwic3ViIjoiYWRhIiwibmFtZSI6IkFkYSIsImV4cCI6NDEwMjQ0NDgwMH0",
    "bR9pO43v7hc6yxMY_7BcdkChwxnY1FWzf8XNa_o1Iec",
];
const SECRET: &str = "a secret of more than thirty-two bytes";

#[test]
fn a_tenants_own_visitors_and_agents_show_their_tokens_to_the_relay() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).unwrap();
        path(dir.path(), name)
    };
    file("shop.secret", SECRET);
    let asks = "hosts-need-token = true\nkeys-need-token = true\n";
    let tenants = file("tenants.toml", &format!("[tenants.shop]\nsecret-file = \"shop.secret\"\n{asks}"));
    let relay = Running::start(&["relay", "--bind", "127.0.0.1:0", "--json", "--tenants", &tenants]);
    let url = relay.find("address", |line| line["url"].is_string())["url"].as_str().unwrap().to_owned();
    let at = ["--relay", &url, "--tenant", "shop"];
    run(&["pass", "keygen", "--out", &path(dir.path(), "shop.key")], b"").ok();
    let (key, public) = (path(dir.path(), "shop.key"), path(dir.path(), "shop.key.pub"));
    let has = path(dir.path(), "ada.pass");
    let issue = ["pass", "issue", "--tenant-key", &key, "--tenant", "shop", "--name", "Ada", "--out", &has];
    run(&issue, b"").ok();
    let here = ["--visitor-id", "4711", "--tenant-key", &public, "--source", "pattern:320x180@30", "--yes"];
    let share = [&["share", "--json"], &at[..], &here].concat();
    run(&share, b"").failed(1, "token");
    let token = file("token", &format!("{}\n", TOKEN.join(".")));
    let visitor = Running::start(&[&share[..], &["--token", &token]].concat());
    let typed = visitor.event("key")["key"].as_str().unwrap().to_owned();
    visitor.event("present");

    let by_key = [&["view", "--json", "--key", &typed], &at[..]].concat();
    run(&by_key, b"").failed(1, "token");
    Running::start(&[&by_key[..], &["--token", &token]].concat()).find("pictures", has_pictures);
    // The tenant is the pass's.
    let by_pass = ["view", "--json", "--relay", &url, "--visitor", "4711", "--pass", &has];
    run(&by_pass, b"").failed(1, "token");
    Running::start(&[&by_pass[..], &["--token", &token]].concat()).find("pictures", has_pictures);
    let none = file("none", "no token at all");
    run(&[&by_pass[..], &["--token", &none]].concat(), b"").failed(1, "holds no token");
}

#[test]
fn keys_and_passes_are_files_that_others_cannot_read_and_nothing_overwrites() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| path(dir.path(), name);
    let made = run(&["pass", "keygen", "--out", &file("shop.key"), "--json"], b"").ok();
    let made: Value = serde_json::from_slice(&made).unwrap();
    let public = std::fs::read_to_string(file("shop.key.pub")).unwrap();
    assert_eq!(made["public"], public.trim());
    run(&["pass", "keygen", "--out", &file("shop.key")], b"").failed(1, "shop.key");
    // An agent's own key never leaves its device: the tenant sees the public half alone.
    run(&["pass", "keygen", "--agent", "--out", &file("ada.key")], b"").ok();
    let (key, public, out) = (file("shop.key"), file("ada.key.pub"), file("ada.signed"));
    let issue = ["pass", "issue", "--tenant-key", &key, "--name", "Ada", "--tenant", "shop"];
    let signed = run(&[&issue[..], &["--agent", &public, "--out", &out, "--json"]].concat(), b"").ok();
    let signed: Value = serde_json::from_slice(&signed).unwrap();
    assert_eq!((&signed["has_key"], &signed["name"]), (&false.into(), &"Ada".into()));
    let both = ["ada.key", "ada.signed"].map(|name| std::fs::read_to_string(file(name)).unwrap()).concat();
    std::fs::write(file("ada.pass"), both).unwrap();
    let shown =
        run(&["pass", "show", &file("ada.pass"), "--tenant-key", &file("shop.key.pub"), "--json"], b"");
    let shown: Value = serde_json::from_slice(&shown.ok()).unwrap();
    assert_eq!((&shown["tenant"], &shown["agent"]), (&"shop".into(), &signed["agent"]));
    assert!((11 * 3600..=12 * 3600).contains(&shown["seconds_left"].as_u64().unwrap()));
    for secret in ["shop.key", "ada.key", "ada.signed"] {
        let mode = PathBuf::from(file(secret)).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    run(&["pass", "show", &file("ada.signed")], b"").failed(1, "no pass");
    run(&["pass", "issue", "--tenant-key", &file("ada.key"), "--name", "Ada", "--out", &file("x")], b"")
        .failed(1, "tenant's key");
    run(&[&issue[..], &["--agent", "hello", "--out", &file("x")]].concat(), b"").failed(1, "hello");
    run(&["pass", "issue", "--tenant-key", &file("shop.key"), "--name", "", "--out", &file("x")], b"")
        .failed(2, "name");
    let url = "http://127.0.0.1:1";
    let view = ["view", "--relay", url, "--visitor", "4711"];
    run(&view, b"").failed(2, "--pass");
    run(&[&view[..], &["--pass", &file("ada.key")]].concat(), b"").failed(1, "no pass");
    run(&[&view[..], &["--pass", &file("ada.pass"), "--tenant", "other"]].concat(), b"").failed(2, "shop");
    run(&["share", "--relay", url, "--visitor-id", "4711", "--yes"], b"").failed(2, "--tenant-key");
    run(&["share", "--relay", url, "--yes"], b"").failed(2, "--source");
}
