//! `countersign.toml`: what is read, what is refused, and what comes before what.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;

use countersign_witness::Keep;
use tempfile::TempDir;

use crate::run::{Ended, command, run, run_with_input};

const PAGE: &str = "../../docs/reference/configuration.md";

/// Signed by itself, and the key of another one.
const CERTIFICATE: &str = include_str!("../../../server/tests/sockets/tls/first.pem");
const OTHER_KEY: &str = include_str!("../../../server/tests/sockets/tls/second-key.pem");

/// In a folder of its own, without settings of this machine.
fn in_folder(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.current_dir(folder);
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("COUNTERSIGN_") {
            command.env_remove(variable);
        }
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
listen = "0.0.0.0:0"
issuer = "https://id.example"
behind_proxy = true
trusted_proxies = ["10.0.0.0/8", "192.168.0.0/16"]
other_audiences = ["legacy=RS256"]
access_life = 300
audit_days = "30"
session_life_days = 7
admin_audience = "admin"
log = "info"
"#,
    );
    assert_eq!(
        ended.words,
        "countersign.toml: good, 10 settings\nsqlite:countersign.db: made by the first start\n",
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
        (
            "listen = \"127.0.0.1\"",
            "the port is missing: 127.0.0.1:7800",
        ),
        ("log = \"dbug\"", "did you mean `debug`?"),
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
    ] {
        refused(file, told);
    }
    let missing = run(&["config", "check", "/nonexistent/countersign.toml"]);
    assert_eq!(missing.code, 2, "{missing:?}");
}

#[test]
fn what_could_not_be_run_is_refused() {
    for (file, told) in [
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
            "hsts_days = 365\nbehind_proxy = true",
            "said over HTTPS alone",
        ),
        (
            "tls_cert = \"a\"\ntls_key = \"b\"\nhsts_days = -1",
            "hsts_days",
        ),
        (
            "behind_proxy = true\ninsecure_http = true",
            "exclude each other",
        ),
        ("listen = \"0.0.0.0:80\"", "plain HTTP"),
        ("access_life = 1", "5 seconds to 24 hours"),
        (
            "session_idle_days = 91",
            "unused for 91 days and be over after 90 days",
        ),
        (
            "session_idle_days = 8\nsession_life_days = 7",
            "session_idle_days must not be more than session_life_days",
        ),
        (
            "admin_audience = \"api\"",
            "the audience of /admin is the usual one, `api`",
        ),
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
        refused(file, told);
    }
}

fn refused(file: &str, told: &str) {
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

/// A folder in which `serve` has made an installation.
fn installation() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let add = ["user", "add", "ada", "--password-stdin"];
    let words = "correct horse battery staple";
    run_with_input(&mut in_folder(folder.path(), &add), words).done();
    folder
}

fn checked(folder: &Path) -> Ended {
    run_with_input(
        in_folder(folder, &["config", "check"]).env("COUNTERSIGN_LISTEN", "localhost:0"),
        "",
    )
}

/// Name, length and content of every file, and of the folder.
fn content(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let mut files: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn an_installation_is_looked_at_and_not_touched() {
    let folder = installation();
    let here = folder.path();
    let before = content(here);
    // Keys are made by the first start of a server, which then closes its database.
    let good = checked(here);
    assert!(
        good.words
            .contains("no settings file, and the environment: good"),
        "{good:?}"
    );
    assert!(
        good.words.contains("sqlite:countersign.db: good"),
        "{good:?}"
    );
    assert!(!good.words.contains("warning"), "{good:?}");
    good.done();
    assert!(content(here) == before, "something was changed");
    let database = here.join("countersign.db");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(database, open).expect("ours");
    let exposed = checked(here);
    let mend = "(mode 644); run: chmod go= countersign.db";
    assert!(exposed.words.contains(mend), "{exposed:?}");
    exposed.done();

    let empty = tempfile::tempdir().expect("a folder");
    let new = checked(empty.path());
    assert!(new.words.contains("made by the first start"), "{new:?}");
    new.done();
    assert!(content(empty.path()).is_empty());
}

#[test]
fn what_would_keep_a_server_from_its_start_is_told() {
    let stop = |spoil: &dyn Fn(&Path)| {
        let folder = installation();
        spoil(folder.path());
        let before = content(folder.path());
        let ended = checked(folder.path());
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(content(folder.path()) == before, "something was changed");
        ended.words
    };
    let key = "countersign.key";
    let no_key = stop(&|here| fs::remove_file(here.join(key)).expect("it is there"));
    assert!(
        no_key.contains("its master-key file countersign.key does not"),
        "{no_key}"
    );
    let bad_key = stop(&|here| fs::write(here.join(key), "half").expect("ours"));
    assert!(bad_key.contains("43 characters of base64url"), "{bad_key}");
    let damaged =
        stop(&|here| fs::write(here.join("countersign.db"), "x".repeat(5000)).expect("ours"));
    assert!(
        damaged.contains("countersign.db: file is not a database"),
        "{damaged}"
    );
    let newer = stop(&|here| {
        let path = here.join("countersign.db");
        let mut bytes = fs::read(&path).expect("ours");
        // SQLite's `user_version` (https://sqlite.org/fileformat2.html#user_version_number).
        bytes[60..64].copy_from_slice(&900_u32.to_be_bytes());
        fs::write(path, bytes).expect("ours");
    });
    assert!(newer.contains("the database has schema 900"), "{newer}");
    let folder = stop(&|here| {
        let file = format!("database = \"sqlite:{}\"", here.display());
        fs::write(here.join("countersign.toml"), file).expect("a file");
    });
    assert!(
        folder.contains("is a folder; name a file in it"),
        "{folder}"
    );
    let tls = |certificate: &'static str| {
        move |here: &Path| {
            let file = "tls_cert = \"cert.pem\"\ntls_key = \"key.pem\"";
            fs::write(here.join("countersign.toml"), file).expect("a file");
            fs::write(here.join("cert.pem"), certificate).expect("a file");
        }
    };
    let none = stop(&tls("no certificate"));
    assert!(
        none.contains("cannot read cert.pem: it holds no certificate"),
        "{none}"
    );
    let no_key = stop(&tls(CERTIFICATE));
    assert!(no_key.contains("cannot read key.pem"), "{no_key}");
    let other_key = stop(&|here| {
        tls(CERTIFICATE)(here);
        fs::write(here.join("key.pem"), OTHER_KEY).expect("a file");
    });
    assert!(other_key.contains("cannot be used together"), "{other_key}");
    let nowhere = stop(&|here| {
        let file = "database = \"sqlite:nowhere/countersign.db\"";
        fs::write(here.join("countersign.toml"), file).expect("a file");
    });
    assert!(nowhere.contains("there is no folder nowhere"), "{nowhere}");
    let silent = stop(&|here| {
        let file = "database = \"postgres://ada:s3cret@127.0.0.1:1/x\"\nmaster_key_file = \"countersign.key\"";
        fs::write(here.join("countersign.toml"), file).expect("a file");
    });
    assert!(silent.contains("the database does not answer"), "{silent}");
    assert!(!silent.contains("s3cret"), "{silent}");
}

