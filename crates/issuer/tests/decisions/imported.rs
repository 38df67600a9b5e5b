//! Hashes made by the real packages: Werkzeug 3.1.9, Django 5.2.19, bcrypt 5.0.0, argon2-cffi
//! 25.1.0, passlib 1.7.4.

use countersign_issuer::{ImportRefused, PasswordHash, PasswordHasher, Refused};
use proptest::prelude::*;

use crate::cast::{PASSWORD, parameters, password, user};

const MADE_ELSEWHERE: [&str; 16] = [
    "scrypt:32768:8:1$Y4ZMTUZc2n0kPKCw$c3cf99d09cbdf15ba6022be317918c7cfca741499ef6ca473168d0feec6ddcbc8dd6911d1e5ac4d8b59a021b28a2b7cfb02890de09c1b42b4e4907c74d782cfa",
    "scrypt:1024:8:1$5hZIl3DkAJCB2tCo$1d19204ee1ca156d3d8acf2de2c1717e47e347c6b2a9e5b389300ca414ea6bdfbd7a75f59b366fbeff52e962f20420c0c76db02dea53dd50b3b11fd451077f39",
    "pbkdf2:sha256:1000$byT9PgB5yNBsR1EK$791f9dc161cf7f41a795617d3dff3d8aae5d939d6dd783b3c3d6363597648171",
    "pbkdf2:sha512:1000$KBK4rP2ZmVwQNRry$3f357269fa22fb8023ef281f80f1fc617ba9fd068de0e39db9eadd00f090ca71be75a705e87628a1e2cd4772226d38abb2fc6f19ae7480e927f72207b2b2a70b",
    "pbkdf2:sha1:1000$Co0JB6Wml5GiVEYf$808ecd57f827289c002218b627081865ffc328b6",
    "pbkdf2_sha256$1200$X6ZP7nT48NhKCd5pOhUpy3$sd9C3FsKV3k2lsVOi6fLZHcDyZiA+mKwWQoU3F6dZDw=",
    "pbkdf2_sha1$1200$hA5GOnssKYkJ94Gg89ZhtT$euk4Tog4Dz3prhGefMwX9j1SJpM=",
    "argon2$argon2id$v=19$m=102400,t=2,p=8$RmF4NjZVREVYY3NMVHpYU05KbGNUcw$abOxEBWZwy3LAUsEqPjJ3ULMJBVb/ZLRLyb7zVjOR4A",
    "bcrypt_sha256$$2b$05$u1P8VjMGM9AiegYmbDCxOuijOsSMU45FELY.lRfWSrnuNEV4czVH.",
    "bcrypt$$2b$05$Hv4RCVr/hO6my0qI5MmyR.Bwwn3LL4f9Fs/FLxyqNnXZUFXFg7i6C",
    "$2b$05$EYuD3eUfL3Lj43CAZWXcd.rdCzZCSG.3q52w6Op12DyM6iVAtBcB.",
    "$2a$05$chznXbc228aVtDC1gqH7leUldMBdTU5tp/l8Klqj3dATrLBm6UsO2",
    "$argon2id$v=19$m=1024,t=1,p=2$Hn1IG5Q6w088X2hybV1L8Q$1QvY3RnxvxQ5T0l680UfQJU3D0PlyyP36P+HYaCoYes",
    "$argon2i$v=19$m=64,t=1,p=1$uL2QSRNeCJ8$nHx+mgU/3im2ERQyJhuL2g",
    "$argon2id$v=19$m=19456,t=2,p=1$H2a4QiRC9gYK/nRiNKGMiQ$9dZ8PP4Oa5uTBkRziEVgb+Ktkf2bEngl8kZfM7nVE+w",
    "$scrypt$ln=10,r=8,p=1$vFeKUYpxLmWMEeK8d64VQg$ovzYI90Ke4A0f++TxdVCyU9GNFxPhi23GWhGDqaShSE",
];

#[test]
fn hashes_of_other_systems_are_checked_as_they_are_and_renewed() {
    let mut hasher = PasswordHasher::new(parameters());
    for text in MADE_ELSEWHERE {
        // Padding is another test's business.
        hasher.pad_for([]);
        let user = user("bob", PasswordHash::import(text).unwrap());
        let typed = password(PASSWORD);
        let proof = hasher.check(Some(&user), &typed).expect(text);
        assert!(proof.rehash_due(), "{text}");
        let wrong = hasher.check(Some(&user), &password("wrong"));
        assert_eq!(wrong.unwrap_err(), Refused::InvalidCredentials, "{text}");
    }
}

#[test]
fn bcrypt_reads_no_further_than_72_bytes() {
    let text = "$2b$04$sDmId8.V7wwcbmnzwspvcut7GIMJBagpM3yOcZC8BI1hcrgntcY8S";
    let user = user("bob", PasswordHash::import(text).unwrap());
    let mut hasher = PasswordHasher::new(parameters());
    let mut right = |text: String| hasher.check(Some(&user), &password(&text)).is_ok();
    assert!(right("x".repeat(72)));
    assert!(
        right(format!("{}tail", "x".repeat(72))),
        "so it was where it comes from"
    );
    assert!(!right("x".repeat(71)));
}

