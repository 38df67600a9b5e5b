//! What lies between a guard and its issuer: one address, and behind it as many servers as the test
//! says, each connection to the next of them. It can go mute without hanging up.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) struct Between {
    pub(crate) url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// The addresses behind.
    servers: Mutex<Vec<String>>,
    next: AtomicUsize,
    /// For each connection, whether what the server says is swallowed.
    mute: Mutex<Vec<Arc<AtomicBool>>>,
}

impl Between {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(own.connect(client));
            }
        });
        Self {
            url,
            shared,
            accepting,
        }
    }

    /// These servers, by URL, are behind it from now on.
    pub(crate) fn lead_to(&self, servers: impl IntoIterator<Item = String>) {
        let servers = servers.into_iter();
        *lock(&self.shared.servers) = servers
            .map(|url| url.trim_start_matches("http://").to_owned())
            .collect();
    }

    /// From now on nothing that a server says arrives over the connections there are, which stay
    /// open; new ones work.
    pub(crate) fn mute(&self) -> usize {
        let mute = lock(&self.shared.mute);
        mute.iter()
            .for_each(|mute| mute.store(true, Ordering::Relaxed));
        mute.len()
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, client: TcpStream) -> impl Future<Output = ()> + use<> {
        let server = {
            let servers = lock(&self.servers);
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            servers.get(turn % servers.len().max(1)).cloned()
        };
        let mute = Arc::new(AtomicBool::new(false));
        lock(&self.mute).push(Arc::clone(&mute));
        async move {
            let Some(server) = server else { return };
            // A server that is gone hangs up on the client.
            let Ok(server) = TcpStream::connect(server).await else {
                return;
            };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let never = Arc::new(AtomicBool::new(false));
            tokio::select! {
                () = pass(from_client, to_server, never) => {}
                () = pass(from_server, to_client, mute) => {}
            }
        }
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mute: Arc<AtomicBool>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if !mute.load(Ordering::Relaxed) && to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
