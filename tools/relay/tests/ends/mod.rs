//! A host and joiners for the relay's tests: over streams within the process, or to a relay that listens.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

#[cfg(unix)]
pub mod lookout;
#[cfg(unix)]
pub mod nats;
#[cfg(unix)]
pub mod process;

use futures_util::{SinkExt, StreamExt};
use panecast_protocol::{
    DEFAULT_TENANT, Door, Early, FromJoiner, HostSays, JoinerSays, NewDoor, OpenDoor, PROTOCOL_VERSION,
    Parcel, ParcelKind, Place, Refusal, RelayToHost, RelayToJoiner, RoomProof,
};
use panecast_relay::{Config, Loopback, Timing};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

pub const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Bytes that a line within the process holds, unless a test says otherwise.
const LINE: usize = 4 << 20;

/// Tests that wait do not answer pings meanwhile.
pub fn patient() -> Config {
    Config { timing: Timing { dead: Duration::from_secs(36_000), ..Timing::default() }, ..Config::default() }
}

pub fn relay(config: &Config) -> Loopback {
    Loopback::start(config).unwrap()
}

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A relay to connect to.
pub trait Reach {
    /// How long nothing may happen before that is a failure. Only a hang takes it; a paused clock may jump far.
    const PATIENCE: Duration;

    async fn line(&self, from: IpAddr) -> Box<dyn Stream>;
}

impl Reach for Loopback {
    const PATIENCE: Duration = Duration::from_secs(3600);

    async fn line(&self, from: IpAddr) -> Box<dyn Stream> {
        Box::new(self.connect(from, LINE))
    }
}

/// A relay that listens there; where one comes from is then what it is.
impl Reach for SocketAddr {
    const PATIENCE: Duration = Duration::from_secs(60);

    async fn line(&self, _: IpAddr) -> Box<dyn Stream> {
        Box::new(TcpStream::connect(self).await.unwrap())
    }
}

/// A WebSocket to the relay.
pub struct Socket {
    pub inner: WebSocketStream<Box<dyn Stream>>,
    patience: Duration,
}

impl Socket {
    pub async fn open<R: Reach>(relay: &R, path: &str, from: IpAddr) -> Self {
        Self { patience: R::PATIENCE, ..Self::over(relay.line(from).await, path).await }
    }

    pub async fn over(stream: Box<dyn Stream>, path: &str) -> Self {
        let request = format!("ws://relay.test{path}").into_client_request().unwrap();
        Self::request(stream, request).await
    }

    pub async fn request(stream: Box<dyn Stream>, request: Request<()>) -> Self {
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let (inner, _) = client_async_with_config(request, stream, Some(config)).await.unwrap();
        Self { inner, patience: Loopback::PATIENCE }
    }

    /// A WebSocket whose first messages go along with its request.
    pub async fn early<R: Reach>(relay: &R, path: &str, early: &Early) -> Self {
        let mut request = format!("ws://relay.test{path}").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", early.header().try_into().unwrap());
        Self { patience: R::PATIENCE, ..Self::request(relay.line(HERE).await, request).await }
    }

    pub async fn say(&mut self, message: &impl serde::Serialize) {
        self.raw(Message::text(serde_json::to_string(message).unwrap())).await;
    }

    pub async fn raw(&mut self, message: Message) {
        // A relay that refuses in the middle of a message may be gone before its end; what it says is still there.
        let _ = self.inner.send(message).await;
    }

    pub async fn bytes(&mut self, bytes: &[u8]) {
        self.raw(Message::binary(bytes.to_vec())).await;
    }

    /// The next message that is no ping; `None` once the connection is closed.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            let next = timeout(self.patience, self.inner.next()).await;
            match next.expect("nothing happened in time") {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(message)) => return Some(message),
            }
        }
    }

    pub async fn text<T: serde::de::DeserializeOwned>(&mut self) -> T {
        match self.next().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("a text was expected, not {other:?}"),
        }
    }

    pub async fn binary(&mut self) -> Vec<u8> {
        match self.next().await {
            Some(Message::Binary(bytes)) => bytes.to_vec(),
            other => panic!("bytes were expected, not {other:?}"),
        }
    }
}

pub fn host_hello(resume: Option<RoomProof>) -> HostSays {
    HostSays::Hello { protocol: PROTOCOL_VERSION, tenant: DEFAULT_TENANT.into(), token: None, resume }
}

pub fn joiner_hello(door: Option<Door>, resume: Option<Place>) -> JoinerSays {
    JoinerSays::Hello { protocol: PROTOCOL_VERSION, tenant: DEFAULT_TENANT.into(), token: None, door, resume }
}

/// What comes to a host: a text of the relay's, or a joiner's bytes.
pub enum Heard {
    Text(RelayToHost),
    Bytes(u32, Vec<u8>),
}

/// A host with a room.
pub struct Host {
    pub socket: Socket,
    pub room: RoomProof,
}

