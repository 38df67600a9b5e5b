//! A login that rests in a file: found again, shared, ended for all.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use countersign_client::storage::{Storage, StorageError, StorageLock, Zeroizing};
use countersign_client::{Client, ClientError, FileStorage, KeptLogin};
use tempfile::TempDir;

use crate::fake::{Fake, PASSWORD, Trouble};

struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("login.json")
    }

    fn storage(&self) -> FileStorage {
        FileStorage::at(self.path())
    }

    async fn sign_in(&self, fake: &Fake) -> Client {
        Client::at(&fake.url)
            .expect("an address")
            .keep_in(self.storage())
            .login("ada", PASSWORD)
            .await
            .expect("a login")
    }

    async fn open(&self) -> Result<Client, ClientError> {
        Client::open(self.storage()).await
    }
}

#[tokio::test]
async fn a_kept_login_is_found_again_without_asking_anybody() {
    let (fake, home) = (Fake::start().await, Home::new());
    let first = home.sign_in(&fake).await;
    assert!(first.refresh_token().is_none(), "its one home is the file");
    drop(first);
    let client = home.open().await.expect("a login");
    let answer = client.get(&fake.at("/protected")).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    assert_eq!((fake.logins(), fake.refreshes()), (1, 0));

    let login = KeptLogin::read(&home.storage())
        .expect("readable")
        .expect("kept");
    assert_eq!(
        (login.server(), login.username(), login.is_over()),
        (fake.url.as_str(), Some("ada"), false)
    );
    assert!(login.token_expires_at() > Some(login.signed_in_at()));
    assert!(login.session_expires_at() > login.token_expires_at());
    let printed = format!("{login:?} {client:?}");
    assert!(!printed.contains("access-") && !printed.contains("refresh-"));
}

#[tokio::test]
async fn two_who_share_a_login_renew_once() {
    let (fake, home) = (Fake::start().await, Home::new());
    home.sign_in(&fake).await;
    let (one, two) = (
        home.open().await.expect("a login"),
        home.open().await.expect("a login"),
    );
    fake.forget_access_tokens();
    let url = fake.at("/protected");
    let both = tokio::join!(one.get(&url).send(), two.get(&url).send());
    assert_eq!(both.0.expect("an answer").status(), 200);
    assert_eq!(both.1.expect("an answer").status(), 200);
    assert_eq!(fake.refreshes(), 1);
    // And each goes on from where the other left.
    one.refresh_now().await.expect("a token");
    two.refresh_now().await.expect("the same");
    one.refresh_now().await.expect("a token");
    assert_eq!(fake.refreshes(), 3);
}

#[tokio::test]
async fn a_renewal_whose_answer_was_never_kept_is_answered_again() {
    let (fake, home) = (Fake::start().await, Home::new());
    home.sign_in(&fake).await;
    let before = fs::read(home.path()).expect("kept");
    home.open()
        .await
        .expect("a login")
        .refresh_now()
        .await
        .expect("renewed");
    // As if the process had been killed between the server's answer and the file.
    fs::write(home.path(), before).expect("ours");
    let client = home.open().await.expect("a login");
    client.refresh_now().await.expect("answered again");
    client.refresh_now().await.expect("and goes on");
    assert_eq!(
        fake.lock().presented,
        ["refresh-0", "refresh-0", "refresh-1"]
    );
}

#[tokio::test]
async fn an_ended_session_is_known_to_all_without_asking_again() {
    let (fake, home) = (Fake::start().await, Home::new());
    home.sign_in(&fake).await;
    let (one, two) = (
        home.open().await.expect("a login"),
        home.open().await.expect("a login"),
    );
    fake.lock().ended = true;
    for client in [&one, &two, &home.open().await.expect("what is left")] {
        let error = client.refresh_now().await.expect_err("ended");
        assert!(matches!(error, ClientError::SessionEnded), "{error}");
    }
    assert_eq!(fake.refreshes(), 1);
    let login = KeptLogin::read(&home.storage())
        .expect("readable")
        .expect("kept");
    assert!(login.is_over());
    let text = fs::read_to_string(home.path()).expect("kept");
    assert!(
        !text.contains("refresh-") && !text.contains("access-"),
        "{text}"
    );
    home.open()
        .await
        .expect("a login")
        .logout()
        .await
        .expect("swept away");
    assert_eq!(fake.logouts(), 0);
    assert!(!home.path().exists());
}

#[tokio::test]
async fn signing_out_is_for_all() {
    let (fake, home) = (Fake::start().await, Home::new());
    let other = home.sign_in(&fake).await;
    home.open()
        .await
        .expect("a login")
        .logout()
        .await
        .expect("signed out");
    assert_eq!(fake.logouts(), 1);
    assert!(!home.path().exists());
    let error = other.refresh_now().await.expect_err("signed out");
    assert!(matches!(error, ClientError::SignedOut), "{error}");
    other.logout().await.expect("twice is fine");
    assert_eq!((fake.logouts(), fake.refreshes()), (1, 0));
    let error = home.open().await.expect_err("nothing there");
    assert!(matches!(error, ClientError::NotSignedIn { .. }), "{error}");
    assert!(error.is_refused());
}

