use std::sync::Arc;

use countersign::Algorithm;
use countersign_issuer::{
    Client, ClientSecret, GrantType, OauthError, Refused, SessionPolicy,
    client::{Authentication, BadClient, ClientSecretHash, ClientTerms, Wanted},
};

use crate::cast::{GRANT, at, secs, session};

const DEFAULT: &str = "api";

pub(crate) fn client(secret: &ClientSecret) -> Client {
    Client {
        client_id: "reports".to_owned(),
        name: "Nightly reports".to_owned(),
        authentication: Authentication::Secrets(vec![secret.hash()]),
        grant_types: vec![GrantType::ClientCredentials],
        scope: "read export".to_owned(),
        audiences: vec![
            "https://api.example".to_owned(),
            "https://store.example".to_owned(),
        ],
        serves: Vec::new(),
        roles: vec!["auditor".to_owned()],
        terms: ClientTerms::default(),
        disabled: false,
        created_at: at(0),
        own_sid: "own-1".into(),
        revision: 0,
    }
}

fn refused(client: &Client, secret: &str, now: u64) -> bool {
    let client = Arc::new(client.clone());
    let checked = Client::authenticate(Some(&client), secret, at(now));
    checked.is_err_and(|refused| refused == Refused::InvalidClient)
}

#[test]
fn a_secret_is_shown_once_and_only_its_hash_is_kept() {
    let secret = ClientSecret::generate().unwrap();
    assert!(secret.expose().starts_with("csc_") && secret.expose().len() == 47);
    assert_ne!(secret.expose(), ClientSecret::generate().unwrap().expose());
    assert!(!format!("{secret:?}").contains(secret.expose()));
    let hash = secret.hash();
    let stored = ClientSecretHash::from_stored(*hash.as_bytes(), None);
    assert_eq!(stored, hash);
    let printed = format!("{:?}", client(&secret));
    assert!(!printed.contains(&format!("{:?}", stored.as_bytes())));
}

#[test]
fn the_right_secret_of_an_enabled_client_is_accepted_and_nothing_else() {
    let secret = ClientSecret::generate().unwrap();
    let client = client(&secret);
    assert!(!refused(&client, secret.expose(), 1));
    let other = ClientSecret::generate().unwrap();
    for wrong in [
        "",
        "csc_",
        other.expose(),
        &secret.expose()[..46],
        &secret.expose().to_lowercase(),
    ] {
        assert!(refused(&client, wrong, 1), "{wrong}");
    }
    let unknown = Client::authenticate(None, secret.expose(), at(1));
    assert_eq!(unknown.unwrap_err(), Refused::InvalidClient);
    let disabled = Client {
        disabled: true,
        ..client.clone()
    };
    assert!(refused(&disabled, secret.expose(), 1));
    let public = Client {
        authentication: Authentication::None,
        ..client
    };
    assert!(refused(&public, "", 1), "a public client proves nothing");
}

#[test]
fn only_a_public_client_is_believed_by_its_name() {
    let secret = ClientSecret::generate().unwrap();
    let confidential = client(&secret);
    let public = Client {
        authentication: Authentication::None,
        ..confidential.clone()
    };
    let disabled = Client {
        disabled: true,
        ..public.clone()
    };
    assert!(Client::named(Some(&Arc::new(public))).is_ok());
    for other in [None, Some(confidential), Some(disabled)] {
        let other = other.map(Arc::new);
        let refused = Client::named(other.as_ref()).unwrap_err();
        assert_eq!(refused, Refused::InvalidClient);
    }
}

