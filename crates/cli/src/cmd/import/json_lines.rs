//! One JSON object a line.

use countersign_server::ForeignUser;
use serde::Deserialize;

use super::lines::BadLine;

/// The members. One that is not known is refused: it may have been meant as one that is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    username: String,
    password_hash: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    disabled: bool,
}

pub(super) fn user(text: &str) -> Result<ForeignUser, BadLine> {
    // The reader's own words would repeat what stands there.
    let described: Described =
        serde_json::from_str(text).map_err(|error| BadLine::NotJson(error.column()))?;
    Ok(ForeignUser::new(
        &described.username,
        &described.password_hash,
        described.roles,
        described.disabled,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BCRYPT: &str = "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW";

    #[test]
    fn an_object_is_a_user_and_what_it_does_not_know_is_refused() {
        let line = |more: &str| {
            user(&format!(
                r#"{{"username": "ada", "password_hash": "{BCRYPT}"{more}}}"#
            ))
        };
        assert!(line("").is_ok());
        assert!(line(r#", "roles": ["a", "b"], "disabled": true"#).is_ok());
        for bad in [
            r#", "role": "a""#,
            r#", "roles": "a""#,
            r#", "disabled": 1"#,
            "}",
        ] {
            assert!(matches!(line(bad), Err(BadLine::NotJson(_))), "{bad}");
        }
        let words = line(r#", "disabled": "a secret""#)
            .expect_err("bad")
            .to_string();
        assert!(!words.contains("secret"), "{words}");
    }
}
