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

use std::io;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use countersign::base64url;
use countersign::crypto::random;

use self::page::Page;
use self::stage::{Pace, Stage};
use super::stop;
use crate::failure::Failure;

/// Play the whole story on a server of its own, step by step
///
/// Starts the server on a free loopback port with its database in a temporary folder, and a small
/// protected API beside it. Exit 0 only if every step held. Ctrl-C ends it and leaves nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  countersign demo
  countersign demo --keep")]
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
    let (folder, outcome) = runtime.block_on(async {
        // Before there is a folder, so that no signal can leave one behind.
        let stop = stop::signal().map_err(Failure::failed)?;
        let folder = tempfile::Builder::new()
            .prefix("countersign-demo-")
            .tempdir()
            .map_err(Failure::failed)?;
        let outcome = until(stop, folder.path(), args.keep).await;
        Ok::<_, Failure>((folder, outcome))
    })?;
    // Whatever still writes into the folder ends before it is removed.
    runtime.shutdown_timeout(Duration::from_secs(5));
    outcome.and(folder.close().map_err(Failure::failed))
}

/// The play, which a signal ends at any time.
async fn until(
    stop: impl Future<Output = io::Result<()>>,
    folder: &Path,
    keep: bool,
) -> Result<(), Failure> {
    let mut stop = pin!(stop);
    let kept = tokio::select! {
        stopped = &mut stop => {
            stopped.map_err(Failure::failed)?;
            return Err(Failure::failed("the demo was ended before its last step"));
        }
        played = play(folder, keep) => played?,
    };
    if let Some(stage) = kept {
        stop.await.map_err(Failure::failed)?;
        stage.stop().await;
    }
    Ok(())
}

/// The story to its end. The stage is handed back if it is to be kept.
async fn play(folder: &Path, keep: bool) -> Result<Option<Stage>, Failure> {
    let password = base64url::encode(&random::<15>().map_err(Failure::failed)?);

    let mut page = Page::new();
    let stage = Stage::start(folder, &Pace::short()).await?;
    stage.introduce()?;
    let told = story::tell(&mut page, &stage, &password).await;
    if told.is_err() || !keep {
        stage.stop().await;
        told?;
        return page.the_end().map(|()| None);
    }
    page.the_end()?;

    let stage = stage.slow_down(folder).await?;
    stage.invite(&password)?;
    Ok(Some(stage))
}