#[test]
fn what_is_altered_in_any_character_matches_nothing() {
    let mut hasher = PasswordHasher::new(parameters());
    for text in [
        MADE_ELSEWHERE[2],
        MADE_ELSEWHERE[5],
        MADE_ELSEWHERE[10],
        MADE_ELSEWHERE[13],
    ] {
        // The last character of a group may carry stray bits; what is left of it must not match
        // either.
        for place in (0..text.len()).step_by(3) {
            let mut altered = text.to_owned().into_bytes();
            altered[place] = if altered[place] == b'1' { b'2' } else { b'1' };
            let altered = String::from_utf8(altered).unwrap();
            if let Ok(hash) = PasswordHash::import(&altered) {
                hasher.pad_for([]);
                let user = user("bob", hash);
                let checked = hasher.check(Some(&user), &password(PASSWORD));
                assert!(checked.is_err(), "{altered}");
            }
        }
    }
}

#[test]
fn costs_past_the_bounds_are_refused() {
    let salt = "uL2QSRNeCJ8$nHx+mgU/3im2ERQyJhuL2g";
    for text in [
        format!("$argon2id$v=19$m=2000000,t=1,p=1${salt}"),
        format!("$argon2id$v=19$m=1048576,t=5,p=1${salt}"),
        format!("$argon2id$v=19$m=64,t=65,p=1${salt}"),
        format!("$argon2id$v=19$m=64,t=1,p=17${salt}"),
        format!("$argon2id$v=19$m=7,t=1,p=1${salt}"),
        format!("$argon2id$v=19$m=4294967295,t=4294967295,p=4294967295${salt}"),
        format!("$scrypt$ln=21,r=8,p=1${salt}"),
        format!("$scrypt$ln=20,r=16,p=1${salt}"),
        format!("$scrypt$ln=10,r=4294967295,p=4294967295${salt}"),
        MADE_ELSEWHERE[0].replace("32768:8:1", "1073741824:8:1"),
        MADE_ELSEWHERE[2].replace("1000", "4000000000"),
        MADE_ELSEWHERE[5].replace("1200", "0"),
        MADE_ELSEWHERE[10].replace("$05$", "$31$"),
        MADE_ELSEWHERE[10].replace("$05$", "$03$"),
    ] {
        assert_eq!(
            PasswordHash::import(&text),
            Err(ImportRefused::OutOfBounds),
            "{text}"
        );
    }
    assert_eq!(
        ImportRefused::OutOfBounds.code(),
        "password_hash_out_of_bounds"
    );
}

#[test]
fn texts_of_no_known_form_are_refused() {
    for text in [
        "",
        "hunter2",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$salt$hash",
        "$2x$05$EYuD3eUfL3Lj43CAZWXcd.rdCzZCSG.3q52w6Op12DyM6iVAtBcB.",
        "$2b$+5$EYuD3eUfL3Lj43CAZWXcd.rdCzZCSG.3q52w6Op12DyM6iVAtBcB.",
        "$2b$05$EYuD3eUfL3Lj43CAZWXcd.rdCzZCSG",
        "$argon2id$v=18$m=64,t=1,p=1$uL2QSRNeCJ8$nHx+mgU/3im2ERQyJhuL2g",
        "$argon2id$v=19$m=64,t=1,p=1,keyid=Hj5+dsK0$uL2QSRNeCJ8$nHx+mgU/3im2ERQyJhuL2g",
        "$argon2id$v=19$m=64,t=1$uL2QSRNeCJ8$nHx+mgU/3im2ERQyJhuL2g",
        "$argon2id$v=19$m=64,t=1,p=1$uL2QSRNeCJ8",
        "scrypt:32767:8:1$salt$c3cf99d09cbdf15ba6022be317918c7c",
        "scrypt:0:8:1$salt$c3cf99d09cbdf15ba6022be317918c7c",
        "scrypt:1024:8$salt$c3cf99d09cbdf15ba6022be317918c7c",
        "scrypt:1024:8:1$$c3cf99d09cbdf15ba6022be317918c7c",
        "scrypt:1024:8:1$salt$c3cf99d09cbdf15ba6022be317918c7c$more",
        "scrypt:1024:8:1$salt$c3cf99d09cbdf15ba6022be317918c7",
        "scrypt:1024:8:1$salt$",
        "pbkdf2:md5:1000$salt$791f9dc161cf7f41a795617d3dff3d8a",
        "pbkdf2:sha256:1000$salt$791f9dc161cf7f41a795617d3dff3d8a",
        "pbkdf2_sha256$1200$salt$sd9C3FsKV3k2lsVOi6fLZHcDyZiA+mKwWQoU3F6dZDw",
        "pbkdf2_sha256$-1$salt$sd9C3FsKV3k2lsVOi6fLZHcDyZiA+mKwWQoU3F6dZDw=",
        "!unusable",
    ] {
        assert_eq!(
            PasswordHash::import(text),
            Err(ImportRefused::UnknownForm),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_stops_the_reader(text in ".*") {
        drop(PasswordHash::import(&text));
    }

    #[test]
    fn nothing_that_begins_like_a_hash_stops_the_reader(
        start in prop::sample::select(vec![
            "$argon2id$v=19$", "$argon2id$", "$scrypt$", "$2b$", "scrypt:", "pbkdf2:sha256:",
            "pbkdf2_sha256$", "argon2$argon2id$v=19$", "bcrypt_sha256$$2b$", "bcrypt$",
        ]),
        rest in "[mtplnr=0-9,$:a-zA-Z+/.ä]{0,120}",
    ) {
        drop(PasswordHash::import(&format!("{start}{rest}")));
    }
}
