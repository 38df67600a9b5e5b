//! Tokens as other issuers write them, and what is understood of them.

use countersign_guard::{
    AnyClaims, Caller, Guard, Kind, Requirements, RevokedHandle, identity_headers,
};
use countersign_wire::identity;
use serde_json::{Value, json};

use crate::issuer::{AUDIENCE, Issuer, NOW, bearer, seconds, with};

fn guard(issuer: &Issuer) -> Guard<AnyClaims> {
    let guard = issuer.builder().claims().any_typ().build();
    guard.expect("a guard")
}

/// The least that any token says.
fn bare(issuer: &Issuer) -> Value {
    json!({ "iss": issuer.name, "aud": AUDIENCE, "sub": "u-1", "exp": NOW.as_secs() + 600 })
}

/// `bare`, with these claims too.
fn saying(issuer: &Issuer, more: &Value) -> Value {
    let more = more.as_object().expect("claims are an object").iter();
    more.fold(bare(issuer), |all, (name, value)| {
        with(all, name, value.clone())
    })
}

#[test]
fn who_it_is_must_be_said_and_nothing_else() {
    let issuer = Issuer::new();
    let guard = guard(&issuer);
    let check = |claims: &Value| {
        let token = issuer.sign_typ("JWT", claims);
        let outcome = guard.check(&bearer(&token), NOW);
        outcome.map_err(|refusal| (refusal.reason_code(), refusal.description()))
    };
    let caller = check(&bare(&issuer)).expect("it says who");
    assert_eq!(caller.subject(), Some("u-1"));
    assert!(caller.roles().is_empty() && caller.scopes().is_empty());
    for (sub, code, said) in [
        (Value::Null, "missing_claim", "`sub` is missing"),
        (json!(""), "bad_claim", "`sub` that is a text and not empty"),
        (json!(7), "bad_claim", "`sub`"),
    ] {
        let (reason, description) = check(&with(bare(&issuer), "sub", sub)).expect_err(said);
        assert_eq!(reason, code);
        assert!(description.contains(said), "{description}");
    }
}

#[test]
fn what_is_taken_back_is_refused_whatever_the_claims_are_read_into() {
    for (kind, value) in [(Kind::Sub, "u-1"), (Kind::Sid, "s-1"), (Kind::Jti, "t-1")] {
        let issuer = Issuer::new();
        let revoked = RevokedHandle::new();
        let guard = issuer.builder().claims::<AnyClaims>();
        let guard = guard.revocations(revoked.clone()).build();
        let guard = guard.expect("a guard");
        let token = bearer(&issuer.token());
        guard.check(&token, NOW).expect("not yet");
        revoked.merge([(kind, value.to_owned(), NOW.saturating_add(seconds(600)))]);
        let refusal = guard.check(&token, NOW).expect_err("taken back");
        assert_eq!(refusal.reason_code(), "revoked", "{value}");
    }
}

/// What a caller may, as the guard's owner asks for it and as the service behind is told it.
fn may(caller: &Caller<AnyClaims>) -> (Vec<String>, Vec<String>) {
    let owned = |texts: Vec<std::borrow::Cow<'_, str>>| -> Vec<String> {
        texts.into_iter().map(Into::into).collect()
    };
    let (roles, scopes) = (owned(caller.roles()), owned(caller.scopes()));
    assert!(roles.iter().all(|role| caller.has_role(role)));
    assert!(scopes.iter().all(|scope| caller.has_scope(scope)));
    for nobodys in ["", "root", "a b"] {
        assert!(!caller.has_scope(nobodys) && !caller.has_role(nobodys));
    }
    let headers = identity_headers(Some(caller));
    assert_eq!(headers[identity::ROLES], roles.join(","));
    assert_eq!(headers[identity::SCOPE], scopes.join(" "));
    (roles, scopes)
}

#[test]
fn roles_and_scope_are_understood_as_issuers_write_them() {
    let issuer = Issuer::new();
    let guard = guard(&issuer);
    for (claims, roles, scopes) in [
        (json!({ "scope": "a b" }), &[][..], &["a", "b"][..]),
        (json!({ "scope": ["a", "b"] }), &[], &["a", "b"]),
        (json!({ "scp": "a b" }), &[], &["a", "b"]),
        (json!({ "scp": ["a", "b"] }), &[], &["a", "b"]),
        (json!({ "roles": "x" }), &["x"], &[]),
        (json!({ "roles": ["x", "y"] }), &["x", "y"], &[]),
        // One role, whatever stands in it.
        (json!({ "roles": "x y" }), &["x y"], &[]),
        // The claim by the usual name has the word, understood or not.
        (json!({ "scope": "a", "scp": "b" }), &[], &["a"]),
        (json!({ "scope": 1, "scp": "b" }), &[], &[]),
        (json!({ "scope": "", "scp": "b" }), &[], &[]),
        // What can be read in two ways says nothing.
        (json!({ "scope": ["a b", "c", ""] }), &[], &["c"]),
        (json!({ "scope": ["a", 1], "roles": ["x", 1] }), &[], &[]),
        (
            json!({ "scope": { "a": 1 }, "roles": { "x": 1 } }),
            &[],
            &[],
        ),
        (json!({ "scp": true, "roles": "" }), &[], &[]),
    ] {
        let token = issuer.sign(&saying(&issuer, &claims));
        let caller = guard.check(&bearer(&token), NOW).expect("it says who");
        let (own_roles, own_scopes) = may(&caller);
        assert_eq!(own_roles, roles, "{claims}");
        assert_eq!(own_scopes, scopes, "{claims}");
        let of = |scope: &str| Requirements::new().scope(scope);
        assert!(guard.require(&caller, &of("nobody's")).is_err());
        for scope in scopes {
            assert!(guard.require(&caller, &of(scope)).is_ok(), "{claims}");
        }
    }
}

