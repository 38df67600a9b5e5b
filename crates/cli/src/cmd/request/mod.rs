//! `countersign request`: a request with the held token, as curl and HTTPie would send it.
//!
//! Typed (here) -> body (`body`) -> sent by the client, which renews and resends -> shown (`answer`).

mod answer;
mod body;
mod download;
mod highlight;
mod verbose;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use countersign_client::{Client, ClientError, Method};
use reqwest::Url;

use super::account::{Profile, ProfileArgs, Profiles, address, failure};
use crate::failure::Failure;
use crate::printable::printable;
use body::{Body, BodyArgs};

/// Send a request with the token of the current login
///
/// The token is renewed first when it is about to expire, and goes to the server that made it, to
/// the addresses named at `login --api`, and to those allowed with --allow; nowhere else.
#[derive(Debug, Args)]
#[command(
    allow_missing_positional = true,
    after_help = "\
Examples:
  countersign request https://api.example.com/orders
  countersign request POST :5000/orders --json item=book count:=2
  countersign request :5000/orders -d @orders.csv -H 'Content-Type: text/csv'
  countersign request :5000/report.pdf -o report.pdf --fail"
)]
pub(crate) struct RequestArgs {
    /// The method; without it, GET, or POST with a body
    #[arg(value_name = "METHOD")]
    first: Option<String>,
    /// The address; https if it says nothing else, :5000 for a port of this machine
    url: String,
    /// The method, as curl takes it
    #[arg(short = 'X', long, value_name = "METHOD", conflicts_with = "first")]
    method: Option<String>,
    /// A header, `Name: value`; may be given several times
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    #[command(flatten)]
    body: BodyArgs,
    /// Write the answer into a file; nothing is left of half an answer
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Fail if the answer's status is 400 or more: exit code 3 for 401 and 403, else 1
    #[arg(short, long)]
    fail: bool,
    /// Show both sides' headers, the token shortened
    #[arg(short, long)]
    verbose: bool,
    /// Let the token go to this address's host and port, now and from now on
    #[arg(long)]
    allow: bool,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    #[command(flatten)]
    profile: ProfileArgs,
}

pub(crate) fn run(args: &RequestArgs) -> Result<(), Failure> {
    super::run_async(async {
        let (method, url) = target(args)?;
        let body = args.body.read()?;
        let method = method.unwrap_or_else(|| body.usual_method());
        let headers = headers(&args.headers)?;
        let profile =
            Profiles::of_this_user()?.choose_for(args.profile.profile.as_deref(), url.as_str())?;
        let client = client(&profile, &url, args.allow).await?;
        // The client would see to it as well, but nothing is to be renewed or shown for a stranger.
        if profile
            .login()?
            .is_some_and(|login| !login.is_for(url.as_str()))
        {
            return Err(not_for(&url.origin().ascii_serialization(), &profile));
        }
        let outcome = exchange(args, &client, method, &url, headers, body).await;
        // A renewal that is under way is not cut off by the end of this process.
        client.settle().await;
        outcome.map_err(|error| told(error, &profile))
    })
}

/// What went wrong: in the client, whose words are for programs, or on our side.
enum Trouble {
    Client(ClientError),
    Ours(Failure),
}

async fn exchange(
    args: &RequestArgs,
    client: &Client,
    method: Method,
    url: &Url,
    headers: Vec<(String, String)>,
    body: Body,
) -> Result<(), Trouble> {
    let mut request = client.request(method, url.as_str());
    let typed = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if let (Some(kind), false) = (body.content_type(), typed) {
        request = request.header("content-type", kind);
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if let Some(seconds) = args.timeout {
        request = request.timeout(Duration::from_secs(seconds));
    }
    if let Some(bytes) = body.into_bytes() {
        request = request.body(bytes);
    }
    let request = request.build().map_err(Trouble::Client)?;
    // Only an address that will get the token makes it worth renewing, and is worth showing it with.
    let before = client.lasting_token().await.map_err(Trouble::Client)?;
    if args.verbose {
        verbose::request(&request, &before)?;
    }
    let answer = client.execute(request).await.map_err(Trouble::Client)?;
    if args.verbose {
        let after = client.token().await.map_err(Trouble::Client)?;
        if before != after {
            verbose::renewed(&after)?;
        }
        verbose::answer(&answer)?;
    }
    Ok(answer::show(answer, args.output.as_deref(), args.fail).await?)
}

async fn client(profile: &Profile, url: &Url, allow: bool) -> Result<Client, Failure> {
    let client = profile.open().await?;
    if !allow {
        return Ok(client);
    }
    let origin = url.origin().ascii_serialization();
    client.remember_origin(&origin).await.map_err(failure)
}

/// `[METHOD] URL`, or the URL with `-X`.
fn target(args: &RequestArgs) -> Result<(Option<Method>, Url), Failure> {
    let url = &args.url;
    let method = args.first.as_ref().or(args.method.as_ref());
    let method = match method {
        None => None,
        Some(text) => Some(
            Method::from_bytes(text.to_ascii_uppercase().as_bytes())
                .map_err(|_| Failure::usage(format!("{} is no method", printable(text))))?,
        ),
    };
    let meant = address(url);
    let url = Url::parse(&meant)
        .map_err(|error| Failure::usage(format!("{} is no address: {error}", printable(url))))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Failure::usage(
            "the address has a user name or a password in it; the login's token is sent instead",
        ));
    }
    Ok((method, url))
}

fn headers(typed: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let split = |text: &String| {
        let (name, value) = text.split_once(':').ok_or_else(|| {
            Failure::usage(format!("{} is no header: `Name: value`", printable(text)))
        })?;
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("authorization") {
            return Err(Failure::usage(
                "the Authorization header is the login's token; leave it out",
            ));
        }
        Ok((name.to_owned(), value.to_owned()))
    };
    typed.iter().map(split).collect()
}

fn not_for(origin: &str, profile: &Profile) -> Failure {
    Failure::usage(format!(
        "the login {} is not for {origin}, so nothing was sent; if its token may go there, \
         say so once with --allow",
        printable(&profile.name)
    ))
}

fn told(trouble: Trouble, profile: &Profile) -> Failure {
    match trouble {
        Trouble::Client(ClientError::OriginNotAllowed { origin }) => not_for(&origin, profile),
        Trouble::Client(error) => failure(error),
        Trouble::Ours(failure) => failure,
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Ours(failure)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Ours(error.into())
    }
}

/// A status as people know it.
fn status_words(status: reqwest::StatusCode) -> String {
    let words = status.canonical_reason().unwrap_or_default();
    format!("{} {words}", status.as_u16()).trim_end().to_owned()
}
