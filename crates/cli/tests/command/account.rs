//! Signing in and out, who is signed in, and the token.

use std::fs;

use crate::run::{Ended, run_with_input};
use crate::stage::{PASSWORD, Stage};

#[test]
fn the_story_of_a_login() {
    let stage = Stage::set();
    let login = stage.login("ada", &["--api", &stage.api("/any/path")]);
    assert_eq!(
        stage.told(&login.words),
        "signed in as ada at http://SERVER; the login is kept in STATE/logins/ada@SERVER.json\n"
    );
    assert_eq!(login.done(), "");

    let token = stage.run(&["token"]).done();
    assert_eq!(token.matches('.').count(), 2, "{token}");
    assert_eq!(
        stage.run(&["token"]).done(),
        token,
        "it is good for a while"
    );

    let who = stage.told(&stage.run(&["whoami"]).done());
    let lines: Vec<_> = who.lines().collect();
    assert_eq!(lines[0], "ada at http://SERVER");
    for line in [
        "  roles       admin",
        "  sent to     http://SERVER http://API",
        "  kept in     STATE/logins/ada@SERVER.json",
        "  profile     ada@SERVER (current)",
    ] {
        assert!(lines.contains(&line), "{line}\n{who}");
    }
    for beginning in [
        "  id          ",
        "  signed in   20",
        "  token until 20",
        "  session     ",
    ] {
        assert!(who.contains(beginning), "{beginning}\n{who}");
    }
    assert!(who.contains(", ends in DAYS unless it is used"), "{who}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{who}");

    let out = stage.run(&["logout"]);
    assert_eq!(stage.told(&out.words), "signed out ada@SERVER\n");
    assert_eq!(out.done(), "");
    assert!(!stage.login_file("ada").exists());
    let secrets = secrets_in(&stage);
    assert!(secrets.is_empty(), "{secrets:?}");
}

#[test]
fn the_same_for_programs() {
    let stage = Stage::set();
    stage.login("ada", &["--profile", "work"]).done();
    let who = stage.run(&["whoami", "--json"]).done();
    let who: serde_json::Value = serde_json::from_str(&who).expect("JSON");
    assert_eq!(who["username"], "ada");
    assert_eq!(who["profile"], "work");
    assert_eq!(who["server"], stage.server());
    assert_eq!(who["session_over"], false);
    assert!(who["session_expires_at"].as_u64() > who["token_expires_at"].as_u64());
    let token = stage.run(&["token", "--json"]).done();
    let token: serde_json::Value = serde_json::from_str(&token).expect("JSON");
    assert_eq!(token["expires_at"], who["token_expires_at"]);
    assert_eq!(token["access_token"], stage.run(&["token"]).done().trim());
    assert_eq!(token["token_type"], "Bearer");
}

#[test]
fn a_wrong_password_is_refused_and_nothing_is_kept() {
    let stage = Stage::set();
    let arguments = ["login", stage.server(), "-u", "ada", "--password-stdin"];
    let ended = run_with_input(&mut stage.command(&arguments), "wrong\n");
    ended.refused("invalid_credentials");
    assert!(!stage.login_file("ada").exists());
    stage.run(&["whoami"]).refused("not_signed_in");
}

