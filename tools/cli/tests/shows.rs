//! `show` and `view LINK`: somebody's own screen, seen by others who have the link.
#![cfg(unix)]

mod panecast;

use panecast::{Running, relay_of, run};
use serde_json::Value;

fn relay() -> (Running, String) {
    let relay = Running::start(&["relay", "--bind", "127.0.0.1:0", "--json"]);
    let facts = relay.find("address", |line| line["url"].is_string());
    let url = facts["url"].as_str().unwrap().to_owned();
    (relay, url)
}

fn show(url: &str, more: &[&str]) -> (Running, String, Option<String>) {
    let pattern = ["--source", "pattern:320x180@30", "--name", "Ada", "--json"];
    let show = Running::start(&[&["show", "--relay", url], &pattern[..], more].concat());
    let (link, key) = link(&show);
    assert!(link.starts_with(&format!("{url}/see#")), "{link}");
    (show, link, key)
}

/// The link that is shown next, with the key where one is needed.
fn link(show: &Running) -> (String, Option<String>) {
    let told = show.event("link");
    (told["url"].as_str().unwrap().to_owned(), told["key"].as_str().map(str::to_owned))
}

fn view(link: &str, more: &[&str]) -> Running {
    Running::start(&[&["view", link, "--name", "Bo", "--json"], more].concat())
}

fn has_pictures(line: &Value) -> bool {
    line["event"] == "status" && line["pictures"].as_u64() >= Some(5)
}

#[test]
fn a_link_lets_in_as_many_as_it_is_for_and_shows_whose_screen_it_is() {
    let (_relay, url) = relay();
    let (mut show, link, key) = show(&url, &["--people", "2"]);
    assert_eq!(key, None);
    let first = view(&link, &[]);
    assert_eq!(first.event("allowed")["source"], "Ada's screen");
    let asked = show.event("request");
    assert_eq!((&asked["name"], &asked["purpose"]), (&"Bo".into(), &"agent-screen".into()));
    first.find("pictures", has_pictures);
    let late = view(&link, &[]);
    late.find("pictures", has_pictures);
    let dead = "the link does not work";
    run(&["view", &link], b"").failed(1, dead);
    // Another secret, of which the relay has never heard.
    run(&["view", &format!("{url}/see#0123456789abcdefghjkmnpqr0")], b"").failed(1, dead);
    show.signal("-INT");
    assert_eq!(show.exit(), Some(0));
    for mut watching in [first, late] {
        assert_eq!(watching.event("end")["reason"], "sharer-stopped");
        assert_eq!(watching.exit(), Some(0));
    }
    run(&["view", &link], b"").failed(1, dead);
}

#[test]
fn a_link_leads_into_the_tenant_of_who_shows() {
    let folder = tempfile::tempdir().unwrap();
    let (_relay, url) = relay_of("shop", folder.path());
    let shown = ["show", "--relay", &url, "--source", "pattern:320x180@30", "--json", "--tenant", "shop"];
    let by_link = Running::start(&shown);
    let (link, _) = self::link(&by_link);
    assert!(link.starts_with(&format!("{url}/see?tenant=shop#")), "{link}");
    view(&link, &[]).find("pictures", has_pictures);
    // The relay knows no tenant `default`, which a link that names none leads into.
    run(&["view", &link.replace("?tenant=shop", "")], b"").failed(1, "does not know the tenant");
    run(&["view", &link, "--tenant", "default"], b"").failed(2, "tenant shop");
    let with_key = Running::start(&[&shown[..], &["--key"]].concat());
    let (link, key) = self::link(&with_key);
    view(&link, &["--key", &key.expect("a key")]).find("pictures", has_pictures);
    // What the visitor's agent opens names the tenant, too.
    let share = ["share", "--yes", "--json", "--source", "pattern:320x180@30", "--relay", &url];
    let share = Running::start(&[&share[..], &["--tenant", "shop"]].concat());
    let told = share.event("key");
    let key = told["key"].as_str().unwrap().replace(' ', "");
    assert_eq!(told["url"], format!("{url}/?tenant=shop#{key}"));
}

