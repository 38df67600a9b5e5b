use countersign_issuer::{
    NewPassword, Password, PasswordHash, PasswordHasher, PasswordParameters, PasswordPolicy,
    Refused, User, Work, password::PasswordProof,
};

use crate::cast::{ADA, PASSWORD, parameters, password, user};

#[test]
fn the_right_password_is_proved() {
    let proof: PasswordProof = PasswordHasher::new(parameters())
        .check(Some(&ADA), &password(PASSWORD))
        .unwrap();
    assert_eq!(proof.user(), &*ADA);
    assert!(!proof.rehash_due());
}

#[test]
fn the_stored_text_is_a_phc_string() {
    let text = ADA.password_hash.as_str();
    assert!(text.starts_with("$argon2id$v=19$m=7168,t=5,p=1$"), "{text}");
    assert_eq!(
        text.split('$').nth(4),
        Some("BwcHBwcHBwcHBwcHBwcHBw"),
        "the salt"
    );
    assert!(
        !format!("{:?}", *ADA).contains("argon2"),
        "it does not print"
    );
}

/// What was done for this check alone.
fn work(hasher: &mut PasswordHasher, check: impl FnOnce(&mut PasswordHasher)) -> Work {
    let before = hasher.work();
    check(hasher);
    let after = hasher.work();
    Work {
        hashes: after.hashes - before.hashes,
        argon2_kib: after.argon2_kib - before.argon2_kib,
        scrypt_blocks: after.scrypt_blocks - before.scrypt_blocks,
        pbkdf2_rounds: after.pbkdf2_rounds - before.pbkdf2_rounds,
        bcrypt_rounds: after.bcrypt_rounds - before.bcrypt_rounds,
    }
}

fn refuse(hasher: &mut PasswordHasher, user: Option<&User>, text: &str) -> Work {
    work(hasher, |hasher| {
        let refused = hasher.check(user, &password(text)).unwrap_err();
        assert_eq!(refused, Refused::InvalidCredentials);
    })
}

#[test]
fn every_refusal_is_one_refusal_and_costs_one_hash() {
    let mut hasher = PasswordHasher::new(parameters());
    let disabled = User {
        disabled: true,
        ..ADA.clone()
    };
    let damaged = user("eve", PasswordHash::from_stored("$argon2id$v=19$m=1"));
    let one = Work {
        hashes: 1,
        argon2_kib: 7_168 * 5,
        ..Work::default()
    };
    assert_eq!(refuse(&mut hasher, None, PASSWORD), one, "unknown");
    assert_eq!(refuse(&mut hasher, Some(&ADA), "wrong"), one, "wrong");
    assert_eq!(
        refuse(&mut hasher, Some(&disabled), "wrong"),
        one,
        "disabled and wrong"
    );
    assert_eq!(
        refuse(&mut hasher, Some(&disabled), PASSWORD),
        one,
        "disabled and right"
    );
    assert_eq!(
        refuse(&mut hasher, Some(&damaged), PASSWORD),
        one,
        "damaged hash"
    );
    let empty = work(&mut hasher, |hasher| {
        assert_eq!(hasher.refuse(), Refused::InvalidCredentials);
    });
    assert_eq!(empty, one, "empty or too long");
}

