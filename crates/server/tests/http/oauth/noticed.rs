//! Clients that did not prove who they are, in the audit log: each is noticed, and a flood of them
//! is a few lines.

use countersign_issuer::record::{AuditEvent, AuditKind};
use countersign_server::Oversight;

use super::*;

/// The lines about refused clients, without their times.
async fn refused_clients(oversight: &Oversight) -> Vec<(Option<String>, String)> {
    let lines = oversight.audit_log(0, 1_000).await.expect("the audit log");
    let of_clients = lines
        .into_iter()
        .filter(|(_, line)| line.kind == AuditKind::ClientRefused);
    let said = |line: AuditEvent| (line.network, line.detail.unwrap_or_default());
    of_clients.map(|(_, line)| said(line)).collect()
}

#[tokio::test]
async fn who_is_not_believed_is_written_down_and_a_flood_of_them_in_few_lines() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = Database::Sqlite(folder.path().join("kept.db"));
    let stage = Stage::with(|config| Config {
        database: database.clone(),
        ..config
    })
    .await;
    let used = with_assertion(&stage.assertion(|_| {}));
    stage.answer(TOKEN, &used, None).await;
    stage.refused(TOKEN, &used, None, INVALID_CLIENT).await;
    let nobody = basic("csc_a-secret-sent-as-a-name", "x");
    stage
        .refused(TOKEN, CREDENTIALS, Some(&nobody), INVALID_CLIENT)
        .await;
    let wrong = basic("shop", "csc_wrong");
    for _ in 0..40 {
        stage
            .refused(TOKEN, CREDENTIALS, Some(&wrong), INVALID_CLIENT)
            .await;
    }
    // A moment later, by a task of the server's.
    let oversight = stage.running.server.oversight();
    let began = std::time::Instant::now();
    while refused_clients(&oversight).await.len() < 5 {
        let waited = began.elapsed();
        assert!(waited < Duration::from_secs(20), "nobody writes it down");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stage.running.server.stop().await;

    let config = Config {
        database,
        ..Config::default()
    };
    let oversight = Oversight::open(&config).await.expect("the same database");
    let lines = refused_clients(&oversight).await;
    let said: Vec<&str> = lines.iter().map(|(_, detail)| detail.as_str()).collect();
    // If the minute was over in between there is a second round of it.
    for expected in [
        "signer assertion_used",
        "invalid_client",
        "shop invalid_client",
    ] {
        assert!(said.contains(&expected), "{expected} is not in {said:?}");
    }
    let local = Some("127.0.0.1".to_owned());
    for (network, detail) in &lines {
        let summary = detail.ends_with(" more");
        assert_eq!(network.is_none(), summary, "{detail}");
        assert!(summary || *network == local, "{detail}");
        assert!(!detail.contains("csc_"), "{detail}");
    }
    let told = |detail: &str| {
        detail
            .strip_prefix("shop ")?
            .strip_suffix(" more")?
            .parse::<u64>()
            .ok()
    };
    let more: u64 = said.iter().filter_map(|detail| told(detail)).sum();
    let each = said
        .iter()
        .filter(|it| **it == "shop invalid_client")
        .count();
    assert!(each <= 6, "{said:?}");
    let each = u64::try_from(each).expect("a few");
    assert_eq!(more + each, 40, "none is lost: {said:?}");
}
