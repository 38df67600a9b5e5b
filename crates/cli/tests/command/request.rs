//! Requests with the held token: what is sent, what is shown, how it ends.

use std::fs;
use std::process::Stdio;

use crate::stage::{Stage, breaks_off};
use countersign_witness::Keep;

fn signed_in() -> Stage {
    let stage = Stage::set();
    stage.login("ada", &["--api", &stage.api("/")]).done();
    stage
}

#[test]
fn an_answer_is_handed_on_as_it_is() {
    let stage = signed_in();
    let ended = stage.run(&["request", &stage.api("/hello")]);
    assert_eq!(
        (ended.data.as_str(), ended.words.as_str()),
        ("Hello!\n", "")
    );
    assert_eq!(ended.code, 0);
    let ended = stage.run(&["request", &stage.api("/echo?a=1")]);
    assert_eq!(ended.done(), r#"{"b":1.10,"a":"x"}"#);
    assert_eq!(
        stage.heard(),
        ["GET /echo?a=1", "authorization: Bearer TOKEN"]
    );
}

#[test]
fn methods_headers_and_bodies_are_sent_as_typed() {
    let stage = signed_in();
    fs::write(stage.folder().join("body.txt"), "from a\nfile").expect("written");
    fs::write(stage.folder().join("tags.json"), "[1, 2]").expect("written");
    let form = "content-type: application/x-www-form-urlencoded";
    let json = "content-type: application/json";
    for (typed, first, kind, body) in [
        (&["-X", "delete", "URL"][..], "DELETE", "", ""),
        (&["put", "URL", "-d", "a=b"], "PUT", form, "a=b"),
        (&["URL", "-d", "@body.txt"], "POST", form, "from a\nfile"),
        (
            &["URL", "-d", "x", "-H", "Content-Type: text/plain"],
            "POST",
            "content-type: text/plain",
            "x",
        ),
        (
            &[
                "URL",
                "--json",
                "name=Ada",
                "age:=36",
                "tags:=@tags.json",
                "note=@body.txt",
            ],
            "POST",
            json,
            r#"{"name":"Ada","age":36,"tags":[1, 2],"note":"from a\nfile"}"#,
        ),
        (
            &["PATCH", "URL", "--json", "[1, 2]"],
            "PATCH",
            json,
            "[1, 2]",
        ),
        (&["URL", "--json", "@tags.json"], "POST", json, "[1, 2]"),
        (
            &["URL", "--form", "a=1 2", "b=&"],
            "POST",
            form,
            "a=1+2&b=%26",
        ),
    ] {
        let url = stage.api("/echo");
        let replaced = |word: &&'static str| {
            if *word == "URL" {
                url.clone()
            } else {
                (*word).to_owned()
            }
        };
        let typed: Vec<String> = std::iter::once("request".to_owned())
            .chain(typed.iter().map(replaced))
            .collect();
        let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
        stage.run(&typed).done();
        let expected = [
            format!("{first} /echo"),
            "authorization: Bearer TOKEN".to_owned(),
            kind.to_owned(),
            body.to_owned(),
        ];
        let expected: Vec<_> = expected.into_iter().filter(|it| !it.is_empty()).collect();
        assert_eq!(stage.heard(), expected, "{typed:?}");
    }
    let url = stage.api("/echo");
    stage
        .run(&["request", &url, "-H", "X-One: 1", "-H", "x-one:2"])
        .done();
    let heard = stage.heard();
    assert_eq!(heard[2..], ["x-one: 1", "x-one: 2"]);
}

#[test]
fn what_is_typed_wrong_is_wrong_usage_and_nothing_is_sent() {
    let stage = signed_in();
    let url = stage.api("/echo");
    for wrong in [
        &["-X", "GET", "POST", &url][..],
        &["not a method", &url],
        &[&url, "-H", "no colon"],
        &[&url, "-H", "Authorization: Bearer mine"],
        &[&url, "--json", "name"],
        &[&url, "--json", "a:=nonsense"],
        &[&url, "--json", "a=1", "a=2"],
        &[&url, "-d", "x", "--form", "a=b"],
        &[&url.replace("http://", "http://u:p@")],
        &["--json", "a=b"],
    ] {
        let typed = [&["request"], wrong].concat();
        assert_eq!(stage.run(&typed).code, 2, "{wrong:?}");
    }
    assert_eq!(stage.run(&["request", &url, "-d", "@nowhere"]).code, 1);
    assert_eq!(stage.heard(), [""; 0]);
}

#[test]
fn a_bad_status_fails_when_it_is_asked_to() {
    let stage = signed_in();
    for (status, code) in [("200", 0), ("404", 1), ("500", 1), ("401", 3), ("403", 3)] {
        let url = stage.api(&format!("/status/{status}"));
        let ended = stage.run(&["request", &url]);
        assert_eq!(ended.code, 0, "{ended:?}");
        assert_eq!(ended.words.contains(status), status != "200", "{ended:?}");
        let ended = stage.run(&["request", "--fail", &url]);
        assert_eq!(ended.code, code, "{ended:?}");
        assert_eq!(ended.data, format!("{{\"status\":{status}}}"));
        // Nothing that failed is saved as if it had not.
        let ended = stage.run(&["request", "--fail", &url, "-o", status]);
        assert_eq!(ended.code, code, "{ended:?}");
        assert_eq!(stage.folder().join(status).exists(), code == 0);
    }
}

