//! `client`, and the scope of users, on a database without a server.

use countersign::Algorithm;
use serde_json::Value;

use crate::keys::Folder;
use crate::run::{Ended, command, run_with_input};

struct Installation {
    folder: Folder,
    database: String,
}

impl Installation {
    fn new() -> Self {
        let folder = Folder::new();
        let database = format!("sqlite:{}", folder.path("test.db"));
        let installation = Self { folder, database };
        let add = ["user", "add", "ada", "--scope", "read", "--password-stdin"];
        installation.run(&add, "correct horse battery").done();
        installation
    }

    fn run(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = command(arguments);
        command.args(["--database", &self.database]);
        run_with_input(&mut command, input)
    }

    fn client(&self, arguments: &[&str]) -> Ended {
        let all: Vec<&str> = ["client"].iter().chain(arguments).copied().collect();
        self.run(&all, "")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = arguments.iter().chain(&["--json"]).copied().collect();
        serde_json::from_str(&self.client(&all).done()).expect("JSON")
    }
}

#[test]
fn a_secret_is_all_that_is_printed_and_never_again() {
    let it = Installation::new();
    let added = it.client(&["add", "reports", "--scope", "read", "--name", "Nightly"]);
    assert!(added.words.contains("shown this once"), "{added:?}");
    let secret = added.done();
    assert!(secret.starts_with("csc_") && secret.lines().count() == 1);
    let shown = it.client(&["show", "reports"]).done();
    assert!(shown.contains("one without an end"), "{shown}");
    let listed = it.client(&["list"]).done();
    assert_eq!(listed, "reports  active    client_secret_basic  Nightly\n");
    for said in [shown, listed, it.json(&["show", "reports"]).to_string()] {
        assert!(!said.contains(secret.trim()), "{said}");
    }

    let rotated = it.json(&["rotate-secret", "reports", "--keep", "60"]);
    assert_ne!(rotated["client_secret"], secret.trim());
    assert_eq!(rotated["secrets"].as_array().map(Vec::len), Some(2));
    let at_once = it.json(&["rotate-secret", "reports", "--keep", "0"]);
    assert_eq!(at_once["secrets"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_client_comes_and_goes() {
    let it = Installation::new();
    let none = it.client(&["list"]);
    assert!(none.words.contains("client add"), "{none:?}");
    let (private, public) = it.folder.jwks(Algorithm::ES256);
    it.client(&["add", "signer", "--jwks", &public]).done();
    let shown = it.json(&["show", "signer"]);
    assert_eq!(shown["token_endpoint_auth_method"], "private_key_jwt");
    it.client(&["add", "page", "--public"]).done();
    let shown = it.json(&["show", "page"]);
    assert_eq!(shown["grant_types"], serde_json::json!(["refresh_token"]));

    let disabled = it.json(&["disable", "page"]);
    assert_eq!(disabled["sessions_ended"], 0);
    let shown = it.json(&["show", "page"]);
    assert_eq!(shown["disabled"], true, "{shown}");
    it.client(&["enable", "page"]).done();
    let shown = it.json(&["show", "page"]);
    assert_eq!(shown["disabled"], false, "{shown}");
    // Nobody is there to be asked.
    let unsure = it.client(&["delete", "page"]);
    assert_eq!(unsure.code, 2, "{unsure:?}");
    assert!(unsure.words.contains("--yes"), "{unsure:?}");
    it.json(&["show", "page"]);
    it.client(&["delete", "page", "--yes"]).done();
    assert_eq!(it.client(&["show", "page"]).code, 1);

    let refusals: [(&[&str], &str); 7] = [
        (&["add", "signer"], "is taken"),
        (&["add", "a b"], "letters, digits"),
        (
            &["add", "x", "--public", "--grant", "client_credentials"],
            "public client",
        ),
        (&["add", "x", "--jwks", &private], "private key"),
        (&["add", "x", "--jwks", "no/such/file"], "no/such/file"),
        (&["show", "nobody"], "no client nobody"),
        (&["rotate-secret", "signer"], "private_key_jwt"),
    ];
    for (arguments, words) in refusals {
        let refused = it.client(arguments);
        assert_eq!(refused.code, 1, "{arguments:?}");
        assert!(refused.words.contains(words), "{refused:?}");
    }
    let usage = it.client(&["add", "x", "--grant", "password"]);
    assert_eq!(usage.code, 2);
    assert_eq!(it.json(&["list"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_database_that_is_not_there_is_not_made() {
    let it = Installation {
        folder: Folder::new(),
        database: "sqlite:no/such.db".to_owned(),
    };
    let refused = it.client(&["add", "reports"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.words.contains("there is no database"),
        "{refused:?}"
    );
}

#[test]
fn a_user_is_given_other_rights() {
    let it = Installation::new();
    let user = |arguments: &[&str]| {
        let all: Vec<&str> = ["user"].iter().chain(arguments).copied().collect();
        it.run(&all, "")
    };
    let change = [
        "change", "ada", "--role", "editor", "--scope", "read", "--scope", "write",
    ];
    user(&change).done();
    let listed: Value = serde_json::from_str(&user(&["list", "--json"]).done()).expect("JSON");
    assert_eq!(
        (&listed[0]["roles"], &listed[0]["scope"]),
        (
            &serde_json::json!(["editor"]),
            &serde_json::json!("read write")
        )
    );
    user(&["change", "ada", "--no-scope"]).done();
    let listed: Value = serde_json::from_str(&user(&["list", "--json"]).done()).expect("JSON");
    assert_eq!(
        (&listed[0]["roles"], &listed[0]["scope"]),
        (&serde_json::json!(["editor"]), &serde_json::json!(""))
    );
    assert_eq!(user(&["change", "ada"]).code, 2, "nothing to change");
    assert_eq!(user(&["change", "ada", "--scope", "\"x\""]).code, 1);
    assert_eq!(user(&["change", "bob", "--no-roles"]).code, 1);
}

#[test]
fn a_secret_may_go_to_a_file_and_nowhere_else() {
    let it = Installation::new();
    let file = it.folder.path("reports.secret");
    let added = it.client(&["add", "reports", "--out", &file]);
    assert!(added.words.contains(&file), "{added:?}");
    assert!(!added.words.contains("csc_"), "{added:?}");
    assert_eq!(added.done(), "");
    let secret = std::fs::read_to_string(&file).expect("a file");
    assert!(secret.starts_with("csc_") && secret.ends_with('\n'));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).expect("a file").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }

    // Never over another; and nothing has changed by the attempt.
    for taken in [
        &["rotate-secret", "reports", "--out", &file][..],
        &["add", "billing", "--out", &file],
    ] {
        let refused = it.client(taken);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.words.contains("is there already"), "{refused:?}");
    }
    let nowhere = it.folder.path("no/such/folder.secret");
    let refused = it.client(&["rotate-secret", "reports", "--out", &nowhere]);
    assert!(refused.words.contains("cannot be written"), "{refused:?}");
    let shown = it.json(&["show", "reports"]);
    assert_eq!(shown["secrets"].as_array().map(Vec::len), Some(1));
    assert_eq!(it.json(&["list"]).as_array().map(Vec::len), Some(1));
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), secret);

    let next = it.folder.path("next.secret");
    let rotated = it.json(&["rotate-secret", "reports", "--out", &next]);
    assert_eq!(rotated["client_secret"], Value::Null, "{rotated}");
    assert_ne!(std::fs::read_to_string(&next).expect("a file"), secret);
    // There is no secret for these.
    for none in [&["--public"][..], &["--jwks", "keys.jwk"]] {
        let more = [&["add", "x", "--out", &next][..], none].concat();
        assert_eq!(it.client(&more).code, 2, "{none:?}");
    }
}

#[test]
fn a_change_is_what_was_said_and_nothing_else() {
    let it = Installation::new();
    let lives = ["--access-life", "60", "--session-idle", "90"];
    let add = ["add", "reports", "--scope", "read", "--scope", "write"];
    let more = ["--audience", "a", "--serves", "b", "--role", "c"];
    it.client(&[&add[..], &lives, &more].concat()).done();
    let before = it.json(&["show", "reports"]);

    let grants = ["--grant", "client_credentials", "--grant", "refresh_token"];
    let change = ["change", "reports", "--name", "Nightly", "--scope", "read"];
    let after = it.json(&[&change[..], &grants].concat());
    let mut expected = before.clone();
    expected["name"] = "Nightly".into();
    expected["scope"] = "read".into();
    expected["grant_types"] = serde_json::json!(["client_credentials", "refresh_token"]);
    assert_eq!(after, expected);
    assert_eq!(it.json(&["show", "reports"]), expected);

    let lists = [
        "--audience",
        "",
        "--serves",
        "",
        "--role",
        "",
        "--scope",
        "",
    ];
    let lives = ["--access-life", "default", "--session-idle", "default"];
    let terms = ["--session-absolute", "7200", "--algorithm", "EdDSA"];
    let change = [&["change", "reports"][..], &lists, &lives, &terms].concat();
    let said = it.client(&change);
    assert_eq!(
        (said.words.as_str(), said.data.as_str()),
        ("changed reports\n", "")
    );
    let shown = it.json(&["show", "reports"]);
    for empty in ["audiences", "serves", "roles"] {
        assert_eq!(shown[empty], serde_json::json!([]), "{empty}");
    }
    for server in ["access_life", "session_idle"] {
        assert_eq!(shown[server], Value::Null, "{server}");
    }
    assert_eq!(
        (&shown["scope"], &shown["algorithm"]),
        (&"".into(), &"EdDSA".into())
    );
    assert_eq!(shown["session_absolute"], 7200);

    // Half of what was said is not done.
    let (private, public) = it.folder.jwks(Algorithm::ES256);
    for (wrong, words) in [
        (&["--scope", "two words\""][..], "scope"),
        (&["--jwks", &public], "client_secret_basic"),
        (&["--jwks", &private], "private key"),
    ] {
        let change = [&["change", "reports", "--name", "Other"][..], wrong].concat();
        let refused = it.client(&change);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.words.contains(words), "{refused:?}");
    }
    assert_eq!(it.json(&["show", "reports"]), shown);
    for wrong in [
        &["change", "reports"][..],
        &["change", "reports", "--access-life", "soon"],
        &["change", "reports", "--algorithm", "none"],
    ] {
        assert_eq!(it.client(wrong).code, 2, "{wrong:?}");
    }
    let nobody = it.client(&["change", "nobody", "--name", "x"]);
    assert!(nobody.words.contains("no client nobody"), "{nobody:?}");
}

#[test]
fn a_user_is_shown_and_deleted_once_it_is_meant() {
    let it = Installation::new();
    let shown = it.run(&["user", "show", "ADA"], "").done();
    assert!(shown.contains("username          ada\n"), "{shown}");
    assert!(shown.contains("scope             read\n"), "{shown}");
    let shown = it.run(&["user", "show", "ada", "--json"], "").done();
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(
        (&shown["username"], &shown["disabled"]),
        (&"ada".into(), &false.into())
    );
    assert!(shown["password_changed_at"].is_u64(), "{shown}");

    let nobody = it.run(&["session", "end", "--user", "adaa"], "");
    assert_eq!(nobody.code, 1, "{nobody:?}");
    assert!(nobody.words.contains("no user named adaa"), "{nobody:?}");
    let nothing = it.run(&["session", "end", "--user", "ada"], "");
    assert!(nothing.words.contains("ada has no session"), "{nothing:?}");

    let unsure = it.run(&["user", "delete", "ada"], "ada\n");
    assert_eq!(unsure.code, 2, "{unsure:?}");
    assert!(unsure.words.contains("--yes"), "{unsure:?}");
    let deleted = it
        .run(&["user", "delete", "ada", "--yes", "--json"], "")
        .done();
    let deleted: Value = serde_json::from_str(&deleted).expect("JSON");
    assert_eq!(
        (&deleted["username"], &deleted["sessions_ended"]),
        (&"ada".into(), &0.into())
    );
    for over in [
        &["user", "show", "ada"][..],
        &["user", "delete", "ada", "--yes"],
    ] {
        let refused = it.run(over, "");
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.words.contains("no user named ada"), "{refused:?}");
    }
    let log = it.run(&["audit"], "").done();
    assert!(log.contains("user_deleted"), "{log}");
}
