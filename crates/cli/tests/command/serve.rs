//! `countersign serve`: what it refuses, and what it warns of, before it serves.

use crate::run::{Ended, command, run_with_input};

/// Its database cannot be made, so that it ends by itself after the warnings.
fn serve(arguments: &[&str]) -> Ended {
    let base = ["serve", "--listen", "127.0.0.1:0"];
    let nowhere = ["--database", "sqlite:/nonexistent/folder/countersign.db"];
    run_with_input(&mut command(&[&base, arguments, &nowhere].concat()), "")
}

#[test]
fn one_patience_for_all_behind_a_proxy_is_warned_of() {
    let behind = ["--behind-proxy", "--issuer", "https://id.example"];
    let ended = serve(&behind);
    assert_eq!(ended.code, 1, "{ended:?}");
    let warned = ended.words.starts_with("warning: without --trusted-proxy");
    assert!(warned, "{ended:?}");

    for proxy in ["10.0.0.0/8", "10.0.0.5", "fd00::5"] {
        let named = serve(&[&behind[..], &["--trusted-proxy", proxy]].concat());
        assert_eq!(named.code, 1, "{named:?}");
        assert!(!named.words.contains("warning"), "{named:?}");
    }
}

#[test]
fn what_cannot_be_served_is_wrong_usage() {
    for (wrong, remedy) in [
        (&["--behind-proxy"][..], "--issuer URL"),
        (
            &["--listen", "0.0.0.0:0", "--insecure-http"],
            "--issuer URL",
        ),
        (&["--algorithm", "HS256"], "ES256"),
        (&["--other-audience", "legacy=HS512"], "ES256"),
        (
            &["--trusted-proxy", "0.0.0.0/0"],
            "name the network that your proxy calls from",
        ),
        (&["--trusted-proxy", "nginx"], "such as 10.0.0.0/8"),
        (&["--max-connections", "0"], "0 is not in 1.."),
        (&["--max-connections-per-network", "0"], "0 is not in 1.."),
        (&["--max-in-flight", "0"], "0 is not in 1.."),
        (&["--max-followers", "0"], "0 is not in 1.."),
        (&["--max-followers-per-network", "0"], "0 is not in 1.."),
        (
            &["--max-connections", "50", "--max-followers", "50"],
            "max_followers",
        ),
    ] {
        let arguments = [&["serve"], wrong].concat();
        let ended = run_with_input(&mut command(&arguments), "");
        assert_eq!(ended.code, 2, "{wrong:?}: {ended:?}");
        assert!(ended.words.contains(remedy), "{wrong:?}: {ended:?}");
    }
}
