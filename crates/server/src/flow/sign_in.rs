//! A name and a password become a session and its first pair.

use std::net::IpAddr;

use countersign::secret::SecretString;
use countersign::{UnixTime, crypto};
use countersign_issuer::device::Device;
use countersign_issuer::record::{
    AuditEvent, AuditKind, EndReason, Handle, PasswordHash, Session, User,
};
use countersign_issuer::throttle::Network;
use countersign_issuer::{
    Client, GrantType, IssuerError, NewSession, Password, PasswordProof, Refused, UserGrant,
};

use super::authority::Authority;
use super::clients::Asking;
use super::error::FlowError;
use super::fresh::new_id;
use super::pair::Pair;
use crate::store::{Basis, Ending, Opened, Room, StoreError, name_key};

/// A sign-in as it was asked for.
#[derive(Debug)]
pub(crate) struct SignIn {
    pub(crate) username: String,
    pub(crate) password: SecretString,
    pub(crate) scope: Option<String>,
    pub(crate) audience: Option<String>,
    /// The client the user signs in through; the server's own if there is none.
    pub(crate) client: Option<Asking>,
    pub(crate) device_token: Option<SecretString>,
    pub(crate) peer: IpAddr,
}

/// A checked password, and its hash at today's cost if the stored one is of an older kind.
struct Checked {
    proof: PasswordProof,
    upgrade: Option<PasswordHash>,
}

/// How often a sign-in is decided before it is given up: each time after the first, somebody has just
/// changed the user or the client.
const ATTEMPTS: usize = 3;

impl Authority {
    /// Signs a user in. Unknown name, wrong password, disabled user: one refusal after the same
    /// work. Waiting comes before any of it.
    pub(crate) async fn sign_in(&self, mut asked: SignIn) -> Result<Pair, FlowError> {
        for _ in 0..ATTEMPTS {
            if let Some(pair) = self.decide(&asked).await? {
                return Ok(pair);
            }
            if let Some(asking) = asked.client.take() {
                asked.client = Some(self.asking_now(asking, asked.peer).await?);
            }
        }
        Err(StoreError::Overloaded.into())
    }

    /// A sign-in from its beginning. Nothing, if user or client have changed since: whoever takes a
    /// right away ends the sessions there are, and this one would be opened after that.
    async fn decide(&self, asked: &SignIn) -> Result<Option<Pair>, FlowError> {
        let now = UnixTime::now();
        let audience = self.audience_of(asked)?;
        let password = match Password::new(asked.password.expose()) {
            Ok(password) => Some(password),
            // An empty password is a wrong one, and costs what a wrong one costs.
            Err(Refused::PasswordEmpty) => None,
            Err(refused) => return Err(refused.into()),
        };
        let network = Network::of(asked.peer);
        let name = name_key(&asked.username);
        let device = self.known_device(asked, &name, now).await?;
        let attempt = self
            .throttle()
            .admit(&name, network, device.as_ref(), now)?;

        let (user, checked) = match self.find_and_check(&asked.username, password).await {
            Ok(found) => found,
            Err(error) => {
                // Nothing was found out: the attempt counts neither way.
                self.throttle().released(attempt);
                return Err(error);
            }
        };
        let Some(checked) = checked else {
            // From now on, not from when it was asked: hashing took its time.
            self.throttle().failed(attempt, UnixTime::now());
            return Err(self.refused(asked, user.as_ref(), now).await);
        };
        self.throttle().succeeded(attempt, UnixTime::now());
        let Some((grant, session)) = self.open_session(asked, checked, audience, now).await? else {
            return Ok(None);
        };
        let id = match &device {
            Some(device) => *device.id(),
            None => crypto::random()?,
        };
        let device_token = self.ring.load().macs.device_token(&name, id, now)?;
        Ok(Some(Pair {
            device_token: Some(device_token),
            ..self.pair(&grant, &session, now)?
        }))
    }

    /// Opens the session, if all that it is decided by is so still.
    async fn open_session(
        &self,
        asked: &SignIn,
        Checked { proof, upgrade }: Checked,
        audience: String,
        now: UnixTime,
    ) -> Result<Option<(UserGrant, Session)>, FlowError> {
        let client = asked.client.as_ref().map(Asking::client);
        let basis = Basis::of(proof.user(), client.map(AsRef::as_ref));
        let mut grant = UserGrant::from_password(proof, now);
        if let Some(client) = client {
            grant = grant.for_client(client);
        }
        let session = self.new_session(&grant, asked, audience, now)?;
        let audit = AuditEvent {
            user_id: Some(session.user_id.clone()),
            username: Some(grant.username().to_owned()),
            sid: Some(session.sid.clone()),
            network: Some(asked.peer.to_string()),
            detail: client.map(|client| client.client_id.clone()),
            ..AuditEvent::new(now, AuditKind::SignedIn)
        };
        let ending = Ending {
            network: Some(asked.peer.to_string()),
            ..self.ending(EndReason::Crowded, now)
        };
        let room = Room {
            most: self.policy.max_sessions,
            ending: ending.clone(),
        };
        let opened = self
            .store
            .open_session(session.clone(), basis, upgrade, room, audit);
        match opened.await? {
            Opened::Opened => {}
            Opened::InPlaceOf(ended) => self.publish_ended(&ended, &ending),
            Opened::Changed => return Ok(None),
        }
        Ok(Some((grant, session)))
    }

