//! The crate `oauth2` as its users use it: it has tokens from a server of ours, refreshes, introspects
//! and revokes them. What it is told stands on stdin, what came of it on stdout, both as JSON; the
//! test in `tests/conformance/tests/oauth_clients.rs` looks at it.
//!
//! It takes back tokens over TLS only, so that the server has a certificate here. The crate has no discovery: its users read the metadata themselves, as is done here. The access
//! token is verified by `jsonwebtoken`, with the published keys.

use std::io::Read as _;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use oauth2::basic::{BasicClient, BasicErrorResponseType};
use oauth2::reqwest::Certificate;
use oauth2::reqwest::blocking::{Client, ClientBuilder};
use oauth2::{
    AuthType, ClientId, ClientSecret, IntrospectionUrl, RefreshToken, RequestTokenError,
    RevocationUrl, Scope, StandardRevocableToken, TokenIntrospectionResponse as _,
    TokenResponse as _, TokenUrl,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Settings {
    issuer: String,
    /// That of the server, which signed it itself.
    certificate: String,
    audience: String,
    service: Service,
    refresh_token: String,
}

#[derive(Deserialize)]
struct Service {
    id: String,
    secret: String,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
    token_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    println!("{}", story(&serde_json::from_str(&text)?)?);
    Ok(())
}

fn story(settings: &Settings) -> Result<Value, Failure> {
    let certificate = Certificate::from_pem(settings.certificate.as_bytes())?;
    let http = ClientBuilder::new().add_root_certificate(certificate).build()?;
    let found = format!("{}/.well-known/oauth-authorization-server", settings.issuer);
    let metadata: Metadata = serde_json::from_str(&http.get(found).send()?.text()?)?;
    if metadata.issuer != settings.issuer {
        return Err("the metadata is another issuer's".into());
    }
    let service = &settings.service;
    let client = BasicClient::new(ClientId::new(service.id.clone()))
        .set_client_secret(ClientSecret::new(service.secret.clone()))
        .set_token_uri(TokenUrl::new(metadata.token_endpoint.clone())?)
        .set_introspection_url(IntrospectionUrl::new(metadata.introspection_endpoint)?)
        .set_revocation_url(RevocationUrl::new(metadata.revocation_endpoint)?);

    let mut ways = Vec::new();
    for way in [AuthType::BasicAuth, AuthType::RequestBody] {
        let client = client.clone().set_auth_type(way);
        let request = client.exchange_client_credentials();
        let answer = request.add_scope(Scope::new("read".into())).request(&http)?;
        ways.push(scopes(answer.scopes()));
    }
    let own = client.exchange_client_credentials().request(&http)?;
    let own = own.access_token();
    let verified = verified(&http, &metadata.jwks_uri, settings, own.secret())?;

    let refresh_token = RefreshToken::new(settings.refresh_token.clone());
    let pair = client.exchange_refresh_token(&refresh_token).request(&http)?;
    let access = pair.access_token();
    let before = client.introspect(access).request(&http)?;
    let next = pair.refresh_token().ok_or("no refresh token")?.clone();
    client.revoke_token(next.into())?.request(&http)?;
    let after = client.introspect(access).request(&http)?;
    client
        .revoke_token(StandardRevocableToken::AccessToken(own.clone()))?
        .request(&http)?;
    let withdrawn = client.introspect(own).request(&http)?;

    let more = client.exchange_client_credentials();
    let more = more.add_scope(Scope::new("everything".into())).request(&http);
    let wrong = BasicClient::new(ClientId::new(service.id.clone()))
        .set_client_secret(ClientSecret::new("wrong".into()))
        .set_token_uri(TokenUrl::new(metadata.token_endpoint)?);
    let wrong = wrong.exchange_client_credentials().request(&http);
    Ok(json!({
        "ways": ways,
        "verified": verified,
        "before": [before.active(), before.username()],
        "after": [after.active(), withdrawn.active()],
        "refusals": [refusal(more.map(drop))?, refusal(wrong.map(drop))?],
    }))
}

fn scopes(scopes: Option<&Vec<Scope>>) -> String {
    let words = scopes.into_iter().flatten().map(|scope| scope.as_str());
    words.collect::<Vec<_>>().join(" ")
}

/// Whom the token is of, by another library's judgement.
fn verified(http: &Client, keys: &str, settings: &Settings, token: &str) -> Result<Value, Failure> {
    let keys: JwkSet = serde_json::from_str(&http.get(keys).send()?.text()?)?;
    let header = decode_header(token)?;
    let key = keys.find(&header.kid.ok_or("no kid")?).ok_or("no such key")?;
    let mut rules = Validation::new(header.alg);
    rules.set_issuer(&[&settings.issuer]);
    rules.set_audience(&[&settings.audience]);
    let decoded = decode::<Value>(token, &DecodingKey::from_jwk(key)?, &rules)?;
    Ok(decoded.claims["sub"].clone())
}

type Refusal = oauth2::StandardErrorResponse<BasicErrorResponseType>;

/// The error's name, as the client understands it.
fn refusal<E: std::error::Error + 'static>(
    answer: Result<(), RequestTokenError<E, Refusal>>,
) -> Result<String, Failure> {
    match answer {
        Ok(()) => Err("it was not refused".into()),
        Err(RequestTokenError::ServerResponse(said)) => Ok(said.error().as_ref().to_owned()),
        Err(other) => Err(other.into()),
    }
}
