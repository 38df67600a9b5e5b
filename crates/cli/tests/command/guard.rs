//! `countersign guard`: what it refuses before it answers anybody.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::exposition::Exposition;
use crate::run::{command, run, run_with_input};
use crate::stage::Stage;
use countersign_witness::{Keep, Started};

#[test]
fn rules_that_are_not_understood_are_wrong_usage() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("rules.toml");
    let name = file.to_str().expect("a plain name");
    for (rules, remedy) in [
        (
            "[[rule]]\npath = \"/\"\nrolle = \"x\"",
            "did you mean 'role'?",
        ),
        ("[[rule]]\npath = \"/a/../b\"", "is not a plain path"),
        ("[[rule]]\npath = \"/a/*\"", "covers all below it already"),
        ("[[rule]]\npath = \"/a/{id}\"", "looks like a pattern"),
        (
            "[[rule]]\npath = \"/a\"\nmethods = [\"GTE\"]",
            "'GTE' is not a method",
        ),
        (
            "[[rule]]\npath = \"/a\"\n[[rule]]\npath = \"/A\"",
            "two rules",
        ),
        (
            "[[rule]]\npath = \"/gr\u{f6}\u{df}e\"",
            "rules.toml: '/gr\u{f6}\u{df}e' is not a plain path",
        ),
        ("[[rule]]\npath = \"/a\"\nrole = \"\"", "'role' is empty"),
        (
            "default = \"public\"\n[[rule]]\npath = \"/admin\"\nmethods = [\"GET\", \"POST\"]\nrole = \"admin\"",
            "rules.toml: the rule for '/admin' is for some methods only",
        ),
        ("[[rule", "line 1"),
    ] {
        fs::write(&file, rules).expect("room for the rules");
        let issuer = ["guard", "--issuer", "https://id.example"];
        let ended = run(&[&issuer[..], &["--proxy", "nginx", "--rules", name]].concat());
        assert_eq!(ended.code, 2, "{rules}: {ended:?}");
        assert!(ended.words.contains(remedy), "{rules}: {ended:?}");
    }
}

#[test]
fn what_cannot_be_guarded_is_said_at_once() {
    for (arguments, code, said) in [
        (
            &["--issuer", "https://id.example", "--public", "/x"][..],
            2,
            "--proxy nginx",
        ),
        (
            &[
                "--issuer",
                "https://id.example",
                "--proxy",
                "nginx",
                "--public",
                "x",
            ],
            2,
            "plain path",
        ),
        (
            &[
                "--issuer",
                "https://id.example",
                "--proxy",
                "nginx",
                "--public",
                "/assets/*",
            ],
            2,
            "covers all below it already",
        ),
        (
            &["--issuer", "https://id.example", "--proxy", "squid"],
            2,
            "nginx",
        ),
        (
            &["--issuer", "https://id.example", "--rules", "/nonexistent"],
            1,
            "/nonexistent",
        ),
        (
            &["--issuer", "http://id.example", "--listen", "127.0.0.1:0"],
            1,
            "use https",
        ),
        (&["--listen", "127.0.0.1:0"], 2, "--issuer"),
        (
            &["--issuer", "https://id.example", "--stale-after", "5"],
            2,
            "5 is not in 6..",
        ),
        (
            &["--issuer", "https://id.example", "--scope", ""],
            2,
            "leave the option out",
        ),
        (
            &["--issuer", "https://id.example", "--role", " "],
            2,
            "leave the option out",
        ),
        (
            &["--issuer", "https://id.example", "--audience", ""],
            2,
            "leave the option out",
        ),
        (
            &["--issuer", "https://id.example", "--roles-claim", ""],
            2,
            "leave the option out",
        ),
        (&["--issuer", ""], 2, "it is empty"),
        (&["--issuer", "=http://127.0.0.1:1"], 2, "name is missing"),
        (
            &["--issuer", "https://id.example, https://b.example"],
            2,
            "a space before or after",
        ),
        (
            &[
                "--listen",
                "127.0.0.1:0",
                "--issuer",
                "https://id.example,https://id.example",
            ],
            2,
            "is given twice",
        ),
        (&["--issuer", "id.example"], 1, "begin with https://"),
        (
            &["--issuer", "https://id.example=countersign:7800"],
            2,
            "a whole URL with http:// or https://",
        ),
    ] {
        let ended = run(&[&["guard"], arguments].concat());
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(ended.words.contains(said), "{arguments:?}: {ended:?}");
    }
}

