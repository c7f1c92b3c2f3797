//! The service over real sockets: who may send, what is sent, and what the gateway is told.

use panecast_links::service::{Config, Service};
use panecast_links::{LinkMessage, LinkSender, Outbox, Sending, Webhook, signature};
use panecast_relay::Tenants;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PAGE: &str = "https://relay.example";
const SECRET: &[u8] = b"a secret that both sides have: yes";

fn link(i: usize) -> String {
    format!("{PAGE}/camera#0123456789abcdefghjkmnp{i:03}")
}

/// Keeps what it is told to send.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<LinkMessage>>);

impl LinkSender for Kept {
    fn send<'a>(&'a self, message: &'a LinkMessage) -> Sending<'a> {
        self.0.lock().unwrap().push(message.clone());
        Box::pin(async { Ok(()) })
    }
}

fn config(sender: Arc<dyn LinkSender>) -> Config {
    Config {
        bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        pages: vec![PAGE.to_owned()],
        tenants: Tenants::default(),
        sender,
        agent_links: 30,
        number_links: 3,
    }
}

async fn start(config: Config) -> SocketAddr {
    let service = Service::bind(config).await.unwrap();
    let address = service.address();
    tokio::spawn(service.run(std::future::pending()));
    address
}

/// Status, headers, body.
async fn request(address: SocketAddr, head: &str, body: &str) -> (u16, String, serde_json::Value) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let text = format!("{head}\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), serde_json::from_str(body).unwrap_or_default())
}

async fn ask(address: SocketAddr, headers: &str, body: serde_json::Value) -> (u16, serde_json::Value) {
    let head = format!("POST /links HTTP/1.1\r\nContent-Type: application/json{headers}");
    let (status, _, body) = request(address, &head, &body.to_string()).await;
    (status, body)
}

#[tokio::test]
async fn a_link_is_sent_once_however_often_it_is_asked_for() {
    let kept = Arc::new(Kept::default());
    let address = start(config(kept.clone())).await;
    let body = serde_json::json!({ "to": "+49 151 23456789", "url": link(1), "name": "Ada" });
    for _ in 0..2 {
        let (status, answer) = ask(address, "", body.clone()).await;
        assert_eq!((status, &answer["expires_in_s"]), (202, &1800.into()));
    }
    let sent = kept.0.lock().unwrap();
    let [message] = &sent[..] else { panic!("{} messages", sent.len()) };
    assert_eq!((message.to.as_str(), message.url.as_str()), ("+4915123456789", &*link(1)));
    assert!(message.text.contains("Ada") && message.text.contains(&link(1)));
}

