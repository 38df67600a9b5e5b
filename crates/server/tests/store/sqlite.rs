//! What SQLite can do besides.

use countersign_issuer::record::AuditKind;
use countersign_server::store::Created;

use crate::cast::{audit, user};
use crate::fixture::Fixture;

#[tokio::test]
async fn whatever_another_process_writes_is_noticed() {
    let Some(f) = Fixture::sqlite().await else {
        return;
    };
    let before = f.store.foreign_writes().await.expect("works");
    f.add(&user("ada")).await;
    let after = f.store.foreign_writes().await.expect("works");
    assert_eq!(after, before, "our own writes are not");
    let other = f.another().await;
    let created = other
        .create_user(user("bob"), audit(AuditKind::UserCreated))
        .await;
    assert_eq!(created.expect("works"), Created::Created);
    assert_ne!(f.store.foreign_writes().await.expect("works"), before);
}