/// A sidecar, until the test ends.
pub(crate) struct Sidecar {
    _process: Started,
    pub(crate) addresses: Vec<String>,
}

impl Sidecar {
    /// It is there when it has said all of these `words`, an address behind each.
    pub(crate) fn start(arguments: &[&str], words: &[&str]) -> Self {
        let listen = ["guard", "--listen", "127.0.0.1:0"];
        Self::of(&mut command(&[&listen, arguments].concat()), words)
    }

    /// The same of any command that says where it listens.
    pub(crate) fn of(command: &mut Command, words: &[&str]) -> Self {
        let process = command.talkative().start_heard();
        let mut process = process.expect("it starts");
        let mut told = BufReader::new(process.stderr.take().expect("it is piped"));
        let mut addresses = Vec::new();
        for word in words {
            addresses.push(loop {
                let mut line = String::new();
                assert_ne!(told.read_line(&mut line).expect("text"), 0, "it ended");
                if let Some((_, rest)) = line.split_once(word) {
                    let is_address = |c: char| c.is_ascii_digit() || ".:".contains(c);
                    let address = rest.split(|c: char| !is_address(c)).next();
                    break address.expect("an address").to_owned();
                }
            });
        }
        // Whoever is not listened to stands still sooner or later.
        thread::spawn(move || io::copy(&mut told, &mut io::sink()));
        Self {
            _process: process,
            addresses,
        }
    }

    /// The status, and the body.
    pub(crate) fn ask(address: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let (status, _, body) = Self::answer(address, path, headers);
        (status, body)
    }

    /// The status, the head with the end of its last line, and the body.
    pub(crate) fn answer(
        address: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (u16, String, String) {
        let mut stream = TcpStream::connect(address).expect("it listens");
        let own = ("host", address);
        let own = (!headers.iter().any(|(name, _)| *name == "host")).then_some(&own);
        write!(stream, "GET {path} HTTP/1.1\r\nconnection: close\r\n").expect("it hears");
        for (name, value) in headers.iter().chain(own) {
            write!(stream, "{name}: {value}\r\n").expect("it hears");
        }
        write!(stream, "\r\n").expect("it hears");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let head = format!("{head}\r\n");
        (status.expect("a status"), head, body.to_owned())
    }
}

/// An authority of the tests' own, and what it has signed for 127.0.0.1: `tls/make.sh` says how.
pub(crate) const AUTHORITY: &str = include_str!("tls/authority.pem");
pub(crate) const SIGNED: &str = include_str!("tls/signed.pem");
pub(crate) const SIGNED_KEY: &str = include_str!("tls/signed-key.pem");

#[test]
fn an_issuer_whose_authority_is_ones_own() {
    let stage = Stage::with_tls(SIGNED, SIGNED_KEY);
    let here = stage.folder();
    fs::write(here.join("authority.pem"), AUTHORITY).expect("a file");
    let cacert = ["--cacert", "authority.pem"];
    stage.login("ada", &cacert).done();
    let token = stage.run(&["token"]).done();
    let bearer = format!("Bearer {}", token.trim());
    let ask = |sidecar: &Sidecar| {
        let address = sidecar.addresses.first().expect("it says where").as_str();
        let headers = [("authorization", bearer.as_str())];
        let passed = Sidecar::ask(address, "/verify", &headers).0;
        (passed, Sidecar::ask(address, "/readyz", &[]).0)
    };
    let guard = [
        "guard",
        "--listen",
        "127.0.0.1:0",
        "--issuer",
        stage.server(),
    ];
    let words = ["guarding on "];

    // Nobody the system believes has signed it: the issuer is as good as away, and the log says why.
    let mut untrusting = stage.command(&guard);
    let mut started = untrusting.start_heard().expect("it starts");
    let told = BufReader::new(started.stderr.take().expect("it is piped")).lines();
    let mut told = told.map_while(Result::ok);
    assert!(told.any(|line| line.contains("--cacert FILE")));
    drop(started);
    let sidecar = Sidecar::of(&mut stage.command(&guard), &words);
    assert_eq!(ask(&sidecar), (503, 503));

    let sidecar = Sidecar::of(&mut stage.command(&[&guard[..], &cacert].concat()), &words);
    assert_eq!(ask(&sidecar), (200, 200));
    let mut by_variable = stage.command(&guard);
    by_variable.env("COUNTERSIGN_GUARD_CACERT", "authority.pem");
    assert_eq!(ask(&Sidecar::of(&mut by_variable, &words)), (200, 200));

    for (file, told) in [
        ("key.pem", "key.pem: there is no certificate (PEM)"),
        ("missing.pem", "missing.pem: "),
    ] {
        let ended = stage.run(&[&guard[..], &["--cacert", file]].concat());
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.words.contains(told), "{ended:?}");
    }
}

