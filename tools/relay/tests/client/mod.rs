//! A real WebSocket client for the relay's tests, and relays to talk to.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

use futures_util::{SinkExt, StreamExt};
use panecast_protocol::{
    AgentSays, Envelope, PROTOCOL_VERSION, RelayToAgent, RelayToVisitor, Resume, VisitorSays,
};
use panecast_relay::{Config, Page, Relay, RelayLimits, Timing};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Long enough for a busy machine; only a hang takes it.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A relay inside the test.
pub struct TestRelay {
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

pub async fn relay(limits: RelayLimits, timing: Timing) -> TestRelay {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("index.html"), "<title>test page</title>").unwrap();
    std::fs::write(dir.path().join("decoder.wasm"), b"\0asm").unwrap();
    let page = Page::from_dir(dir.path()).unwrap();
    let config = Config { bind: ([127, 0, 0, 1], 0).into(), page, limits, timing, ..Config::default() };
    let relay = Relay::bind(config).await.unwrap();
    let address = relay.address();
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(relay.run(async {
        let _ = stopped.await;
    }));
    TestRelay { address, stop, running }
}

impl TestRelay {
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        within(self.running).await.unwrap();
    }
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("nothing happened in time")
}

/// A WebSocket to the relay.
pub struct Client {
    pub socket: WebSocketStream<TcpStream>,
}

impl Client {
    pub async fn connect(address: SocketAddr, path: &str) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), address, path).await
    }

    /// A client whose system takes few bytes that it has not read.
    pub async fn with_small_buffer(address: SocketAddr, path: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        Self::over(socket.connect(address).await.unwrap(), address, path).await
    }

    async fn over(stream: TcpStream, address: SocketAddr, path: &str) -> Self {
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let url = format!("ws://{address}{path}");
        let (socket, _) = within(client_async_with_config(url, stream, Some(config))).await.unwrap();
        Self { socket }
    }

    pub async fn say(&mut self, message: &impl serde::Serialize) {
        self.raw(Message::text(serde_json::to_string(message).unwrap())).await;
    }

    pub async fn raw(&mut self, message: Message) {
        within(self.socket.send(message)).await.unwrap();
    }

    pub async fn envelope(&mut self, agent: Option<u32>, packet: &[u8]) {
        self.raw(Message::binary(Envelope { agent, packet }.to_bytes())).await;
    }

    /// The next message that is no ping; `None` once the connection is closed.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            match within(self.socket.next()).await {
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
            other => panic!("a packet was expected, not {other:?}"),
        }
    }
}

/// A visitor and its room.
pub struct Visitor {
    pub client: Client,
    pub room: Resume,
}

impl Visitor {
    pub async fn connect(address: SocketAddr, resume: Option<Resume>) -> Self {
        let mut client = Client::connect(address, "/ws/visitor").await;
        client.say(&VisitorSays::Hello { protocol: PROTOCOL_VERSION, resume }).await;
        match client.text().await {
            RelayToVisitor::Room { key, secret } => Self { client, room: Resume { key, secret } },
            other => panic!("no room: {other:?}"),
        }
    }

    pub async fn told(&mut self) -> RelayToVisitor {
        self.client.text().await
    }

    pub async fn sees_join(&mut self) -> u32 {
        match self.told().await {
            RelayToVisitor::AgentJoined { agent, .. } => agent,
            other => panic!("nobody joined: {other:?}"),
        }
    }
}

/// Connects an agent and says hello, whatever comes of it.
pub async fn agent_hello(address: SocketAddr, key: &str) -> Client {
    let mut client = Client::connect(address, "/ws/agent").await;
    client.say(&AgentSays::Hello { protocol: PROTOCOL_VERSION, key: key.into(), holds: None }).await;
    client
}

/// An agent that has joined, and its number.
pub async fn agent(address: SocketAddr, key: &str) -> (Client, u32) {
    let mut client = agent_hello(address, key).await;
    match client.text().await {
        RelayToAgent::Joined { agent } => (client, agent),
        other => panic!("not joined: {other:?}"),
    }
}
