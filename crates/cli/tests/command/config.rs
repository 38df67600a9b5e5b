//! `countersign.toml`: what is read, what is refused, and what comes before what.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::run::{Ended, command, run, run_with_input};

const PAGE: &str = "../../docs/reference/configuration.md";

/// In a folder of its own, without settings of this machine.
fn in_folder(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.current_dir(folder);
    for variable in [
        "DATABASE",
        "DATABASE_FILE",
        "MASTER_KEY",
        "MASTER_KEY_FILE",
        "CONFIG",
    ] {
        command.env_remove(format!("COUNTERSIGN_{variable}"));
    }
    command
}

fn check(file: &str) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("countersign.toml"), file).expect("a file");
    run_with_input(&mut in_folder(folder.path(), &["config", "check"]), "")
}

#[test]
fn a_good_file_is_called_good() {
    let ended = check(
        r#"
# Everything of a server behind a proxy.
listen = "0.0.0.0:7800"
issuer = "https://id.example"
behind_proxy = true
trusted_proxies = ["10.0.0.0/8", "192.168.0.0/16"]
other_audiences = ["legacy=RS256"]
access_life = 300
audit_days = "30"
log = "info"
"#,
    );
    assert_eq!(
        ended.words, "countersign.toml: good, 8 settings\n",
        "{ended:?}"
    );
    ended.done();
    assert_eq!(check("").code, 0);
}

#[test]
fn what_is_not_understood_is_refused_with_its_line() {
    for (file, told) in [
        (
            "\nlissten = \"127.0.0.1:1\"",
            "countersign.toml:2: there is no setting `lissten`; did you mean `listen`?",
        ),
        (
            "access-life = 300",
            "countersign.toml:1: there is no setting `access-life`; did you mean `access_life`?",
        ),
        (
            "frobnicate = 1",
            "countersign.toml:1: there is no setting `frobnicate`; `countersign config keys`",
        ),
        (
            "[limits]\nx = 1",
            "countersign.toml:1: there is no setting `limits`",
        ),
        (
            "audience = \"api\"\nlisten = \"here\"",
            "countersign.toml:2: invalid value 'here' for `listen`",
        ),
        ("access_life = -1", "countersign.toml:1: "),
        ("audit_days = 0", "countersign.toml:1: "),
        ("algorithm = \"none\"", "countersign.toml:1: "),
        (
            "behind_proxy = \"yes\"",
            "countersign.toml:1: `behind_proxy` is true or false",
        ),
        (
            "trusted_proxies = \"10.0.0.0/8\"",
            "countersign.toml:1: `trusted_proxies` is a list",
        ),
        (
            "trusted_proxies = [\n  \"10.0.0.0/8\",\n  \"ten\",\n]",
            "invalid value 'ten'",
        ),
        (
            "listen = 1.5",
            "countersign.toml:1: `listen` is a text or a whole number",
        ),
        ("listen = ", "countersign.toml:1: "),
        ("a = 1\na = 2", "countersign.toml:2: "),
        (
            "master_key = \"0123\"",
            "a secret does not belong into this file",
        ),
        (
            "tls_cert = \"chain.pem\"",
            "needs its private key (tls_key)",
        ),
        ("tls_key = \"key.pem\"", "needs its certificate (tls_cert)"),
        (
            "tls_cert = \"a\"\ntls_key = \"b\"\nbehind_proxy = true",
            "HTTPS is served here",
        ),
        (
            "behind_proxy = true\ninsecure_http = true",
            "exclude each other",
        ),
        ("listen = \"0.0.0.0:80\"", "plain HTTP"),
        ("access_life = 1", "5 seconds to 24 hours"),
        ("issuer = \"id.example\"", "must be a https URL"),
        (
            "database = \"mysql://ada:s3cret@db/x\"",
            "a database is named as",
        ),
        (
            "database = \"sqlite:a.db\"\ndatabase_file = \"b\"",
            "not both",
        ),
    ] {
        let ended = check(file);
        assert_eq!(
            (ended.code, ended.data.as_str()),
            (2, ""),
            "{file}: {ended:?}"
        );
        assert!(ended.words.contains(told), "{told}: {ended:?}");
        assert!(
            !ended.words.contains("s3cret") && !ended.words.contains("0123"),
            "{ended:?}"
        );
    }
    let missing = run(&["config", "check", "/nonexistent/countersign.toml"]);
    assert_eq!(missing.code, 2, "{missing:?}");
}