#[test]
fn the_numbers_of_a_sidecar() {
    let stage = Stage::set();
    stage.login("ada", &[]).done();
    let token = stage.run(&["token"]).done();
    let bearer = format!("Bearer {}", token.trim());
    let issuer = stage.server();
    let rules = [
        "--issuer", issuer, "--proxy", "nginx", "--public", "/assets",
    ];
    let sidecar = Sidecar::start(&rules, &["guarding on "]);
    let address = sidecar.addresses.first().expect("it says where").as_str();
    let about = |path: &str, bearer: Option<&str>| {
        let mut headers = vec![("x-original-method", "GET"), ("x-original-uri", path)];
        headers.extend(bearer.map(|bearer| ("authorization", bearer)));
        Sidecar::ask(address, "/verify", &headers).0
    };
    assert_eq!(about("/assets/logo.svg", None), 200);
    assert_eq!(about("/", None), 401);
    assert_eq!(about("/", Some(&bearer)), 200);
    assert_eq!(about("/", Some(&bearer)), 200);
    assert_eq!(Sidecar::ask(address, "/verify", &[]).0, 500);

    let (status, page) = Sidecar::ask(address, "/metrics", &[]);
    assert_eq!(status, 200, "{page}");
    assert!(!page.contains("ada") && !page.contains(token.trim()));
    let page = Exposition::read(&page);
    let rule = |rule: &str, outcome: &str| {
        format!("countersign_forward_decisions_total{{rule=\"{rule}\",outcome=\"{outcome}\"}}")
    };
    let of_issuer = |name: &str, more: &str| format!("{name}{{issuer=\"{issuer}\"{more}}}");
    let fetched = of_issuer("countersign_issuer_key_fetches_total", ",outcome=\"ok\"");
    for (name, count) in [
        (rule("public", "passed"), 1),
        (rule("token", "refused"), 1),
        (rule("token", "passed"), 2),
        (rule("unread", "refused"), 1),
        (rule("closed", "refused"), 0),
        ("countersign_guard_accepted_total".to_owned(), 2),
        (
            "countersign_guard_refused_total{reason=\"missing_token\"}".to_owned(),
            1,
        ),
        (
            "countersign_guard_refused_total{reason=\"not_forwarded\"}".to_owned(),
            1,
        ),
        (
            "countersign_guard_cache_lookups_total{result=\"hit\"}".to_owned(),
            1,
        ),
        (
            "countersign_guard_cache_lookups_total{result=\"miss\"}".to_owned(),
            1,
        ),
        (of_issuer("countersign_issuer_ready", ""), 1),
        (of_issuer("countersign_issuer_keys", ""), 2),
        (of_issuer("countersign_issuer_revocations_live", ""), 0),
        (fetched, 1),
        (
            of_issuer("countersign_issuer_revocations_by", ",by=\"owner\""),
            0,
        ),
    ] {
        assert_eq!(page.count(&name), count, "{name}");
    }
    assert!(page.has(&of_issuer("countersign_issuer_key_age_seconds", "")));
    assert!(page.number(&of_issuer("countersign_issuer_revocations_age_seconds", "")) < 3600.0);
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/metrics.md");
    let reference = fs::read_to_string(reference).expect("the page");
    for family in &page.families {
        let heading = format!(
            "\n### {}\n\n{}",
            family.name,
            family.help.trim_end_matches('.')
        );
        assert!(reference.contains(&heading), "{}", family.name);
        assert!(["counter", "gauge", "histogram"].contains(&family.kind.as_str()));
        assert!(family.labels.iter().all(|(_, value)| value != "ada"));
    }
    assert!(page.names().count() > 30);
    same_as_the_page(&page, &reference);

    // To whoever was passed on, there is no such route.
    let nothing = Sidecar::ask(address, "/nothing", &[]);
    assert_eq!(nothing.0, 404);
    for passed_on in [
        ("via", "1.1 proxy"),
        ("x-forwarded-for", "::1"),
        ("host", "id.example"),
    ] {
        assert_eq!(
            Sidecar::ask(address, "/metrics", &[passed_on]),
            nothing,
            "{passed_on:?}"
        );
    }
}