    /// The device, if it has signed in under this name with the password of today and can show it.
    /// One of a password before that counts with everybody else's: whoever was put out by the
    /// change shall not guess on apart from them.
    async fn known_device(
        &self,
        asked: &SignIn,
        name: &str,
        now: UnixTime,
    ) -> Result<Option<Device>, FlowError> {
        let Some(token) = &asked.device_token else {
            return Ok(None);
        };
        let device = self.ring.load().macs.open_device(token.expose(), name, now);
        let Some(device) = device else {
            return Ok(None);
        };
        // Only for a genuine token: whoever must wait costs the database nothing else.
        let user = self.store.user_by_name(&asked.username).await?;
        let current = user.is_some_and(|user| device.issued_at() > user.password_changed_at);
        Ok(current.then_some(device))
    }

    /// Takes in which kinds of password hashes are stored, so that every refusal costs the same.
    pub(crate) async fn pad_refusals(&self) -> Result<(), FlowError> {
        self.lanes.pad_for(self.store.password_kinds().await?);
        Ok(())
    }

    /// Whom the tokens shall be for: one of the client's audiences, or of those of the settings.
    /// Which scope there is to have depends on the user, so that is not looked at before the
    /// password is.
    fn audience_of(&self, asked: &SignIn) -> Result<String, Refused> {
        let (wanted, default) = (asked.audience.as_deref(), self.audience());
        if let Some(asking) = &asked.client {
            let client = asking.client();
            client.may(GrantType::RefreshToken)?;
            return client.audience(wanted, default);
        }
        let others = &self.policy.tokens.algorithms;
        match wanted {
            None => Ok(default.to_owned()),
            Some(wanted) if wanted == default || others.contains_key(wanted) => {
                Ok(wanted.to_owned())
            }
            Some(_) => Err(Refused::InvalidTarget),
        }
    }

    /// Loads the user and checks the password in a hashing lane, for unknown names alike. No
    /// `Checked` is a refusal.
    async fn find_and_check(
        &self,
        username: &str,
        password: Option<Password>,
    ) -> Result<(Option<User>, Option<Checked>), FlowError> {
        let user = self.store.user_by_name(username).await?;
        let salt = crypto::random::<16>()?;
        let checked = self.lanes.run(move |hasher| {
            let checked = match &password {
                None => Err(hasher.refuse()),
                Some(password) => hasher.check(user.as_ref(), password),
            };
            let upgrade = match (&checked, &password) {
                (Ok(proof), Some(password)) if proof.rehash_due() => {
                    Some(hasher.rehash(proof, password, salt)?)
                }
                _ => None,
            };
            let checked = checked.ok().map(|proof| Checked { proof, upgrade });
            Ok::<_, IssuerError>((user.clone(), checked))
        });
        Ok(checked.await??)
    }

    /// Writes a refusal down and gives it the one face all of them have.
    async fn refused(&self, asked: &SignIn, user: Option<&User>, now: UnixTime) -> FlowError {
        let audit = AuditEvent {
            user_id: user.map(|user| user.id.clone()),
            // A name nobody has may be a password, typed into the wrong field: it is not kept.
            username: user.map(|user| user.username.clone()),
            network: Some(asked.peer.to_string()),
            ..AuditEvent::new(now, AuditKind::SignInRefused)
        };
        match self.store.audit(audit).await {
            Ok(()) => Refused::InvalidCredentials.into(),
            Err(error) => error.into(),
        }
    }

    fn new_session(
        &self,
        grant: &UserGrant,
        asked: &SignIn,
        audience: String,
        now: UnixTime,
    ) -> Result<Session, FlowError> {
        let client = asked.client.as_ref().map(Asking::client);
        let policy = self.session_policy(client);
        let client_id = client.map_or(Client::FIRST_PARTY, |client| &client.client_id);
        let new = NewSession {
            handle: Handle::new(crypto::random()?),
            sid: new_id()?,
            client_id: client_id.to_owned(),
            scope: asked.scope.clone(),
            audience: vec![audience],
            mac_key_id: self.ring.load().macs.current_id(),
        };
        Ok(grant.open_session(new, &policy, now)?)
    }
}
