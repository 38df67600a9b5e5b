//! The Dockerfile, where there is no Docker: what it copies is there, what it starts starts, and its parts
//! agree with each other and with the sources. That the image builds, its first build shows.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on must fail"
)]

use std::time::{Duration, Instant};

use countersign_conformance::command::Countersign;
use countersign_conformance::guide::root;
use countersign_conformance::port;
use countersign_conformance::request::Http;
use countersign_wire::paths;
use countersign_witness::Keep as _;

/// Instructions in their order: the word and the rest, lines that go on in one.
fn instructions() -> Vec<(String, String)> {
    let text = read("packaging/Dockerfile").replace("\\\n", " ");
    let lines = text.lines().map(str::trim);
    let said = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    said.map(|line| {
        let (word, rest) = line.split_once(' ').expect("an instruction says something");
        let rest: Vec<&str> = rest.split_whitespace().collect();
        (word.to_owned(), rest.join(" "))
    })
    .collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("a file of ours")
}

/// What the instructions of this name say.
fn all(name: &str) -> Vec<String> {
    let said = instructions().into_iter();
    said.filter(|(word, _)| word == name)
        .map(|(_, rest)| rest)
        .collect()
}

fn only(name: &str) -> String {
    let said = all(name);
    let [one] = said.as_slice() else {
        panic!("{name}: {said:?}")
    };
    one.clone()
}

/// The form of `ENTRYPOINT` and `CMD` that needs no shell.
fn words(json: &str) -> Vec<String> {
    serde_json::from_str(json).expect("a list of words")
}

/// The last `key = "value"` of a TOML file's text.
fn toml_value<'a>(text: &'a str, key: &str) -> &'a str {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
    line.expect(key).trim().trim_matches('"')
}

#[test]
fn it_builds_with_the_toolchain_of_the_sources_and_runs_on_the_same_debian() {
    let toolchain = read("rust-toolchain.toml");
    let channel = toml_value(&toolchain, "channel");
    let from = all("FROM");
    let [build, run] = from.as_slice() else {
        panic!("{from:?}")
    };
    let (image, stage) = build.split_once(" AS ").expect("a name for the first");
    let (version, base) = image
        .strip_prefix("rust:")
        .and_then(|tag| tag.split_once('-'))
        .expect("an image of Rust's");
    assert_eq!(version, channel);
    assert!(all("ENV").contains(&format!("RUSTUP_TOOLCHAIN={channel}")));
    // A program linked against one C library may not start under an older one.
    let debian = base.strip_prefix("slim-").expect("the small one");
    assert_eq!(*run, format!("debian:{debian}-slim"));
    let copied = all("COPY");
    assert!(
        copied
            .iter()
            .any(|copy| copy.starts_with(&format!("--from={stage} ")))
    );
}

#[test]
fn what_it_copies_is_there() {
    let ignored = read(".dockerignore");
    let ignored: Vec<&str> = ignored.lines().filter(|line| !line.is_empty()).collect();
    // All of it is copied, and what the build reads is not held back.
    let copies = all("COPY");
    let [context, program] = copies.as_slice() else {
        panic!("{copies:?}")
    };
    assert_eq!(context, ". .");
    let manifest = read("Cargo.toml");
    let (_, members) = manifest.split_once("members = [").expect("members");
    let (members, _) = members.split_once(']').expect("members");
    let members = members.split(',').map(|it| it.trim().trim_matches('"'));
    let members = members.map(|it| it.trim_end_matches("/*").to_owned());
    let files = [
        "Cargo.lock",
        "rust-toolchain.toml",
        ".cargo/config.toml",
        "crates/cli/order.ld",
    ];
    for needed in members.chain(files.map(str::to_owned)) {
        assert!(root().join(&needed).exists(), "{needed}");
        let held_back = ignored.iter().any(|name| {
            let suffix = name.strip_prefix('*').filter(|_| !needed.contains('/'));
            needed == *name
                || needed.starts_with(&format!("{name}/"))
                || suffix.is_some_and(|end| needed.ends_with(end))
        });
        assert!(!held_back, "{needed} is in .dockerignore");
    }
    for held_back in ["target", ".git"] {
        assert!(ignored.contains(&held_back), "{held_back} is sent along");
    }

    let build = all("RUN")
        .into_iter()
        .find(|run| run.contains("cargo build"));
    let build = build.expect("it is built");
    let package = read("crates/cli/Cargo.toml");
    let name = toml_value(&package, "name");
    assert!(
        build.contains(&format!("--release --locked -p {name}")),
        "{build}"
    );
    let (_, bin) = package.split_once("[[bin]]").expect("a program");
    let bin = toml_value(bin, "name");
    let from = &all("WORKDIR")[0];
    let to = format!("/usr/bin/{bin}");
    assert_eq!(
        *program,
        format!("--from=build {from}/target/release/{bin} {to}")
    );
    assert_eq!(words(&only("ENTRYPOINT")), [to]);
}

/// Database and master key are made where the user may write, and where they outlive the container.
#[test]
fn its_user_owns_the_volume() {
    let user = only("USER");
    let made = all("RUN").into_iter().find(|run| run.contains("useradd"));
    let made = made.expect("a user is made");
    let home = only("VOLUME");
    assert!(
        made.contains(&format!("--home-dir {home} --create-home")),
        "{made}"
    );
    assert!(
        made.contains(&format!(" {user} && chmod 0700 {home}")),
        "{made}"
    );
    assert_eq!(all("WORKDIR").last(), Some(&home));
    assert_eq!(only("STOPSIGNAL"), "SIGTERM");
}

#[tokio::test]
async fn what_it_starts_serves() {
    let mut arguments = words(&only("CMD"));
    let exposed = only("EXPOSE");
    let listens = arguments.iter_mut().find(|word| word.ends_with(&exposed));
    let port = port::free();
    *listens.expect("it listens where it says") = format!("0.0.0.0:{port}");
    let folder = tempfile::tempdir().expect("a folder");

    // Without the settings of the usage above it, it says which one it needs.
    let alone = Countersign::new(&arguments).within(folder.path()).output();
    let told = String::from_utf8_lossy(&alone.stderr).into_owned();
    assert_eq!(alone.status.code(), Some(2), "{told}");
    assert!(told.contains("--issuer URL"), "{told}");

    let text = read("packaging/Dockerfile")
        .replace("\n#", " ")
        .replace('\\', " ");
    let mut command = Countersign::new(&arguments).within(folder.path());
    let mut settings = 0;
    let mut typed = text.split_whitespace();
    while let Some(word) = typed.next() {
        if word == "-e" {
            let (name, value) = typed
                .next()
                .and_then(|it| it.split_once('='))
                .expect("a setting");
            let help = Countersign::new(["serve", "--help"]).succeed();
            assert!(
                help.contains(&format!("[env: {name}]"))
                    || help.contains(&format!("[env: {name}=")),
                "{name}"
            );
            command = command.setting(name, value);
            settings += 1;
        }
    }
    assert_eq!(settings, 2);
    let mut command = command.into_command();
    let mut server = command.talkative().start().expect("it starts");
    let http = Http::new(format!("http://127.0.0.1:{port}"));
    let began = Instant::now();
    while !http
        .get(paths::READYZ)
        .await
        .is_ok_and(|answer| answer.status == 200)
    {
        assert!(server.try_wait().expect("ours").is_none(), "it ended");
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "it does not get ready"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for made in ["countersign.db", "countersign.key"] {
        assert!(folder.path().join(made).exists(), "{made}");
    }
}
