//! The tower door: a layer that lets only callers through to the service behind it.
//!
//! The caller is put among the request's extensions, where the axum extractor and the next
//! layer find it. The service's body type must be able to hold a refusal's (`From<Bytes>`), which
//! axum's `Body` and `http_body_util::Full<Bytes>` are.

use std::fmt::{self, Debug, Formatter};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign::{AccessClaims, UnixTime};
use http::{Request, Response};
use pin_project_lite::pin_project;
use serde::de::DeserializeOwned;
use tower_layer::Layer;
use tower_service::Service;

use crate::caller::Caller;
use crate::guard::{Begun, Guard};
use crate::refusal::Refusal;
use crate::require::Requirements;

impl<C> Guard<C> {
    /// A layer that refuses requests without a good token.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # fn routes(guard: countersign_guard::Guard) -> Router {
    /// Router::new()
    ///     .route("/orders", get(async || "your orders"))
    ///     .layer(guard.layer().require_scope("orders:read"))
    /// # }
    /// ```
    pub fn layer(&self) -> GuardLayer<C> {
        GuardLayer {
            guard: self.clone(),
            requirements: Requirements::new(),
        }
    }
}

/// See [`Guard::layer`].
pub struct GuardLayer<C = AccessClaims> {
    guard: Guard<C>,
    requirements: Requirements<C>,
}

impl<C> GuardLayer<C> {
    /// The token's scope must contain this word, else 403.
    #[must_use]
    pub fn require_scope(self, scope: &str) -> Self {
        self.with(|requirements| requirements.scope(scope))
    }

    /// The token's scope must contain at least one of these words, else 403.
    #[must_use]
    pub fn require_any_scope(self, scopes: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        self.with(|requirements| requirements.any_scope(scopes))
    }

    /// The caller must have this role, else 403.
    #[must_use]
    pub fn require_role(self, role: &str) -> Self {
        self.with(|requirements| requirements.role(role))
    }

    /// The caller must have at least one of these roles, else 403.
    #[must_use]
    pub fn require_any_role(self, roles: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        self.with(|requirements| requirements.any_role(roles))
    }

    /// The caller must meet the application's own rule, else 403 with the rule's name.
    #[must_use]
    pub fn require(
        self,
        name: &str,
        holds: impl Fn(&Caller<C>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(|requirements| requirements.rule(name, holds))
    }

    /// The caller must meet all of these, besides what is asked already, else 403.
    #[must_use]
    pub fn requirements(self, requirements: Requirements<C>) -> Self {
        self.with(|own| own.and_all(requirements))
    }

    fn with(mut self, change: impl FnOnce(Requirements<C>) -> Requirements<C>) -> Self {
        self.requirements = change(self.requirements);
        self
    }
}

impl<S, C> Layer<S> for GuardLayer<C> {
    type Service = Guarded<S, C>;

    fn layer(&self, inner: S) -> Guarded<S, C> {
        Guarded {
            inner,
            guard: self.guard.clone(),
            requirements: self.requirements.clone(),
        }
    }
}

/// A service behind a guard; made by [`GuardLayer`].
pub struct Guarded<S, C = AccessClaims> {
    inner: S,
    guard: Guard<C>,
    requirements: Requirements<C>,
}

impl<S, C, I, O> Service<Request<I>> for Guarded<S, C>
where
    S: Service<Request<I>, Response = Response<O>> + Clone + Send + 'static,
    S::Future: Send,
    C: DeserializeOwned + Send + Sync + 'static,
    I: Send + 'static,
    O: From<Bytes>,
{
    type Response = Response<O>;
    type Error = S::Error;
    type Future = GuardedFuture<S::Future, S::Error, O>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<I>) -> Self::Future {
        let step = match self
            .guard
            .begin(request.method(), request.headers(), request.extensions())
        {
            Begun::Settled(outcome) => match self.admit(outcome, &mut request) {
                Ok(()) => Step::Served {
                    future: self.inner.call(request),
                },
                Err(refusal) => Step::Refused {
                    refusal: Some(refusal),
                },
            },
            Begun::Fetching(refetched) => {
                // The service that was made ready serves this request; its clone, later ones.
                let next = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, next);
                let guard = self.guard.clone();
                let requirements = self.requirements.clone();
                let mut guarded = Self {
                    inner,
                    guard,
                    requirements,
                };
                Step::Waiting {
                    future: Box::pin(async move {
                        refetched.await;
                        let outcome = guarded.guard.check_request(
                            request.method(),
                            request.headers(),
                            UnixTime::now(),
                        );
                        match guarded.admit(outcome, &mut request) {
                            Ok(()) => guarded.inner.call(request).await,
                            Err(refusal) => Ok(refusal.response()),
                        }
                    }),
                }
            }
        };
        GuardedFuture { step }
    }
}

impl<S, C: Send + Sync + 'static> Guarded<S, C> {
    /// Asks the requirements and puts the caller among the extensions.
    fn admit<I>(
        &self,
        outcome: Result<Caller<C>, Refusal>,
        request: &mut Request<I>,
    ) -> Result<(), Refusal> {
        let caller = outcome?;
        self.guard.require(&caller, &self.requirements)?;
        request.extensions_mut().insert(caller);
        Ok(())
    }
}

pin_project! {
    /// The answer of a [`Guarded`] service.
    pub struct GuardedFuture<F, E, O> {
        #[pin]
        step: Step<F, E, O>,
    }
}

pin_project! {
    #[project = StepProjection]
    enum Step<F, E, O> {
        /// The usual case: the caller is known, and the service answers.
        Served { #[pin] future: F },
        Refused { refusal: Option<Refusal> },
        /// The keys are being fetched; then the check, then perhaps the service.
        Waiting { future: Answering<O, E> },
    }
}

type Answering<O, E> = Pin<Box<dyn Future<Output = Result<Response<O>, E>> + Send>>;

impl<F, E, O> Future for GuardedFuture<F, E, O>
where
    F: Future<Output = Result<Response<O>, E>>,
    O: From<Bytes>,
{
    type Output = Result<Response<O>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().step.project() {
            StepProjection::Served { future } => future.poll(cx),
            StepProjection::Waiting { future } => future.as_mut().poll(cx),
            StepProjection::Refused { refusal } => match refusal.take() {
                Some(refusal) => Poll::Ready(Ok(refusal.response())),
                // Polled after it was ready, which the contract of `Future` forbids.
                None => Poll::Pending,
            },
        }
    }
}

impl<C> Clone for GuardLayer<C> {
    fn clone(&self) -> Self {
        Self {
            guard: self.guard.clone(),
            requirements: self.requirements.clone(),
        }
    }
}

impl<S: Clone, C> Clone for Guarded<S, C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            guard: self.guard.clone(),
            requirements: self.requirements.clone(),
        }
    }
}

impl<C> Debug for GuardLayer<C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardLayer")
            .field("guard", &self.guard)
            .field("requirements", &self.requirements)
            .finish()
    }
}

impl<S: Debug, C> Debug for Guarded<S, C> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("inner", &self.inner)
            .field("guard", &self.guard)
            .field("requirements", &self.requirements)
            .finish()
    }
}

impl<F, E, O> Debug for GuardedFuture<F, E, O> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedFuture").finish_non_exhaustive()
    }
}
