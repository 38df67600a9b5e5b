//! Thousands of connections that read the revocation feed and do nothing else.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use countersign_benches::machine::resident;
use countersign_benches::server::Server;
use countersign_benches::stats::Times;
use countersign_benches::{Failure, http};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Sessions;

const PATIENCE: Duration = Duration::from_secs(30);

/// What it took.
pub(crate) struct Held {
    /// From the request to end a session until a follower has the news: most have it before the
    /// answer comes.
    pub(crate) news: Times,
    /// MiB of the server without followers, and with all of them after the last end.
    pub(crate) before: f64,
    pub(crate) with: f64,
}

/// When followers heard something new.
type Heard = Arc<Mutex<Vec<Instant>>>;

pub(crate) async fn measure(
    server: &Server,
    sessions: &mut Sessions,
    followers: usize,
) -> Result<Held, Failure> {
    let process = server.process()?;
    let before = resident(process)?.0;
    let heard = Heard::default();
    let mut tasks = JoinSet::new();
    for number in 0..followers {
        let follower = Follower::connect(server.address()?).await?;
        tasks.spawn(follower.follow(Arc::clone(&heard)));
        if number % 1_000 == 0 {
            eprintln!("revocation: {number} of {followers} followers");
        }
    }
    let mut news = Times::default();
    while let Some(session) = sessions.others.pop() {
        lock(&heard).clear();
        let asked = Instant::now();
        sessions.end(&session).await?;
        while lock(&heard).len() < followers {
            if let Some(ended) = tasks.try_join_next() {
                return Err(format!("a follower was cut off: {ended:?}").into());
            }
            if asked.elapsed() > PATIENCE {
                let count = lock(&heard).len();
                return Err(format!("only {count} of {followers} heard of it").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for heard in lock(&heard).iter() {
            news.add(heard.saturating_duration_since(asked));
        }
    }
    let with = resident(process)?.0;
    Ok(Held { news, before, with })
}

fn lock(heard: &Heard) -> std::sync::MutexGuard<'_, Vec<Instant>> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One connection to the feed, and the cursor of what it has heard.
struct Follower {
    stream: TcpStream,
    unread: Vec<u8>,
    cursor: String,
}

impl Follower {
    /// Comes back when the first message is there.
    async fn connect(to: SocketAddr) -> Result<Self, Failure> {
        let mut stream = TcpStream::connect(to).await?;
        stream
            .write_all(&http::get("/revocations", "accept: text/event-stream\r\n"))
            .await?;
        let mut follower = Self {
            stream,
            unread: Vec::new(),
            cursor: String::new(),
        };
        follower.next().await?;
        Ok(follower)
    }

    async fn follow(mut self, heard: Heard) -> Result<(), Failure> {
        loop {
            let before = self.cursor.clone();
            self.next().await?;
            // A heartbeat repeats the cursor.
            if self.cursor != before {
                lock(&heard).push(Instant::now());
            }
        }
    }

    /// Reads up to the end of the next message and notes its cursor.
    async fn next(&mut self) -> Result<(), Failure> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let message = String::from_utf8_lossy(&self.unread[..end]).into_owned();
                self.unread.drain(..end + 2);
                if let Some((_, rest)) = message.split_once("id: ") {
                    rest.lines()
                        .next()
                        .unwrap_or_default()
                        .clone_into(&mut self.cursor);
                    return Ok(());
                }
            } else if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err("the server hung up".into());
            }
        }
    }
}