/// Every number that the reference has for a sidecar is shown, with the kind, the labels and the values it
/// says; and no other number is.
fn same_as_the_page(shown: &Exposition, reference: &str) {
    let (server, sidecar) = reference
        .split_once("\n## The sidecar\n")
        .expect("two parts");
    // "What the process is and what the guard decided is as above."
    let of_both = |name: &str| {
        name.starts_with("process_")
            || name.starts_with("countersign_guard_")
            || name == "countersign_build_info"
    };
    let mut told = sections(server);
    told.retain(|(name, _)| of_both(name));
    told.extend(sections(sidecar));
    let mut names: Vec<&str> = told.iter().map(|(name, _)| *name).collect();
    let mut shown_names: Vec<&str> = shown.families.iter().map(|family| &*family.name).collect();
    names.sort_unstable();
    shown_names.sort_unstable();
    assert_eq!(shown_names, names);
    for (name, section) in told {
        let family = shown.families.iter().find(|family| family.name == name);
        let family = family.expect("it is shown");
        let kind = if family.kind == "histogram" {
            "A histogram"
        } else if family.kind == "gauge" {
            "A gauge"
        } else {
            "A counter"
        };
        assert!(section.contains(kind), "{name}: {section}");
        for (label, value) in &family.labels {
            let row = section
                .lines()
                .find(|line| line.starts_with(&format!("| `{label}` |")));
            let row = row.unwrap_or_else(|| panic!("{name} has no label {label} on the page"));
            let listed = row.matches('`').count() > 2
                && !row.contains("as it was given")
                && !row.contains("](");
            assert!(
                !listed || row.contains(&format!("`{value}`")),
                "{name}: {row} without {value}"
            );
        }
    }
}

/// Each number of a part of the page, and what is said of it.
fn sections(part: &str) -> Vec<(&str, &str)> {
    let sections = part.split("\n### ").skip(1);
    sections
        .filter_map(|section| section.split_once('\n'))
        .collect()
}

#[test]
fn the_numbers_of_a_sidecar_may_have_a_listener_of_their_own() {
    // Nobody is there, which a sidecar waits for.
    let issuer = "http://127.0.0.1:9";
    let own = ["--issuer", issuer, "--metrics-listen", "127.0.0.1:0"];
    let sidecar = Sidecar::start(&own, &["guarding on ", "numbers on http://"]);
    let [answers, numbers] = sidecar.addresses.as_slice() else {
        panic!("{:?}", sidecar.addresses);
    };
    assert_eq!(Sidecar::ask(answers, "/metrics", &[]).0, 404);
    let (status, page) = Sidecar::ask(numbers, "/metrics", &[("via", "1.1 scraper")]);
    assert_eq!(status, 200);
    let page = Exposition::read(&page);
    let named = |name: &str| format!("{name}{{issuer=\"{issuer}\"}}");
    assert_eq!(page.count(&named("countersign_issuer_ready")), 0);
    assert!(!page.has(&named("countersign_issuer_key_age_seconds")));
    assert_eq!(Sidecar::ask(numbers, "/verify", &[]).0, 404);
}

#[test]
fn a_proxy_of_the_environment_is_not_told_what_stays_on_this_machine() {
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a port");
    proxy.set_nonblocking(true).expect("a listener");
    let url = format!("http://{}", proxy.local_addr().expect("an address"));
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    // It looks for the issuer's keys as the sidecar does, and then ends.
    let mut verify = command(&[
        "jwt",
        "verify",
        "--issuer",
        &nobody,
        "--any-audience",
        "a.b.c",
    ]);
    for variable in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
        verify.env(variable, &url);
    }
    let ended = run_with_input(&mut verify, "");
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.words.contains("cannot fetch"), "{ended:?}");
    let asked = proxy.accept().map(|_| ());
    let kind = asked.expect_err("the proxy was asked").kind();
    assert_eq!(kind, io::ErrorKind::WouldBlock);
}
