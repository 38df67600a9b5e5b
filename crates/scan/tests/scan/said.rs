//! What a finding says, and what silences one.

use countersign_scan::{Finding, Language, Rule, scan};

use crate::expect::expect;

#[test]
fn a_place_is_a_line_and_a_column_of_characters() {
    let sample = "import jwt\nx = 'ä'; jwt.encode({'exp': 1}, 'geheim')\n";
    let found = scan(Language::Python, sample);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].line, found[0].column), (2, 33));
}

#[test]
fn a_secret_is_said_once_where_it_is_and_never_in_full() {
    let sample = "import jwt\nKEY = 'correct-horse'\n\njwt.decode(a, KEY, ['HS256'])\njwt.decode(b, KEY, ['HS256'])\n";
    let found = scan(Language::Python, sample);
    let [only] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((only.rule, only.line), (Rule::HardcodedSecret, 2));
    assert_eq!(
        only.what,
        "A secret written in the code is handed to jwt.decode in line 4."
    );
    let shown = only.secret.as_ref().map(ToString::to_string);
    assert_eq!(shown.as_deref(), Some("c… (13 characters)"));
    let all = format!("{only:?}");
    assert!(!all.contains("correct") && !all.contains("horse"), "{all}");
}

#[test]
fn private_keys_and_fallbacks_are_called_what_they_are() {
    let what = |language, sample: &str| -> Vec<String> {
        let found: Vec<Finding> = scan(language, sample);
        found.into_iter().map(|finding| finding.what).collect()
    };
    assert_eq!(
        what(
            Language::Python,
            "import jwt\njwt.encode({'exp': 1}, '''-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----''', 'EdDSA')"
        ),
        ["A private key written in the code is handed to jwt.encode."]
    );
    assert_eq!(
        what(
            Language::JavaScript,
            "import jwt from 'jsonwebtoken';\njwt.sign({exp}, process.env.S || 'dev')"
        ),
        ["A secret written in the code is handed to jwt.sign, whenever the environment has none."]
    );
}

#[test]
fn somebody_may_have_looked_at_it() {
    expect(
        Language::Python,
        r"
import jwt
jwt.decode(t, verify=False)  # countersign: allow verification-off the gateway has verified it
# countersign: allow verification-off the gateway has verified it

jwt.decode(t, verify=False)
jwt.decode(t, verify=False)  # ~ verification-off
# countersign: allow verification-off
jwt.decode(t, verify=False)  # ~ verification-off
# countersign: allow no-expiry another rule
jwt.decode(t, verify=False)  # ~ verification-off
# countersign: allow verification_off mistyped
jwt.decode(t, verify=False)  # ~ verification-off
",
    );
    expect(
        Language::JavaScript,
        "import jwt from 'jsonwebtoken';\n/* countersign: allow hardcoded-secret a public example */\njwt.sign({ exp }, 'abc');\njwt.sign({ exp }, 'abc'); // countersign:allow hardcoded-secret so it is",
    );
}

#[test]
fn every_rule_has_a_name_of_its_own_and_says_why() {
    for rule in Rule::ALL {
        assert_eq!(rule.name().parse(), Ok(rule));
        assert!(rule.why().ends_with('.') && rule.way_out().ends_with('.'));
        assert!(!rule.why().contains("  ") && !rule.way_out().contains("  "));
    }
    assert!("everything".parse::<Rule>().is_err());
}
