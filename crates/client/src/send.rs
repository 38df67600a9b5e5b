//! Sends a request with the token, and once more with a new one if the token was refused.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use countersign_wire::token::BEARER;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Request, Response, StatusCode};
use zeroize::Zeroizing;

use crate::challenge;
use crate::error::ClientError;
use crate::origin::Origins;
use crate::renew::Session;
use crate::secret::AccessToken;
use crate::transport::{Authorities, ToAnyone};

/// A login, and where its token may go.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) session: Arc<Session>,
    pub(crate) origins: Origins,
    http: ToAnyone,
}

impl Sender {
    pub(crate) fn new(
        session: Arc<Session>,
        origins: Origins,
        authorities: &Authorities,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            session,
            origins,
            http: ToAnyone::new(authorities)?,
        })
    }

    /// The HTTP client requests are built with.
    pub(crate) fn http(&self) -> &reqwest::Client {
        self.http.builder()
    }

    pub(crate) async fn execute(&self, request: Request) -> Result<Response, ClientError> {
        self.origins.check(request.url())?;
        let token = self.session.token().await?;
        let again = request.try_clone();
        let answer = self.send_with(request, &token).await?;
        // After a redirect another origin may be speaking; it never saw the token.
        let token_refused = answer.status() == StatusCode::UNAUTHORIZED
            && self.origins.contain(answer.url())
            && challenge::refuses_the_token(answer.headers());
        if !token_refused || !self.session.source().can_renew() {
            return Ok(answer);
        }
        self.session.distrust(&token);
        let Some(again) = again else {
            return Ok(answer);
        };
        let token = self.session.token().await?;
        self.send_with(again, &token).await
    }

    async fn send_with(
        &self,
        mut request: Request,
        token: &AccessToken,
    ) -> Result<Response, ClientError> {
        request.headers_mut().insert(AUTHORIZATION, header(token));
        self.http.execute(request).await
    }
}

/// `Authorization: Bearer …`, marked as nothing to log.
pub(crate) fn header(token: &AccessToken) -> HeaderValue {
    let header = Zeroizing::new(format!("{BEARER} {}", token.expose()));
    // The token's characters were checked when it arrived.
    let mut header =
        HeaderValue::from_str(&header).unwrap_or_else(|_| HeaderValue::from_static(BEARER));
    header.set_sensitive(true);
    header
}

impl Debug for Sender {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("server", &self.session.origin())
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}
