use countersign::{
    Algorithm,
    token::AccessClaims,
    verify::{Rules, Verifier},
};
use countersign_issuer::{
    AccessToken, Asked, Client, ClientSecret, EndReason, Handle, KeyChange, KeyPolicy, KeyRing,
    Session, SessionPolicy, TokenPolicy, UserGrant, Verdict,
    client::{ClientTerms, Wanted},
    keyring::plan,
    record::SigningKeyRecord,
    token::TokenSeed,
};
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

use crate::cast::{ADA, ASKED, CLIENT, GRANT, at, mac_keys, master, secs, session};
use crate::client::client;

const ISSUER: &str = "https://auth.example";
const AUDIENCE: &str = "https://api.example";

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let policy = KeyPolicy {
        algorithms: vec![Algorithm::ES256, Algorithm::EdDSA],
        ..KeyPolicy::default()
    };
    let records: Vec<_> = plan(&[], &policy, at(0))
        .into_iter()
        .map(|change| match change {
            KeyChange::Create { algorithm, state } => {
                SigningKeyRecord::generate(algorithm, state, "kid", &master(), at(0)).unwrap()
            }
            KeyChange::Enter { kid, .. } => panic!("{kid} is there already"),
        })
        .collect();
    KeyRing::open(&records, &policy, &master()).unwrap()
});

fn seed(jitter: u32) -> TokenSeed {
    TokenSeed {
        jwt_id: "jti-1".to_owned(),
        jitter,
    }
}

fn issue(session: &Session, policy: &TokenPolicy, jitter: u32, now: u64) -> AccessToken {
    AccessToken::issue(&GRANT, session, &RING, policy, seed(jitter), at(now)).unwrap()
}

fn code(session: &Session, grant: &UserGrant, now: u64) -> String {
    let policy = TokenPolicy::new(ISSUER);
    AccessToken::issue(grant, session, &RING, &policy, seed(0), at(now))
        .unwrap_err()
        .to_string()
}

fn claims(token: &AccessToken, now: u64) -> AccessClaims {
    let rules = Rules::new(ISSUER, AUDIENCE, [Algorithm::ES256, Algorithm::EdDSA]).typ("at+jwt");
    let door = Verifier::new(rules, RING.published().clone());
    let verified = door
        .verify::<AccessClaims>(token.expose(), at(now))
        .unwrap();
    verified.into_claims()
}

#[test]
fn a_token_says_what_rfc_9068_asks_for() {
    let token = issue(&session(), &TokenPolicy::new(ISSUER), 0, 100);
    let claims = claims(&token, 100);
    assert_eq!(claims.iss(), ISSUER);
    assert_eq!(claims.sub(), "id-of-ada");
    assert!(claims.aud().eq([AUDIENCE]));
    assert_eq!((claims.iat(), claims.nbf()), (at(100), Some(at(100))));
    assert_eq!(claims.exp(), at(700));
    assert_eq!(claims.jti(), "jti-1");
    assert_eq!(claims.client_id(), CLIENT);
    assert_eq!(claims.scope(), "read write");
    assert_eq!(claims.sid(), Some("sid-1"));
    assert_eq!(claims.auth_time(), Some(at(0)));
    assert_eq!(claims.roles().collect::<Vec<_>>(), ["admin"]);
    assert_eq!(claims.preferred_username(), Some("ada"));
    assert_eq!(token.expires_at(), at(700));
    assert_eq!(token.expires_in(), secs(600));
    assert_eq!(token.jwt_id(), "jti-1");
    assert!(!format!("{token:?}").contains(token.expose()));
}

#[test]
fn a_token_never_outlives_its_session() {
    let day = 86_400;
    let mut session = session();
    session.idle_expires_at = session.expires_at;
    let token = issue(&session, &TokenPolicy::new(ISSUER), 0, 90 * day - 60);
    assert_eq!(token.expires_at(), session.expires_at);
    assert_eq!(token.expires_in(), secs(60));

    // Nor one that ends before because nobody uses it: its row may be gone a while after that.
    session.idle_expires_at = at(300);
    let token = issue(&session, &TokenPolicy::new(ISSUER), 0, 100);
    assert_eq!(token.expires_at(), at(300));
}

#[test]
fn an_audience_may_have_an_algorithm_of_its_own() {
    let mut policy = TokenPolicy::new(ISSUER);
    policy
        .algorithms
        .insert(AUDIENCE.to_owned(), Algorithm::EdDSA);
    let token = issue(&session(), &policy, 0, 0);
    let header = countersign::token::Unverified::parse(token.expose()).unwrap();
    assert_eq!(header.algorithm_name(), "EdDSA");
    let other = Session {
        audience: vec!["https://other.example".to_owned()],
        ..session()
    };
    let token = issue(&other, &policy, 0, 0);
    let header = countersign::token::Unverified::parse(token.expose()).unwrap();
    assert_eq!(header.algorithm_name(), "ES256");
}

