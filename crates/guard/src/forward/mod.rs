//! Forward authentication: a proxy asks before it lets a request pass, and this answers.
//!
//! ```text
//!   question -> the request it is about -> rule -> guard -> 200 and who it is
//!                                                       +-> 401, 403 with a challenge
//! ```
//!
//! It is what stands behind `countersign guard` and behind the server's own `GET /verify`. Here is
//! no socket: whoever serves HTTP hands over the head of the proxy's question and sends the answer.
//!
//! What the proxy must do: ask for every request, and copy *every* header of
//! [`identity::ALL`](countersign_wire::identity::ALL) from the answer over those of the request.
//! All of them are in every 200, empty where there is nothing to say, so that nothing a client
//! sends under these names survives. A request with a header that a service could take for one of
//! them though a proxy does not (`X-Auth_Roles`) is refused, for no proxy knows all spellings. Where
//! rules go by path, so is one with a header that names another path (`X-Original-URL`,
//! `X-Rewrite-URL`), and where they go by method, one that names another method
//! (`X-HTTP-Method-Override` and its like).

mod counters;
mod disguise;
mod methods;
mod path;
mod policy;
mod proxy;
mod rule;

use std::fmt::{self, Debug, Formatter};

use bytes::Bytes;
use countersign::{AccessClaims, UnixTime};
use http::header::{CACHE_CONTROL, HeaderValue};
use http::request::Parts;
use http::{Method, Response};
use serde::de::DeserializeOwned;

use self::counters::ForwardCounters;
pub use self::counters::{Decided, ForwardCounts};
pub use self::policy::Policy;
pub use self::proxy::Proxy;
pub use self::rule::{Access, PolicyError, Rule};
use crate::caller::Caller;
use crate::guard::Guard;
use crate::identity::identity_headers;
use crate::refusal::{Refusal, Why};

/// Answers a proxy's questions.
///
/// ```
/// use countersign::{Algorithm, SigningKey};
/// use countersign_guard::forward::{Access, ForwardAuth, Policy, Proxy, Rule};
/// use countersign_guard::{Guard, Requirements};
/// use http::{Request, StatusCode};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let key = SigningKey::generate(Algorithm::ES256)?;
/// # let guard = Guard::builder("https://id.example", "api").key(key.verifying_key()).build()?;
/// let rules = [
///     Rule::new("/assets", Access::Public),
///     Rule::new("/admin", Access::Caller(Requirements::new().role("admin"))),
/// ];
/// let otherwise = Access::Caller(Requirements::new());
/// let forward = ForwardAuth::new(guard, Policy::by_path(Proxy::Nginx, rules, otherwise)?);
///
/// let question = Request::get("/verify")
///     .header("x-original-method", "GET")
///     .header("x-original-uri", "/assets/logo.svg")
///     .body(())?;
/// let answer = forward.answer(&question.into_parts().0).await;
/// assert_eq!(answer.status(), StatusCode::OK);
/// assert_eq!(answer.headers()["x-auth-subject"], "");
/// # Ok(())
/// # }
/// ```
pub struct ForwardAuth<C = AccessClaims> {
    guard: Guard<C>,
    policy: Policy<C>,
    counters: ForwardCounters,
}

impl<C> ForwardAuth<C> {
    /// Asks of each request what `policy` says, and lets `guard` decide about its token.
    pub fn new(guard: Guard<C>, policy: Policy<C>) -> Self {
        Self {
            guard,
            policy,
            counters: ForwardCounters::default(),
        }
    }

    /// What was decided so far, by what the rules ask for.
    pub fn counts(&self) -> ForwardCounts {
        self.counters.read()
    }

    /// The guard that decides.
    pub fn guard(&self) -> &Guard<C> {
        &self.guard
    }
}

impl<C: DeserializeOwned> ForwardAuth<C> {
    /// The answer to a question: 200 with the identity headers, or the refusal's own.
    pub async fn answer(&self, question: &Parts) -> Response<Bytes> {
        match self.decide(question).await {
            Ok(caller) => pass(caller.as_ref()),
            Err(refusal) => refusal.response(),
        }
    }

    /// The decision alone: who may pass; `None` is nobody in particular.
    ///
    /// # Errors
    ///
    /// A [`Refusal`], which knows what to answer.
    pub async fn decide(&self, question: &Parts) -> Result<Option<Caller<C>>, Refusal> {
        let found = if disguise::is_worn(&question.headers) {
            Err(Why::AmbiguousRequest)
        } else {
            self.policy.access(question)
        };
        let access = found.as_ref().ok().map(|(_, access)| *access);
        let counter = self.counters.of(access);
        let decided = match found {
            Ok((method, access)) => self.decide_by(access, method.as_ref(), question).await,
            Err(why) => Err(self.guard.refuse(why)),
        };
        counter.add(decided.is_ok());
        decided
    }

    async fn decide_by(
        &self,
        access: &Access<C>,
        method: Option<&Method>,
        question: &Parts,
    ) -> Result<Option<Caller<C>>, Refusal> {
        let headers = &question.headers;
        let requirements = match access {
            Access::Public => return Ok(None),
            Access::Closed => return Err(self.guard.refuse(Why::Closed)),
            Access::Optional if !self.guard.has_token(method, headers) => return Ok(None),
            Access::Optional => None,
            Access::Caller(requirements) => Some(requirements),
        };
        let caller = self
            .guard
            .check_fully(method, headers, UnixTime::now())
            .await?;
        if let Some(requirements) = requirements {
            self.guard.require(&caller, requirements)?;
        }
        Ok(Some(caller))
    }
}

fn pass<C>(caller: Option<&Caller<C>>) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::new());
    *answer.headers_mut() = identity_headers(caller);
    let private = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(CACHE_CONTROL, private);
    answer
}

impl<C> Debug for ForwardAuth<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForwardAuth")
            .field("guard", &self.guard)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
