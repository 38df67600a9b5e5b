//! `jwt sign` and `jwt verify`: what one makes the other believes, and nothing else.

use countersign::Algorithm;
use serde_json::Value;

use crate::keys::{Folder, SECRET};
use crate::run::{Ended, command, run, run_with_input};

const ANYONE: [&str; 2] = ["--any-issuer", "--any-audience"];

fn sign(arguments: &[&str]) -> String {
    let token = run(&[&["jwt", "sign"], arguments].concat()).done();
    token.trim_end().to_owned()
}

fn verify(arguments: &[&str]) -> Ended {
    run(&[&["jwt", "verify"], arguments].concat())
}

fn claims(ended: Ended) -> Value {
    serde_json::from_str(&ended.done()).expect("the claims are JSON")
}

#[test]
fn every_algorithm_goes_there_and_back() {
    for algorithm in Algorithm::all() {
        let folder = Folder::new();
        let (private, public) = folder.jwks(algorithm);
        let token = sign(&["--key", &private, "--sub", "ada"]);
        let claims = claims(verify(&[&["--key", &public, &token], &ANYONE[..]].concat()));
        assert_eq!(claims["sub"], "ada", "{algorithm}");
        assert!(claims["exp"].as_u64() > claims["iat"].as_u64());
    }
}

#[test]
fn a_pem_key_says_itself_what_it_is_for() {
    for (algorithm, asked) in [
        (Algorithm::ES256, &[][..]),
        (Algorithm::EdDSA, &[]),
        (Algorithm::RS256, &[]),
        (Algorithm::RS256, &["--alg", "PS256"]),
    ] {
        let folder = Folder::new();
        let (private, public) = folder.pems(algorithm);
        let token = sign(&[&["--key", &private], asked].concat());
        let checked = verify(&[&["--key", &public, &token], &ANYONE[..]].concat());
        let name = asked.last().copied().unwrap_or(algorithm.name());
        assert!(checked.words.contains(name), "{checked:?}");
        checked.done();
    }
}

#[test]
fn claims_come_from_everywhere() {
    let folder = Folder::new();
    let secret = folder.secret();
    let token = run_with_input(
        &mut command(&[
            "jwt",
            "sign",
            "--secret-file",
            &secret,
            "--claims",
            "-",
            "--claim",
            "user=ada",
            "--claim",
            "level:=7",
            "--iss",
            "https://id.example",
            "--aud",
            "a",
            "--aud",
            "b",
            "--scope",
            "read write",
            "--exp",
            "10m",
            "--nbf",
            "-1m",
        ]),
        r#"{"sub":"from the file","user":"overwritten"}"#,
    )
    .done();
    let found = claims(verify(&[
        "--secret-file",
        &secret,
        "--issuer",
        "https://id.example",
        "--audience",
        "b",
        token.trim_end(),
    ]));
    assert_eq!(found["sub"], "from the file");
    assert_eq!(found["user"], "ada");
    assert_eq!(found["level"], 7);
    assert_eq!(found["aud"], serde_json::json!(["a", "b"]));
    assert_eq!(found["scope"], "read write");
    let (iat, exp) = (found["iat"].as_u64(), found["exp"].as_u64());
    assert_eq!(exp.zip(iat).map(|(exp, iat)| exp - iat), Some(600));
}

#[test]
fn the_secret_may_come_from_the_environment_and_the_token_from_a_pipe() {
    let signed = run_with_input(
        command(&["jwt", "sign", "--sub", "ada"]).env("COUNTERSIGN_SECRET", SECRET),
        "",
    );
    let header = format!("Authorization: Bearer {}", signed.done());
    let arguments = ["jwt", "verify", "--any-issuer", "--any-audience"];
    let found = claims(run_with_input(
        command(&arguments).env("COUNTERSIGN_SECRET", SECRET),
        &header,
    ));
    assert_eq!(found["sub"], "ada");
}

#[test]
fn a_published_key_set_checks_by_key_id() {
    let folder = Folder::new();
    let (private, jwks) = folder.published();
    let token = sign(&["--key", &private, "--aud", "api"]);
    verify(&["--jwks", &jwks, "--any-issuer", "--audience", "api", &token]).done();

    let elsewhere = Folder::new();
    let (stranger, _) = elsewhere.jwks(Algorithm::ES256);
    let token = sign(&["--key", &stranger, "--aud", "api"]);
    verify(&["--jwks", &jwks, "--any-issuer", "--audience", "api", &token]).refused("unknown_key");
}