#[test]
fn a_password_is_no_argument() {
    let stage = Stage::set();
    for typed in [
        &["login", stage.server(), "-u", "ada", PASSWORD][..],
        &["login", stage.server(), "-u", "ada", "--password", PASSWORD],
    ] {
        assert_eq!(stage.run(typed).code, 2, "{typed:?}");
    }
    let with = stage.server().replace("http://", "http://ada:pw@");
    let ended = stage.run(&["login", &with, "-u", "ada"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(!ended.words.contains("pw"), "{ended:?}");
    // And without a terminal there is nobody to ask.
    let ended = stage.run(&["login", stage.server(), "-u", "ada"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.words.contains("--password-stdin"), "{ended:?}");
}

#[test]
fn several_logins_stand_side_by_side() {
    let stage = Stage::set();
    stage.login("ada", &[]).done();
    stage.login("grace", &["--profile", "other"]).done();
    // The names stand in a column as wide as the widest.
    let other = format!("{:1$}", "other", format!("ada@{}", stage.host()).len());
    assert_eq!(
        stage.told(&stage.run(&["whoami", "--all"]).done()),
        format!(
            "  ada@SERVER  http://SERVER  ends in DAYS unless it is used\n\
             * {other}  http://SERVER  ends in DAYS unless it is used\n"
        )
    );
    let name = |arguments: &[&str]| {
        let me = stage.run(arguments).done();
        let me: serde_json::Value = serde_json::from_str(&me).expect("JSON");
        me["username"].as_str().expect("a name").to_owned()
    };
    let ada = format!("ada@{}", stage.host());
    let me = format!("{}/me", stage.server());
    assert_eq!(
        name(&["request", &me]),
        "grace",
        "the latest is the current one"
    );
    assert_eq!(name(&["request", "--profile", &ada, &me]), "ada");
    assert_eq!(name(&["whoami", "--json", "--profile", &ada]), "ada");
    stage
        .run(&["token", "--profile", "third"])
        .refused("not_signed_in");

    let out = stage.run(&["logout"]);
    assert_eq!(
        stage.told(&out.words),
        "signed out other\nthe current login is now ada@SERVER\n"
    );
    assert_eq!(name(&["request", &me]), "ada");
    stage.run(&["logout", "--all"]).done();
    assert_eq!(stage.run(&["whoami", "--all"]).done(), "");
}

#[test]
fn nobody_is_told_so_and_how_to_change_it() {
    let stage = Stage::set();
    for typed in [
        &["token"][..],
        &["whoami"],
        &["logout"],
        &["request", "localhost:1/x"],
    ] {
        let ended = stage.run(typed);
        let words = "refused: nobody is signed in; sign in with: countersign login URL \
                     (not_signed_in)\n";
        assert_eq!(ended.words, words, "{typed:?}");
        ended.refused("not_signed_in");
    }
}

#[test]
fn a_token_that_is_spent_is_renewed_first() {
    let stage = Stage::set();
    stage.login("ada", &[]).done();
    let first = stage.run(&["token"]).done();
    stage.expire("ada");
    let second = stage.run(&["token"]).done();
    assert_ne!(first, second);
    assert_eq!(stage.run(&["token"]).done(), second);
}

#[test]
fn a_session_that_was_ended_says_so_for_good() {
    let mut stage = Stage::set();
    stage.login("ada", &[]).done();
    stage.end_sessions();
    stage.expire("ada");
    for _ in 0..2 {
        let ended = stage.run(&["token"]);
        assert_eq!(
            ended.words,
            "refused: The session has ended; sign in again (invalid_grant)\n"
        );
        ended.refused("invalid_grant");
        // The second time no server is needed to know it.
        if stage.login_file("ada").exists() {
            let all = stage.run(&["whoami", "--all"]).done();
            assert!(all.ends_with("  has ended; sign in again\n"), "{all}");
        }
    }
    stage.stop_server();
    stage.run(&["token"]).refused("invalid_grant");
    stage.run(&["logout"]).done();
}

#[test]
fn a_server_that_is_away_costs_no_login() {
    let mut stage = Stage::set();
    stage.login("ada", &[]).done();
    let held = stage.run(&["token"]).done();
    stage.stop_server();
    assert_eq!(stage.run(&["token"]).done(), held, "the held one is good");
    let ended = stage.run(&["logout"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.words.contains("could not be reached"), "{ended:?}");
    stage.run(&["token"]).done();
    let ended = stage.run(&["logout", "--forget"]);
    assert!(ended.words.contains("the server was not told"), "{ended:?}");
    ended.done();
    stage.run(&["token"]).refused("not_signed_in");
}

#[test]
fn a_proxy_of_the_environment_is_not_asked_on_the_way_to_this_machine() {
    let stage = Stage::set();
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = format!("http://{}", proxy.local_addr().expect("an address"));
    let behind = |arguments: &[&str], input: &str| {
        let mut command = stage.command(arguments);
        command.env("HTTP_PROXY", &proxy).env("http_proxy", &proxy);
        run_with_input(&mut command, input)
    };
    let login = ["login", stage.server(), "-u", "ada", "--password-stdin"];
    behind(&login, PASSWORD).done();
    behind(&["whoami"], "").done();
}

#[cfg(unix)]
#[test]
fn a_login_that_others_could_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::set();
    stage.login("ada", &[]).done();
    let file = stage.login_file("ada");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("ours");
    let ended = stage.run(&["token"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(
        ended.words.contains("can be read by others (mode 0644)"),
        "{ended:?}"
    );
    assert!(ended.data.is_empty());
}

#[test]
fn without_a_keyring_nothing_is_written_anywhere() {
    let stage = Stage::set();
    let login = [
        "login",
        stage.server(),
        "-u",
        "ada",
        "--password-stdin",
        "--keyring",
    ];
    let mut command = stage.command(&login);
    // Nobody answers there, whatever desktop the test runs on.
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let ended = run_with_input(&mut command, PASSWORD);
    let code = if cfg!(feature = "keyring") { 1 } else { 2 };
    assert_eq!(ended.code, code, "{ended:?}");
    assert!(ended.words.contains("keyring"), "{ended:?}");
    assert!(!stage.login_file("ada").exists());
    assert!(secrets_in(&stage).is_empty());
    stage.run(&["token"]).refused("not_signed_in");
}

/// Every file of the state folder that has something of a token in it.
fn secrets_in(stage: &Stage) -> Vec<String> {
    let folder = stage.state().join("logins");
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let files = entries.map(|entry| entry.expect("an entry").path());
    files
        .filter_map(|path| fs::read_to_string(path).ok())
        .filter(|text| text.contains("csr_") || text.contains("eyJ"))
        .collect()
}

/// Signed by itself, for 127.0.0.1, and its key.
const CERTIFICATE: &str = include_str!("../../../server/tests/sockets/tls/first.pem");
const KEY: &str = include_str!("../../../server/tests/sockets/tls/first-key.pem");

fn login_at(stage: &Stage, url: &str, further: &[&str]) -> Ended {
    let login = ["login", url, "-u", "ada", "--password-stdin"];
    let mut command = stage.command(&[&login[..], further].concat());
    command.env_remove("COUNTERSIGN_CACERT");
    run_with_input(&mut command, &format!("{PASSWORD}\n"))
}

#[test]
fn an_authority_of_ones_own_is_named_once() {
    let stage = Stage::with_tls(CERTIFICATE, KEY);
    let unknown = login_at(&stage, stage.server(), &[]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.words.contains("--cacert FILE"), "{unknown:?}");

    login_at(&stage, stage.server(), &["--cacert", "cert.pem"]).done();
    stage.expire("ada");
    stage.run(&["token"]).done();
    let who = stage.run(&["whoami"]).done();
    assert!(who.starts_with("ada at https://"), "{who}");
    stage.run(&["logout"]).done();

    for (file, told) in [
        ("key.pem", "no certificate"),
        ("missing.pem", "missing.pem: "),
    ] {
        let ended = login_at(&stage, stage.server(), &["--cacert", file]);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.words.contains(told), "{ended:?}");
    }
}

#[test]
fn the_wrong_scheme_or_path_is_told() {
    let plain = Stage::set();
    let with_tls = login_at(&plain, &format!("https://{}", plain.host()), &[]);
    assert!(
        with_tls.words.contains("is it http:// that is meant?"),
        "{with_tls:?}"
    );
    assert_eq!(with_tls.code, 1, "{with_tls:?}");

    let tls = Stage::with_tls(CERTIFICATE, KEY);
    let without = login_at(&tls, &format!("http://{}", tls.host()), &[]);
    assert!(
        without.words.contains("begins with https://"),
        "{without:?}"
    );
    assert_eq!(without.code, 2, "{without:?}");

    // A page, and nothing at all, where an auth server was thought to be.
    for path in ["/hello", "/nowhere"] {
        let ended = login_at(&plain, &plain.api(path), &[]);
        assert!(ended.words.contains("its path right?"), "{path}: {ended:?}");
        assert_eq!(ended.code, 1, "{path}: {ended:?}");
    }
}
