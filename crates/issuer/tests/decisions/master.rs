use countersign_issuer::MasterKey;
use proptest::prelude::*;

#[test]
fn it_is_read_from_hexadecimal_and_from_base64url() {
    let key = MasterKey::from_text(&"0f".repeat(32)).unwrap();
    let text = key.to_text();
    assert_eq!(text.expose().len(), 43);
    let again = MasterKey::from_text(&format!("{}\n", text.expose())).unwrap();
    assert_eq!(again.to_text().expose(), text.expose());
    let upper = MasterKey::from_text(&"0F".repeat(32)).unwrap();
    assert_eq!(upper.to_text().expose(), text.expose());
}

#[test]
fn anything_else_is_refused_without_being_repeated() {
    for text in [
        String::new(),
        "hunter2".to_owned(),
        "0g".repeat(32),
        "0f".repeat(31),
        "0f".repeat(33),
        "+".repeat(43),
        "A".repeat(44),
        "ä".repeat(32),
        // The last character carries bits that belong to no byte.
        "_".repeat(43),
    ] {
        let error = MasterKey::from_text(&text).unwrap_err();
        assert_eq!(error.code(), "master_key_text", "{text}");
        assert!(text.is_empty() || !error.to_string().contains(&text));
    }
}

#[test]
fn it_does_not_print_and_none_is_like_another() {
    let (one, other) = (
        MasterKey::generate().unwrap(),
        MasterKey::generate().unwrap(),
    );
    assert_eq!(format!("{one:?}"), "MasterKey(redacted)");
    assert_ne!(one.to_text().expose(), other.to_text().expose());
}

proptest! {
    #[test]
    fn no_text_stops_the_reader(text in ".{0,70}") {
        drop(MasterKey::from_text(&text));
    }
}
