//! `countersign guard` with the tokens of other issuers, each shaped as theirs are.

use countersign::{Signer, UnixTime};
use countersign_witness::{Kind, note};
use serde_json::{Value, json};

use crate::guard::Sidecar;
use crate::issuer::Issuer;

/// A token of this issuer's making: its `typ`, if it writes one, and what it says beside the usual.
struct Shape {
    of: &'static str,
    typ: &'static str,
    claims: Value,
    /// Subject, name, roles and scope, as the service behind is told them.
    told: [&'static str; 4],
    /// What this issuer's tokens need beside `--any-typ`.
    options: &'static [&'static str],
}

fn shapes() -> Vec<Shape> {
    vec![
        Shape {
            of: "Auth0",
            typ: "JWT",
            claims: json!({
                "sub": "auth0|5f7c8ec7c33c6c004bbafe82", "azp": "my_client_id",
                "aud": ["api", "https://shop.eu.auth0.com/userinfo"],
                "scope": "openid profile orders:read", "https://shop.example/roles": ["clerk"],
            }),
            told: [
                "auth0|5f7c8ec7c33c6c004bbafe82",
                "",
                "clerk",
                "openid profile orders:read",
            ],
            options: &["--roles-claim", "https://shop.example/roles"],
        },
        Shape {
            of: "Keycloak",
            typ: "JWT",
            claims: json!({
                "jti": "onrtac:1b6b", "sub": "f3b1a3b6", "typ": "Bearer", "azp": "web", "sid": "s-1",
                "acr": "1", "allowed-origins": ["*"], "realm_access": { "roles": ["clerk", "admin"] },
                "resource_access": { "account": { "roles": ["view-profile"] } },
                "scope": "profile orders:read", "email_verified": true, "preferred_username": "ada",
            }),
            told: ["f3b1a3b6", "ada", "clerk,admin", "profile orders:read"],
            options: &["--roles-claim", "realm_access.roles"],
        },
        Shape {
            of: "Entra ID",
            typ: "JWT",
            claims: json!({
                "nbf": 1_700_000_000, "aio": "AXQAi/8TAAAA", "azp": "6e74172b", "azpacr": "0",
                "name": "Ada Lovelace", "oid": "690222be", "preferred_username": "ada@shop.example",
                "rh": "I", "roles": ["Orders.Admin"], "scp": "access_as_user orders:read",
                "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ", "tid": "fa15d692", "ver": "2.0",
            }),
            told: [
                "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
                "ada@shop.example",
                "Orders.Admin",
                "access_as_user orders:read",
            ],
            options: &[],
        },
        Shape {
            of: "Okta",
            typ: "",
            claims: json!({
                "ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "cid": "0oabv6kx4qq6",
                "uid": "00uu7vc0wmNlHmaxZ0h7", "scp": ["orders:read", "openid"], "sub": "ada@shop.example",
                "auth_time": 1_700_000_000, "groups": "Everyone",
            }),
            told: ["ada@shop.example", "", "Everyone", "orders:read openid"],
            options: &["--roles-claim", "groups"],
        },
    ]
}

#[test]
fn tokens_of_other_issuers_pass_and_say_who() {
    for shape in shapes() {
        let issuer = Issuer::start();
        let mut claims = shape.claims;
        let now = UnixTime::now().as_secs();
        claims["iss"] = issuer.url.as_str().into();
        claims["exp"] = (now + 600).into();
        if claims["aud"].is_null() {
            claims["aud"] = "api".into();
        }
        let signer = Signer::new(issuer.key.clone());
        let signer = match shape.typ {
            "" => signer,
            typ => signer.typ(typ),
        };
        let good = signer.sign(&claims).expect("a token");
        let mut nobodys = claims.clone();
        nobodys.as_object_mut().expect("claims").remove("sub");
        let nobodys = signer.sign(&nobodys).expect("a token");
        for token in [&good, &nobodys] {
            note(Kind::AccessToken, token);
        }

        let common = [
            "--issuer",
            &issuer.url,
            "--any-typ",
            "--scope",
            "orders:read",
        ];
        let arguments = [&common, shape.options].concat();
        let sidecar = Sidecar::start(&arguments, &["guarding on "]);
        let address = sidecar.addresses.first().expect("it says where");
        let ask = |token: &str| {
            let bearer = format!("Bearer {token}");
            Sidecar::answer(address, "/verify", &[("authorization", &bearer)])
        };
        let (status, head, body) = ask(&good);
        assert_eq!(status, 200, "{}: {body}", shape.of);
        for (name, value) in ["subject", "username", "roles", "scope"]
            .iter()
            .zip(shape.told)
        {
            let line = format!("\r\nx-auth-{name}: {value}\r\n");
            assert!(head.contains(&line), "{}: {line:?} in {head}", shape.of);
        }
        let (status, _, body) = ask(&nobodys);
        assert_eq!(status, 401, "{}", shape.of);
        assert!(body.contains("missing_claim"), "{}: {body}", shape.of);
    }
}

#[test]
fn an_issuer_is_found_elsewhere_than_its_name_says() {
    let name = "https://id.example/realm";
    let issuer = Issuer::start_named(name);
    let now = UnixTime::now().as_secs();
    let claims = json!({ "iss": name, "aud": "api", "sub": "ada", "exp": now + 600 });
    let signer = Signer::new(issuer.key.clone()).typ("at+jwt");
    let token = signer.sign(&claims).expect("a token");
    note(Kind::AccessToken, &token);
    let place = format!("{name}={}", issuer.url);
    let sidecar = Sidecar::start(&["--issuer", &place], &["guarding on "]);
    let address = sidecar.addresses.first().expect("it says where");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let (status, head, body) = Sidecar::answer(address, "/verify", &headers);
    assert_eq!(status, 200, "{body}");
    assert!(head.contains("\r\nx-auth-subject: ada\r\n"), "{head}");
}