#[tokio::test]
async fn what_makes_no_sense_is_said_and_not_sent() {
    let kept = Arc::new(Kept::default());
    let address = start(config(kept.clone())).await;
    let sound = serde_json::json!({ "to": "+4915123456789", "url": link(1) });
    let with = |key: &str, value: &str| {
        let mut body = sound.clone();
        body[key] = value.into();
        body
    };
    for (body, kind) in [
        (with("to", "0151 23456789"), "bad-number"),
        (with("url", "https://evil.example/camera#0123456789abcdefghjkmnpqrs"), "bad-link"),
        (with("extra", "field"), "bad-request"),
        (with("tenant", "unknown"), "not-allowed"),
    ] {
        let (status, answer) = ask(address, "", body).await;
        assert!((400..500).contains(&status));
        assert_eq!(answer["kind"], kind);
        assert!(!answer["message"].as_str().unwrap().is_empty());
    }
    let (status, ..) =
        request(address, "POST /links HTTP/1.1\r\nContent-Type: text/plain", &sound.to_string()).await;
    assert_eq!(status, 415, "a form of another site");
    let (status, ..) =
        request(address, "POST /links HTTP/1.1\r\nContent-Type: application/json", &"x".repeat(9000)).await;
    assert_eq!(status, 413);
    assert!(kept.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn numbers_and_agents_have_limits() {
    let kept = Arc::new(Kept::default());
    let address = start(Config { agent_links: 5, ..config(kept.clone()) }).await;
    let mut statuses = Vec::new();
    for (i, number) in [(1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 3)] {
        let body = serde_json::json!({ "to": format!("+491512345678{number}"), "url": link(i) });
        statuses.push(ask(address, "", body).await.0);
    }
    assert_eq!(statuses, [202, 202, 202, 429, 202, 202, 429]);
    assert_eq!(kept.0.lock().unwrap().len(), 5);
}

#[tokio::test]
async fn only_the_agent_page_may_ask_from_a_browser() {
    let address = start(config(Arc::new(Kept::default()))).await;
    let body = serde_json::json!({ "to": "+4915123456789", "url": link(1) });
    assert_eq!(ask(address, "\r\nOrigin: https://evil.example", body.clone()).await.0, 403);
    assert_eq!(ask(address, "\r\nOrigin: null", body.clone()).await.0, 403);
    assert_eq!(ask(address, &format!("\r\nOrigin: {PAGE}"), body).await.0, 202);
    let (status, head, _) = request(address, &format!("OPTIONS /links HTTP/1.1\r\nOrigin: {PAGE}"), "").await;
    assert_eq!(status, 204);
    assert!(head.contains(&format!("access-control-allow-origin: {PAGE}")), "{head}");
    let (status, head, _) =
        request(address, "OPTIONS /links HTTP/1.1\r\nOrigin: https://evil.example", "").await;
    assert!(status == 403 && !head.contains("access-control-allow-origin"), "{head}");
}

fn token(secret: &[u8], claims: serde_json::Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(secret);
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

fn tenants(folder: &Path) -> Tenants {
    std::fs::write(folder.join("shop.secret"), SECRET).unwrap();
    let file = folder.join("tenants.toml");
    std::fs::write(&file, "[tenants.shop]\nsecret-file = \"shop.secret\"\n").unwrap();
    Tenants::from_file(&file).unwrap()
}

#[tokio::test]
async fn a_tenants_agents_show_their_token() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Arc::new(Kept::default());
    let address = start(Config { tenants: tenants(folder.path()), ..config(kept.clone()) }).await;
    let url = link(1).replace('#', "?tenant=shop#");
    let body = serde_json::json!({ "to": "+4915123456789", "url": url, "tenant": "shop", "name": "Mallory" });
    assert_eq!(ask(address, "", body.clone()).await.0, 401);
    let claims = serde_json::json!({ "tenant": "shop", "sub": "7", "name": "Ada", "exp": 4_000_000_000_u64 });
    let foreign = token(&[1; 40], claims.clone());
    assert_eq!(ask(address, &format!("\r\nAuthorization: Bearer {foreign}"), body.clone()).await.0, 401);
    let own = token(SECRET, claims);
    let head = format!("\r\nAuthorization: Bearer {own}");
    // A link that leads elsewhere than into the token's tenant.
    for elsewhere in [link(1), link(1).replace('#', "?tenant=bank#")] {
        let body = serde_json::json!({ "to": "+4915123456789", "url": elsewhere, "tenant": "shop" });
        assert_eq!(ask(address, &head, body).await.1["kind"], "bad-link");
    }
    assert_eq!(ask(address, &head, body).await.0, 202);
    let sent = kept.0.lock().unwrap();
    assert!(sent[0].text.starts_with("Ada asks"), "the token's name, not one of the asker's own");
}

#[tokio::test]
async fn without_tenants_it_serves_this_machine_alone() {
    let open =
        Config { bind: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), ..config(Arc::new(Kept::default())) };
    assert!(Service::bind(open).await.is_err());
    let page =
        Config { pages: vec!["https://relay.example/camera".into()], ..config(Arc::new(Kept::default())) };
    assert!(Service::bind(page).await.is_err());
}

/// A gateway that answers each request with the next status, and tells what it heard.
async fn gateway(statuses: Vec<u16>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/sms", listener.local_addr().unwrap());
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = heard.clone();
    tokio::spawn(async move {
        for status in statuses {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut text, mut buffer) = (String::new(), [0; 4096]);
            loop {
                let n = stream.read(&mut buffer).await.unwrap();
                text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
                if n == 0 || text.ends_with('}') {
                    break;
                }
            }
            told.lock().unwrap().push(text);
            let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, heard)
}

fn message() -> LinkMessage {
    let to = "+4915123456789".parse().unwrap();
    LinkMessage::new(&to, &link(1), "shop", "Ada", std::time::SystemTime::now())
}

/// The value of a header.
fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let found = request.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    });
    found.unwrap_or_else(|| panic!("no {name} in {request}"))
}

#[tokio::test(start_paused = true)]
async fn a_gateway_gets_a_signed_message_again_while_it_fails() {
    let (url, heard) = gateway(vec![500, 503, 429, 204]).await;
    Webhook::new(&url, SECRET).unwrap().send(&message()).await.unwrap();
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 4);
    for request in heard.iter() {
        let body = request.split_once("\r\n\r\n").unwrap().1;
        let timestamp: u64 = header(request, "Panecast-Timestamp").parse().unwrap();
        assert_eq!(header(request, "Panecast-Signature"), signature(SECRET, timestamp, body.as_bytes()));
        assert_eq!(header(request, "Idempotency-Key"), message().id);
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["to"], &body["tenant"]), (&"+4915123456789".into(), &"shop".into()));
        assert!(body["text"].as_str().unwrap().contains(body["url"].as_str().unwrap()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_gateway_refuses_is_not_tried_again() {
    for status in [400, 401, 404, 301] {
        let (url, heard) = gateway(vec![status, 200]).await;
        let result = Webhook::new(&url, SECRET).unwrap().send(&message()).await;
        assert!(matches!(result, Err(panecast_links::SendError::Refused(_))), "{status}: {result:?}");
        assert_eq!(heard.lock().unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_stays_away_is_given_up() {
    let (url, heard) = gateway(vec![500; 4]).await;
    let result = Webhook::new(&url, SECRET).unwrap().send(&message()).await;
    assert!(matches!(result, Err(panecast_links::SendError::Unreachable(_))), "{result:?}");
    assert_eq!(heard.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn an_outbox_can_be_asked_through_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let address = start(config(Arc::new(Outbox::into(folder.path(), false).unwrap()))).await;
    let (status, answer) =
        ask(address, "", serde_json::json!({ "to": "+4915123456789", "url": link(1) })).await;
    assert_eq!(status, 202);
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    assert!(file.to_str().unwrap().ends_with(&format!("-{}.json", answer["id"].as_str().unwrap())));
}