impl Host {
    pub async fn open(relay: &impl Reach, resume: Option<RoomProof>) -> Self {
        let mut socket = Socket::open(relay, "/ws/host", HERE).await;
        socket.say(&host_hello(resume)).await;
        match socket.text().await {
            RelayToHost::Room { room, secret } => Self { socket, room: RoomProof { room, secret } },
            other => panic!("no room: {other:?}"),
        }
    }

    pub async fn told(&mut self) -> RelayToHost {
        self.socket.text().await
    }

    /// Opens a door and gives it as joiners name it.
    pub async fn door(&mut self, door: NewDoor) -> Door {
        self.socket.say(&HostSays::Open { door }).await;
        match self.told().await {
            RelayToHost::Opened { door: OpenDoor::Key { number, .. } } => Door::Key { number },
            RelayToHost::Opened { door: OpenDoor::Link { id, .. } } => Door::Link { id },
            RelayToHost::Opened { door: OpenDoor::Presence { visitor } } => Door::Presence { visitor },
            other => panic!("not opened: {other:?}"),
        }
    }

    pub async fn key(&mut self) -> Door {
        self.door(NewDoor::Key {}).await
    }

    pub async fn link(&mut self) -> Door {
        self.door(NewDoor::Link { id: "5c".repeat(16), lifetime_s: 3600 }).await
    }

    pub async fn sees_knock(&mut self) -> u32 {
        match self.told().await {
            RelayToHost::Came { joiner, door: Some(_), resumed: false, .. } => joiner,
            other => panic!("nobody knocked: {other:?}"),
        }
    }

    pub async fn sees_return(&mut self) -> u32 {
        match self.told().await {
            RelayToHost::Came { joiner, door: None, resumed: true, .. } => joiner,
            other => panic!("nobody came back: {other:?}"),
        }
    }

    pub async fn hears(&mut self) -> (u32, Vec<u8>) {
        match self.heard().await {
            Heard::Bytes(joiner, bytes) => (joiner, bytes),
            Heard::Text(other) => panic!("bytes were expected, not {other:?}"),
        }
    }

    pub async fn heard(&mut self) -> Heard {
        match self.socket.next().await {
            Some(Message::Text(text)) => Heard::Text(serde_json::from_str(&text).unwrap()),
            Some(Message::Binary(message)) => {
                let FromJoiner { joiner, bytes } = FromJoiner::parse(&message).unwrap();
                Heard::Bytes(joiner, bytes.to_vec())
            }
            other => panic!("the relay says nothing more: {other:?}"),
        }
    }

    pub async fn send(&mut self, joiner: Option<u32>, kind: ParcelKind, bytes: &[u8]) {
        let parcel = Parcel { joiner, kind, bytes }.to_bytes();
        self.socket.raw(Message::binary(parcel)).await;
    }

    pub async fn admit(&mut self, joiner: u32) {
        self.socket.say(&HostSays::Admit { joiner }).await;
    }
}

/// A connection whose system takes few bytes that it has not read.
pub async fn with_small_buffer(relay: SocketAddr, path: &str) -> Socket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = Box::new(socket.connect(relay).await.unwrap());
    Socket { patience: SocketAddr::PATIENCE, ..Socket::over(stream, path).await }
}

/// Connects a joiner and says hello, whatever comes of it.
pub async fn knock(relay: &impl Reach, door: &Door) -> Socket {
    knock_from(relay, door, HERE).await
}

pub async fn knock_from(relay: &impl Reach, door: &Door, from: IpAddr) -> Socket {
    let mut socket = Socket::open(relay, "/ws/join", from).await;
    socket.say(&joiner_hello(Some(door.clone()), None)).await;
    socket
}

pub async fn come_back(relay: &impl Reach, place: &Place) -> Socket {
    let mut socket = Socket::open(relay, "/ws/join", HERE).await;
    socket.say(&joiner_hello(None, Some(place.clone()))).await;
    socket
}

pub async fn joined(socket: &mut Socket) -> Place {
    match socket.text().await {
        RelayToJoiner::Joined(place) => place,
        other => panic!("not joined: {other:?}"),
    }
}

/// A joiner that the host has let in by its link.
pub async fn joiner(relay: &impl Reach, host: &mut Host, door: &Door) -> (Socket, Place) {
    let mut socket = knock(relay, door).await;
    let number = host.sees_knock().await;
    host.admit(number).await;
    let place = joined(&mut socket).await;
    assert_eq!((place.joiner, &place.room), (number, &host.room.room));
    (socket, place)
}

pub async fn refused(socket: &mut Socket) -> Refusal {
    match socket.next().await {
        Some(Message::Text(text)) => {
            let told: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(told["type"], "refused", "{told}");
            assert_eq!(socket.next().await, None, "a refused connection is closed");
            serde_json::from_value(told).unwrap()
        }
        other => panic!("not refused: {other:?}"),
    }
}
