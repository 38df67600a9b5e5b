use countersign_issuer::{
    Client, ClientSecret, Refused,
    client::{ClientSecretHash, Wanted},
};

use crate::cast::at;

fn client(secret: &ClientSecret) -> Client {
    let mut client = Client {
        client_id: "reports".to_owned(),
        secrets: Vec::new(),
        scope: "read export".to_owned(),
        audiences: vec![
            "https://api.example".to_owned(),
            "https://store.example".to_owned(),
        ],
        disabled: false,
        created_at: at(0),
    };
    client.add_secret(secret, at(0), at(0));
    client
}

fn refused(client: Option<&Client>, secret: &str, now: u64) -> bool {
    let checked = Client::authenticate(client, secret, at(now));
    checked.is_err_and(|refused| refused == Refused::InvalidClient)
}

#[test]
fn a_secret_is_shown_once_and_only_its_hash_is_kept() {
    let secret = ClientSecret::generate().unwrap();
    assert!(secret.expose().starts_with("csc_") && secret.expose().len() == 47);
    assert_ne!(secret.expose(), ClientSecret::generate().unwrap().expose());
    assert!(!format!("{secret:?}").contains(secret.expose()));
    let client = client(&secret);
    let stored = ClientSecretHash::from_stored(*client.secrets[0].as_bytes(), None);
    assert_eq!(stored, client.secrets[0]);
    assert!(!format!("{client:?}").contains(&format!("{:?}", stored.as_bytes())));
}

#[test]
fn the_right_secret_of_an_enabled_client_is_accepted_and_nothing_else() {
    let secret = ClientSecret::generate().unwrap();
    let client = client(&secret);
    assert!(Client::authenticate(Some(&client), secret.expose(), at(1)).is_ok());
    let other = ClientSecret::generate().unwrap();
    for wrong in [
        "",
        "csc_",
        other.expose(),
        &secret.expose()[..46],
        &secret.expose().to_lowercase(),
    ] {
        assert!(refused(Some(&client), wrong, 1), "{wrong}");
    }
    assert!(refused(None, secret.expose(), 1), "unknown");
    let disabled = Client {
        disabled: true,
        ..client.clone()
    };
    assert!(refused(Some(&disabled), secret.expose(), 1));
    let public = Client {
        secrets: Vec::new(),
        ..client
    };
    assert!(
        refused(Some(&public), "", 1),
        "a public client proves nothing"
    );
}

#[test]
fn a_new_secret_leaves_the_old_one_its_time() {
    let (first, second, third) = (
        ClientSecret::generate().unwrap(),
        ClientSecret::generate().unwrap(),
        ClientSecret::generate().unwrap(),
    );
    let mut client = client(&first);
    client.add_secret(&second, at(3_600), at(0));
    for secret in [&first, &second] {
        assert!(!refused(Some(&client), secret.expose(), 3_599));
    }
    assert!(refused(Some(&client), first.expose(), 3_600));
    assert!(!refused(Some(&client), second.expose(), 3_600));
    // A later change does not give the oldest more time, and drops what is over.
    client.add_secret(&third, at(9_000), at(100));
    assert!(refused(Some(&client), first.expose(), 3_600));
    client.add_secret(&third, at(9_000), at(5_000));
    assert_eq!(client.secrets.len(), 3);
    assert_eq!(client.secrets[2].expires_at(), None);
}

#[test]
fn a_client_is_granted_what_it_may_have() {
    let secret = ClientSecret::generate().unwrap();
    let client = client(&secret);
    let proved = Client::authenticate(Some(&client), secret.expose(), at(1)).unwrap();
    let all = proved.grant(Wanted::default()).unwrap();
    assert_eq!(
        (all.scope(), all.audience()),
        ("read export", "https://api.example")
    );
    let wanted = Wanted {
        scope: Some("export"),
        audience: Some("https://store.example"),
    };
    let some = proved.grant(wanted).unwrap();
    assert_eq!(
        (some.scope(), some.audience()),
        ("export", "https://store.example")
    );

    for scope in ["admin", "read admin", "expor"] {
        let wanted = Wanted {
            scope: Some(scope),
            audience: None,
        };
        assert_eq!(proved.grant(wanted).unwrap_err(), Refused::InvalidScope);
    }
    let wanted = Wanted {
        scope: None,
        audience: Some("https://bank.example"),
    };
    assert_eq!(proved.grant(wanted).unwrap_err(), Refused::InvalidTarget);
    let nowhere = Client {
        audiences: Vec::new(),
        ..client.clone()
    };
    let proved = Client::authenticate(Some(&nowhere), secret.expose(), at(1)).unwrap();
    let refused = proved.grant(Wanted::default()).unwrap_err();
    assert_eq!(refused.oauth_error(), "invalid_target");
}
