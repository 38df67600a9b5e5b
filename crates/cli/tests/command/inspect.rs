//! `jwt inspect`: a look, never a verdict.

use serde_json::Value;

use crate::keys::Folder;
use crate::run::{command, run, run_with_input};

/// HS256, `{"sub":"ada","exp":4102444800}`, with a signature that fits no key.
const TOKEN: &str =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJleHAiOjQxMDI0NDQ4MDB9.c2lnbmF0dXJl";

#[test]
fn a_look_says_that_it_proves_nothing() {
    let data = run(&["jwt", "inspect", TOKEN]).done();
    assert!(data.starts_with("not verified:"), "{data}");
    for part in [
        "alg  HS256",
        "sub  ada",
        "2100-01-01 00:00:00 UTC, in ",
        "no aud",
    ] {
        assert!(data.contains(part), "{part}: {data}");
    }
    assert!(
        !data.contains("valid token") && !data.contains('\u{1b}'),
        "{data}"
    );
    assert!(
        data.lines().all(|line| line.chars().count() <= 80),
        "{data}"
    );
}

#[test]
fn the_picture_is_too_little_to_be_used() {
    let long = run(&[
        "jwt",
        "sign",
        "--secret-file",
        &Folder::new().secret(),
        "--sub",
        "ada",
    ])
    .done();
    let long = long.trim_end();
    let data = run(&["jwt", "inspect", long]).done();
    let drawn = data.lines().nth(2).expect("a picture");
    let parts: Vec<&str> = drawn.split('.').collect();
    assert_eq!(parts.len(), 3, "{drawn}");
    for (part, whole) in parts.iter().zip(long.split('.')) {
        assert_eq!(part.strip_suffix('…'), whole.get(..24), "{drawn}");
    }
    assert!(
        data.contains("\nsignature\n  32 bytes, not checked\n"),
        "{data}"
    );
}

#[test]
fn moments_near_now_are_said_in_minutes() {
    let folder = Folder::new();
    let secret = folder.secret();
    let sign = [
        "jwt",
        "sign",
        "--secret-file",
        &secret,
        "--nbf",
        "-270s",
        "--exp",
        "270s",
    ];
    let token = run(&sign).done();
    let data = run_with_input(&mut command(&["jwt", "inspect"]), &token).done();
    assert!(
        data.contains("in 4 min") && data.contains("4 min ago"),
        "{data}"
    );
}

#[test]
fn json_is_for_programs() {
    let data = run(&["jwt", "inspect", "--json", TOKEN]).done();
    let json: Value = serde_json::from_str(&data).expect("JSON");
    assert_eq!(json["verified"], false);
    assert_eq!(json["header"]["alg"], "HS256");
    assert_eq!(json["claims"]["sub"], "ada");
    assert_eq!(json["times"]["exp"]["date"], "2100-01-01 00:00:00 UTC");
    let codes: Vec<&str> = json["warnings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|warning| warning["code"].as_str())
        .collect();
    assert_eq!(
        codes,
        ["shared_secret", "long_life", "no_issuer", "no_audience"]
    );
}

#[test]
fn what_is_no_token_is_refused() {
    run(&["jwt", "inspect", "a.b"]).refused("malformed");
    assert_eq!(run(&["jwt", "inspect"]).code, 2);
}
