//! `jwk`: keys made, converted and named; what can sign goes where it was asked to and nowhere else.

use std::fs;

use countersign::{Algorithm, Jwk, KeySet, SigningKey};
use serde_json::Value;

use crate::keys::Folder;
use crate::run::{command, run, run_with_input};

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn a_new_key_goes_into_a_file_of_its_owner() {
    for algorithm in Algorithm::all() {
        let folder = Folder::new();
        let path = folder.path("key.json");
        let ended = run(&["jwk", "new", "--alg", algorithm.name(), "--out", &path]);
        assert!(!ended.words.contains(r#""d":"#), "{algorithm}");
        let printed = ended.done();
        let jwk = Jwk::from_json(fs::read(&path).expect("it is there")).expect("a key");
        let key = SigningKey::from_jwk(&jwk).expect("it can sign");
        assert_eq!(key.algorithm(), algorithm);
        if algorithm.is_symmetric() {
            assert_eq!(printed, "", "a secret is not printed");
        } else {
            let public = Jwk::from_json(&printed).expect("the public key is printed");
            assert!(!public.is_private());
            assert_eq!(public.thumbprint(), jwk.thumbprint());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{algorithm}");
        }
    }
}

#[test]
fn a_private_key_is_printed_only_when_asked_for() {
    let folder = Folder::new();
    let (private, _) = folder.jwks(Algorithm::ES256);
    for prints in [
        &["jwk", "new"][..],
        &["jwk", "convert", "--to", "pem", &private],
    ] {
        let ended = run(prints);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.words.contains("--out FILE"), "{ended:?}");
        assert_eq!(ended.data, "");
        let asked = run(&[prints, &["--out", "-"]].concat()).done();
        assert!(asked.contains(r#""d":"#) || asked.contains("BEGIN PRIVATE KEY"));
    }
}

#[test]
fn what_is_there_is_not_written_over_unasked() {
    let folder = Folder::new();
    let path = folder.file("key.json", "mine");
    let new = ["jwk", "new", "--out", &path];
    let ended = run(&new);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.words.contains("--force"), "{ended:?}");
    assert_eq!(fs::read_to_string(&path).expect("a file"), "mine");

    let (_, public) = folder.jwks(Algorithm::ES256);
    let copy = ["jwk", "public", &public, "--out", &path];
    assert_eq!(run(&copy).code, 1);
    run(&[&copy[..], &["--force"]].concat()).done();
    assert!(fs::read_to_string(&path).expect("a file").starts_with('{'));
    run(&[&new[..], &["--force"]].concat()).done();
    assert!(
        fs::read_to_string(&path)
            .expect("a file")
            .contains(r#""d":"#)
    );

    // As it is with a device: something that a rename would put an end to.
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let socket = folder.path("socket");
        let _listens = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        let ended = run(&["jwk", "new", "--out", &socket, "--force"]);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.words.contains("is no file"), "{ended:?}");
        let there = fs::metadata(&socket).expect("still there");
        assert!(there.file_type().is_socket());
    }

    let nowhere = folder.path("no/such/folder.json");
    let ended = run(&["jwk", "new", "--out", &nowhere]);
    assert_eq!(ended.code, 1);
    assert!(ended.words.contains("cannot be written"), "{ended:?}");
}

#[test]
fn every_form_leads_to_every_other() {
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256] {
        let folder = Folder::new();
        let (jwk, public) = folder.jwks(algorithm);
        let thumbprint = run(&["jwk", "thumbprint", &jwk]).done();
        let pem = folder.path("key.pem");
        run(&["jwk", "convert", "--to", "pem", &jwk, "--out", &pem]).done();
        let set = folder.path("set.json");
        run(&["jwk", "convert", "--to", "set", &pem, "--out", &set]).done();
        let back = folder.path("back.json");
        run(&["jwk", "convert", "--to", "jwk", &set, "--out", &back]).done();
        let public_pem = folder.file(
            "public.pem",
            &run(&["jwk", "convert", "--to", "pem", &public]).done(),
        );
        for file in [&public, &pem, &set, &back, &public_pem] {
            let same = run(&["jwk", "thumbprint", file]).done();
            assert!(
                same.starts_with(thumbprint.trim_end()),
                "{algorithm} {file}"
            );
        }
        let words = fs::read_to_string(&pem).expect("PEM");
        assert!(words.starts_with("-----BEGIN PRIVATE KEY-----"), "{words}");
    }
}