/// Which database is looked for says whose word was heard.
#[test]
fn an_option_comes_before_its_variable_and_that_before_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let looks_for = |command: &mut Command| {
        let ended = run_with_input(command, "");
        assert_eq!(ended.code, 1, "{ended:?}");
        let (_, name) = ended
            .words
            .split_once("there is no database at ")
            .expect("that is what it says");
        name.trim().to_owned()
    };
    let list = ["user", "list"];
    assert_eq!(looks_for(&mut in_folder(here, &list)), "countersign.db");

    fs::write(
        here.join("countersign.toml"),
        "database = \"sqlite:of-the-file.db\"",
    )
    .expect("a file");
    assert_eq!(looks_for(&mut in_folder(here, &list)), "of-the-file.db");
    let variable = ("COUNTERSIGN_DATABASE", "sqlite:of-the-variable.db");
    assert_eq!(
        looks_for(in_folder(here, &list).env(variable.0, variable.1)),
        "of-the-variable.db"
    );
    let option = ["user", "list", "--database", "sqlite:of-the-option.db"];
    assert_eq!(
        looks_for(in_folder(here, &option).env(variable.0, variable.1)),
        "of-the-option.db"
    );

    fs::write(
        here.join("other.toml"),
        "database = \"sqlite:of-another.db\"",
    )
    .expect("a file");
    let named = ["user", "list", "--config", "other.toml"];
    assert_eq!(looks_for(&mut in_folder(here, &named)), "of-another.db");
    assert_eq!(
        looks_for(in_folder(here, &list).env("COUNTERSIGN_CONFIG", "other.toml")),
        "of-another.db"
    );

    // The file the URL is in, also above what the settings file says.
    fs::write(here.join("url"), "sqlite:of-a-secret.db\n").expect("a file");
    assert_eq!(
        looks_for(in_folder(here, &list).env("COUNTERSIGN_DATABASE_FILE", "url")),
        "of-a-secret.db"
    );
    let both = run_with_input(
        in_folder(here, &list)
            .env("COUNTERSIGN_DATABASE_FILE", "url")
            .env(variable.0, variable.1),
        "",
    );
    assert_eq!(both.code, 2, "{both:?}");

    // What is typed is heard above its twin of the environment, either way round.
    assert_eq!(
        looks_for(in_folder(here, &option).env("COUNTERSIGN_DATABASE_FILE", "url")),
        "of-the-option.db"
    );
    let file = ["user", "list", "--database-file", "url"];
    assert_eq!(
        looks_for(in_folder(here, &file).env(variable.0, variable.1)),
        "of-a-secret.db"
    );
    let both = [
        "user",
        "list",
        "--database-file",
        "url",
        "--database",
        "sqlite:x.db",
    ];
    let both = run_with_input(&mut in_folder(here, &both), "");
    assert_eq!(both.code, 2, "{both:?}");

    // A variable that is empty is one that is not set.
    let emptied = |command: &mut Command| {
        for variable in ["DATABASE", "MASTER_KEY", "MASTER_KEY_FILE", "LOG"] {
            command.env(format!("COUNTERSIGN_{variable}"), "");
        }
        looks_for(command)
    };
    assert_eq!(emptied(&mut in_folder(here, &list)), "of-the-file.db");
    assert_eq!(
        emptied(in_folder(here, &list).env("COUNTERSIGN_DATABASE_FILE", "url")),
        "of-a-secret.db"
    );
    assert_eq!(emptied(&mut in_folder(here, &option)), "of-the-option.db");
}

