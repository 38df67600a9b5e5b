//! A client as an administrator asks for it: a new one, or another than it was.

use std::time::Duration;

use countersign::crypto;
use countersign::{Algorithm, UnixTime};
use countersign_issuer::client::{Authentication, ClientKeys, ClientTerms};
use countersign_issuer::{Client, ClientSecret, GrantType, IssuerError};

/// A client as it is asked for.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// The `client_id`.
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// How it shall prove who it is.
    pub proof: Proof,
    /// What it may come for. If nothing is said: a public client for its users' tokens, one that
    /// serves an audience for nothing, any other for tokens in its own name.
    pub grant_types: Option<Vec<GrantType>>,
    /// The scope it may ask for, words separated by single spaces.
    pub scope: String,
    /// The audiences it may ask for; none: the server's default.
    pub audiences: Vec<String>,
    /// The audiences it answers to, as an API.
    pub serves: Vec<String>,
    /// The roles of its own tokens, and the most that its users' have.
    pub roles: Vec<String>,
    /// Where it differs from the server's settings.
    pub terms: ClientTerms,
}

/// How a new client shall prove who it is.
#[derive(Clone, Debug, Default)]
pub enum Proof {
    /// With a secret, which is made for it.
    #[default]
    Secret,
    /// With signatures, checked with these keys.
    Keys(ClientKeys),
    /// Not at all.
    None,
}

/// What is to be different about a client; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientChange {
    /// What people call it.
    pub name: Option<String>,
    /// Its public keys. For a client that has keys already.
    pub keys: Option<ClientKeys>,
    /// What it may come for.
    pub grant_types: Option<Vec<GrantType>>,
    /// The scope it may ask for.
    pub scope: Option<String>,
    /// The audiences it may ask for.
    pub audiences: Option<Vec<String>>,
    /// The audiences it answers to.
    pub serves: Option<Vec<String>>,
    /// Its roles.
    pub roles: Option<Vec<String>>,
    /// How long a session may lie unused; inside, `None` for what the server has.
    pub session_idle: Option<Option<Duration>>,
    /// How long a session lasts.
    pub session_absolute: Option<Option<Duration>>,
    /// How long an access token lives.
    pub access_life: Option<Option<Duration>>,
    /// How access tokens are signed.
    pub algorithm: Option<Option<Algorithm>>,
    /// Whether it is kept out, with what [`Registry::disable`](crate::Registry::disable) and
    /// [`Registry::enable`](crate::Registry::enable) say.
    pub disabled: Option<bool>,
}

impl NewClient {
    /// The client, with the secret that is made for it if it is one for secrets.
    pub(super) fn into_client(
        self,
        own_sid: String,
        now: UnixTime,
    ) -> Result<(Client, Option<ClientSecret>), IssuerError> {
        let (authentication, secret) = match self.proof {
            Proof::None => (Authentication::None, None),
            Proof::Keys(keys) => (Authentication::Keys(keys), None),
            Proof::Secret => {
                let secret = ClientSecret::generate()?;
                (Authentication::Secrets(vec![secret.hash()]), Some(secret))
            }
        };
        let usual = match (&authentication, self.serves.as_slice()) {
            (Authentication::None, _) => vec![GrantType::RefreshToken],
            (_, []) => vec![GrantType::ClientCredentials],
            (_, [_, ..]) => Vec::new(),
        };
        let client = Client {
            client_id: self.client_id,
            name: self.name,
            authentication,
            grant_types: self.grant_types.unwrap_or(usual),
            scope: self.scope,
            audiences: self.audiences,
            serves: self.serves,
            roles: self.roles,
            terms: self.terms,
            disabled: false,
            created_at: now,
            own_sid,
            // Half of the numbers are left to count on in.
            revision: u32::from_be_bytes(crypto::random::<4>()?) >> 1,
        };
        Ok((client, secret))
    }
}

impl ClientChange {
    /// Whether nothing is to be different.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it can be made of this client: keys are for one that has keys already.
    pub(super) const fn suits(&self, client: &Client) -> bool {
        self.keys.is_none() || matches!(client.authentication, Authentication::Keys(_))
    }

    /// Makes it of a client that it suits.
    pub(super) fn apply(&self, client: &mut Client) {
        if let Some(keys) = &self.keys {
            client.authentication = Authentication::Keys(keys.clone());
        }
        set(&mut client.name, self.name.as_ref());
        set(&mut client.grant_types, self.grant_types.as_ref());
        set(&mut client.scope, self.scope.as_ref());
        set(&mut client.audiences, self.audiences.as_ref());
        set(&mut client.serves, self.serves.as_ref());
        set(&mut client.roles, self.roles.as_ref());
        let terms = &mut client.terms;
        set(&mut terms.session_idle, self.session_idle.as_ref());
        set(&mut terms.session_absolute, self.session_absolute.as_ref());
        set(&mut terms.access_life, self.access_life.as_ref());
        set(&mut terms.algorithm, self.algorithm.as_ref());
    }
}

/// What a change takes away of what is out already: tokens of before would go on with it for as long
/// as they live, and some of it is enough to have it given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// From the tokens that the client has in its own name.
    pub(super) own: bool,
    /// From the tokens of users who signed in through it.
    pub(super) users: bool,
}

impl Taken {
    pub(super) const NOTHING: Self = Self {
        own: false,
        users: false,
    };

    /// What `after` has not that `before` had.
    pub(super) fn between(before: &Client, after: &Client) -> Self {
        let words = |scope: &str| {
            let words = scope.split_whitespace().map(str::to_owned);
            words.collect::<Vec<_>>()
        };
        // None at all stand for the server's default, which is not known here.
        let audiences = before.audiences.is_empty() != after.audiences.is_empty()
            || lacks(&after.audiences, &before.audiences);
        let shut_out = after.disabled && !before.disabled;
        let anything = shut_out
            || audiences
            || lacks(&after.roles, &before.roles)
            || lacks(&words(&after.scope), &words(&before.scope));
        let grant = |kind| before.grant_types.contains(&kind) && !after.grant_types.contains(&kind);
        let keys = match (&before.authentication, &after.authentication) {
            (Authentication::Keys(old), Authentication::Keys(new)) => !new.contains_all(old),
            _ => false,
        };
        Self {
            own: anything || keys || grant(GrantType::ClientCredentials),
            users: anything || grant(GrantType::RefreshToken),
        }
    }
}

fn lacks(now: &[String], before: &[String]) -> bool {
    before.iter().any(|word| !now.contains(word))
}

/// The names of what differs, as they are said on the wire. No values: what is in the audit log is
/// read by many.
pub(super) fn differing(before: &Client, after: &Client) -> Vec<&'static str> {
    let (old, new) = (&before.terms, &after.terms);
    let fields = [
        ("name", before.name != after.name),
        ("jwks", before.authentication != after.authentication),
        ("grant_types", before.grant_types != after.grant_types),
        ("scope", before.scope != after.scope),
        ("audiences", before.audiences != after.audiences),
        ("serves", before.serves != after.serves),
        ("roles", before.roles != after.roles),
        ("session_idle", old.session_idle != new.session_idle),
        (
            "session_absolute",
            old.session_absolute != new.session_absolute,
        ),
        ("access_life", old.access_life != new.access_life),
        ("algorithm", old.algorithm != new.algorithm),
    ];
    let differing = fields.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(name, _)| name).collect()
}

fn set<T: Clone>(place: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        place.clone_from(new);
    }
}
