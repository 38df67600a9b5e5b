//! What an operator may decide, and what is refused before anything is opened.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign::Algorithm;
use countersign_issuer::SessionPolicy;
use countersign_server::config::Limits;
use countersign_server::{Config, ConfigError, Database, PlainHttp};

#[test]
fn plain_http_is_for_loopback_unless_it_is_said() {
    let open = Config {
        listen: ([0, 0, 0, 0], 80).into(),
        issuer: Some("https://id.example".into()),
        ..Config::default()
    };
    assert!(matches!(open.check(), Err(ConfigError::PlainHttp(_))));
    for said in [PlainHttp::BehindProxy, PlainHttp::Insecure] {
        assert!(
            Config {
                plain_http: said,
                ..open.clone()
            }
            .check()
            .is_ok()
        );
    }
    assert!(Config::default().check().is_ok());
}

#[test]
fn issuers_that_guards_could_not_compare_are_refused() {
    let good = [
        "https://id.example",
        "https://id.example/tenant",
        "http://127.0.0.1:7800",
    ];
    let bad = [
        "id.example",
        "http://id.example",
        "https://",
        "https://id.example/",
        "https://id.example?x",
        "http://127.0.0.1.evil.example",
    ];
    let with = |issuer: &str| Config {
        issuer: Some(issuer.to_owned()),
        ..Config::default()
    };
    for issuer in good {
        assert!(with(issuer).check().is_ok(), "{issuer}");
    }
    for issuer in bad {
        let refused = with(issuer).check().expect_err(issuer);
        assert!(matches!(refused, ConfigError::Issuer(_)), "{issuer}");
    }
}

#[test]
fn an_origin_is_spelled_as_browsers_do() {
    let good = [
        "https://app.example.com",
        "https://app.example.com:8443",
        "http://127.0.0.1:5173",
        "http://localhost:5173",
    ];
    let bad = [
        "*",
        "null",
        "app.example.com",
        "https://app.example.com/",
        "https://app.example.com/app",
        "https://App.example.com",
        "https://app.example.com:443",
        "http://app.example.com",
        "https://ada@app.example.com",
        "https://*.example.com",
        "https://a.example,https://b.example",
    ];
    let with = |origin: &str| Config {
        browser_origins: vec![origin.to_owned()],
        ..Config::default()
    };
    for origin in good {
        assert!(with(origin).check().is_ok(), "{origin}");
    }
    for origin in bad {
        let refused = with(origin).check().expect_err(origin);
        assert!(matches!(refused, ConfigError::BrowserOrigin(_)), "{origin}");
    }
}

#[test]
fn an_address_that_others_cannot_call_is_no_issuer() {
    let near = Config {
        plain_http: PlainHttp::BehindProxy,
        ..Config::default()
    };
    let everywhere = |listen| Config {
        listen,
        plain_http: PlainHttp::Insecure,
        ..Config::default()
    };
    let v4 = everywhere(([0, 0, 0, 0], 80).into());
    let v6 = everywhere(([0; 8], 80).into());
    for config in [near, v4, v6] {
        let refused = config.check().expect_err("no guard could be told");
        assert!(matches!(refused, ConfigError::IssuerUnset(_)));
        assert!(refused.to_string().contains("--issuer URL"), "{refused}");
        let issuer = Some("https://id.example".into());
        assert!(Config { issuer, ..config }.check().is_ok());
    }
    assert!(everywhere(([192, 0, 2, 7], 80).into()).check().is_ok());
}

#[test]
fn a_shared_secret_signs_nothing_here() {
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let first = Config {
            algorithm,
            ..Config::default()
        };
        let other = Config {
            other_audiences: BTreeMap::from([("legacy".to_owned(), algorithm)]),
            ..Config::default()
        };
        for (config, name) in [(first, "`api`"), (other, "`legacy`")] {
            let refused = config.check().expect_err("nobody could check it");
            assert!(matches!(refused, ConfigError::SharedSecret { .. }));
            assert!(refused.to_string().contains(name), "{refused}");
        }
    }
    for algorithm in Algorithm::all().filter(|algorithm| !algorithm.is_symmetric()) {
        let config = Config {
            algorithm,
            ..Config::default()
        };
        assert!(config.check().is_ok(), "{algorithm}");
    }
}

