//! A refresh token becomes the next pair, once; whoever comes with an old one is a thief.

use super::*;

#[tokio::test]
async fn a_refresh_brings_the_next_pair_and_a_lost_answer_the_same_one() {
    let running = start().await;
    let first = running.signed_in().await;
    let second = pair(running.refresh(&first.refresh).await).await;
    assert_ne!(first.refresh, second.refresh);
    let again = pair(running.refresh(&first.refresh).await).await;
    assert_eq!(again.refresh, second.refresh, "one successor, ever");
    assert_eq!(running.get_as("/me", &again).await.status(), StatusCode::OK);
    let third = pair(running.refresh(&second.refresh).await).await;
    assert_ne!(third.refresh, second.refresh);
}

#[tokio::test]
async fn a_stolen_token_ends_the_session_for_thief_and_owner() {
    let grace = Duration::from_secs(1);
    let running = start_with(|config| Config {
        sessions: SessionPolicy {
            grace,
            ..SessionPolicy::default()
        },
        ..config
    })
    .await;
    let first = running.signed_in().await;
    let second = pair(running.refresh(&first.refresh).await).await;
    tokio::time::sleep(grace * 3).await;
    let thief = running.refresh(&first.refresh).await;
    assert_eq!(
        refused(thief, StatusCode::BAD_REQUEST, "invalid_grant").await,
        "refresh_reused"
    );
    let owner = running.refresh(&second.refresh).await;
    assert_eq!(
        refused(owner, StatusCode::BAD_REQUEST, "invalid_grant").await,
        "session_ended"
    );
    let me = running.get_as("/me", &second).await;
    assert_eq!(
        refused(me, StatusCode::UNAUTHORIZED, "invalid_token").await,
        "revoked"
    );
}

#[tokio::test]
async fn racers_with_one_refresh_token_all_win_the_same() {
    let running = start().await;
    let first = running.signed_in().await;
    let racers = (0..16).map(|_| running.refresh(&first.refresh));
    let mut successors = Vec::new();
    for response in futures_util::future::join_all(racers).await {
        successors.push(pair(response).await.refresh);
    }
    successors.dedup();
    assert_eq!(successors.len(), 1);
}

#[tokio::test]
async fn what_is_not_a_refresh_token_of_ours_is_an_invalid_grant() {
    let running = start().await;
    for token in [
        "",
        "csr_",
        "not one",
        "csr_AAAA",
        "eyJhbGciOiJub25lIn0.e30.",
    ] {
        let response = running.refresh(token).await;
        let reason = refused(response, StatusCode::BAD_REQUEST, "invalid_grant").await;
        assert_eq!(reason, "unknown_refresh_token", "{token}");
    }
}
