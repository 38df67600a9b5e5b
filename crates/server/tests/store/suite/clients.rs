//! Clients: made, found, changed, deleted, and what ends with them.

use countersign::{Algorithm, SigningKey};
use countersign_issuer::Client;
use countersign_issuer::client::{Authentication, ClientKeys, ClientTerms};
use countersign_issuer::record::{AuditEvent, AuditKind, EndReason, Session};
use countersign_issuer::revoke::{Revocation, RevocationKind, RevocationPolicy};
use countersign_server::store::{ClientEnding, Created, Ending, Found, Opened, UserChange};

use crate::cast::{HOUR, audit, client, ending, in_seconds, now, seconds_ago, session, user};
use crate::fixture::Fixture;

/// Its own tokens are revoked, and the sessions opened for it end.
fn all(own_sid: &str, ending: &Ending) -> ClientEnding {
    ClientEnding {
        own_sid: Some(own_sid.to_owned()),
        sessions: true,
        ending: ending.clone(),
    }
}

impl Fixture {
    async fn add_client(&self, client: &Client) -> Created {
        let event = audit(AuditKind::ClientCreated);
        let created = self.store.create_client(client.clone(), event).await;
        created.expect("a working store")
    }

    async fn stored(&self, client_id: &str) -> Option<Client> {
        self.store.client(client_id).await.expect("works")
    }
}

pub(crate) async fn a_client_comes_back_as_it_was_stored(f: Fixture) {
    let key = SigningKey::generate(Algorithm::EdDSA).expect("a key");
    let public = key.verifying_key().to_jwk().to_public_json();
    let keys = ClientKeys::from_json(&public.expect("public")).expect("keys");
    let with_keys = Client {
        authentication: Authentication::Keys(keys),
        terms: ClientTerms::default(),
        audiences: Vec::new(),
        ..client("with-keys")
    };
    let public = Client {
        authentication: Authentication::None,
        grant_types: Vec::new(),
        scope: String::new(),
        roles: Vec::new(),
        disabled: true,
        ..client("public")
    };
    for client in [client("reports"), with_keys, public] {
        assert_eq!(f.add_client(&client).await, Created::Created);
        let found = f.stored(&client.client_id).await;
        assert_eq!(found, Some(client));
    }
    assert_eq!(f.stored("Reports").await, None, "an id is compared exactly");
    assert_eq!(f.stored("with\0nul").await, None);
    let algorithms = f.store.client_algorithms().await.expect("works");
    assert_eq!(algorithms, [Algorithm::RS256]);
}

pub(crate) async fn a_client_id_is_given_once_and_to_no_user(f: Fixture) {
    assert_eq!(f.add_client(&client("reports")).await, Created::Created);
    let again = Client {
        name: "another".into(),
        ..client("reports")
    };
    assert_eq!(f.add_client(&again).await, Created::NameTaken);
    let ada = user("ada");
    f.add(&ada).await;
    assert_eq!(f.add_client(&client(&ada.id)).await, Created::NameTaken);
    assert_eq!(f.stored("reports").await, Some(client("reports")));
    let lines = f.store.audit_log(0, 10).await.expect("works");
    assert_eq!(lines.len(), 2, "one for the client, one for the user");
}

pub(crate) async fn clients_are_listed_in_pages(f: Fixture) {
    for id in ["c", "a", "B", "b"] {
        assert_eq!(f.add_client(&client(id)).await, Created::Created);
    }
    let mut ids = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = f.store.clients(after.as_deref(), 3).await.expect("works");
        ids.extend(page.iter().map(|client| client.client_id.clone()));
        after = ids.last().cloned();
        if page.len() < 3 {
            break;
        }
    }
    assert_eq!(ids, ["B", "a", "b", "c"], "by their bytes");
}

pub(crate) async fn a_change_is_made_to_the_client_as_it_was_read(f: Fixture) {
    let _ = f.add_client(&client("reports")).await;
    let changed = Client {
        scope: "everything".into(),
        disabled: true,
        ..client("reports")
    };
    let event = || audit(AuditKind::ClientChanged);
    let first = f.store.change_client(changed.clone(), None, event()).await;
    assert_eq!(first.expect("works"), Found::Found(vec![]));
    let expected = Client {
        revision: 1,
        ..changed.clone()
    };
    assert_eq!(f.stored("reports").await, Some(expected));

    let late = f.store.change_client(changed, None, event()).await;
    assert_eq!(late.expect("works"), Found::Missing);
    let nobody = f.store.change_client(client("other"), None, event()).await;
    assert_eq!(nobody.expect("works"), Found::Missing);
    let lines = f.store.audit_log(0, 10).await.expect("works");
    let kinds: Vec<_> = lines.iter().map(|(_, line)| line.kind).collect();
    assert_eq!(kinds, [AuditKind::ClientCreated, AuditKind::ClientChanged]);
}

