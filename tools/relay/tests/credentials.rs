//! A NATS server that lets in only who has credentials: a JWT of an account, and the key that it names.
#![cfg(unix)]

mod ends;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ends::lookout::{known, presence};
use ends::nats::{Cluster, Nats, free_port};
use ends::process::Process;
use ends::{Host, joiner, knock, refused};
use nkeys::KeyPair;
use panecast_protocol::RefusalKind;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What `by` says of `of`, as NATS writes it.
fn jwt(by: &KeyPair, of: &KeyPair, name: &str, nats: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    let (iss, sub) = (by.public_key(), of.public_key());
    let body =
        json!({ "jti": name, "iat": 1_700_000_000, "iss": iss, "name": name, "sub": sub, "nats": nats });
    let signed = format!("{head}.{}", part(&body));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(by.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

/// An operator's account for relays.
struct Account {
    operator: KeyPair,
    account: KeyPair,
}

impl Account {
    fn new() -> Self {
        Self { operator: KeyPair::new_operator(), account: KeyPair::new_account() }
    }

    /// The server's configuration.
    fn config(&self, folder: &Path) -> PathBuf {
        let operator =
            jwt(&self.operator, &self.operator, "operator", &json!({ "type": "operator", "version": 2 }));
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
            "leaf": -1,
        });
        let facts = json!({ "limits": limits, "type": "account", "version": 2 });
        let account = jwt(&self.operator, &self.account, "panecast", &facts);
        let path = folder.join("nats.conf");
        let preload = format!("{}: {account}", self.account.public_key());
        let text = format!("operator: {operator}\nresolver: MEMORY\nresolver_preload: {{ {preload} }}\n");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Credentials of a relay, which may speak of nothing else than relays do.
    fn credentials(&self, path: &Path) -> String {
        let user = KeyPair::new_user();
        let subjects = json!({ "allow": ["panecast.>", "_INBOX.>"] });
        let facts = json!({
            "pub": subjects, "sub": subjects, "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2,
        });
        let (token, seed) = (jwt(&self.account, &user, "relay", &facts), user.seed().unwrap());
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        std::fs::write(path, text).unwrap();
        seed
    }
}

#[tokio::test]
async fn relays_reach_nats_by_their_credentials_and_by_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let account = Account::new();
    let seeds = [account.credentials(path("relay.creds").as_ref()), {
        // Of an account that the server has never heard of.
        Account::new().credentials(path("other.creds").as_ref())
    }];
    let port = free_port();
    let config = account.config(folder.path());
    let _nats = Nats::with(port, &["--config", config.to_str().unwrap()]);
    let cluster = Cluster::start();
    let relay = |more: &[&str]| -> Process { cluster.relay_by(&format!("nats://127.0.0.1:{port}"), more) };
    let (own, other) = (path("relay.creds"), path("other.creds"));
    let with = ["--nats-credentials", &own];
    let (a, b) = (relay(&with), relay(&with));
    let mut host = Host::open(&a.address(), None).await;
    known(&mut host, &b, "v").await;
    let (_, door) = presence("v");
    let (mut far, place) = joiner(&b.address(), &mut host, &door).await;
    host.send(Some(place.joiner), panecast_protocol::ParcelKind::Control, b"through NATS").await;
    assert_eq!(far.binary().await, b"through NATS");

    for alone in [relay(&[]), relay(&["--nats-credentials", &other])] {
        assert_eq!(refused(&mut knock(&alone.address(), &door).await).await.kind, RefusalKind::Unavailable);
        // It serves what it has by itself.
        let mut host = Host::open(&alone.address(), None).await;
        let link = host.link().await;
        joiner(&alone.address(), &mut host, &link).await;
        let log = alone.stop();
        assert!(!log.contains("connected to NATS"), "{log}");
        assert!(!seeds.iter().any(|seed| log.contains(seed)), "{log}");
    }
    for log in [a.stop(), b.stop()] {
        assert!(log.contains("connected to NATS") && !seeds.iter().any(|seed| log.contains(seed)), "{log}");
    }
    // A file that holds none is a mistake of whoever starts it.
    let (none, secret) = (path("none.creds"), path("secret"));
    std::fs::write(&none, "nothing of use").unwrap();
    std::fs::write(&secret, "a secret of 32 bytes or more for all relays").unwrap();
    for file in [none, path("absent.creds")] {
        let nats = ["--bind", "127.0.0.1:0", "--nats", "nats://127.0.0.1:1", "--cluster-secret", &secret];
        let run = Process::output(&[&nats[..], &["--nats-credentials", &file]].concat());
        assert_eq!(run.status.code(), Some(1));
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(said.contains(&file), "{said}");
    }
}