#[test]
fn sessions_that_are_over_have_no_tokens() {
    let mut session = session();
    assert!(code(&session, &GRANT, 30 * 86_400).contains("expired"));
    session.end(EndReason::SignedOut, at(1));
    assert!(code(&session, &GRANT, 2).contains("ended"));
}

#[test]
fn a_grant_speaks_for_its_own_user_and_its_own_session() {
    let others = Session {
        user_id: "somebody else".to_owned(),
        ..session()
    };
    assert!(code(&others, &GRANT, 1).contains("gone"));

    let keys = mac_keys(1);
    let row = session();
    let presented = keys
        .open(keys.refresh_token(&row).unwrap().expose())
        .unwrap();
    let policy = SessionPolicy::default();
    let Verdict::Rotate(rotation) = presented.judge(&row, ASKED, &policy, at(1)) else {
        panic!("the current token");
    };
    let row = rotation.apply(&row).unwrap();
    let asked = Asked {
        client_id: CLIENT,
        scope: Some("read"),
    };
    let redeemed = presented.rotated(row.clone(), asked, at(1)).unwrap();
    let refreshed = UserGrant::from_refresh(&redeemed, ADA.clone()).unwrap();
    let policy = TokenPolicy::new(ISSUER);
    let token = AccessToken::issue(&refreshed, &row, &RING, &policy, seed(0), at(1)).unwrap();
    assert_eq!(
        claims(&token, 1).scope(),
        "read",
        "as narrow as it was asked for"
    );
    let own_other = Session {
        sid: "sid-2".to_owned(),
        handle: Handle::new([9; 16]),
        ..session()
    };
    assert!(code(&own_other, &refreshed, 1).contains("gone"));
}

#[test]
fn a_client_has_tokens_in_its_own_name() {
    let token = issue_to(&client(&ClientSecret::generate().unwrap()));
    let claims = claims(&token, 0);
    assert_eq!((claims.sub(), claims.client_id()), ("reports", "reports"));
    assert_eq!((claims.scope(), claims.exp()), ("read export", at(600)));
    assert_eq!(
        (
            claims.sid(),
            claims.auth_time(),
            claims.preferred_username()
        ),
        (Some("own-1"), None, None),
        "the sid of all its own tokens, by which they are taken back"
    );
    assert_eq!(claims.roles().collect::<Vec<_>>(), ["auditor"]);
}

#[test]
fn a_client_may_have_shorter_tokens_and_an_algorithm_of_its_own() {
    let with = |terms| {
        issue_to(&Client {
            terms,
            ..client(&ClientSecret::generate().unwrap())
        })
    };
    let terms = ClientTerms {
        access_life: Some(secs(60)),
        algorithm: Some(Algorithm::EdDSA),
        ..ClientTerms::default()
    };
    let token = with(terms);
    let header = countersign::token::Unverified::parse(token.expose()).unwrap();
    assert_eq!(header.algorithm_name(), "EdDSA");
    assert_eq!(token.expires_in(), secs(60));
    let longer = ClientTerms {
        access_life: Some(secs(6_000)),
        ..ClientTerms::default()
    };
    assert_eq!(with(longer).expires_in(), secs(600), "guards know of 600");

    let kiosk = Client {
        client_id: "kiosk".to_owned(),
        terms,
        ..client(&ClientSecret::generate().unwrap())
    };
    let grant = GRANT.clone().for_client(&kiosk);
    let row = Session {
        client_id: "kiosk".to_owned(),
        ..session()
    };
    let policy = TokenPolicy::new(ISSUER);
    let token = AccessToken::issue(&grant, &row, &RING, &policy, seed(0), at(0)).unwrap();
    let header = countersign::token::Unverified::parse(token.expose()).unwrap();
    assert_eq!(header.algorithm_name(), "EdDSA");
    assert_eq!(token.expires_in(), secs(60));
    assert!(
        code(&session(), &grant, 0).contains("gone"),
        "a grant through one client is none for another"
    );
}

fn issue_to(client: &Client) -> AccessToken {
    let secret = ClientSecret::generate().unwrap();
    let mut client = client.clone();
    client.add_secret(&secret, at(0), at(0));
    let client = Some(Arc::new(client));
    let proved = Client::authenticate(client.as_ref(), secret.expose(), at(0)).unwrap();
    let grant = proved.grant(Wanted::default(), AUDIENCE).unwrap();
    let policy = TokenPolicy::new(ISSUER);
    AccessToken::issue_to_client(&grant, &RING, &policy, seed(0), at(0)).unwrap()
}

proptest! {
    #[test]
    fn jitter_only_shortens_and_by_a_twentieth_at_most(jitter: u32, life in 1_u64..100_000) {
        let policy = TokenPolicy {
            life: secs(life),
            ..TokenPolicy::new(ISSUER)
        };
        let token = issue(&session(), &policy, jitter, 0);
        let lives = token.expires_in().as_secs();
        prop_assert!(lives <= life && lives >= life - life / 20 && lives >= 1);
    }
}