#[test]
fn roles_and_scope_are_found_where_the_owner_says() {
    let issuer = Issuer::new();
    let claims = json!({
        "roles": ["usual"], "scope": "usual", "scp": "usual",
        "realm_access": { "roles": ["clerk", "admin"] },
        "resource_access": { "shop.example": { "roles": ["seller"] } },
        "https://shop.example/roles": ["gold"],
        "may.do": "read write",
        "may": { "do": null },
    });
    let token = issuer.sign(&saying(&issuer, &claims));
    for (roles_claim, scope_claim, roles, scopes) in [
        (
            "realm_access.roles",
            "may.do",
            &["clerk", "admin"][..],
            &["read", "write"][..],
        ),
        (
            "resource_access.shop.example.roles",
            "scp",
            &["seller"],
            &["usual"],
        ),
        ("https://shop.example/roles", "may", &["gold"], &[]),
        ("realm_access", "nowhere", &[], &[]),
        ("realm_access.", ".", &[], &[]),
        ("roles.0", "scope.usual", &[], &[]),
        ("", "", &[], &[]),
    ] {
        let guard = issuer.builder().claims::<AnyClaims>();
        let guard = guard.roles_claim(roles_claim).scope_claim(scope_claim);
        let guard = guard.build().expect("a guard");
        let caller = guard.check(&bearer(&token), NOW).expect("it says who");
        let (own_roles, own_scopes) = may(&caller);
        assert_eq!(own_roles, roles, "{roles_claim}");
        assert_eq!(own_scopes, scopes, "{scope_claim}");
    }
}

#[test]
fn a_claim_that_can_be_found_twice_is_not_guessed_at() {
    let issuer = Issuer::new();
    let twice = "two things that 'may.do.it' can mean";
    for (claims, found) in [
        // The same name, whichever way it is gone: one of them is nobody's business here.
        (
            json!({ "may.do.it": "a", "may": { "do": { "it": "b" } } }),
            None,
        ),
        (json!({ "may.do.it": "a", "may": { "do.it": "b" } }), None),
        (
            json!({ "may.do": { "it": "a" }, "may": { "do.it": "b" } }),
            None,
        ),
        (
            json!({ "may": { "do.it": "a", "do": { "it": "b" } } }),
            None,
        ),
        (json!({ "may.do.it": "a", "may": { "do.it": ["a"] } }), None),
        (json!({ "may.do.it": "a", "may": { "do.it": "" } }), None),
        (
            json!({ "may.do.it": "a", "may": { "do": { "it": "a" } } }),
            Some("a"),
        ),
        (json!({ "may.do.it": "a", "may": { "do": "b" } }), Some("a")),
        (
            json!({ "may.do.it": "a", "may": { "do.it": null } }),
            Some("a"),
        ),
        (
            json!({ "may.do.it": null, "may": { "do.it": "a" } }),
            Some("a"),
        ),
        (
            json!({ "may": { "do.it": null, "do": { "it": "a" } } }),
            Some("a"),
        ),
    ] {
        let token = bearer(&issuer.sign(&saying(&issuer, &claims)));
        let builder = || issuer.builder().claims::<AnyClaims>();
        let guards = [
            builder().roles_claim("may.do.it"),
            builder().scope_claim("may.do.it"),
        ];
        for (at, guard) in guards.into_iter().enumerate() {
            let guard = guard.build().expect("a guard");
            // What is refused is refused again; what was let in is remembered.
            for _ in 0..2 {
                match (guard.check(&token, NOW), found) {
                    (Ok(caller), Some(found)) => {
                        let (roles, scopes) = may(&caller);
                        assert_eq!([roles, scopes][at], [found], "{claims}");
                    }
                    (Err(refusal), None) => {
                        assert_eq!(refusal.reason_code(), "bad_claim", "{claims}");
                        assert_eq!(refusal.status(), http::StatusCode::UNAUTHORIZED);
                        let said = refusal.description();
                        assert!(said.contains(twice), "{said}");
                    }
                    (outcome, _) => panic!("{claims}: {outcome:?}"),
                }
            }
        }
        // Whoever goes by the usual names is not concerned.
        let usual = builder().build().expect("a guard");
        assert!(usual.check(&token, NOW).is_ok(), "{claims}");
    }
}