#[test]
fn refusals_have_their_own_exit_code_and_a_reason() {
    let folder = Folder::new();
    let secret = folder.secret();
    let other = folder.file("other", &SECRET.to_uppercase());
    let signed = ["--secret-file", &secret, "--iss", "me", "--aud", "api"];
    let good = sign(&signed);
    let expired = sign(&[&signed[..], &["--exp", "-1s"]].concat());
    let early = sign(&[&signed[..], &["--nbf", "1h", "--exp", "2h"]].concat());
    let eternal = sign(&[&signed[..], &["--no-exp"]].concat());
    let to = ["--issuer", "me", "--audience", "api", "--secret-file"];
    let check = |secret: &str, token: &str| verify(&[&to[..], &[secret, token]].concat());

    check(&secret, &good).done();
    check(&other, &good).refused("bad_signature");
    check(&secret, &expired).refused("expired");
    check(&secret, &early).refused("not_yet_valid");
    check(&secret, &eternal).refused("missing_claim");
    check(&secret, "not a token").refused("malformed");
    let from = |issuer, audience| {
        verify(&[
            "--issuer",
            issuer,
            "--audience",
            audience,
            "--secret-file",
            &secret,
            &good,
        ])
    };
    from("you", "api").refused("wrong_issuer");
    from("me", "shop").refused("wrong_audience");

    let waived = [
        &to[..],
        &[secret.as_str(), "--allow-no-exp", eternal.as_str()],
    ]
    .concat();
    verify(&waived).done();
    let leeway = [
        &to[..],
        &[secret.as_str(), "--leeway", "60", expired.as_str()],
    ]
    .concat();
    verify(&leeway).done();
    let typed = [
        &to[..],
        &[secret.as_str(), "--typ", "at+jwt", good.as_str()],
    ]
    .concat();
    verify(&typed).refused("wrong_type");
}

#[test]
fn a_public_key_is_no_secret() {
    let folder = Folder::new();
    let (_, public) = folder.pems(Algorithm::RS256);
    // The attack: the public key's text as the shared secret, in the hope that it is used as one.
    let forged = sign(&["--secret-file", &public]);
    for key in ["--key", "--secret-file"] {
        let checked = verify(&[&[key, &public, &forged], &ANYONE[..]].concat());
        if key == "--key" {
            checked.refused("unsupported_algorithm");
        } else {
            checked.done();
        }
    }
}

#[test]
fn a_weak_secret_must_be_asked_for() {
    let folder = Folder::new();
    let secret = folder.file("secret", "secret");
    let ended = run(&["jwt", "sign", "--secret-file", &secret]);
    assert_eq!(ended.code, 1);
    assert!(ended.data.is_empty());
    assert!(ended.words.contains("--allow-weak-secret"), "{ended:?}");
    for of_the_library in ["SigningKey", "from_weak_secret", "::"] {
        assert!(!ended.words.contains(of_the_library), "{ended:?}");
    }

    let ended = run(&[
        "jwt",
        "sign",
        "--secret-file",
        &secret,
        "--allow-weak-secret",
    ]);
    assert!(
        ended.words.starts_with("warning: a secret of 6 bytes"),
        "{ended:?}"
    );
    let token = ended.done();
    let token = token.trim_end();
    let arguments = [&["--secret-file", &secret, token], &ANYONE[..]].concat();
    assert_eq!(verify(&arguments).code, 1);
    verify(&[&arguments[..], &["--allow-weak-secret"]].concat()).done();
}

#[test]
fn what_is_expected_must_be_said_or_waived() {
    let folder = Folder::new();
    let secret = folder.secret();
    let token = sign(&["--secret-file", &secret]);
    for said in [
        &[][..],
        &["--any-issuer"],
        &["--any-audience"],
        &["--any-issuer", "--issuer", "me", "--any-audience"],
    ] {
        let ended = verify(&[&["--secret-file", &secret, &token], said].concat());
        assert_eq!(ended.code, 2, "{said:?}");
    }
    let ended = verify(&[&[token.as_str()], &ANYONE[..]].concat());
    assert_eq!(
        ended.code, 2,
        "without a terminal there is nobody to ask for the secret"
    );
    assert!(ended.words.contains("COUNTERSIGN_SECRET"), "{ended:?}");
}