#[test]
fn refusals_are_padded_to_the_costliest_of_each_function_in_the_store() {
    let dearer_argon2 = "$argon2id$v=19$m=9000,t=7,p=2$Hn1IG5Q6w088X2hybV1L8Q$1QvY3RnxvxQ5T0l680UfQJU3D0PlyyP36P+HYaCoYes";
    let dearer_scrypt =
        "$scrypt$ln=11,r=8,p=3$vFeKUYpxLmWMEeK8d64VQg$ovzYI90Ke4A0f++TxdVCyU9GNFxPhi23GWhGDqaShSE";
    let stored = [
        "scrypt:1024:8:1$5hZIl3DkAJCB2tCo$1d19204ee1ca156d3d8acf2de2c1717e47e347c6b2a9e5b389300ca414ea6bdfbd7a75f59b366fbeff52e962f20420c0c76db02dea53dd50b3b11fd451077f39",
        "scrypt:2048:8:1$5hZIl3DkAJCB2tCo$1d19204ee1ca156d3d8acf2de2c1717e47e347c6b2a9e5b389300ca414ea6bdfbd7a75f59b366fbeff52e962f20420c0c76db02dea53dd50b3b11fd451077f39",
        dearer_scrypt,
        "pbkdf2_sha256$1200$X6ZP7nT48NhKCd5pOhUpy3$sd9C3FsKV3k2lsVOi6fLZHcDyZiA+mKwWQoU3F6dZDw=",
        "pbkdf2:sha256:1000$byT9PgB5yNBsR1EK$791f9dc161cf7f41a795617d3dff3d8aae5d939d6dd783b3c3d6363597648171",
        "$2b$04$sDmId8.V7wwcbmnzwspvcut7GIMJBagpM3yOcZC8BI1hcrgntcY8S",
        "bcrypt_sha256$$2b$05$u1P8VjMGM9AiegYmbDCxOuijOsSMU45FELY.lRfWSrnuNEV4czVH.",
        "$2b$05$EYuD3eUfL3Lj43CAZWXcd.rdCzZCSG.3q52w6Op12DyM6iVAtBcB.",
        "$argon2id$v=19$m=1024,t=1,p=2$Hn1IG5Q6w088X2hybV1L8Q$1QvY3RnxvxQ5T0l680UfQJU3D0PlyyP36P+HYaCoYes",
        dearer_argon2,
        "$argon2i$v=19$m=64,t=1,p=1$uL2QSRNeCJ8$nHx+mgU/3im2ERQyJhuL2g",
        "of no known form",
    ]
    .map(PasswordHash::from_stored);
    let mut hasher = PasswordHasher::new(parameters());
    hasher.pad_for(&stored);
    let unknown = refuse(&mut hasher, None, "wrong");
    let costliest = Work {
        hashes: 4,
        argon2_kib: 9_000 * 7,
        scrypt_blocks: 2_048 * 8 * 3,
        pbkdf2_rounds: 1_200,
        bcrypt_rounds: 32,
    };
    assert_eq!(unknown, costliest, "one of each function");
    for stored in stored.into_iter().chain([ADA.password_hash.clone()]) {
        let wrong = refuse(&mut hasher, Some(&user("bob", stored.clone())), "wrong");
        // What is cheaper is made up for in pieces, so the number of hashes may differ; the work
        // does not.
        let wrong = Work {
            hashes: unknown.hashes,
            ..wrong
        };
        assert_eq!(wrong, unknown, "{}", stored.as_str());
    }
}

/// Every line of an import may have a cost of its own. What a stranger's guess costs must not grow
/// with their number.
#[test]
fn a_refusal_costs_no_more_for_being_padded_to_many_costs() {
    let stored: Vec<_> = (1..=40)
        .map(|passes| format!("$argon2id$v=19$m=64,t={passes},p=1$uL2QSRNeCJ8$nHx+mgU/3im2ERQyJhuL2g"))
        .chain((1..=9).map(|log_n| format!("$scrypt$ln={log_n},r=8,p=1$vFeKUYpxLmWMEeK8d64VQg$ovzYI90Ke4A0f++TxdVCyU9GNFxPhi23GWhGDqaShSE")))
        .map(PasswordHash::from_stored)
        .collect();
    let mut hasher = PasswordHasher::new(parameters());
    hasher.pad_for(&stored);
    let refused = refuse(&mut hasher, None, "wrong");
    assert_eq!(refused.argon2_kib, 7_168 * 5, "ours is the costliest");
    assert_eq!(refused.scrypt_blocks, 512 * 8);
    assert_eq!(refused.hashes, 2);
}