#[test]
fn a_download_is_whole_or_not_there() {
    let stage = signed_in();
    let ended = stage.run(&["request", &stage.api("/big"), "-o", "big.bin"]);
    assert_eq!(ended.words, "saved 3.0 MB in big.bin\n");
    assert_eq!(ended.done(), "");
    let file = stage.folder().join("big.bin");
    assert_eq!(fs::read(&file).expect("saved").len(), 3_000_000);

    let url = breaks_off();
    let ended = stage.run(&["request", "--allow", &url, "-o", "big.bin"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.words.contains("the answer broke off"), "{ended:?}");
    assert_eq!(fs::read(&file).expect("as before").len(), 3_000_000);
    let left = fs::read_dir(stage.folder()).expect("a folder");
    let names = left.map(|entry| entry.expect("an entry").file_name());
    let strays: Vec<_> = names
        .filter(|name| name.to_string_lossy().starts_with(".countersign-"))
        .collect();
    assert!(strays.is_empty(), "{strays:?}");
}

#[test]
fn both_sides_are_shown_and_the_token_is_not() {
    let stage = signed_in();
    let token = stage.run(&["token"]).done();
    let token = token.trim();
    let short = format!("{}...{}", &token[..6], &token[token.len() - 6..]);
    let ended = stage.run(&["request", "-v", &stage.api("/echo?q"), "--json", "a=b"]);
    let said = stage.told(&ended.words).replace(&short, "SHORT");
    let said: Vec<_> = said
        .lines()
        .filter(|line| !line.starts_with("< date:"))
        .collect();
    assert_eq!(
        said,
        [
            "> POST /echo?q",
            "> host: API",
            "> authorization: Bearer SHORT",
            "> content-type: application/json",
            "< HTTP/1.1 200 OK",
            "< content-type: application/json",
            "< content-length: 18",
            "",
        ]
    );
    for part in token.split('.') {
        assert!(!ended.words.contains(part), "{ended:?}");
    }
}

#[test]
fn a_refused_token_is_renewed_and_the_request_sent_again() {
    let stage = signed_in();
    stage.spoil("ada");
    let ended = stage.run(&["request", "-v", &stage.api("/choosy"), "-d", "words"]);
    assert!(
        ended
            .words
            .contains("* 401 invalid_token; renewed, and sent again with eyJ"),
        "{ended:?}"
    );
    assert_eq!(ended.done(), "content\n");
    let heard = stage.heard();
    assert_eq!(heard[1], "authorization: Bearer spoilt.by.test");
    assert_eq!(heard[3], "words");
    assert_eq!(heard[5], "authorization: Bearer TOKEN");
    assert_eq!(heard[7], "words");
}

#[test]
fn a_stranger_gets_nothing_until_it_is_said() {
    let stage = Stage::set();
    stage.login("ada", &[]).done();
    let url = stage.api("/echo");
    let ended = stage.run(&["request", "-v", &url]);
    assert_eq!(
        stage.told(&ended.words),
        "error: the login ada@SERVER is not for http://API, so nothing was sent; if its token may \
         go there, say so once with --allow\n"
    );
    assert_eq!(ended.code, 2);
    assert_eq!(stage.heard(), [""; 0]);
    stage.run(&["request", "--allow", &url]).done();
    stage.run(&["request", &url]).done();
    assert_eq!(stage.heard().len(), 4);

    let ended = stage.run(&["request", "--allow", "http://api.example/x"]);
    assert_eq!(
        ended.code, 2,
        "not in the clear to another machine: {ended:?}"
    );
}

#[test]
fn the_login_that_is_for_an_address_is_found() {
    let stage = Stage::set();
    stage
        .login("ada", &["--api", &stage.api("/"), "--profile", "api"])
        .done();
    stage.login("grace", &["--profile", "later"]).done();
    stage.run(&["request", &stage.api("/hello")]).done();
    // Both are for the server, and the current one is taken.
    let me = stage
        .run(&["request", &format!("{}/me", stage.server())])
        .done();
    assert!(me.contains(r#""username":"grace""#), "{me}");
    stage
        .login("grace", &["--profile", "third", "--api", &stage.api("/")])
        .done();
    stage.login("grace", &["--profile", "fourth"]).done();
    let ended = stage.run(&["request", &stage.api("/hello")]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.words.contains("--profile: api, third"), "{ended:?}");
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let stage = signed_in();
    let mut child = stage
        .command(&["request", &stage.api("/big")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .start_heard()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn an_api_that_is_away_is_named_and_the_query_is_not() {
    let stage = signed_in();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!(
        "http://{}/?key=s3cret",
        listener.local_addr().expect("an address")
    );
    drop(listener);
    let ended = stage.run(&["request", "--allow", &url]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(!ended.words.contains("s3cret"), "{ended:?}");
    assert!(ended.words.contains("127.0.0.1"), "{ended:?}");
}
