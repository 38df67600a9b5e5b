//! As many open files as the system allows, and a word if those are too few.

use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::exposition::Exposition;
use crate::guard::Sidecar;
use crate::run::{Ended, command_after, run_with_input};

/// Its database cannot be made, so that it ends by itself after what it says before.
const SERVE: [&str; 7] = [
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--database",
    "sqlite:/nonexistent/folder/countersign.db",
    "--log",
    "countersign=debug",
];

/// Runs the command in a shell that may have `hard` open files, and has `soft` unless it asks.
fn limited(hard: u32, soft: u32, arguments: &[&str]) -> Ended {
    run_with_input(&mut shell(hard, soft, arguments), "")
}

fn shell(hard: u32, soft: u32, arguments: &[&str]) -> Command {
    command_after(
        &format!("ulimit -Sn {soft} && ulimit -Hn {hard}"),
        arguments,
    )
}

#[test]
fn the_limit_is_raised_as_far_as_it_goes() {
    let ended = limited(
        600,
        200,
        &[&SERVE[..], &["--max-connections", "500"]].concat(),
    );
    let raised = ended
        .words
        .contains("open files: 600 from now on, 200 before");
    assert!(raised, "{ended:?}");
    assert!(!ended.words.contains("warning"), "{ended:?}");
}

#[test]
fn too_few_open_files_for_the_connections_are_warned_of() {
    let many = limited(
        600,
        200,
        &[&SERVE[..], &["--max-connections", "5000"]].concat(),
    );
    let warned = many.words.contains(
        "allows this process 600 open files, enough for about 536 connections, and there may be 5000",
    );
    assert!(warned, "{many:?}");

    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("an address").to_string();
    let guard = [
        "guard",
        "--issuer",
        "https://id.example",
        "--listen",
        &taken,
    ];
    let ended = limited(600, 600, &guard);
    assert!(ended.words.contains("600 open files"), "{ended:?}");
    assert!(ended.words.contains("cannot listen"), "{ended:?}");
}

/// More connections than it can open: whoever it cannot accept is counted, and it goes on.
#[test]
fn connections_for_which_there_is_no_file_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        "127.0.0.1:0",
    ];
    let mut serve = shell(48, 48, &serve);
    serve.current_dir(folder.path());
    let server = Sidecar::of(&mut serve, &["serving http://", "numbers on http://"]);
    let [api, numbers] = server.addresses.as_slice() else {
        panic!("{:?}", server.addresses);
    };
    let began = Instant::now();
    loop {
        let crowd: Vec<_> = (0..80).map(|_| TcpStream::connect(api)).collect();
        thread::sleep(Duration::from_millis(200));
        drop(crowd);
        thread::sleep(Duration::from_millis(200));
        let (status, page) = Sidecar::ask(numbers, "/metrics", &[]);
        let name = "countersign_connections_failed_total{reason=\"accept\"}";
        if status == 200 && Exposition::read(&page).count(name) > 0 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{page}");
    }
    assert_eq!(Sidecar::ask(api, "/healthz", &[]).0, 200);
}
