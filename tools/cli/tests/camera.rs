//! `camera`, `links` and `share --link`: a link goes out, the one who has it answers, the agent sees.
#![cfg(unix)]

mod panecast;

use panecast::{Running, relay_of, run};
use serde_json::Value;
use std::path::Path;

fn relay() -> (Running, String) {
    let relay = Running::start(&["relay", "--bind", "127.0.0.1:0", "--json"]);
    let facts = relay.find("address", |line| line["url"].is_string());
    let url = facts["url"].as_str().unwrap().to_owned();
    (relay, url)
}

/// The one message in an outbox.
fn message(outbox: &Path) -> Value {
    let files: Vec<_> = std::fs::read_dir(outbox).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn camera(url: &str, outbox: &Path, more: &[&str]) -> Running {
    let outbox = outbox.to_str().unwrap();
    let to = ["--to", "+49 151 23456789", "--outbox", outbox, "--name", "Ada", "--json"];
    Running::start(&[&["camera", "--relay", url], &to[..], more].concat())
}

fn has_pictures(line: &Value) -> bool {
    line["event"] == "status" && line["pictures"].as_u64() >= Some(3)
}

#[test]
fn a_link_from_the_outbox_shows_what_its_reader_allows() {
    let (_relay, url) = relay();
    let outbox = tempfile::tempdir().unwrap();
    let mut agent = camera(&url, outbox.path(), &[]);
    agent.event("link-sent");
    agent.event("unavailable");
    let message = message(outbox.path());
    let link = message["url"].as_str().unwrap();
    assert!(link.starts_with(&format!("{url}/camera#")), "{link}");
    assert_eq!((&message["to"], &message["tenant"]), (&"+4915123456789".into(), &"default".into()));
    let mut phone =
        Running::start(&["share", "--link", link, "--source", "pattern:320x180@30", "--yes", "--json"]);
    let asked = phone.event("request");
    assert_eq!((&asked["name"], &asked["purpose"]), (&"Ada".into(), &"camera".into()));
    agent.event("available");
    agent.find("pictures", has_pictures);
    agent.signal("-INT");
    assert_eq!(agent.exit(), Some(0));
    // The link is used up, so there is nothing to wait for.
    phone.event("agent-left");
    assert_eq!(phone.exit(), Some(0));
}

#[test]
fn without_a_number_the_link_is_told() {
    let (_relay, url) = relay();
    let agent = Running::start(&["camera", "--relay", &url, "--json"]);
    let link = agent.event("link")["url"].as_str().unwrap().to_owned();
    let phone =
        Running::start(&["share", "--link", &link, "--source", "pattern:320x180@30", "--yes", "--json"]);
    phone.event("request");
    agent.find("pictures", has_pictures);
}

#[test]
fn a_link_leads_into_the_tenant_whose_agent_sent_it() {
    let (outbox, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tenant = "Läden & mehr";
    let (_relay, url) = relay_of(tenant, folder.path());
    let agent = camera(&url, outbox.path(), &["--tenant", tenant]);
    agent.event("link-sent");
    agent.event("unavailable");
    let message = message(outbox.path());
    let link = message["url"].as_str().unwrap();
    assert!(link.starts_with(&format!("{url}/camera?tenant=L%C3%A4den%20%26%20mehr#")), "{link}");
    assert_eq!(message["tenant"], tenant);
    let share = ["share", "--source", "pattern:320x180@30", "--yes", "--json", "--link"];
    let nowhere = link.replace("tenant=L", "tenant=X");
    run(&[&share[..], &[&nowhere]].concat(), b"").failed(1, "does not know the tenant");
    run(&[&share[..], &[link, "--tenant", "other"]].concat(), b"").failed(2, "Läden & mehr");
    // Neither of the two has a token.
    let phone = Running::start(&[&share[..], &[link]].concat());
    assert_eq!(phone.event("request")["purpose"], "camera");
    agent.event("available");
    agent.find("pictures", has_pictures);
}

#[test]
fn what_makes_no_sense_is_said() {
    run(&["camera", "--relay", "http://127.0.0.1:1", "--to", "0151 23456789", "--outbox", "x"], b"")
        .failed(2, "country");
    run(&["camera", "--relay", "http://127.0.0.1:1", "--to", "+4915123456789"], b"").failed(2, "required");
    run(
        &["share", "--link", "http://127.0.0.1:1/see#0123456789abcdefghjkmnpqr0", "--source", "pattern"],
        b"",
    )
    .failed(2, "whole link");
    let long = format!("tenant={}", "a".repeat(256));
    for query in ["tenant=", "tenant=a&tenant=b", "tenant=%0a", "tenant=%ff", &long] {
        let link = format!("http://127.0.0.1:1/camera?{query}#0123456789abcdefghjkmnpqr0");
        run(&["share", "--link", &link, "--source", "pattern"], b"").failed(2, "whole link");
    }
    run(&["links", "--page", "http://127.0.0.1:1", "--bind", "127.0.0.1:0"], b"").failed(2, "required");
}
