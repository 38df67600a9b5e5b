//! Servers are killed with SIGKILL again and again, at moments nobody chose, while their clients
//! go on. Whatever was answered for must hold afterwards, whoever got no answer must be able to go
//! on with what they sent, and no session may have come out of it with two successors.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on must fail"
)]

mod client;
#[path = "../../../../crates/server/tests/store/cluster.rs"]
#[expect(dead_code, reason = "the tests of the store need more of it")]
mod cluster;
mod endings;

use std::time::Duration;

use countersign_conformance::chance::Chance;
use countersign_conformance::{Server, Shared};
use countersign_wire::paths;

use crate::client::{PASSWORD, Servers, Story, name};
use crate::cluster::Cluster;

const CLIENTS: usize = 6;
const KILLS: usize = 200;
/// Longer than a start takes, so that clients get some work done between two kills.
const AT_MOST_MS: u64 = 150;
/// Several servers tell each other of a revocation in a quarter of a second, on a machine that has
/// the time; one knows at once.
const NEWS: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_answered_for_is_lost() {
    survive(vec![Server::new()], Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_of_two_servers_on_one_database() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let shared = Shared::on(cluster.new_database().await);
    let servers = vec![Server::sharing(&shared), Server::sharing(&shared)];
    survive(servers, NEWS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_cut_short_can_be_begun_again() {
    let mut chance = Chance::from_environment();
    for _ in 0..12 {
        let mut server = Server::new();
        server.spawn();
        tokio::time::sleep(Duration::from_millis(chance.below(60))).await;
        server.kill();
        server.start().await;
        let keys = keys(&server).await;
        server.kill();
        server.start().await;
        assert_eq!(crate::keys(&server).await, keys);
        server.add_user("ada", PASSWORD);
        let answer = server.http().login("ada", PASSWORD).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// Kills `servers`, which have one database, in any order while clients use all of them. A
/// revocation may take `news` to be known to every one.
async fn survive(mut servers: Vec<Server>, news: Duration) {
    let mut chance = Chance::from_environment();
    for number in 0..CLIENTS {
        servers[0].add_user(&name(number), PASSWORD);
    }
    for server in &mut servers {
        server.start().await;
    }
    let before = keys(&servers[0]).await;
    let users = listed(&servers[0]);

    let story = Story::begin(CLIENTS, &Servers::of(&servers), &mut chance);
    let mut kills = 0;
    while kills < KILLS {
        tokio::time::sleep(Duration::from_millis(10 + chance.below(AT_MOST_MS))).await;
        let struck = usize::try_from(chance.below(servers.len() as u64)).expect("an index");
        // Now and then none is left.
        let all = chance.below(4) == 0;
        for (number, server) in servers.iter_mut().enumerate() {
            if all || number == struck {
                server.kill();
                kills += 1;
            }
        }
        for (number, server) in servers.iter_mut().enumerate() {
            if all || number == struck {
                server.start().await;
                assert_eq!(keys(server).await, before, "other keys");
            }
        }
    }
    let mut clients = story.end().await;

    let (mut refreshes, mut ended) = (0, 0);
    for client in &mut clients {
        client.has_one_successor().await;
        client.still_signed_out(news).await;
        refreshes += client.refreshes;
        ended += client.ended.len();
    }
    // Once more, so that everything has been read back from the disk at least once.
    for server in &mut servers {
        server.kill();
    }
    for server in &mut servers {
        server.start().await;
    }
    for client in &mut clients {
        client.still_signed_out(news).await;
        client.go_on().await;
    }
    assert_eq!(listed(&servers[0]), users, "users changed");
    for server in &servers {
        assert_eq!(keys(server).await, before, "other keys");
    }
    println!("{kills} kills, {refreshes} refreshes, {ended} ended sessions stayed ended");
    assert!(
        ended > 0 && refreshes > KILLS,
        "the story was too short to show anything"
    );
}

async fn keys(server: &Server) -> String {
    let answer = server.http().get(paths::JWKS).await;
    answer.expect("keys").text
}

fn listed(server: &Server) -> String {
    server.command(["user", "list", "--json"]).succeed()
}