#[test]
fn a_bad_file_stops_what_would_use_it_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("countersign.toml"), "nonsense = 1").expect("a file");
    let serve = run_with_input(
        &mut in_folder(folder.path(), &["serve", "--listen", "127.0.0.1:0"]),
        "",
    );
    assert_eq!(serve.code, 2, "{serve:?}");
    assert!(serve.words.contains("countersign.toml:1"), "{serve:?}");
    let left = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 1, "nothing was made");
    run_with_input(&mut in_folder(folder.path(), &["scan"]), "").done();
    run_with_input(&mut in_folder(folder.path(), &["serve", "--help"]), "").done();
    let missing = ["user", "list", "--config", "missing.toml"];
    assert_eq!(
        run_with_input(&mut in_folder(folder.path(), &missing), "").code,
        2
    );
}

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

/// Starts a server and ends it as soon as it serves; what it said before, if it does.
fn start(serve: &mut Command) -> Option<String> {
    let mut server = serve.stderr(Stdio::piped()).spawn().expect("it starts");
    let mut said = String::new();
    let mut is_up = false;
    for line in BufReader::new(server.stderr.take().expect("it is piped")).lines() {
        let line = line.expect("text");
        if line.starts_with("serving ") {
            is_up = true;
            break;
        }
        said.push_str(&line);
        said.push('\n');
    }
    // It may have ended by itself.
    let _ = server.kill();
    server.wait().expect("it ends");
    is_up.then_some(said)
}

#[test]
fn the_master_key_may_be_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let key = "5b".repeat(32);
    fs::write(here.join("key"), format!("{key}\n")).expect("a file");
    fs::write(here.join("countersign.toml"), "master_key_file = \"key\"").expect("a file");
    // A server seals its keys, and opens them with the very same master key only.
    let said = start(&mut in_folder(here, &SERVE)).expect("it serves");
    assert!(said.contains("made the database"), "{said}");
    assert!(!said.contains("made the master key"), "{said}");

    fs::remove_file(here.join("countersign.toml")).expect("it is there");
    let serves =
        |variable: &str, value: &str| start(in_folder(here, &SERVE).env(variable, value)).is_some();
    assert!(serves("COUNTERSIGN_MASTER_KEY", &key));
    assert!(serves("COUNTERSIGN_MASTER_KEY_FILE", "key"));
    assert!(!serves("COUNTERSIGN_MASTER_KEY", &"6c".repeat(32)));
    assert!(!serves("COUNTERSIGN_MASTER_KEY_FILE", "missing"));

    let both = run_with_input(
        in_folder(here, &["key", "list", "--master-key-file", "key"])
            .env("COUNTERSIGN_MASTER_KEY", &key),
        "",
    );
    assert_eq!(both.code, 2, "{both:?}");
    assert!(!both.words.contains(&key), "{both:?}");
}

#[test]
fn the_settings_page_is_current_and_its_file_is_good() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(path).expect("the page");
    let printed = run(&["manual", "configuration"]).done();
    assert!(
        page == printed,
        "to bring it up to date: cargo run -- manual configuration > docs/reference/configuration.md"
    );
    // The file with everything in it, with the settings that have a default switched on.
    let (_, file) = page.split_once("```toml\n").expect("a file");
    let (file, _) = file.split_once("```").expect("its end");
    let on: Vec<&str> = file
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.contains(" = ") && !line.contains('…'))
        .collect();
    let ended = check(&on.join("\n"));
    let count = format!("good, {} settings", on.len());
    assert!(ended.words.contains(&count), "{ended:?}");
    assert!(on.len() > 15, "{on:?}");

    let listed = run(&["config", "keys", "--json"]).done();
    let text = run(&["config", "keys"]).done();
    for line in on {
        let (key, _) = line.split_once(" = ").expect("a setting");
        assert!(listed.contains(key) && text.contains(key), "{key}");
    }
}