#[test]
fn a_link_with_a_key_needs_both() {
    let (_relay, url) = relay();
    let (show, with_key, key) = show(&url, &["--key"]);
    let key = key.expect("a key");
    run(&["view", &with_key], b"").failed(2, "needs a key");
    run(&["view", with_key.strip_suffix(".key").unwrap(), "--key", &key], b"").failed(2, "needs no key");
    let wrong = "the key is not the one that was told";
    let without = run(&["view", "--relay", &url, "--key", &key], b"");
    without.failed(1, wrong);
    let last = if key.ends_with('0') { "1" } else { "0" };
    run(&["view", &with_key, "--key", &format!("{}{last}", &key[..key.len() - 1])], b"").failed(1, wrong);
    let watching = view(&with_key, &["--key", &key]);
    watching.find("pictures", has_pictures);
    // Each key is good for one; the link stays.
    let (again, next) = link(&show);
    assert_eq!(again, with_key);
    assert_ne!(next.as_deref(), Some(key.as_str()));
    view(&with_key, &["--key", &next.unwrap()]).find("pictures", has_pictures);
}

#[test]
fn a_show_outlives_its_relay_and_keeps_its_link() {
    let (mut first, url) = relay();
    let (show, link, _) = show(&url, &[]);
    let watching = view(&link, &[]);
    watching.find("pictures", has_pictures);
    first.signal("-KILL");
    first.exit();
    show.event("relay-lost");
    watching.event("relay-lost");
    let address = url.strip_prefix("http://").unwrap();
    let successor = Running::start(&["relay", "--bind", address, "--json"]);
    successor.find("address", |line| line["url"].is_string());
    show.event("relay-back");
    watching.event("back");
    let seen = watching.event("status")["pictures"].as_u64();
    watching.find("more pictures", |line| line["pictures"].as_u64() > seen);
    view(&link, &[]).find("pictures", has_pictures);
}

#[test]
fn the_pixels_are_the_sources() {
    let (_relay, url) = relay();
    let dir = tempfile::tempdir().unwrap();
    let (file, png) = (dir.path().join("grey.y4m"), dir.path().join("last.png"));
    let mut y4m = b"YUV4MPEG2 W32 H16 F30:1\n".to_vec();
    for luma in 40..100 {
        y4m.extend_from_slice(b"FRAME\n");
        y4m.extend_from_slice(&[luma; 32 * 16]);
        y4m.extend_from_slice(&[128; 32 * 16 / 2]);
    }
    std::fs::write(&file, y4m).unwrap();
    let source = format!("file:{}", file.display());
    let mut show = Running::start(&["show", "--relay", &url, "--source", &source, "--json"]);
    let (link, _) = link(&show);
    let mut watching = view(&link, &["--save", png.to_str().unwrap()]);
    assert_eq!(watching.event("end")["reason"], "source-ended");
    assert_eq!((watching.exit(), show.exit()), (Some(0), Some(0)));
    let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&png).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let shape = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((shape.width, shape.height), (32, 16));
    // BT.601, limited range: of the last luma, 99.
    let grey = ((99.0_f64 - 16.0) * 255.0 / 219.0).round() as i32;
    let of_pixel = shape.color_type.samples();
    for px in pixels[..shape.buffer_size()].chunks_exact(of_pixel) {
        assert!(px[..3].iter().all(|&c| (i32::from(c) - grey).abs() <= 1), "{px:?} is not {grey}");
    }
}

#[test]
fn what_is_no_link_is_wrong_usage() {
    for bad in ["https://relay.example/see#0123", "https://relay.example/", "0123456789abcdefghjkmnpqr0"] {
        run(&["view", bad], b"").failed(2, "not a whole link");
    }
    let link = "http://127.0.0.1:9/see#0123456789abcdefghjkmnpqr0";
    run(&["view", link, "--relay", "http://127.0.0.1:8"], b"").failed(2, "leave --relay out");
    run(&["show", "--source", "pattern"], b"").failed(2, "--relay");
    run(&["show", "--relay", "http://127.0.0.1:9", "--source", "pattern"], b"").failed(1, "cannot reach");
}
