//! A typed key through a real relay, and what the relay answers in a host's place.

use futures_util::{SinkExt, StreamExt};
use panecast::Limits;
use panecast::frame::Timestamp;
use panecast::session::seal::{Joiner, KeyOffer, TypedKey};
use panecast_protocol::{
    DEFAULT_TENANT, Door, FromJoiner, HostSays, JoinerSays, NewDoor, OpenDoor, PROTOCOL_VERSION, Parcel,
    ParcelKind, RelayToHost, RelayToJoiner,
};
use panecast_relay::{Config, Loopback};
use tokio::io::DuplexStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

type Socket = WebSocketStream<DuplexStream>;

async fn open(relay: &Loopback, path: &str, hello: &impl serde::Serialize) -> Socket {
    let stream = relay.connect(std::net::Ipv4Addr::LOCALHOST.into(), 1 << 20);
    let (mut socket, _) = client_async(format!("ws://relay.test{path}"), stream).await.unwrap();
    say(&mut socket, hello).await;
    socket
}

async fn say(socket: &mut Socket, message: &impl serde::Serialize) {
    socket.send(Message::text(serde_json::to_string(message).unwrap())).await.unwrap();
}

async fn told<T: serde::de::DeserializeOwned>(socket: &mut Socket) -> T {
    serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap()
}

async fn bytes(socket: &mut Socket) -> Vec<u8> {
    match socket.next().await.unwrap().unwrap() {
        Message::Binary(bytes) => bytes.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn knock(number: String) -> JoinerSays {
    JoinerSays::Hello {
        protocol: PROTOCOL_VERSION,
        tenant: DEFAULT_TENANT.into(),
        token: None,
        door: Some(Door::Key { number }),
        resume: None,
    }
}

#[tokio::test]
async fn a_typed_key_opens_a_pair_and_a_decoy_looks_like_its_answer() {
    let (relay, limits, now) =
        (Loopback::start(&Config::default()).unwrap(), Limits::default(), Timestamp(0));
    let (protocol, tenant) = (PROTOCOL_VERSION, DEFAULT_TENANT.to_owned());
    let mut host =
        open(&relay, "/ws/host", &HostSays::Hello { protocol, tenant, token: None, resume: None }).await;
    told::<RelayToHost>(&mut host).await;
    say(&mut host, &HostSays::Open { door: NewDoor::Key {} }).await;
    let RelayToHost::Opened { door: OpenDoor::Key { number, .. } } = told(&mut host).await else {
        panic!("no key")
    };
    let key = TypedKey::draw(number.parse().unwrap()).unwrap();
    let mut offer = KeyOffer::new(key, None, DEFAULT_TENANT, now, &limits).unwrap();
    let typed = offer.key().to_string().parse().unwrap();

    let mut socket = open(&relay, "/ws/join", &knock(number.clone())).await;
    let (joining, hello) = Joiner::by_key(&typed, DEFAULT_TENANT, &limits).unwrap();
    socket.send(Message::binary(hello.clone())).await.unwrap();
    let RelayToHost::Came { joiner, .. } = told(&mut host).await else { panic!("nobody came") };
    let message = bytes(&mut host).await;
    let (answered, answer) = offer.answer(FromJoiner::parse(&message).unwrap().bytes, now).unwrap();
    let parcel = Parcel { joiner: Some(joiner), kind: ParcelKind::Control, bytes: &answer };
    host.send(Message::binary(parcel.to_bytes())).await.unwrap();
    let (mut agent, last) = joining.finish(&bytes(&mut socket).await).unwrap();
    socket.send(Message::binary(last)).await.unwrap();
    let message = bytes(&mut host).await;
    let mut visitor = offer.complete(answered, FromJoiner::parse(&message).unwrap().bytes, now).unwrap();
    say(&mut host, &HostSays::Admit { joiner }).await;
    assert!(matches!(told(&mut socket).await, RelayToJoiner::Joined(_)));
    let mut record = Vec::new();
    visitor.seal(7, b"a picture", &mut record).unwrap();
    assert_eq!(agent.open(&mut record).unwrap(), (7, &b"a picture"[..]));

    // The key is spent: whoever comes now meets a decoy, and can tell it by the wrong key alone.
    let mut late = open(&relay, "/ws/join", &knock(number)).await;
    let (joining, hello) = Joiner::by_key(&typed, DEFAULT_TENANT, &limits).unwrap();
    late.send(Message::binary(hello)).await.unwrap();
    let decoy = bytes(&mut late).await;
    assert_eq!((decoy.len(), &decoy[..2]), (answer.len(), &answer[..2]));
    let wrong = joining.finish(&decoy).unwrap_err();
    assert_eq!(wrong, panecast::session::seal::SealError::WrongKey);
    relay.stop().await;
}
