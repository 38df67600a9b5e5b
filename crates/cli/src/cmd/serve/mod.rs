//! `countersign serve`: the auth server, until it is told to stop.

mod args;
mod limits;
mod welcome;

use std::num::NonZero;
use std::pin::pin;
use std::thread::available_parallelism;

use countersign_server::Server;

pub(crate) use self::args::ServeArgs;
use self::welcome::{Curl, welcome};
use super::database::FirstUse;
use super::{listen, open_files, stop};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(blocking_threads())
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    runtime.block_on(serve(args))
}

/// As many as read the database at once. In a crowd more of them would be made while others are about
/// to be free, each with a stack and a heap.
fn blocking_threads() -> usize {
    available_parallelism().map_or(2, NonZero::get) + 1
}

async fn serve(args: &ServeArgs) -> Result<(), Failure> {
    let config = args.config()?;
    if args.behind_proxy && args.trusted_proxies.is_empty() {
        output::warning(
            "without --trusted-proxy everyone behind the proxy is one network to this server: the \
             wrong passwords of one make all the others wait; name the proxy's network, for \
             example --trusted-proxy 10.0.0.0/8",
        )?;
    }
    open_files::raise_for(config.limits.connections, " or lower --max-connections")?;
    let first_use = FirstUse::of(&config);
    // From before the first request can come: whoever has an answer is under way when the signal comes.
    let mut stopped = pin!(stop::signal().map_err(Failure::failed)?);
    let server = tokio::select! {
        server = Server::start(config) => server.map_err(Failure::failed)?,
        outcome = &mut stopped => {
            outcome.map_err(Failure::failed)?;
            return output::note("stopping");
        }
    };
    first_use.say()?;
    output::note(&format!(
        "serving {} on {}",
        server.issuer(),
        server.address()
    ))?;
    if let Some(address) = server.metrics_address() {
        listen::numbers_at(address)?;
    }
    if args.dev {
        let at = Curl::to(server.address(), args.tls_cert.as_deref());
        welcome(&server, &at).await?;
    } else if first_use.is_first() {
        output::note("next: add a user with  countersign user add NAME")?;
    }

    stopped.await.map_err(Failure::failed)?;
    output::note("stopping")?;
    server.stop().await;
    Ok(())
}
