//! What goes over the wire, counted in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use countersign_server::store::postgres::PostgresStore;
use countersign_server::store::{Rotated, Sessions, StoreError};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{UnixListener, UnixStream};

use super::fixture;
use crate::cast::rotation;
use crate::cluster;

/// A refresh is one round trip: one message group, ended by one `Sync`, and no separate `BEGIN`,
/// `COMMIT` or preparation.
#[tokio::test]
async fn a_refresh_is_one_round_trip() {
    let Some((f, url)) = fixture().await else {
        return;
    };
    f.signed_in().await;
    let wire = Wire::to(&url);
    let store = PostgresStore::connect(&wire.url).await.expect("a store");
    // The first one on a connection is prepared.
    assert!(matches!(
        store.rotate(rotation(0)).await.expect("works"),
        Rotated::Rotated(..)
    ));
    for generation in 1..6 {
        let before = wire.groups();
        let outcome = store.rotate(rotation(generation)).await.expect("works");
        assert!(matches!(outcome, Rotated::Rotated(..)));
        assert_eq!(wire.groups() - before, 1);
    }
    let before = wire.groups();
    let outcome = store.rotate(rotation(2)).await.expect("works");
    assert!(
        matches!(outcome, Rotated::NotCurrent(..)),
        "late, in the grace"
    );
    assert_eq!(wire.groups() - before, 1);
}

/// The network swallows what is sent. The verb gives up, and the next one has a new connection.
#[tokio::test]
async fn a_connection_that_goes_silent_is_given_up() {
    let Some((f, url)) = fixture().await else {
        return;
    };
    f.signed_in().await;
    let wire = Wire::to(&url);
    let store = PostgresStore::connect(&wire.url).await.expect("a store");
    assert!(matches!(
        store.rotate(rotation(0)).await.expect("works"),
        Rotated::Rotated(..)
    ));
    wire.counter.silent.store(true, Ordering::SeqCst);
    let outcome = tokio::time::timeout(Duration::from_secs(30), store.rotate(rotation(1))).await;
    let outcome = outcome.expect("an answer in time");
    assert!(
        matches!(outcome, Err(StoreError::Unavailable(_))),
        "{outcome:?}"
    );
    wire.counter.silent.store(false, Ordering::SeqCst);
    let outcome = store.rotate(rotation(1)).await.expect("works");
    assert!(matches!(outcome, Rotated::Rotated(..)), "{outcome:?}");
}

/// A way to the server that can be watched and cut.
struct Wire {
    url: String,
    counter: Arc<Counter>,
    _folder: TempDir,
}

#[derive(Default)]
struct Counter {
    groups: AtomicUsize,
    silent: AtomicBool,
}

impl Wire {
    /// Passes everything on and counts the groups of messages that clients send, each of which the
    /// server answers once.
    fn to(url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("a socket");
        let counter = Arc::new(Counter::default());
        tokio::spawn(pass_on(listener, Arc::clone(&counter)));
        let database = url.rsplit('/').next().expect("a name");
        let place = folder.path().display().to_string().replace('/', "%2F");
        let url = format!("postgres://countersign@{place}/{database}?pool_size=1");
        Self {
            url,
            counter,
            _folder: folder,
        }
    }

    fn groups(&self) -> usize {
        self.counter.groups.load(Ordering::SeqCst)
    }
}

async fn pass_on(listener: UnixListener, counter: Arc<Counter>) {
    let socket = cluster::shared().expect("a server").socket();
    while let Ok((client, _)) = listener.accept().await {
        let server = UnixStream::connect(&socket).await.expect("the server");
        let (from_client, mut to_client) = client.into_split();
        let (mut from_server, to_server) = server.into_split();
        tokio::spawn(count(from_client, to_server, Arc::clone(&counter)));
        tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
    }
}

async fn count(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    counter: Arc<Counter>,
) -> std::io::Result<()> {
    // The first message has no type.
    let mut start = true;
    loop {
        let kind = if start {
            None
        } else {
            Some(from.read_u8().await?)
        };
        let length = from.read_u32().await?;
        let mut body = vec![0; usize::try_from(length).expect("a short message") - 4];
        from.read_exact(&mut body).await?;
        // A simple query is answered by itself, everything else when it is asked for by a Sync.
        if matches!(kind, Some(b'S' | b'Q')) {
            counter.groups.fetch_add(1, Ordering::SeqCst);
        }
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend(length.to_be_bytes());
        message.extend(body);
        if !counter.silent.load(Ordering::SeqCst) {
            to.write_all(&message).await?;
        }
        start = false;
    }
}
