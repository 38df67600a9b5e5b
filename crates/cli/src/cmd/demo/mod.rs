//! `countersign demo`: the whole story, played on real parts.
//!
//! `stage` has the server and the API, `story` what happens between them, `page` how it is told. What
//! goes over HTTP here goes over HTTP in production: the API fetches the server's keys, the client
//! is `countersign-client`, and the requests that must fail are sent by hand.

mod answer;
mod page;
mod stage;
mod story;
mod token;

use clap::Args;
use countersign::base64url;
use countersign::crypto::random;

use self::page::Page;
use self::stage::{Pace, Stage};
use crate::failure::Failure;

/// Play the whole story on a server of its own, step by step
///
/// Starts the server on a free loopback port with its database in a temporary folder, and a small
/// protected API beside it. Exit 0 only if every step held.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Leave server and API running afterwards and show how to call them
    #[arg(long)]
    keep: bool,
}

/// The user of the story.
const USER: &str = "ada";
const ROLE: &str = "reader";

pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    runtime.block_on(play(args.keep))
}

async fn play(keep: bool) -> Result<(), Failure> {
    let folder = tempfile::Builder::new()
        .prefix("countersign-demo-")
        .tempdir()
        .map_err(Failure::failed)?;
    let password = base64url::encode(&random::<15>().map_err(Failure::failed)?);

    let mut page = Page::new();
    let stage = Stage::start(folder.path(), &Pace::short()).await?;
    stage.introduce()?;
    let told = story::tell(&mut page, &stage, &password).await;
    if told.is_err() || !keep {
        stage.stop().await;
        told?;
        return page.the_end();
    }
    page.the_end()?;

    let stage = stage.slow_down(folder.path()).await?;
    stage.invite(&password)?;
    tokio::signal::ctrl_c().await.map_err(Failure::failed)?;
    stage.stop().await;
    Ok(())
}
