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
    let administrator = Administrator::open(&config).await;
    let oversight = Oversight::of(administrator.expect("the same database"));
    let lines = refused_clients(&oversight).await;
    let said: Vec<&str> = lines.iter().map(|(_, detail)| detail.as_str()).collect();
    // If the minute was over in between there is a second round of it.
    for expected in [
        "signer assertion_used",
        "unknown_client",
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

/// Who asks is told the same as everybody; whoever runs the server is told what is wrong.
#[tokio::test]
async fn a_disabled_client_is_told_nothing_and_its_operator_everything() {
    let stage = Stage::new().await;
    let shop = basic("shop", &stage.secret);
    stage.registry.disable("shop").await.expect("a client");
    let asked = "token=eyJhbGciOiJFUzI1NiJ9.e30.c2ln";
    let answers = [
        stage.post(TOKEN, CREDENTIALS, Some(&shop)).await,
        stage.post(INTROSPECT, asked, Some(&shop)).await,
        stage
            .post(TOKEN, CREDENTIALS, Some(&basic("shop", "csc_wrong")))
            .await,
        stage
            .post(INTROSPECT, asked, Some(&basic("nobody", "csc_wrong")))
            .await,
    ];
    let mut told = Vec::new();
    for answer in answers {
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        told.push(answer.text().await.expect("text"));
    }
    assert!(told.iter().all(|body| *body == told[0]), "{told:?}");
    assert!(!told[0].contains("disabled"), "{told:?}");

    let oversight = stage.running.server.oversight();
    let began = std::time::Instant::now();
    let lines = loop {
        let lines = refused_clients(&oversight).await;
        if lines.len() >= 4 {
            break lines;
        }
        let waited = began.elapsed();
        assert!(waited < Duration::from_secs(20), "nobody writes it down");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let mut said: Vec<&str> = lines.iter().map(|(_, detail)| detail.as_str()).collect();
    said.sort_unstable();
    let disabled = "shop client_disabled";
    assert_eq!(said, [disabled, disabled, disabled, "unknown_client"]);
}