#[test]
fn a_kind_that_was_not_announced_is_padded_for_once_it_is_met() {
    let text = "$2b$05$EYuD3eUfL3Lj43CAZWXcd.rdCzZCSG.3q52w6Op12DyM6iVAtBcB.";
    let bob = user("bob", PasswordHash::from_stored(text));
    let mut hasher = PasswordHasher::new(parameters());
    assert_eq!(refuse(&mut hasher, None, "wrong").bcrypt_rounds, 0);
    let met = refuse(&mut hasher, Some(&bob), "wrong");
    assert_eq!(refuse(&mut hasher, None, "wrong"), met);
    assert_eq!(refuse(&mut hasher, Some(&ADA), "wrong"), met);
    hasher.pad_for([&ADA.password_hash]);
    assert_eq!(refuse(&mut hasher, None, "wrong").bcrypt_rounds, 0);
}

#[test]
fn another_cost_is_checked_as_it_is_and_renewed() {
    let dearer = PasswordParameters::new(8_192, 5, 1).unwrap();
    let mut hasher = PasswordHasher::new(dearer);
    let typed = password(PASSWORD);
    let proof = hasher.check(Some(&ADA), &typed).unwrap();
    assert!(proof.rehash_due());
    let renewed = hasher.rehash(&proof, &typed, [9; 16]).unwrap();
    let ada = user("ada", renewed);
    assert!(!hasher.check(Some(&ada), &typed).unwrap().rehash_due());
}

#[test]
fn memory_is_used_again_and_the_results_do_not_depend_on_it() {
    let new = |text| NewPassword::choose(password(text), "ada", PasswordPolicy::default()).unwrap();
    let mut hasher = PasswordHasher::new(parameters());
    hasher.hash(&new("something else"), [1; 16]).unwrap();
    let again = hasher.hash(&new(PASSWORD), [7; 16]).unwrap();
    assert_eq!(again, ADA.password_hash);
}

#[test]
fn a_password_has_1_to_256_characters_of_any_length_in_bytes() {
    assert_eq!(Password::new("").unwrap_err(), Refused::PasswordEmpty);
    assert!(Password::new("x").is_ok());
    assert!(Password::new("𝕩".repeat(256)).is_ok());
    for long in ["𝕩".repeat(257), "x".repeat(257), "x".repeat(1 << 20)] {
        let refused = Password::new(long).unwrap_err();
        assert_eq!(refused, Refused::PasswordTooLong { limit: 256 });
    }
    assert_eq!(format!("{:?}", password("hunter2")), "Password(redacted)");
}

#[test]
fn a_new_password_keeps_to_the_policy() {
    let choose = |text, name| NewPassword::choose(password(text), name, PasswordPolicy::default());
    assert!(choose("eight ch", "ada").is_ok());
    assert!(choose("ääääääää", "ada").is_ok(), "characters, not bytes");
    assert_eq!(
        choose("seven c", "ada").unwrap_err(),
        Refused::PasswordTooShort { least: 8 }
    );
    assert_eq!(
        choose("Lovelace", "lovelace").unwrap_err(),
        Refused::PasswordIsName
    );
    let new = choose("something", "ada").unwrap();
    assert!(!format!("{new:?}").contains("something"));
}

#[test]
fn parameters_have_a_floor_and_a_ceiling() {
    for (memory, passes, lanes) in [
        (19_456, 2, 1),
        (7_168, 5, 1),
        (47_104, 1, 1),
        (1_048_576, 4, 16),
    ] {
        let allowed = PasswordParameters::new(memory, passes, lanes).unwrap();
        assert_eq!(
            (allowed.memory_kib(), allowed.passes(), allowed.lanes()),
            (memory, passes, lanes)
        );
    }
    for (memory, passes, lanes) in [
        (7_167, 64, 1),
        (19_456, 1, 1),
        (0, 0, 0),
        (19_456, 65, 1),
        (19_456, 2, 0),
        (19_456, 2, 17),
        (1_048_577, 1, 1),
        (1_048_576, 5, 1),
        (u32::MAX, u32::MAX, u32::MAX),
    ] {
        let refused = PasswordParameters::new(memory, passes, lanes).unwrap_err();
        assert_eq!(refused.code(), "password_parameters");
    }
    assert_eq!(
        PasswordParameters::default(),
        PasswordParameters::new(19_456, 2, 1).unwrap()
    );
}
