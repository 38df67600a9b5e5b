//! A thousand sessions, refreshed by many callers at once.

use std::sync::Arc;

use countersign_issuer::record::{AuditKind, Handle, Session};
use countersign_server::store::{Created, Opened, Rotated, Rotation, Store};

use crate::cast::{audit, basis, room, rotation, session, user};

pub(crate) const SESSIONS: u32 = 1_000;

/// The sessions, all of them `generation` refreshes old.
pub(crate) struct Crowd {
    store: Arc<dyn Store>,
    generation: u32,
}

impl Crowd {
    pub(crate) async fn sign_in(store: Arc<dyn Store>) -> Self {
        countersign_witness::listen_as_served();
        let ada = user("ada");
        let created = store
            .create_user(ada.clone(), audit(AuditKind::UserCreated))
            .await;
        assert_eq!(created.expect("a working store"), Created::Created);
        for number in 0..SESSIONS {
            let session = Session {
                handle: handle(number),
                sid: format!("sid-{number}"),
                ..session(&ada, 0)
            };
            let line = audit(AuditKind::SignedIn);
            let opened = store.open_session(session, basis(&ada), None, room(), line);
            assert_eq!(opened.await.expect("a working store"), Opened::Opened);
        }
        Self {
            store,
            generation: 0,
        }
    }

    /// The same sessions, in the same database that was closed and opened again.
    pub(crate) fn reopened(self, store: Arc<dyn Store>) -> Self {
        Self { store, ..self }
    }

    /// Refreshes `times` in all, every session as often as every other, by `callers` at once.
    pub(crate) async fn refresh(&mut self, times: u32, callers: u32) {
        let (from, to) = (self.generation, self.generation + times / SESSIONS);
        let tasks: Vec<_> = (0..callers)
            .map(|caller| {
                let store = Arc::clone(&self.store);
                tokio::spawn(async move {
                    for generation in from..to {
                        // Each caller has sessions of their own, so no refresh meets another.
                        for number in (caller..SESSIONS).step_by(callers as usize) {
                            refreshed(&*store, number, generation).await;
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("a caller found something wrong");
        }
        self.generation = to;
    }
}

async fn refreshed(store: &dyn Store, number: u32, generation: u32) {
    let asked = Rotation {
        handle: handle(number),
        ..rotation(generation)
    };
    match store.rotate(asked).await.expect("a working store") {
        Rotated::Rotated(session, _) => assert_eq!(session.generation, generation + 1),
        other => panic!("session {number} did not move on: {other:?}"),
    }
}

fn handle(number: u32) -> Handle {
    let mut bytes = [0; 16];
    // As random handles do, they fall all over the tree.
    bytes[..4].copy_from_slice(&number.wrapping_mul(0x9E37_79B9).to_be_bytes());
    bytes[4..8].copy_from_slice(&number.to_be_bytes());
    Handle::new(bytes)
}
