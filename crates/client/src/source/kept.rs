//! A login that rests in a storage and is shared with other processes.
//!
//! ```text
//!   lock -> read -> renewed by another meanwhile? -> use that
//!                `-> write the same again -> ask the server -> write the new pair -> unlock
//! ```
//!
//! Whoever is killed on the way leaves the old pair or the new one in the storage. With the old one the
//! next process asks again, and the server, which still knows the token it replaced a moment ago,
//! answers with the same successor.
//!
//! The login is written once *before* the server is asked: on a full disk, or in a folder that has been
//! made read-only, the renewal then fails while the pair that is kept is still the current one.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use url::Url;

use super::insist::insist;
use crate::auth::Authority;
use crate::error::ClientError;
use crate::kept::KeptLogin;
use crate::lease::{Freshness, Lease};
use crate::secret::AccessToken;
use crate::storage::{Storage, StorageError, StorageLock};

/// Between two looks at a lock that another process holds. It holds it for one request.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A storage, and whose login it is expected to hold.
pub(crate) struct KeptSource {
    authority: Authority,
    storage: Arc<dyn Storage>,
    whose: KeptLogin,
}

impl KeptSource {
    /// The login in `storage`, which is `whose`.
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        mut whose: KeptLogin,
    ) -> Result<Self, ClientError> {
        let authority = whose.authority()?;
        // The tokens are the storage's; here only the name matters.
        whose.end();
        Ok(Self {
            authority,
            storage,
            whose,
        })
    }

    pub(crate) fn origin(&self) -> String {
        self.authority.origin()
    }

    pub(super) async fn next(
        &self,
        held: Option<&AccessToken>,
        deadline: Instant,
    ) -> Result<Lease, ClientError> {
        let _lock = lock(&self.storage, deadline).await?;
        let mut login = self.read().await?;
        let Some(refresh) = login.refresh_token() else {
            return Err(ClientError::SessionEnded);
        };
        if let Some(lease) = login.lease()
            && Some(lease.token()) != held
            && lease.freshness(std::time::Instant::now()) == Freshness::Fresh
        {
            return Ok(lease);
        }
        write(&self.storage, &login).await?;
        let ask = || self.authority.next_pair(&refresh);
        match insist(self.authority.origin(), deadline, ask).await {
            Ok(issued) => {
                login.renew(&issued);
                write(&self.storage, &login).await?;
                Ok(issued.lease())
            }
            Err(ClientError::SessionEnded) => {
                login.end();
                write(&self.storage, &login).await?;
                Err(ClientError::SessionEnded)
            }
            Err(error) => Err(error),
        }
    }

    /// Ends the session and empties the storage.
    pub(super) async fn sign_out(&self, deadline: Instant) -> Result<(), ClientError> {
        let _lock = lock(&self.storage, deadline).await?;
        match self.read().await {
            Ok(login) => {
                if let Some(refresh) = login.refresh_token() {
                    self.authority.sign_out(&refresh).await?;
                }
            }
            // Another process was first, or it is another login by now, which is not ours to end.
            Err(ClientError::SignedOut) => return Ok(()),
            Err(error) => return Err(error),
        }
        let storage = Arc::clone(&self.storage);
        blocking(move || storage.remove()).await
    }

    /// Lets the token go to one more origin, for all who share the login.
    pub(crate) async fn add_origin(&self, url: Url, deadline: Instant) -> Result<(), ClientError> {
        let _lock = lock(&self.storage, deadline).await?;
        let mut login = self.read().await?;
        login.add_origin(url);
        write(&self.storage, &login).await
    }

    /// The login as it is now; none but ours.
    async fn read(&self) -> Result<KeptLogin, ClientError> {
        let login = read(&self.storage).await?;
        login
            .filter(|login| login.is_same_as(&self.whose))
            .ok_or(ClientError::SignedOut)
    }
}

/// Puts the login that `sign_in` makes into the storage. The login it replaces is ended at its server,
/// so that sessions nobody uses do not pile up there.
///
/// The storage is tried first: a password is not sent for a login that could not be kept.
pub(crate) async fn replace<F>(
    storage: &Arc<dyn Storage>,
    deadline: Instant,
    sign_in: F,
) -> Result<KeptLogin, ClientError>
where
    F: Future<Output = Result<KeptLogin, ClientError>>,
{
    let _lock = lock(storage, deadline).await?;
    let before = match read(storage).await {
        Ok(before) => before,
        // It cannot be read as a login, so there is none to end.
        Err(ClientError::Storage(StorageError::NotALogin { .. })) => None,
        Err(error) => return Err(error),
    };
    let login = sign_in.await?;
    if let Err(error) = write(storage, &login).await {
        end(&login).await;
        return Err(error);
    }
    if let Some(before) = before {
        end(&before).await;
    }
    Ok(login)
}

/// Ends a session that nobody will use; if the server cannot be told, it ends by its age.
async fn end(login: &KeptLogin) {
    if let Some(refresh) = login.refresh_token()
        && let Ok(authority) = login.authority()
        && let Err(error) = authority.sign_out(&refresh).await
    {
        tracing::info!(
            code = error.code(),
            "the session that was replaced could not be ended"
        );
    }
}

/// What is kept, if anything is.
pub(crate) async fn read(storage: &Arc<dyn Storage>) -> Result<Option<KeptLogin>, ClientError> {
    let storage = Arc::clone(storage);
    blocking(move || KeptLogin::read(&*storage)).await
}

async fn write(storage: &Arc<dyn Storage>, login: &KeptLogin) -> Result<(), ClientError> {
    let (storage, bytes) = (Arc::clone(storage), login.to_bytes());
    blocking(move || storage.save(&bytes)).await
}

async fn lock(storage: &Arc<dyn Storage>, deadline: Instant) -> Result<StorageLock, ClientError> {
    loop {
        let asked = Arc::clone(storage);
        if let Some(lock) = blocking(move || asked.try_lock()).await? {
            return Ok(lock);
        }
        if Instant::now() >= deadline {
            return Err(ClientError::Storage(StorageError::Busy {
                place: storage.place(),
            }));
        }
        sleep(LOOK_AGAIN).await;
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, ClientError> {
    match spawn_blocking(work).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(ClientError::Interrupted),
    }
}

impl Debug for KeptSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptSource")
            .field("place", &self.storage.place())
            .finish_non_exhaustive()
    }
}