#[test]
fn a_key_that_opens_nothing_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let mut serve = in_folder(here, &["serve", "--listen", "127.0.0.1:0"])
        .start_heard()
        .expect("it starts");
    let stderr = serve.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("serving ")));
    // It has its keys; a running server is no reason not to look.
    let running = checked(here);
    assert!(running.words.contains("and its keys open"), "{running:?}");
    running.done();
    serve.kill().expect("ours");
    serve.wait().expect("it ends");
    // As after a crash, the log is still there.
    let crashed = checked(here);
    assert!(crashed.words.contains("and its keys open"), "{crashed:?}");
    crashed.done();
    let other = "A".repeat(43);
    fs::write(here.join("countersign.key"), other).expect("ours");
    let ended = checked(here);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(
        ended.words.contains("does not open under this master key"),
        "{ended:?}"
    );
}

#[test]
fn a_variable_that_nothing_reads_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut check = in_folder(folder.path(), &["config", "check"]);
    let ended = run_with_input(check.env("COUNTERSIGN_LISSTEN", "127.0.0.1:1"), "");
    assert_eq!(ended.code, 2, "{ended:?}");
    let told = "nothing reads the variable COUNTERSIGN_LISSTEN; did you mean COUNTERSIGN_LISTEN?";
    assert!(ended.words.contains(told), "{ended:?}");

    let mut check = in_folder(folder.path(), &["config", "check"]);
    check.env("COUNTERSIGN_LISTEN", "127.0.0.1:0");
    let ended = run_with_input(check.env("COUNTERSIGN_FROBNICATE", "1"), "");
    let told = "warning: nothing reads the variable COUNTERSIGN_FROBNICATE";
    assert!(ended.words.contains(told), "{ended:?}");
    ended.done();

    // A server starts all the same, and says so.
    let nowhere = ["serve", "--database", "sqlite:/nonexistent/x.db"];
    let mut serve = in_folder(folder.path(), &nowhere);
    let ended = run_with_input(serve.env("COUNTERSIGN_LISSTEN", "127.0.0.1:1"), "");
    assert!(
        ended.words.contains("did you mean COUNTERSIGN_LISTEN?"),
        "{ended:?}"
    );
    assert_eq!(ended.code, 1, "{ended:?}");
}

#[test]
fn an_address_that_is_taken_is_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut check = in_folder(folder.path(), &["config", "check"]);
    let ended = run_with_input(check.env("COUNTERSIGN_LISTEN", &address), "");
    let told = format!("warning: somebody listens on {address} now");
    assert!(ended.words.contains(&told), "{ended:?}");
    ended.done();
    let mut check = in_folder(folder.path(), &["config", "check"]);
    // RFC 5737: an address of nobody's machine.
    let ended = run_with_input(
        check
            .env("COUNTERSIGN_LISTEN", "192.0.2.7:1")
            .env("COUNTERSIGN_INSECURE_HTTP", "true"),
        "",
    );
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(
        ended.words.contains("cannot listen on 192.0.2.7:1"),
        "{ended:?}"
    );
}

#[test]
fn a_mistyped_log_level_is_refused() {
    let ended = run(&["scan", "--log", "dbug"]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.words.contains("did you mean `debug`?"), "{ended:?}");
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
    let mut server = serve.start_heard().expect("it starts");
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