pub(crate) async fn what_a_client_was_granted_ends_with_it(f: Fixture) {
    let (ada, own) = f.signed_in().await;
    for id in ["reports", "shop"] {
        let _ = f.add_client(&client(id)).await;
    }
    let through = |number, client_id: &str| Session {
        client_id: client_id.into(),
        ..session(&ada, number)
    };
    let (first, second, other) = (
        through(2, "reports"),
        through(3, "reports"),
        through(4, "shop"),
    );
    for session in [&first, &second, &other] {
        assert_eq!(f.open(&ada, session).await, Opened::Opened);
    }
    let disabled = Client {
        disabled: true,
        ..client("reports")
    };
    let over = ending(EndReason::ClientChanged);
    let event = audit(AuditKind::ClientDisabled);
    let changed = f
        .store
        .change_client(disabled, Some(all("own-reports", &over)), event)
        .await;
    let Found::Found(mut ended) = changed.expect("works") else {
        panic!("the client is there");
    };
    ended.sort_by(|one, other| one.sid.cmp(&other.sid));
    let sids: Vec<_> = ended.iter().map(|ended| ended.sid.as_str()).collect();
    assert_eq!(sids, ["sid-2", "sid-3"]);

    let event = audit(AuditKind::ClientDeleted);
    let deleted = f.store.delete_client("shop", over.clone(), event).await;
    let Found::Found((own_sid, ended)) = deleted.expect("works") else {
        panic!("the client is there");
    };
    assert_eq!((own_sid.as_str(), ended.len()), ("own-shop", 1));
    assert_eq!(f.stored("shop").await, None);
    let event = audit(AuditKind::ClientDeleted);
    let again = f.store.delete_client("shop", over, event).await;
    assert_eq!(again.expect("works"), Found::Missing);

    let alive = f.store.session(own.handle).await.expect("works");
    assert_eq!(alive, Some(own), "the server's own sessions go on");
    let revoked = f.store.revocations(now()).await.expect("works");
    let mut revoked: Vec<_> = revoked
        .into_iter()
        .map(|it| (it.kind.as_str(), it.value))
        .collect();
    revoked.sort();
    let expected = [
        ("sid", "own-reports"),
        ("sid", "own-shop"),
        ("sid", "sid-2"),
        ("sid", "sid-3"),
        ("sid", "sid-4"),
    ];
    assert_eq!(
        revoked,
        expected.map(|(kind, value)| (kind, value.to_owned()))
    );
}

pub(crate) async fn of_a_client_only_what_was_taken_ends(f: Fixture) {
    let (ada, _) = f.signed_in().await;
    let _ = f.add_client(&client("reports")).await;
    let through = Session {
        client_id: "reports".into(),
        ..session(&ada, 2)
    };
    assert_eq!(f.open(&ada, &through).await, Opened::Opened);
    let over = ending(EndReason::ClientChanged);
    let changed = async |revision, own_sid: &str, what: ClientEnding| {
        let to = Client {
            own_sid: own_sid.to_owned(),
            revision,
            ..client("reports")
        };
        let event = audit(AuditKind::ClientChanged);
        let changed = f.store.change_client(to, Some(what), event).await;
        let Found::Found(ended) = changed.expect("works") else {
            panic!("the client is there");
        };
        let revoked = f.store.revocations(now()).await.expect("works");
        let mut revoked: Vec<_> = revoked.into_iter().map(|it| it.value).collect();
        revoked.sort();
        (ended.len(), revoked)
    };
    let own = ClientEnding {
        sessions: false,
        ..all("own-reports", &over)
    };
    let before = vec!["own-reports".to_owned()];
    assert_eq!(changed(0, "own-2", own).await, (0, before.clone()));
    let stored = f.stored("reports").await.expect("there");
    assert_eq!(stored.own_sid, "own-2", "what it has from now on is good");
    let users = ClientEnding {
        own_sid: None,
        ..all("", &over)
    };
    let both = [before, vec!["sid-2".to_owned()]].concat();
    assert_eq!(changed(1, "own-2", users).await, (1, both));
}

