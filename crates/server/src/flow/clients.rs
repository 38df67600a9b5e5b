//! Clients prove who they are, and have tokens in their own name.
//!
//! A client is loaded once and then known, until any process changes any client: the database is
//! asked several times a second whether one has.

use std::net::IpAddr;
use std::sync::Arc;

use countersign::UnixTime;
use countersign::secret::SecretString;
use countersign_issuer::client::{Wanted, claimed_client};
use countersign_issuer::{AccessToken, AuthenticatedClient, Client, PublicClient, Refused};
use countersign_wire::paths;

use super::authority::Authority;
use super::error::FlowError;
use super::failures::Doubt;
use super::fresh::new_seed;

/// What a request says of its client.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// `client_secret_basic`, `client_secret_post`.
    Secret {
        client_id: String,
        secret: SecretString,
    },
    /// `private_key_jwt`; the id may be left to the assertion.
    Assertion {
        client_id: Option<String>,
        assertion: SecretString,
    },
    /// Nothing but its id.
    Id(String),
}

/// A client that may ask.
#[derive(Clone, Debug)]
pub(crate) enum Asking {
    /// It has proved who it is.
    Proved(AuthenticatedClient),
    /// It cannot.
    Public(PublicClient),
}

impl Asking {
    pub(crate) fn client(&self) -> &Arc<Client> {
        match self {
            Self::Proved(proved) => proved.client(),
            Self::Public(public) => public.client(),
        }
    }

    /// The client, where a name is not enough.
    pub(crate) fn proved(self) -> Result<AuthenticatedClient, Refused> {
        match self {
            Self::Proved(proved) => Ok(proved),
            Self::Public(_) => Err(Refused::InvalidClient),
        }
    }
}

/// A token for a client in its own name.
#[derive(Debug)]
pub(crate) struct ClientToken {
    pub(crate) access_token: AccessToken,
    pub(crate) scope: String,
}

impl Authority {
    /// Finds out who asks, and writes down who fails to prove it.
    ///
    /// Nobody is made to wait after a wrong secret, as after a wrong password: there are 2^256.
    pub(crate) async fn identify(
        &self,
        credentials: Credentials,
        peer: IpAddr,
    ) -> Result<Asking, FlowError> {
        let now = UnixTime::now();
        match credentials {
            Credentials::Secret { client_id, secret } => {
                let check = |client: Option<&Arc<Client>>| {
                    Client::authenticate(client, secret.expose(), now).map(Asking::Proved)
                };
                self.checked(&client_id, check, peer).await
            }
            Credentials::Assertion {
                client_id,
                assertion,
            } => {
                let proved = self.check_assertion(client_id, &assertion, peer).await?;
                Ok(Asking::Proved(proved))
            }
            Credentials::Id(client_id) => {
                let check =
                    |client: Option<&Arc<Client>>| Client::named(client).map(Asking::Public);
                self.checked(&client_id, check, peer).await
            }
        }
    }

    /// Who asks, by the same proof, of the client as it is stored now: the one that is known may have
    /// been changed a moment ago, by any process. Who is not accepted any more is written down.
    pub(super) async fn asking_now(
        &self,
        asking: Asking,
        peer: IpAddr,
    ) -> Result<Asking, FlowError> {
        let client_id = &asking.client().client_id;
        let (_, generation) = self.clients.get(client_id);
        let stored = self.stored_client(client_id, generation).await?;
        let now = match asking {
            Asking::Proved(proved) => {
                let renewed = proved.renewed(stored.as_ref(), UnixTime::now());
                renewed.map(Asking::Proved)
            }
            Asking::Public(_) => Client::named(stored.as_ref()).map(Asking::Public),
        };
        now.map_err(|refused| self.noted(refused, stored.as_deref(), peer))
    }