#[test]
fn a_new_secret_leaves_the_old_one_its_time() {
    let [first, second, third] = [(); 3].map(|()| ClientSecret::generate().unwrap());
    let mut client = client(&first);
    client.add_secret(&second, at(3_600), at(0));
    for secret in [&first, &second] {
        assert!(!refused(&client, secret.expose(), 3_599));
    }
    assert!(refused(&client, first.expose(), 3_600));
    assert!(!refused(&client, second.expose(), 3_600));
    // Two at a time: the one before the last is dropped, whatever time it had.
    client.add_secret(&third, at(9_000), at(100));
    assert!(refused(&client, first.expose(), 101));
    assert!(!refused(&client, second.expose(), 8_999));
    assert!(!refused(&client, third.expose(), 9_000));
    // No time at all for a secret that leaked.
    client.add_secret(&first, at(200), at(200));
    let Authentication::Secrets(secrets) = &client.authentication else {
        panic!("{client:?}");
    };
    assert_eq!(secrets.len(), 1);
    assert!(refused(&client, third.expose(), 200));
}

#[test]
fn a_proof_is_good_for_the_changed_client_while_all_it_may_have_been_is_accepted() {
    let secrets = [(); 3].map(|()| ClientSecret::generate().unwrap());
    let proved = |client: &Client| {
        let known = Arc::new(client.clone());
        Client::authenticate(Some(&known), secrets[0].expose(), at(0)).unwrap()
    };
    let mut before = client(&secrets[0]);
    let renewed = |before: &Client, stored: Option<Client>, now| {
        let stored = stored.map(Arc::new);
        proved(before).renewed(stored.as_ref(), at(now))
    };
    let with = |change: fn(&mut Client)| {
        let mut changed = client(&secrets[0]);
        change(&mut changed);
        Some(changed)
    };
    let less = with(|client| client.scope.clear());
    let now = renewed(&before, less.clone(), 1).unwrap();
    assert_eq!(Some(&**now.client()), less.as_ref());
    for other in [
        None,
        with(|client| client.disabled = true),
        with(|client| client.client_id.push('2')),
        with(|client| client.authentication = Authentication::None),
        with(|client| client.authentication = Authentication::Secrets(Vec::new())),
    ] {
        let refused = renewed(&before, other, 1).unwrap_err();
        assert_eq!(refused, Refused::InvalidClient);
    }
    // Another secret beside it; then one of the two that it may have been is gone.
    let mut stored = before.clone();
    stored.add_secret(&secrets[1], at(60), at(0));
    assert!(renewed(&before, Some(stored.clone()), 59).is_ok());
    assert!(renewed(&before, Some(stored.clone()), 60).is_err());
    before = stored.clone();
    stored.add_secret(&secrets[2], at(60), at(0));
    assert!(renewed(&before, Some(stored.clone()), 1).is_err());
    assert!(renewed(&before, Some(before.clone()), 1).is_ok());
}

#[test]
fn a_client_is_granted_what_it_may_have() {
    let secret = ClientSecret::generate().unwrap();
    let client = client(&secret);
    let proved = |client: Client| {
        Client::authenticate(Some(&Arc::new(client)), secret.expose(), at(1)).unwrap()
    };
    let wanted = |scope, audience| Wanted { scope, audience };
    let reports = proved(client.clone());
    let all = reports.grant(Wanted::default(), DEFAULT).unwrap();
    assert_eq!(
        (all.scope(), all.audience()),
        ("read export", "https://api.example")
    );
    assert_eq!(all.roles(), ["auditor"]);
    let some = wanted(Some("export"), Some("https://store.example"));
    let some = reports.grant(some, DEFAULT).unwrap();
    assert_eq!(
        (some.scope(), some.audience()),
        ("export", "https://store.example")
    );

    for scope in ["admin", "read admin", "expor"] {
        let refused = reports.grant(wanted(Some(scope), None), DEFAULT);
        assert_eq!(refused.unwrap_err(), Refused::InvalidScope);
    }
    for audience in ["https://bank.example", DEFAULT, ""] {
        let refused = reports.grant(wanted(None, Some(audience)), DEFAULT);
        assert_eq!(refused.unwrap_err(), Refused::InvalidTarget);
    }
    let plain = proved(Client {
        audiences: Vec::new(),
        ..client.clone()
    });
    let granted = plain.grant(wanted(None, Some(DEFAULT)), DEFAULT).unwrap();
    assert_eq!(granted.audience(), DEFAULT);
    let refused = plain.grant(wanted(None, Some("other")), DEFAULT);
    assert_eq!(
        refused.unwrap_err().oauth_error(),
        OauthError::InvalidTarget
    );

    let for_users = proved(Client {
        grant_types: vec![GrantType::RefreshToken],
        ..client
    });
    let refused = for_users.grant(Wanted::default(), DEFAULT).unwrap_err();
    assert_eq!(refused.oauth_error(), OauthError::UnauthorizedClient);
}