#[test]
fn a_server_that_answers_nobody_is_not_started() {
    let least = Limits {
        in_flight: 1,
        ..Limits::default().with_connections(1)
    };
    let config = |limits| Config {
        limits,
        ..Config::default()
    };
    assert!(config(least).check().is_ok());
    let none: [(fn(&mut Limits), _); 5] = [
        (|it| it.connections = 0, "max_connections "),
        (|it| it.connections_per_network = 0, "_connections_per_"),
        (|it| it.in_flight = 0, "max_in_flight "),
        (|it| it.followers = 0, "max_followers "),
        (|it| it.followers_per_network = 0, "_followers_per_"),
    ];
    for (without, name) in none {
        let mut limits = least;
        without(&mut limits);
        let refused = config(limits).check().expect_err("nobody is answered");
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[test]
fn a_database_is_named_by_its_engine() {
    let file = |text| match Database::parse(text) {
        Ok(Database::Sqlite(path)) => Some(path),
        _ => None,
    };
    assert_eq!(file("sqlite:a.db"), Some("a.db".into()));
    assert_eq!(file("sqlite:///var/a.db"), Some("/var/a.db".into()));
    assert_eq!(file("sqlite:"), None);
    let shared = Database::parse("postgres://ada:s3cret@db/countersign").expect("a URL");
    assert!(!format!("{shared:?} {shared}").contains("s3cret"));
    let refused = Database::parse("mysql://ada:s3cret@db/x").expect_err("not ours");
    assert!(!format!("{refused:?} {refused}").contains("s3cret"));
}

#[test]
fn the_audience_of_administration_has_a_name() {
    let named = |name: &str| Config {
        admin_audience: Some(name.to_owned()),
        ..Config::default()
    };
    let refused = named("").check();
    assert!(matches!(refused, Err(ConfigError::AdminAudience)));
    assert!(named("admin").check().is_ok());
    let usual = named("api").check().expect_err("no other than without it");
    assert!(matches!(&usual, ConfigError::AdminAudienceUsual(name) if name == "api"));
    let audience = "shop".into();
    let elsewhere = Config {
        audience,
        ..named("api")
    };
    assert!(elsewhere.check().is_ok());
}

#[test]
fn a_proxy_is_not_everybody() {
    let trusting = |networks: &[&str]| Config {
        trusted_proxies: networks
            .iter()
            .map(|network| network.parse().expect("a network"))
            .collect(),
        ..Config::default()
    };
    assert!(trusting(&["10.0.0.0/8", "fd00::/8"]).check().is_ok());
    for all in ["0.0.0.0/0", "::/0"] {
        let refused = trusting(&["10.0.0.0/8", all]).check();
        assert!(
            matches!(&refused, Err(ConfigError::EverybodyTrusted(network)) if network.to_string() == all),
            "{refused:?}"
        );
    }
}

#[test]
fn a_session_is_unused_no_longer_than_it_lasts() {
    let day = Duration::from_secs(86_400);
    let with = |idle, absolute, grace| Config {
        sessions: SessionPolicy {
            idle,
            absolute,
            grace: Duration::from_secs(grace),
        },
        ..Config::default()
    };
    assert!(with(7 * day, 7 * day, 30).check().is_ok());
    let refused = with(8 * day, 7 * day, 30)
        .check()
        .expect_err("it ends sooner");
    let said = refused.to_string();
    assert!(
        said.contains("unused for 8 days and be over after 7 days"),
        "{said}"
    );
    let refused = with(8 * day, day / 2, 30)
        .check()
        .expect_err("it ends sooner");
    assert!(refused.to_string().contains("after 43200 s"), "{refused}");
    for (sessions, says) in [
        (with(Duration::ZERO, day, 30), "at least a second"),
        (with(day, day, 301), "at most 300 s"),
    ] {
        let refused = sessions.check().expect_err("no session like that");
        assert!(refused.to_string().contains(says), "{refused}");
    }
}
