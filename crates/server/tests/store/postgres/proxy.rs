//! What goes over the wire, counted in between.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_server::store::postgres::PostgresStore;
use countersign_server::store::{Rotated, Store};
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
    let folder = tempfile::tempdir().expect("a temporary folder");
    let socket = cluster::shared().expect("a server").socket();
    let groups = listen(folder.path(), socket);
    let database = url.rsplit('/').next().expect("a name");
    let place = folder.path().display().to_string().replace('/', "%2F");
    let url = format!("postgres://countersign@{place}/{database}?pool_size=1");
    let store = PostgresStore::connect(&url).await.expect("a store");
    // The first one on a connection is prepared.
    assert!(matches!(
        store.rotate(rotation(0)).await.expect("works"),
        Rotated::Rotated(..)
    ));
    for generation in 1..6 {
        let before = groups.load(Ordering::SeqCst);
        let outcome = store.rotate(rotation(generation)).await.expect("works");
        assert!(matches!(outcome, Rotated::Rotated(..)));
        assert_eq!(groups.load(Ordering::SeqCst) - before, 1);
    }
    let before = groups.load(Ordering::SeqCst);
    let outcome = store.rotate(rotation(2)).await.expect("works");
    assert!(
        matches!(outcome, Rotated::NotCurrent(..)),
        "late, in the grace"
    );
    assert_eq!(groups.load(Ordering::SeqCst) - before, 1);
}

/// Passes everything on and counts the groups of messages that clients send, each of which the
/// server answers once.
fn listen(folder: &Path, server: PathBuf) -> Arc<AtomicUsize> {
    let groups = Arc::new(AtomicUsize::new(0));
    let listener = UnixListener::bind(folder.join(".s.PGSQL.5432")).expect("a socket");
    let counter = Arc::clone(&groups);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = UnixStream::connect(&server).await.expect("the server");
            let (from_client, mut to_client) = client.into_split();
            let (mut from_server, to_server) = server.into_split();
            tokio::spawn(count(from_client, to_server, Arc::clone(&counter)));
            tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
        }
    });
    groups
}

async fn count(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    groups: Arc<AtomicUsize>,
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
            groups.fetch_add(1, Ordering::SeqCst);
        }
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend(length.to_be_bytes());
        message.extend(body);
        to.write_all(&message).await?;
        start = false;
    }
}
