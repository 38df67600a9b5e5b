//! The story, step by step. Each step sends something, shows what came back and says what that means;
//! the first that does not hold ends it.

use std::time::{Duration, Instant};

use countersign::{UnixTime, Unverified};
use countersign_client::{Client, ClientError, RefreshToken};
use countersign_issuer::Password;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, answer, read};
use super::page::{self, Page};
use super::stage::{Pace, Stage};
use super::token::{in_order, with_another_role};
use super::{ROLE, USER};
use crate::cmd::jwt::moment;
use crate::failure::Failure;
use crate::output::shortened;

/// A revocation that has not arrived by then does not count as one.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn tell(page: &mut Page, stage: &Stage, password: &str) -> Result<(), Failure> {
    // Nothing here is HTTPS, so the machine need not have certificates.
    let http = reqwest::Client::builder()
        .tls_certs_only(None::<reqwest::Certificate>)
        .timeout(Duration::from_secs(10))
        .build()
        .map_err(Failure::failed)?;
    let mut story = Story { page, stage, http };

    story.a_user_is_created(password).await?;
    story.a_wrong_password().await?;
    let client = story.sign_in("Sign in", password).await?;
    let token = token_of(&client).await?;
    story.the_token_is_readable(&token)?;
    story.the_protected_route_greets(&client).await?;
    story.no_token().await?;
    story.a_tampered_token(&token).await?;
    story.an_expired_token(&token).await?;
    story.a_missing_role(&client).await?;
    let replaced = story.refresh(&client).await?;
    story.a_lost_answer(&client, &replaced).await?;
    story.a_stolen_refresh_token(&client, &replaced).await?;
    let client = story.sign_in("Sign in again", password).await?;
    let token = token_of(&client).await?;
    let signed_out = story.sign_out(&client).await?;
    story.the_signed_out_token(&token, signed_out).await
}

struct Story<'a> {
    page: &'a mut Page,
    stage: &'a Stage,
    http: reqwest::Client,
}