pub(crate) async fn no_session_opens_for_a_client_that_is_not_there(f: Fixture) {
    let (ada, _) = f.signed_in().await;
    let disabled = Client {
        disabled: true,
        ..client("disabled")
    };
    let _ = f.add_client(&disabled).await;
    for (number, client_id) in [(2, "disabled"), (3, "unknown")] {
        let through = Session {
            client_id: client_id.into(),
            ..session(&ada, number)
        };
        assert_eq!(f.open(&ada, &through).await, Opened::Changed);
    }
}

pub(crate) async fn another_process_notices_a_changed_client(f: Fixture) {
    let other = f.another().await;
    let mut seen = other.foreign_writes().await.expect("works");
    let mut noticed = async || {
        let now = other.foreign_writes().await.expect("works");
        std::mem::replace(&mut seen, now) != now
    };
    assert!(!noticed().await);
    let _ = f.add_client(&client("reports")).await;
    assert!(noticed().await, "created");
    let event = audit(AuditKind::ClientChanged);
    let changed = f.store.change_client(client("reports"), None, event).await;
    assert_eq!(changed.expect("works"), Found::Found(vec![]));
    assert!(noticed().await, "changed");
    let over = ending(EndReason::ClientChanged);
    let event = audit(AuditKind::ClientDeleted);
    let deleted = f.store.delete_client("reports", over, event).await;
    let nothing = ("own-reports".to_owned(), vec![]);
    assert_eq!(deleted.expect("works"), Found::Found(nothing));
    assert!(noticed().await, "deleted");
}

pub(crate) async fn an_assertion_is_used_once_until_it_has_expired(f: Fixture) {
    let other = f.another().await;
    let first = f.store.use_assertion([1; 32], in_seconds(60)).await;
    assert!(first.expect("works"));
    for store in [&f.store, &other] {
        let again = store.use_assertion([1; 32], in_seconds(600)).await;
        assert!(!again.expect("works"), "in any process");
    }
    let expired = f.store.use_assertion([2; 32], seconds_ago(1)).await;
    assert!(expired.expect("works"));
    let swept = f.store.sweep(now(), HOUR, seconds_ago(1000), 100).await;
    assert!(!swept.expect("works"), "there is no more to sweep");
    let again = f.store.use_assertion([1; 32], in_seconds(60)).await;
    assert!(!again.expect("works"), "what is alive is remembered");
    let again = f.store.use_assertion([2; 32], in_seconds(60)).await;
    assert!(again.expect("works"), "what has expired is forgotten");
}

pub(crate) async fn a_token_of_its_own_is_revoked(f: Fixture) {
    let policy = RevocationPolicy::default();
    let revocation = Revocation::token("jti-1", in_seconds(100), &policy, now());
    let event = audit(AuditKind::TokenRevoked);
    f.store
        .revoke(revocation.clone(), event)
        .await
        .expect("works");
    let revoked = f.store.revocations(now()).await.expect("works");
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0].kind, RevocationKind::Token);
    assert_eq!(
        (&revoked[0].value, revoked[0].until),
        (&revocation.value, revocation.until)
    );
    let another = Revocation::token("jti-2", in_seconds(100), &policy, now());
    let event = AuditEvent {
        detail: Some("jti-2".into()),
        ..audit(AuditKind::TokenRevoked)
    };
    f.store.revoke(another, event).await.expect("works");
    let revoked = f.store.revocations(now()).await.expect("works");
    assert_eq!(revoked.len(), 2);
    let lines = f.store.audit_log(0, 10).await.expect("works");
    let details: Vec<_> = lines
        .iter()
        .map(|(_, line)| line.detail.as_deref())
        .collect();
    assert_eq!(details, [None, Some("jti-2")], "a line each");
}

pub(crate) async fn scope_that_is_taken_away_ends_every_session(f: Fixture) {
    let (ada, _) = f.signed_in().await;
    let change = |scope: &str| UserChange {
        scope: Some(scope.into()),
        ..UserChange::default()
    };
    let more = "orders:write orders:read orders:list";
    let over = ending(EndReason::ScopeTaken);
    let lines = || vec![audit(AuditKind::UserChanged)];
    let given = f
        .store
        .change_user(&ada.id, change(more), over.clone(), lines())
        .await;
    assert_eq!(given.expect("works"), Found::Found(vec![]));
    let found = f.store.user(&ada.id).await.expect("works").expect("ada");
    assert_eq!(found.scope, more);
    let taken = f
        .store
        .change_user(&ada.id, change("orders:read"), over, lines())
        .await;
    let Found::Found(ended) = taken.expect("works") else {
        panic!("ada is there");
    };
    assert_eq!(ended.len(), 1);
}
