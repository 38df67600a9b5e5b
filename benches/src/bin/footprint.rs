//! How long a start takes, how much memory an idle server holds, and how big the program is.
#![expect(clippy::print_stderr, reason = "it says how far it is")]

use std::time::{Duration, Instant};

use countersign_benches::http::{self, Connection};
use countersign_benches::load::saturate;
use countersign_benches::logins::{BELIEVED, SignIns};
use countersign_benches::machine::resident;
use countersign_benches::section::{Bar, Section, number};
use countersign_benches::server::{Server, binary};
use countersign_benches::stats::median;
use countersign_benches::{Failure, quick};

const USERS: u32 = 200;
const FLOOD: usize = 64;

fn main() -> Result<(), Failure> {
    let (rounds, flood, rest) = if quick() {
        (3, Duration::from_millis(500), Duration::from_secs(1))
    } else {
        (51, Duration::from_secs(10), Duration::from_secs(60))
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut server = Server::new(&BELIEVED)?;
    server.add_users("user", USERS as usize)?;
    // The first start makes the keys.
    server.start()?;
    server.stop()?;
    let (mut starts, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let began = Instant::now();
        server.start()?;
        runtime.block_on(first_answer(&server))?;
        starts.push(began.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(500));
        idle.push(resident(server.process()?)?.0);
        server.stop()?;
    }
    eprintln!("footprint: {rounds} starts");
    server.start()?;
    let callers = SignIns::callers("user", USERS, FLOOD);
    runtime.block_on(saturate(server.address()?, callers, flood))?;
    let (flooded, _) = resident(server.process()?)?;
    eprintln!("footprint: flooded; waiting {} s", rest.as_secs());
    std::thread::sleep(rest);
    let (rested, most) = resident(server.process()?)?;
    server.stop()?;
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    let size = std::fs::metadata(binary())?.len() as f64 / 1e6;

    let (start, idle) = (median(starts), median(idle));
    Section::new("Start, memory and size")
        .says(format!(
            "On an existing SQLite database: from the moment the program is started to its first answer \
             over HTTP, and its resident memory half a second later ({rounds} starts). Then {FLOOD} \
             connections sign in without a pause for 10 s, after which the server held {} MiB ({} at \
             most), and nobody calls it for a minute. The program is the stripped release build.",
            number(flooded),
            number(most)
        ))
        .bar(Bar::at_most("ms from start to the first answer", start, 25.0))
        .bar(Bar::at_most("MiB of resident memory when idle", idle, 12.0))
        .bar(Bar::at_most("MiB a minute after a flood of logins", rested, 20.0))
        .bar(Bar::at_most("MB of program", size, 16.0))
        .print();
    Ok(())
}

async fn first_answer(server: &Server) -> Result<(), Failure> {
    let mut connection = Connection::open(server.address()?).await?;
    let answer = connection.send(&http::get("/healthz", "")).await?;
    match answer.status {
        200 => Ok(()),
        status => Err(format!("/healthz answered {status}").into()),
    }
}