    /// What `check` says of the client as it is known, or else of the client as it is stored: one
    /// that was changed a moment ago is not refused for that, and a refusal costs one look into the
    /// database, whether there is such a client or not.
    async fn checked<T>(
        &self,
        client_id: &str,
        check: impl Fn(Option<&Arc<Client>>) -> Result<T, Refused>,
        peer: IpAddr,
    ) -> Result<T, FlowError> {
        let (known, generation) = self.clients.get(client_id);
        if let Some(known) = known
            && let Ok(passed) = check(Some(&known))
        {
            return Ok(passed);
        }
        let stored = self.stored_client(client_id, generation).await?;
        check(stored.as_ref()).map_err(|refused| self.noted(refused, stored.as_deref(), peer))
    }

    /// A refusal of the client that is stored, if there is one, to be written down.
    fn noted(&self, refused: Refused, stored: Option<&Client>, peer: IpAddr) -> FlowError {
        let doubt = match stored {
            None => Doubt::Unknown,
            Some(client) if client.disabled => Doubt::Disabled,
            Some(_) => Doubt::Refused(&refused),
        };
        let client_id = stored.map(|client| client.client_id.as_str());
        self.failures.note(client_id, doubt, peer, UnixTime::now());
        refused.into()
    }

    async fn check_assertion(
        &self,
        client_id: Option<String>,
        assertion: &SecretString,
        peer: IpAddr,
    ) -> Result<AuthenticatedClient, FlowError> {
        let now = UnixTime::now();
        let refused = |client_id: Option<&str>, refused: Refused| {
            let doubt = Doubt::Refused(&refused);
            self.failures.note(client_id, doubt, peer, now);
            FlowError::from(refused)
        };
        let claimed = claimed_client(assertion.expose());
        let claimed = claimed.ok_or_else(|| refused(None, Refused::InvalidClient))?;
        // RFC 7521 §4.2: the parameter, if it is there, names the same client.
        if client_id.is_some_and(|id| id != claimed) {
            return Err(refused(None, Refused::InvalidClient));
        }
        let endpoint = format!("{}{}", self.issuer(), paths::OAUTH_TOKEN);
        let audiences = [self.issuer(), &endpoint];
        let check = |client: Option<&Arc<Client>>| {
            Client::check_assertion(client, assertion.expose(), audiences, now)
        };
        let unused = self.checked(&claimed, check, peer).await?;
        let (digest, until) = (*unused.digest(), unused.until());
        let first = self.store.use_assertion(digest, until).await?;
        let proved = unused.first_use(first);
        proved.map_err(|used| refused(Some(&claimed), used))
    }

    /// Makes a token for a client in its own name. There is no session and no refresh token: it can
    /// come again.
    pub(crate) fn client_token(
        &self,
        client: &AuthenticatedClient,
        wanted: Wanted<'_>,
    ) -> Result<ClientToken, FlowError> {
        let grant = client.grant(wanted, self.audience())?;
        let (ring, policy) = (self.ring.load(), &self.policy.tokens);
        let now = UnixTime::now();
        let access_token =
            AccessToken::issue_to_client(&grant, &ring.keys, policy, new_seed()?, now)?;
        Ok(ClientToken {
            access_token,
            scope: grant.scope().to_owned(),
        })
    }

    async fn stored_client(
        &self,
        client_id: &str,
        generation: u64,
    ) -> Result<Option<Arc<Client>>, FlowError> {
        let client = self.store.client(client_id).await?.map(Arc::new);
        if let Some(client) = &client {
            self.clients.keep(client, generation);
        }
        Ok(client)
    }

    /// Some client was changed, here or by another process.
    pub(crate) fn forget_clients(&self) {
        self.clients.forget();
    }

    /// Writes down who failed to prove it; with `all`, also what would wait for the end of its minute.
    /// What cannot be written now waits.
    pub(crate) async fn write_failures(&self, all: bool) -> Result<(), FlowError> {
        let now = UnixTime::now();
        Ok(self.failures.write(&*self.store, all, now).await?)
    }
}