#[tokio::test]
async fn a_new_login_ends_the_one_it_replaces() {
    let (fake, other, home) = (Fake::start().await, Fake::start().await, Home::new());
    let old = home.sign_in(&fake).await;
    home.sign_in(&other).await;
    assert_eq!((fake.logouts(), other.logouts()), (1, 0));
    // Whoever still has the old one is not handed the tokens of the new one.
    let error = old.refresh_now().await.expect_err("another login");
    assert!(matches!(error, ClientError::SignedOut), "{error}");
    old.logout().await.expect("not its own to end");
    assert_eq!(other.logouts(), 0);
    home.open()
        .await
        .expect("a login")
        .refresh_now()
        .await
        .expect("alive");
}

#[tokio::test]
async fn an_origin_is_remembered_for_all() {
    let (fake, api, home) = (Fake::start().await, Fake::start().await, Home::new());
    let client = home.sign_in(&fake).await;
    client
        .remember_origin(&api.at("/any/path"))
        .await
        .expect("kept");
    let answer = home
        .open()
        .await
        .expect("a login")
        .get(&api.at("/protected"))
        .send()
        .await;
    assert_eq!(answer.expect("an answer").status(), 401);
    assert_eq!(api.lock().seen[0], "Bearer access-0-0");
    let error = fake
        .client()
        .await
        .remember_origin(&api.url)
        .await
        .expect_err("not kept");
    assert_eq!(error.code(), "not_offered");
}

#[cfg(unix)]
#[tokio::test]
async fn a_storage_that_is_not_safe_gets_no_password() {
    use std::os::unix::fs::PermissionsExt;
    let (fake, home) = (Fake::start().await, Home::new());
    fs::set_permissions(home.0.path(), fs::Permissions::from_mode(0o777)).expect("ours");
    let error = Client::at(&fake.url)
        .expect("an address")
        .keep_in(home.storage())
        .login("ada", PASSWORD)
        .await
        .expect_err("others can write there");
    assert_eq!(error.code(), "storage_not_private");
    assert_eq!(fake.logins(), 0);
}

#[tokio::test]
async fn what_is_no_login_is_said_so_and_replaced_by_the_next() {
    let (fake, home) = (Fake::start().await, Home::new());
    for nonsense in [&b"{}"[..], b"", b"{\"version\":2}", b"\x00\xff"] {
        home.storage().save(nonsense).expect("saved");
        let error = home.open().await.expect_err("no login");
        let said = matches!(
            &error,
            ClientError::Storage(StorageError::NotALogin { place }) if place.ends_with("login.json")
        );
        assert!(said, "{error}");
    }
    home.sign_in(&fake).await;
    home.open().await.expect("a login");
}

/// Answers reads and refuses to write from some moment on, as a full disk does.
struct FullDisk {
    below: FileStorage,
    writes_left: std::sync::atomic::AtomicU32,
}

impl Storage for FullDisk {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StorageError> {
        self.below.load()
    }

    fn save(&self, login: &[u8]) -> Result<(), StorageError> {
        use std::sync::atomic::Ordering::Relaxed;
        let left = self.writes_left.load(Relaxed).checked_sub(1);
        let Some(left) = left else {
            return Err(StorageError::own(self.place(), "no space left"));
        };
        self.writes_left.store(left, Relaxed);
        self.below.save(login)
    }

    fn remove(&self) -> Result<(), StorageError> {
        self.below.remove()
    }

    fn try_lock(&self) -> Result<Option<StorageLock>, StorageError> {
        self.below.try_lock()
    }

    fn place(&self) -> String {
        "a full disk".to_owned()
    }
}

#[tokio::test]
async fn a_full_disk_costs_no_login() {
    let (fake, home) = (Fake::start().await, Home::new());
    home.sign_in(&fake).await;
    let disk = FullDisk {
        below: home.storage(),
        writes_left: 0.into(),
    };
    let client = Client::open(disk).await.expect("a login");
    let error = client.refresh_now().await.expect_err("no space");
    assert_eq!(error.code(), "storage_failed");
    // The server was not asked, so what is kept is still the current pair.
    assert_eq!(fake.refreshes(), 0);
    client.token().await.expect("the held one is good");
    home.open()
        .await
        .expect("a login")
        .refresh_now()
        .await
        .expect("renewed");
}

#[tokio::test]
async fn a_lock_that_is_never_given_back_does_not_hold_anybody_for_ever() {
    let (fake, home) = (Fake::start().await, Home::new());
    home.sign_in(&fake).await;
    let _held = home.storage().try_lock().expect("lockable").expect("free");
    let builder = Client::at(&fake.url).expect("an address");
    let error = builder
        .renewal_timeout(Duration::from_millis(200))
        .keep_in(home.storage())
        .login("ada", PASSWORD)
        .await
        .expect_err("locked");
    assert!(
        matches!(error, ClientError::Storage(StorageError::Busy { .. })),
        "{error}"
    );
    assert!(error.is_temporary());
    assert_eq!(fake.logins(), 1);
}

#[tokio::test]
async fn a_renewal_that_is_due_is_waited_for_by_who_asks_for_a_token_that_lasts() {
    let (fake, home) = (Fake::start().await, Home::new());
    fake.lock().expires_in = 3;
    let client = home.sign_in(&fake).await;
    let first = client.token().await.expect("a token");
    tokio::time::sleep(Duration::from_millis(2600)).await;
    fake.trouble([Trouble::Slow(Duration::from_millis(100))]);
    let lasting = client.lasting_token().await.expect("a token");
    assert_ne!(first, lasting);
    client.settle().await;
}
