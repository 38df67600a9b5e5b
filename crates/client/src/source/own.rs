//! Tokens from code of your own: an agent, a cloud's metadata service, a flow not built in here.

use std::error::Error;
use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::auth::is_token;
use crate::error::ClientError;
use crate::lease::Lease;
use crate::secret::AccessToken;

/// Gets access tokens by a way of its own.
///
/// The client asks when it needs a token, one call at a time however many tasks wait, and cuts a call
/// off when the renewal's time is up.
///
/// ```
/// use std::time::Duration;
/// use countersign_client::{Client, NewToken, SourceError, TokenSource};
///
/// struct FromAgent;
///
/// impl TokenSource for FromAgent {
///     async fn next(&self) -> Result<NewToken, SourceError> {
///         let text = tokio::fs::read_to_string("/run/agent/token").await.map_err(SourceError::later)?;
///         Ok(NewToken::new(text.trim()).expires_in(Duration::from_secs(300)))
///     }
/// }
///
/// # fn story() -> Result<(), countersign_client::ClientError> {
/// let client = Client::at("https://api.example.com")?.source(FromAgent)?;
/// # Ok(())
/// # }
/// ```
pub trait TokenSource: Send + Sync + 'static {
    /// Gets a token.
    fn next(&self) -> impl Future<Output = Result<NewToken, SourceError>> + Send;
}

/// A token and how long it is good.
#[derive(Clone, Debug)]
pub struct NewToken {
    token: AccessToken,
    expires_in: Option<Duration>,
}

impl NewToken {
    /// A token that is good until it is refused.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            token: AccessToken::new(text.into()),
            expires_in: None,
        }
    }

    /// How long it is good, from the moment the source was asked.
    pub fn expires_in(mut self, life: Duration) -> Self {
        self.expires_in = Some(life);
        self
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It may be different later; the client asks again.
    #[error("{0}")]
    Later(#[source] Box<dyn Error + Send + Sync>),
    /// There will be no more tokens; the client says [`ClientError::SessionEnded`] from now on.
    #[error("there will be no more tokens")]
    Ended,
}

impl SourceError {
    /// It may be different later.
    pub fn later(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Later(error.into())
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<NewToken, SourceError>> + Send + 'a>>;

/// [`TokenSource`] in a form that can be held without naming it.
pub(crate) trait AnySource: Send + Sync {
    fn ask(&self) -> Answer<'_>;
}

impl<S: TokenSource> AnySource for S {
    fn ask(&self) -> Answer<'_> {
        Box::pin(self.next())
    }
}

impl Debug for dyn AnySource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource")
    }
}

pub(super) async fn next(source: &dyn AnySource, deadline: Instant) -> Result<Lease, ClientError> {
    let asked_at = std::time::Instant::now();
    let new = match timeout_at(deadline, source.ask()).await {
        Ok(Ok(new)) => new,
        Ok(Err(SourceError::Ended)) => return Err(ClientError::SessionEnded),
        Ok(Err(SourceError::Later(error))) => return Err(ClientError::Source(error.into())),
        Err(_) => {
            return Err(ClientError::RenewalTimedOut {
                origin: "the source of tokens".to_owned(),
            });
        }
    };
    if !is_token(new.token.expose()) {
        return Err(ClientError::NotAToken);
    }
    Ok(Lease::new(new.token, asked_at, new.expires_in))
}
