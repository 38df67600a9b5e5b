//! Rules and claims: what lets a token in, what keeps it out, and what the refusal says.

use core::time::Duration;

use countersign::{
    AccessClaims, Algorithm, AlgorithmRule, Audience, AudienceRule, Claims, IssuerRule, KeySet,
    Reason, Rules, Signer, SigningKey, TokenError, UnixTime, Unverified, Verifier,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ground::any_rules;

const NOW: UnixTime = UnixTime::from_secs(1_000);

struct Bench {
    signer: Signer,
    keys: KeySet,
}

impl Bench {
    fn new() -> Self {
        let key = SigningKey::generate(Algorithm::HS256).unwrap();
        let keys = KeySet::new([key.verifying_key()]).unwrap();
        Self {
            signer: Signer::new(key),
            keys,
        }
    }

    fn judge(&self, rules: &Rules, claims: &Value) -> Option<(Reason, Option<&'static str>)> {
        let error = self.verify::<Value>(rules, &claims.to_string()).err()?;
        Some((error.reason(), error.claim()))
    }

    fn verify<C: serde::de::DeserializeOwned>(
        &self,
        rules: &Rules,
        claims: &str,
    ) -> Result<C, TokenError> {
        let token = self.signer.sign_payload(claims.as_bytes()).unwrap();
        let known = Verifier::new(rules.clone(), self.keys.clone());
        let verified = known.verify::<C>(&token, NOW)?;
        Ok(verified.into_claims())
    }
}

fn rules() -> Rules {
    Rules::new(
        IssuerRule::any(),
        AudienceRule::any(),
        AlgorithmRule::of_the_keys(),
    )
}

#[test]
fn dates_hold_to_the_second_with_leeway_and_without() {
    let bench = Bench::new();
    let expired = Some((Reason::Expired, Some("exp")));
    let early = Some((Reason::NotYetValid, Some("nbf")));
    let lenient = rules().leeway(Duration::from_secs(30));
    for (claims, plain, with_leeway) in [
        (json!({ "exp": 1001 }), None, None),
        (json!({ "exp": 1000 }), expired, None),
        (json!({ "exp": 1000.9 }), expired, None),
        (json!({ "exp": 971 }), expired, None),
        (json!({ "exp": 970 }), expired, expired),
        (json!({ "exp": 253_402_300_799_u64 }), None, None),
        (json!({ "exp": 2000, "nbf": 1000 }), None, None),
        (json!({ "exp": 2000, "nbf": 1000.1 }), early, None),
        (json!({ "exp": 2000, "nbf": 1030 }), early, None),
        (json!({ "exp": 2000, "nbf": 1031 }), early, early),
        (json!({ "exp": 2000, "iat": 5000 }), None, None),
        (json!({ "exp": 2e3, "iat": 0 }), None, None),
    ] {
        assert_eq!(bench.judge(&rules(), &claims), plain, "{claims}");
        assert_eq!(
            bench.judge(&lenient, &claims),
            with_leeway,
            "{claims} with leeway"
        );
    }
    assert_eq!(
        bench.judge(&rules(), &json!({})),
        Some((Reason::MissingClaim, Some("exp")))
    );
    let unending = rules().without_expiry();
    assert_eq!(bench.judge(&unending, &json!({})), None);
    assert_eq!(bench.judge(&unending, &json!({ "exp": 1000 })), expired);
}

#[test]
fn age_and_lifetime_are_bounded_where_asked() {
    let bench = Bench::new();
    let young = rules().max_age(Duration::from_secs(100));
    let brief = rules().max_lifetime(Duration::from_secs(600));
    for (rules, claims, verdict) in [
        (&young, json!({ "exp": 2000, "iat": 900 }), None),
        (
            &young,
            json!({ "exp": 2000, "iat": 899 }),
            Some((Reason::TooOld, Some("iat"))),
        ),
        (
            &young,
            json!({ "exp": 2000, "iat": 1001 }),
            Some((Reason::NotYetValid, Some("iat"))),
        ),
        (
            &young,
            json!({ "exp": 2000 }),
            Some((Reason::MissingClaim, Some("iat"))),
        ),
        (&brief, json!({ "exp": 1500, "iat": 900 }), None),
        (
            &brief,
            json!({ "exp": 1501, "iat": 900 }),
            Some((Reason::LifetimeTooLong, Some("exp"))),
        ),
        (
            &brief,
            json!({ "exp": 1500 }),
            Some((Reason::MissingClaim, Some("iat"))),
        ),
    ] {
        assert_eq!(bench.judge(rules, &claims), verdict, "{claims}");
    }
}

#[test]
fn required_claims_and_scopes_are_required() {
    let bench = Bench::new();
    let strict = rules()
        .without_expiry()
        .require("sub")
        .require("tenant")
        .require_scope("b");
    for (claims, verdict) in [
        (json!({ "sub": "x", "tenant": 1, "scope": "a b" }), None),
        (
            json!({ "tenant": 1, "scope": "b" }),
            Some((Reason::MissingClaim, Some("sub"))),
        ),
        (
            json!({ "sub": "x", "scope": "b" }),
            Some((Reason::MissingClaim, None)),
        ),
        (
            json!({ "sub": "x", "tenant": null, "scope": "b" }),
            Some((Reason::MissingClaim, None)),
        ),
        (
            json!({ "sub": "x", "tenant": 1 }),
            Some((Reason::InsufficientScope, Some("scope"))),
        ),
        (
            json!({ "sub": "x", "tenant": 1, "scope": "bb ab" }),
            Some((Reason::InsufficientScope, Some("scope"))),
        ),
        (
            json!({ "sub": "x", "tenant": 1, "scope": ["b"] }),
            Some((Reason::InsufficientScope, Some("scope"))),
        ),
        (
            json!({ "sub": 1, "tenant": 1, "scope": "b" }),
            Some((Reason::BadClaim, Some("sub"))),
        ),
    ] {
        assert_eq!(bench.judge(&strict, &claims), verdict, "{claims}");
    }
}

#[test]
fn the_rules_speak_before_the_callers_type() {
    #[derive(Debug, Deserialize)]
    struct Plan {
        #[expect(dead_code, reason = "only whether it can be read matters")]
        plan: String,
    }
    let bench = Bench::new();
    for (claims, reason, claim) in [
        (r#"{"exp":1}"#, Reason::Expired, Some("exp")),
        (r#"{"exp":2000}"#, Reason::MissingClaim, Some("plan")),
        (r#"{"exp":2000,"plan":1}"#, Reason::BadClaim, None),
        (
            r#"{"exp":2000,"plan":"a","x":{"y":1,"y":2}}"#,
            Reason::Malformed,
            None,
        ),
        (r#"{"exp":2000,"plan":1"#, Reason::Malformed, None),
    ] {
        let refused = bench.verify::<Plan>(&rules(), claims).unwrap_err();
        assert_eq!(
            (refused.reason(), refused.claim()),
            (reason, claim),
            "{claims}"
        );
    }
    assert!(
        bench
            .verify::<Plan>(&rules(), r#"{"exp":2000,"plan":"a"}"#)
            .is_ok()
    );
}

#[test]
fn a_refusal_repeats_nothing_of_the_token() {
    let bench = Bench::new();
    let marked = "hunter2-in-the-token";
    for claims in [
        json!({ "exp": marked }),
        json!({ "exp": 1, "sub": marked }),
        json!({ "iss": marked }),
        json!({ "exp": 2000, "iss": marked }),
        json!({ marked: marked, "exp": 2000, "aud": marked }),
        json!({ "exp": 2000, "sub": [marked] }),
    ] {
        let strict = Rules::new("i", "a", Algorithm::HS256);
        let refused = bench
            .verify::<Value>(&strict, &claims.to_string())
            .unwrap_err();
        assert!(
            !format!("{refused} {refused:?}").contains("hunter2"),
            "{refused:?}"
        );
    }
    let typed = bench.verify::<AccessClaims>(&any_rules(), &json!({ "iss": [marked] }).to_string());
    assert!(!format!("{:?}", typed.unwrap_err()).contains("hunter2"));
}

#[test]
fn strict_json_is_as_strict_inside_what_the_type_skips() {
    #[derive(Debug, Deserialize)]
    struct Nothing {}
    let bench = Bench::new();
    let deep = |levels: usize| {
        format!(
            r#"{{"x":{}{}}}"#,
            "[".repeat(levels - 1),
            "]".repeat(levels - 1)
        )
    };
    for good in [
        deep(32),
        r#" { "a" : [ 1 , -0.5e-3 , true , false , null ] } "#.into(),
        r#"{"a":"\ud83d\ude00\u0000\/\b\f\n\r\t\"\\"}"#.into(),
        r#"{"":{"":{}}}"#.into(),
    ] {
        bench.verify::<Nothing>(&any_rules(), &good).unwrap();
    }
    for bad in [
        deep(33),
        r#"{"a":01}"#.into(),
        r#"{"a":+1}"#.into(),
        r#"{"a":1.}"#.into(),
        r#"{"a":NaN}"#.into(),
        r#"{"a":1e999}"#.into(),
        r#"{"a":"\ud800"}"#.into(),
        r#"{"a":"\udc00\ud800"}"#.into(),
        r#"{"a":"\x"}"#.into(),
        "{\"a\":\"\n\"}".into(),
        r#"{"a":1,}"#.into(),
        r#"{,"a":1}"#.into(),
        r#"{"a":[1,]}"#.into(),
        r#"{"a":[,1]}"#.into(),
        r#"{"a" 1}"#.into(),
        r"{a:1}".into(),
        r"{'a':1}".into(),
        r#"{"a":tru}"#.into(),
        r#"{"a":1}/**/"#.into(),
        "\u{feff}{}".into(),
        r#"{"a":1}}"#.into(),
        "{".into(),
        r#"{"a":nulll}"#.into(),
        r#"{"a":1 2}"#.into(),
        r#"{"a":"}"#.into(),
        format!(
            r#"{{{},"n7":0}}"#,
            (0..20)
                .map(|n| format!(r#""n{n}":0"#))
                .collect::<Vec<_>>()
                .join(",")
        ),
    ] {
        let verdict = bench.verify::<Nothing>(&any_rules(), &bad).unwrap_err();
        assert_eq!(verdict.reason(), Reason::Malformed, "{bad}");
    }
    let latin = bench.signer.sign_payload(b"{\"a\":\"\xe9\"}").unwrap();
    let known = Verifier::new(any_rules(), bench.keys.clone());
    assert_eq!(
        known.verify::<Nothing>(&latin, NOW).unwrap_err().reason(),
        Reason::Malformed
    );
}

#[test]
fn serde_types_of_every_kind_are_filled() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Tier {
        Free,
        Paid(u8),
        Trial { days: u32 },
        Pair(i8, i8),
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Unit;
    #[derive(Debug, PartialEq, Deserialize)]
    struct Meters(f64);
    #[derive(Debug, PartialEq, Deserialize)]
    struct Rest {
        z: Option<bool>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct All {
        tiers: Vec<Tier>,
        none: Option<u8>,
        some: Option<u8>,
        unit: Unit,
        length: Meters,
        pair: (i64, char),
        map: std::collections::BTreeMap<String, i64>,
        big: u64,
        #[serde(flatten)]
        rest: Rest,
    }
    let bench = Bench::new();
    let claims = r#"{"tiers":["free",{"paid":3},{"trial":{"days":7}},{"pair":[-1,2]}],"none":null,
        "some":5,"unit":null,"length":2,"pair":[-9,"\u00e9"],"map":{"a":-1,"b":2},
        "big":18446744073709551615,"z":true,"iss":"i"}"#;
    let all: All = bench.verify(&any_rules(), claims).unwrap();
    assert_eq!(
        all,
        All {
            tiers: vec![
                Tier::Free,
                Tier::Paid(3),
                Tier::Trial { days: 7 },
                Tier::Pair(-1, 2)
            ],
            none: None,
            some: Some(5),
            unit: Unit,
            length: Meters(2.0),
            pair: (-9, '\u{e9}'),
            map: [("a".into(), -1), ("b".into(), 2)].into(),
            big: u64::MAX,
            rest: Rest { z: Some(true) },
        }
    );
    for bad in [
        r#"{"tiers":[{"paid":3,"free":1}]}"#,
        r#"{"tiers":[{}]}"#,
        r#"{"tiers":["other"]}"#,
        r#"{"pair":[1,"a",2]}"#,
        r#"{"pair":[1]}"#,
    ] {
        assert!(bench.verify::<All>(&any_rules(), bad).is_err(), "{bad}");
    }
}

#[test]
fn the_proof_tells_the_registered_claims() {
    let bench = Bench::new();
    let claims = r#"{"iss":"https:\/\/i","sub":"\u0061da","aud":["a","b"],"exp":2000,"nbf":5.5,
        "iat":7,"jti":"j","sid":"s","scope":"r w","more":{"n":[1,2]}}"#;
    let token = bench.signer.sign_payload(claims.as_bytes()).unwrap();
    let known = Verifier::new(rules(), bench.keys.clone());
    let verified = known.verify::<Value>(&token, NOW).unwrap();
    assert_eq!(verified.issuer(), Some("https://i"));
    assert_eq!(verified.subject(), Some("ada"));
    assert_eq!(verified.audience(), Audience::from_iter(["a", "b"]));
    assert_eq!(verified.jwt_id(), Some("j"));
    assert_eq!(verified.session_id(), Some("s"));
    assert_eq!(verified.scope(), Some("r w"));
    assert!(verified.has_scope("w") && !verified.has_scope("x"));
    assert_eq!(verified.expires_at(), Some(UnixTime::from_secs(2000)));
    assert_eq!(verified.not_before(), Some(UnixTime::from_secs(6)));
    assert_eq!(verified.issued_at(), Some(UnixTime::from_secs(7)));
    assert_eq!(
        verified.claim::<Value>("more").unwrap(),
        Some(json!({ "n": [1, 2] }))
    );
    assert_eq!(verified.claim::<u8>("absent").unwrap(), None);
    assert_eq!(
        verified.claim::<u8>("more").unwrap_err().reason(),
        Reason::BadClaim
    );

    let seen = Unverified::parse(&token).unwrap();
    assert_eq!(
        (seen.issuer(), seen.subject()),
        (Some("https://i"), Some("ada"))
    );
    assert_eq!(seen.expires_at(), Some(UnixTime::from_secs(2000)));
}

#[test]
fn claims_can_be_put_together_one_by_one() {
    let claims = Claims::new()
        .issuer("i")
        .subject("s")
        .audience(Audience::from_iter(["a", "b"]))
        .valid_for(NOW, Duration::from_secs(60))
        .not_before(NOW)
        .jwt_id("j")
        .with("plan", "gold")
        .unwrap();
    let text = serde_json::to_value(&claims).unwrap();
    let expected = json!({ "iss": "i", "sub": "s", "aud": ["a", "b"], "iat": 1000, "exp": 1060,
        "nbf": 1000, "jti": "j", "plan": "gold" });
    assert_eq!(text, expected);
    assert_eq!(
        serde_json::to_value(claims.audience("a")).unwrap()["aud"],
        "a"
    );
}

#[test]
fn what_is_no_set_of_claims_is_not_signed() {
    let key = SigningKey::generate(Algorithm::HS256).unwrap();
    for (value, code) in [(json!([1]), "not_an_object"), (json!("a"), "not_an_object")] {
        assert_eq!(key.sign(&value).unwrap_err().code(), code);
    }
    let bad_keys = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert_eq!(key.sign(&bad_keys).unwrap_err().code(), "cannot_serialize");
    for name in ["alg", "kid", "typ", "crit", "b64"] {
        let refused = Signer::new(key.clone()).header(name, 1).unwrap_err();
        assert_eq!(refused.code(), "reserved_header", "{name}");
    }
    let twice = Signer::new(key).header("x", 1).unwrap().header("x", 2);
    assert_eq!(twice.unwrap_err().code(), "reserved_header");
}

/// One key id at two issuers, and each issuer's key believed for its own tokens only.
#[test]
fn issuers_keep_to_their_own_keys() {
    let key = |id: &str| {
        SigningKey::generate(Algorithm::EdDSA)
            .unwrap()
            .with_key_id(id)
    };
    let (a, b) = (key("1"), key("1"));
    let set = |key: &SigningKey| KeySet::new([key.verifying_key()]).unwrap();
    let verifier =
        Verifier::new(Rules::new("a", "x", Algorithm::EdDSA), set(&a)).with_issuer("b", set(&b));
    let says = |iss: &str| json!({ "iss": iss, "aud": "x", "exp": 2000 });
    // Twice, since the second time the header has been seen.
    for _ in 0..2 {
        for (key, iss, verdict) in [
            (&a, "a", None),
            (&b, "b", None),
            (&a, "b", Some(Reason::WrongIssuer)),
            (&b, "a", Some(Reason::WrongIssuer)),
            (&key("1"), "a", Some(Reason::BadSignature)),
            (&key("2"), "a", Some(Reason::UnknownKey)),
        ] {
            let judged = verifier.verify::<Value>(&key.sign(&says(iss)).unwrap(), NOW);
            assert_eq!(judged.err().map(|error| error.reason()), verdict, "{iss}");
        }
    }
}

#[test]
fn what_was_verified_knows_the_very_token() {
    let bench = Bench::new();
    let known = Verifier::new(any_rules(), bench.keys.clone());
    for filling in [0, 1, 2, 3, 400, 1_000] {
        let claims = json!({ "exp": 2_000, "x": "y".repeat(filling) });
        let token = bench.signer.sign(&claims).unwrap();
        let verified = known.verify::<Value>(&token, NOW).unwrap();
        assert!(verified.is_of(&token));
        let mut buffer = Vec::new();
        assert!(
            known
                .verify_in::<Value>(&token, NOW, &mut buffer)
                .unwrap()
                .is_of(&token)
        );
        for at in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert!(
                !verified.is_of(core::str::from_utf8(&other).unwrap()),
                "{at}"
            );
            assert!(!verified.is_of(&token[..at]));
            assert!(!verified.is_of(&token[at + 1..]));
        }
        for other in [
            format!("{token}A"),
            format!("{token}="),
            format!(".{token}"),
        ] {
            assert!(!verified.is_of(&other));
        }
    }
}

#[test]
fn roles_and_the_name_are_texts_or_nothing() {
    let bench = Bench::new();
    let known = Verifier::new(any_rules(), bench.keys.clone());
    let said = |claims: &str| {
        let token = bench.signer.sign_payload(claims.as_bytes()).unwrap();
        let verified = known.verify::<Value>(&token, NOW).unwrap();
        let roles: Vec<String> = verified.roles().into_iter().map(Into::into).collect();
        (roles, verified.preferred_username().map(String::from))
    };
    let none = (Vec::new(), None);
    assert_eq!(said(r#"{"exp":2000}"#), none);
    assert_eq!(
        said(r#"{"exp":2000,"roles":"","preferred_username":1}"#),
        none
    );
    assert_eq!(
        said(r#"{"exp":2000,"roles":"a,\u0062 c"}"#),
        (vec!["a,b c".into()], None)
    );
    assert_eq!(
        said(r#"{"exp":2000,"roles":["a",1],"preferred_username":null}"#),
        none
    );
    assert_eq!(
        said(r#"{"exp":2000,"roles":["a\u0062",""],"preferred_username":"\u0061da"}"#),
        (vec!["ab".into(), String::new()], Some("ada".into()))
    );
}