#[test]
fn several_keys_are_a_set() {
    let folder = Folder::new();
    let (one, _) = folder.pems(Algorithm::ES256);
    let (other, _) = folder.jwks(Algorithm::EdDSA);
    let printed = run(&["jwk", "public", &one, &other]).done();
    let set = KeySet::from_json(&printed).expect("a set");
    assert_eq!(set.len(), 2);
    assert!(!printed.contains(r#""d":"#));

    let two_documents = [&one, &one].map(|path| fs::read_to_string(path).expect("PEM"));
    let ended = run_with_input(
        &mut command(&["jwk", "thumbprint"]),
        &two_documents.concat(),
    );
    assert_eq!(ended.done().lines().count(), 2);

    let ended = run(&["jwk", "convert", "--to", "jwk", &one, &other, "--out", "-"]);
    assert_eq!(ended.code, 2);
    assert!(ended.words.contains("--to set"), "{ended:?}");
    let ended = run(&["jwk", "convert", "--to", "set", "--kid", "a", &one, &other]);
    assert_eq!(ended.code, 2);
}

#[test]
fn a_key_may_be_given_a_name_and_an_algorithm() {
    let folder = Folder::new();
    let (_, pem) = folder.pems(Algorithm::RS256);
    let convert = ["jwk", "convert", "--to", "jwk", &pem];
    assert_eq!(json(&run(&convert).done())["alg"], "RS256");
    let named = [&convert[..], &["--alg", "PS256", "--kid", "2026"]].concat();
    let named = json(&run(&named).done());
    assert_eq!(
        (&named["alg"], &named["kid"]),
        (&"PS256".into(), &"2026".into())
    );
    let wrong = run(&[&convert[..], &["--alg", "ES256"]].concat());
    assert_eq!(wrong.code, 1);
    assert!(wrong.words.contains("not one for ES256"), "{wrong:?}");
}

#[test]
fn thumbprints_are_for_people_and_programs() {
    // RFC 7638 §3.1.
    let key = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
    let thumbprint = |arguments: &[&str]| {
        let mut command = command(&[&["jwk", "thumbprint"], arguments].concat());
        run_with_input(&mut command, key).done()
    };
    let known = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    assert_eq!(thumbprint(&[]), format!("{known}\n"));
    assert_eq!(
        thumbprint(&["--uri"]),
        format!("urn:ietf:params:oauth:jwk-thumbprint:sha-256:{known}\n")
    );
    let listed = json(&thumbprint(&["--json"]));
    assert_eq!(listed[0]["thumbprint"], known);
    assert_eq!(listed[0]["kid"], "2011-04-29");
}

#[test]
fn a_shared_secret_has_no_public_half() {
    let folder = Folder::new();
    let secret = folder.path("secret.json");
    run(&["jwk", "new", "--alg", "HS256", "--out", &secret]).done();
    for wants_one in [
        &["jwk", "public", &secret][..],
        &["jwk", "public", "--pem", &secret],
        &["jwk", "convert", "--to", "pem", "--out", "-", &secret],
    ] {
        let ended = run(wants_one);
        assert_eq!((ended.code, ended.data.as_str()), (1, ""), "{ended:?}");
        assert!(ended.words.contains("a shared secret has no"), "{ended:?}");
    }
    let ended = run(&["jwk", "thumbprint", &secret]);
    assert!(ended.words.contains("keep it as close"), "{ended:?}");
}

#[test]
fn what_is_no_key_is_named_with_its_file() {
    let folder = Folder::new();
    let nonsense = folder.file("nonsense", "hello");
    let good = run(&["jwk", "new", "--set", "--out", "-"]).done();
    let bad_second = good
        .trim_end()
        .replace("]}", r#",{"kty":"EC","crv":"P-256"}]}"#);
    let second = folder.file("second.json", &bad_second);
    let empty = folder.file("empty.json", r#"{"keys":[]}"#);
    for (file, told) in [
        (&nonsense, "not PEM"),
        (&second, "key 2 of the set"),
        (&empty, "no key"),
        (&folder.path("missing"), "cannot be read"),
    ] {
        let ended = run(&["jwk", "public", file]);
        assert_eq!((ended.code, ended.data.as_str()), (1, ""), "{ended:?}");
        assert!(ended.words.contains(told), "{told}: {ended:?}");
    }
}
