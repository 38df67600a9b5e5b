//! A planted leak is found, of every kind and in every form, and what is none is not.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::fs;
use std::path::Path;

use countersign_witness::{Kind, Report, search};

/// As long as a token, and no token.
const LONG: &str = "0123456789abcdefghij0123456789ABCDEFGHIJklmnopqrstuvwxyzKLMNOPQRST";

fn searched(secrets: &str, log: &str) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    };
    write("secrets/1", secrets);
    write("logs/serve-1-0.log", log);
    search(folder.path()).expect("all can be read")
}

#[test]
fn each_kind_is_found_and_named_without_being_told() {
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        let secret = format!("gR8-{number}-unmistakable");
        let secrets = format!("{kind}\t{secret}\n");
        let report = searched(
            &secrets,
            &format!("one\ntwo\n INFO said=\"{secret}\" three\n"),
        );
        let [leak] = report.leaks.as_slice() else {
            panic!("{kind}: {report:?}")
        };
        assert_eq!((leak.line, leak.kind), (3, kind));
        assert_eq!(
            leak.file.file_name(),
            Path::new("serve-1-0.log").file_name()
        );
        let said = leak.to_string();
        assert!(
            said.ends_with(&format!(":3: {kind}")) && !said.contains(&secret),
            "{said}"
        );
        assert_eq!(report.secrets.get(&kind), Some(&1));

        let report = searched(&secrets, "one\ntwo\nthree\n");
        assert!(report.leaks.is_empty(), "{report:?}");
        assert_eq!((report.logs, report.bytes), (1, 14));
    }
}

#[test]
fn a_secret_is_found_as_json_and_forms_write_it_and_in_part() {
    let secrets = format!("password\tsay \"friend\"\tand enter\nrefresh token\t{LONG}\n");
    for (form, kind) in [
        (r#"say \"friend\"\tand enter"#, Kind::Password),
        ("say%20%22friend%22%09and%20enter", Kind::Password),
        (LONG, Kind::RefreshToken),
        (&LONG[20..], Kind::RefreshToken),
    ] {
        let report = searched(&secrets, &format!("line=\"{form}\"\n"));
        let kinds: Vec<Kind> = report.leaks.iter().map(|leak| leak.kind).collect();
        assert_eq!(kinds, [kind], "{form}");
    }
}

#[test]
fn what_has_a_tokens_shape_is_found_although_nobody_noted_it() {
    for (text, kind) in [
        (format!("csr_{LONG}"), Kind::RefreshToken),
        (format!("csc_{LONG}"), Kind::ClientSecret),
        (format!("csd_{LONG}"), Kind::DeviceToken),
        (
            format!("Bearer eyJhbGciOiJ9.{LONG}.{LONG}"),
            Kind::AccessToken,
        ),
    ] {
        let report = searched("password\tunrelated to it\n", &text);
        let kinds: Vec<Kind> = report.leaks.iter().map(|leak| leak.kind).collect();
        assert_eq!(kinds, [kind], "{text}");
    }
}

#[test]
fn words_that_hold_a_secret_by_chance_are_none() {
    let secrets = "password\thorse battery\npassword\tx\n";
    for text in [
        "seahorse battery",
        "horse batterys x",
        "csr_short eyJhbGciOiJ9.e30.c2ln",
        "a_long_name_csr_of_something",
    ] {
        let report = searched(secrets, text);
        assert!(report.leaks.is_empty(), "{text}: {report:?}");
        assert_eq!(report.too_short, 1);
    }
}

#[test]
fn nothing_to_look_through_is_no_proof() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(search(folder.path()).is_err());
}
