//! `countersign guard`: what it refuses before it answers anybody.

use std::net::TcpListener;

use crate::run::{command, run, run_with_input};

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
        (
            "[[rule]]\npath = \"/a\"\n[[rule]]\npath = \"/A\"",
            "two rules",
        ),
        ("[[rule", "line 1"),
    ] {
        std::fs::write(&file, rules).expect("room for the rules");
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
    ] {
        let ended = run(&[&["guard"], arguments].concat());
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(ended.words.contains(said), "{arguments:?}: {ended:?}");
    }
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
    assert_eq!(kind, std::io::ErrorKind::WouldBlock);
}