#[test]
fn through_a_client_a_user_has_no_more_than_both_may() {
    let secret = ClientSecret::generate().unwrap();
    let grant = GRANT.clone().for_client(&client(&secret));
    assert_eq!(
        grant.roles(),
        [] as [&str; 0],
        "the administrator's role stays out"
    );
    let with_role = Client {
        roles: vec!["admin".to_owned(), "auditor".to_owned()],
        ..client(&secret)
    };
    assert_eq!(GRANT.clone().for_client(&with_role).roles(), ["admin"]);

    let mut row = session();
    row.client_id = "reports".to_owned();
    assert_eq!(grant.scope_in(&row), "read", "the client may not write");
    row.scope = "write".to_owned();
    assert_eq!(grant.scope_in(&row), "");
}

#[test]
fn terms_differ_from_the_server_only_where_they_say_so() {
    let server = SessionPolicy::default();
    assert_eq!(ClientTerms::default().session_policy(&server), server);
    let kiosk = ClientTerms {
        session_absolute: Some(secs(3_600)),
        ..ClientTerms::default()
    };
    let policy = kiosk.session_policy(&server);
    assert_eq!((policy.idle, policy.absolute), (secs(3_600), secs(3_600)));
    assert_eq!(policy.grace, server.grace);
}

#[test]
fn a_client_that_cannot_be_is_refused() {
    let secret = ClientSecret::generate().unwrap();
    let good = client(&secret);
    assert_eq!(good.clone().checked(), Ok(good.clone()));
    let change = |change: fn(&mut Client)| {
        let mut client = good.clone();
        change(&mut client);
        client.checked().unwrap_err()
    };
    for id in ["", "first-party", "a b", "a/b", "ä", ".", ".."] {
        let client = Client {
            client_id: id.to_owned(),
            ..good.clone()
        };
        assert_eq!(client.checked(), Err(BadClient::Id), "{id}");
    }
    assert_eq!(change(|c| c.name = "a\nb".to_owned()), BadClient::Name);
    assert_eq!(change(|c| c.scope = "a  b".to_owned()), BadClient::Scope);
    assert_eq!(change(|c| c.scope = "\"a\"".to_owned()), BadClient::Scope);
    assert_eq!(
        change(|c| c.audiences = vec![String::new()]),
        BadClient::Audience
    );
    assert_eq!(
        change(|c| c.serves = vec!["a b".to_owned()]),
        BadClient::Audience
    );
    assert_eq!(
        change(|c| c.roles = vec!["a b".to_owned()]),
        BadClient::Role
    );
    assert_eq!(
        change(|c| c.roles = vec!["a".to_owned(); 101]),
        BadClient::TooMany
    );
    assert_eq!(
        change(|c| c.authentication = Authentication::None),
        BadClient::Public
    );
    assert_eq!(change(|c| c.grant_types.clear()), BadClient::Idle);
    assert_eq!(
        change(|c| c.terms.access_life = Some(secs(4))),
        BadClient::Life
    );
    assert_eq!(
        change(|c| {
            c.terms.session_idle = Some(secs(61));
            c.terms.session_absolute = Some(secs(60));
        }),
        BadClient::Life
    );
    assert_eq!(
        change(|c| c.terms.algorithm = Some(Algorithm::HS256)),
        BadClient::Algorithm
    );
}