impl Story<'_> {
    async fn a_user_is_created(&mut self, password: &str) -> Result<(), Failure> {
        self.page.step("Create a user")?;
        page::sends(
            "server",
            &format!("countersign user add {USER} --role {ROLE}"),
        )?;
        let secret = Password::new(password.to_owned()).map_err(Failure::failed)?;
        let user = self
            .stage
            .server()
            .directory()
            .add(USER, secret, vec![ROLE.to_owned()])
            .await
            .map_err(Failure::failed)?;
        self.page.shows(
            user.username == USER,
            &format!("{USER} may sign in; of the password only an Argon2id hash is kept"),
        )
    }

    async fn a_wrong_password(&mut self) -> Result<(), Failure> {
        self.page.step("A wrong password")?;
        page::sends(
            "server",
            &format!("POST /login  {USER}, a guessed password"),
        )?;
        let guess = |name| {
            let login = json!({ "username": name, "password": "a guess or two" });
            self.http.post(self.stage.at_server("/login")).json(&login)
        };
        let (known, unknown) = (guess(USER), guess("nobody"));
        let known = answer(known).await?;
        page::answers(known.status.as_u16(), &known.refusal())?;
        let unknown = answer(unknown).await?;
        let alike = known.status == unknown.status && known.body == unknown.body;
        self.page.shows(
            known.status == StatusCode::UNAUTHORIZED
                && known.text("error") == "invalid_credentials"
                && alike,
            "refused; a name that does not exist gets the very same answer",
        )
    }

    async fn sign_in(&mut self, title: &str, password: &str) -> Result<Client, Failure> {
        self.page.step(title)?;
        page::sends(
            "server",
            &format!("POST /login  {USER}, the right password"),
        )?;
        let client = Client::login(self.stage.server().issuer(), USER, password)
            .await
            .and_then(|client| client.for_origin(&self.stage.at_api("")))
            .map_err(Failure::failed)?;
        let token = token_of(&client).await?;
        let refresh = refresh_token(&client)?;
        page::answers(
            200,
            &format!(
                "access token {}, refresh token {}",
                shortened(&token),
                shortened(refresh.expose())
            ),
        )?;
        self.page.shows(
            true,
            "the client holds the pair and sends it to these two only",
        )?;
        Ok(client)
    }

    fn the_token_is_readable(&mut self, token: &str) -> Result<(), Failure> {
        self.page.step("Look into the access token")?;
        let unverified = Unverified::parse(token).map_err(Failure::failed)?;
        let (header, claims) = (unverified.header_json(), unverified.claims_json());
        for (title, part) in [("header", header), ("claims", claims)] {
            page::aside(title)?;
            for (name, value) in in_order(part) {
                let shown = match value {
                    Value::String(text) if !text.is_empty() => text.clone(),
                    other => other.to_string(),
                };
                let date = value.as_i64().and_then(moment::date).unwrap_or_default();
                page::entry(name, &format!("{shown}  {date}"))?;
            }
        }
        self.page.shows(
            header.get("typ") == Some(&json!("at+jwt"))
                && claims.get("preferred_username") == Some(&json!(USER)),
            "anyone who has it can read it, so nothing secret is in it",
        )
    }

    async fn the_protected_route_greets(&mut self, client: &Client) -> Result<(), Failure> {
        self.page.step("Call the protected route")?;
        page::sends(
            "api",
            "GET /hello  Authorization: Bearer <the access token>",
        )?;
        let got = client
            .get(&self.stage.at_api("/hello"))
            .send()
            .await
            .map_err(Failure::failed)?;
        let status = got.status();
        let body: Value = got.json().await.map_err(Failure::failed)?;
        let message = body
            .get("message")
            .and_then(Value::as_str)
            .unwrap_or_default();
        page::answers(status.as_u16(), message)?;
        self.page.shows(
            status == StatusCode::OK && message.starts_with(&format!("Hello, {USER}.")),
            "the API checked it alone, with the server's public key",
        )
    }

    async fn no_token(&mut self) -> Result<(), Failure> {
        self.page.step("No token")?;
        page::sends("api", "GET /hello")?;
        let got = answer(self.http.get(self.stage.at_api("/hello"))).await?;
        page::answers(
            got.status.as_u16(),
            &format!("WWW-Authenticate: {}", got.challenge),
        )?;
        self.page.shows(
            got.status == StatusCode::UNAUTHORIZED
                && got.challenge.starts_with("Bearer realm=")
                && !got.challenge.contains("error="),
            "a 401 with a challenge that says what is wanted (RFC 6750)",
        )
    }

    async fn a_tampered_token(&mut self, token: &str) -> Result<(), Failure> {
        self.page.step("A tampered token")?;
        page::sends(
            "api",
            "GET /hello  with \"roles\":[\"admin\"] written into the token",
        )?;
        let got = self.call(&with_another_role(token)?).await?;
        page::answers(got.status.as_u16(), &got.refusal())?;
        self.page.shows(
            got.is_refused(StatusCode::UNAUTHORIZED, "bad_signature"),
            "the signature covers every character",
        )
    }

    async fn an_expired_token(&mut self, token: &str) -> Result<(), Failure> {
        self.page.step("An expired token")?;
        let expires = Unverified::parse(token)
            .map_err(Failure::failed)?
            .expires_at()
            .ok_or_else(|| Failure::failed("the access token has no exp"))?;
        let left = expires.since(UnixTime::now());
        page::aside(&format!(
            "(waiting {} s until it expires)",
            left.as_secs() + 1
        ))?;
        while UnixTime::now() <= expires {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        page::sends("api", "GET /hello  Authorization: Bearer <the same token>")?;
        let got = self.call(token).await?;
        page::answers(got.status.as_u16(), &got.refusal())?;
        self.page.shows(
            got.is_refused(StatusCode::UNAUTHORIZED, "expired"),
            "the answer says why, so that a client knows to renew",
        )
    }

    async fn a_missing_role(&mut self, client: &Client) -> Result<(), Failure> {
        self.page.step("A missing role")?;
        page::sends(
            "api",
            "GET /reports  through the client, for role admin only",
        )?;
        let before = refresh_token(client)?;
        let got = client
            .get(&self.stage.at_api("/reports"))
            .send()
            .await
            .map_err(Failure::failed)?;
        let got = read(got).await?;
        page::answers(got.status.as_u16(), &got.refusal())?;
        let renewed = refresh_token(client)? != before;
        self.page.shows(
            got.is_refused(StatusCode::FORBIDDEN, "missing_role") && renewed,
            "known, but not allowed; the client had renewed its token unasked",
        )
    }

    async fn refresh(&mut self, client: &Client) -> Result<RefreshToken, Failure> {
        self.page.step("Refresh")?;
        let before = (token_of(client).await?, refresh_token(client)?);
        page::sends(
            "server",
            &format!("POST /refresh  {}", shortened(before.1.expose())),
        )?;
        client.refresh_now().await.map_err(Failure::failed)?;
        let after = (token_of(client).await?, refresh_token(client)?);
        page::answers(
            200,
            &format!(
                "access token {}, refresh token {}",
                shortened(&after.0),
                shortened(after.1.expose())
            ),
        )?;
        self.page.shows(
            before.0 != after.0 && before.1 != after.1,
            "a new pair; the old refresh token is replaced",
        )?;
        Ok(before.1)
    }

    async fn a_lost_answer(
        &mut self,
        client: &Client,
        replaced: &RefreshToken,
    ) -> Result<(), Failure> {
        self.page.step("A lost answer")?;
        page::sends(
            "server",
            &format!(
                "POST /refresh  {} again, at once",
                shortened(replaced.expose())
            ),
        )?;
        let got = self.present(replaced).await?;
        let successor = got.text("refresh_token");
        let same = refresh_token(client)?.expose() == successor;
        page::answers(
            got.status.as_u16(),
            &format!("refresh token {}, the same successor", shortened(successor)),
        )?;
        self.page.shows(
            got.status == StatusCode::OK && same,
            "whoever lost the answer, or raced another tab, is not signed out",
        )
    }

    async fn a_stolen_refresh_token(
        &mut self,
        client: &Client,
        stolen: &RefreshToken,
    ) -> Result<(), Failure> {
        self.page.step("A stolen refresh token")?;
        // Whole seconds on both sides, and up to a third more before a replaced token is forgotten.
        let wait = Pace::short().grace + Duration::from_secs(2);
        page::aside(&format!(
            "({USER} works on; the thief comes with the old token {} s later)",
            wait.as_secs()
        ))?;
        tokio::time::sleep(wait).await;
        let token = client.refresh_now().await.map_err(Failure::failed)?;

        page::sends(
            "server",
            &format!("POST /refresh  {}", shortened(stolen.expose())),
        )?;
        let presented = Instant::now();
        let got = self.present(stolen).await?;
        page::answers(got.status.as_u16(), &got.refusal())?;
        let ended = got.status == StatusCode::BAD_REQUEST && got.text("error") == "invalid_grant";
        page::sends(
            "api",
            &format!("GET /hello  with {USER}'s own access token"),
        )?;
        let (refused, after) = self.refused_soon(token.expose(), presented).await?;
        page::answers(refused.status.as_u16(), &refused.refusal())?;
        let client_knows = client.refresh_now().await;
        self.page.shows(
            ended
                && refused.is_refused(StatusCode::UNAUTHORIZED, "revoked")
                && matches!(client_knows, Err(ClientError::SessionEnded)),
            &format!(
                "two had the token, so the session ended for both; the API knew in {} ms",
                after.as_millis() + 1
            ),
        )
    }

    async fn sign_out(&mut self, client: &Client) -> Result<Instant, Failure> {
        self.page.step("Sign out")?;
        let refresh = refresh_token(client)?;
        page::sends("server", "POST /logout")?;
        let asked = Instant::now();
        client.logout().await.map_err(Failure::failed)?;
        let token = shortened(refresh.expose());
        page::sends(
            "server",
            &format!("POST /refresh  {token}, to see whether it still works"),
        )?;
        let got = self.present(&refresh).await?;
        page::answers(got.status.as_u16(), &got.refusal())?;
        self.page.shows(
            got.text("error") == "invalid_grant" && client.refresh_token().is_none(),
            "the session is over and its refresh token worthless",
        )?;
        Ok(asked)
    }

    async fn the_signed_out_token(
        &mut self,
        token: &str,
        signed_out: Instant,
    ) -> Result<(), Failure> {
        self.page
            .step("The access token of the session that ended")?;
        page::sends(
            "api",
            "GET /hello  Authorization: Bearer <it has not expired yet>",
        )?;
        let (got, after) = self.refused_soon(token, signed_out).await?;
        page::answers(got.status.as_u16(), &got.refusal())?;
        self.page.shows(
            got.is_refused(StatusCode::UNAUTHORIZED, "revoked"),
            &format!(
                "taken back within {} ms of the sign-out, though its time was not up",
                after.as_millis() + 1
            ),
        )
    }

    /// The API's answer to this token.
    async fn call(&self, token: &str) -> Result<Answer, Failure> {
        answer(
            self.http
                .get(self.stage.at_api("/hello"))
                .bearer_auth(token),
        )
        .await
    }

    /// Calls until the API refuses, and says how long after `since` that was.
    async fn refused_soon(
        &self,
        token: &str,
        since: Instant,
    ) -> Result<(Answer, Duration), Failure> {
        loop {
            let got = self.call(token).await?;
            if got.status != StatusCode::OK || since.elapsed() > PATIENCE {
                return Ok((got, since.elapsed()));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn present(&self, refresh: &RefreshToken) -> Result<Answer, Failure> {
        let body = json!({ "refresh_token": refresh.expose() });
        answer(self.http.post(self.stage.at_server("/refresh")).json(&body)).await
    }
}

async fn token_of(client: &Client) -> Result<String, Failure> {
    let token = client.token().await.map_err(Failure::failed)?;
    Ok(token.expose().to_owned())
}

fn refresh_token(client: &Client) -> Result<RefreshToken, Failure> {
    client
        .refresh_token()
        .ok_or_else(|| Failure::failed(ClientError::SessionEnded))
}
