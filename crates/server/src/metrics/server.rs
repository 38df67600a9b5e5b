//! The server's page: what each number means, and all of them written in one place.

use countersign::UnixTime;
use countersign_guard::Counts;

use super::family::{Family, Kind, LabelName, Values};
use super::flows::{FlowCounts, Login, Refreshed};
use super::label::Label;
use super::page::Page;
use super::standing::Standing;
use super::stored::{Asked, StoreCounts, StoreFailure};
use super::traffic::{
    Connections, Endpoint, OauthCounts, OauthOutcome, StatusClass, Traffic, Unconnected, Unrouted,
};
use super::{guarded, process};

/// Where the numbers of one server are.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    /// Since when it serves.
    pub(crate) since: UnixTime,
    pub(crate) flows: &'a FlowCounts,
    pub(crate) store: &'a StoreCounts,
    pub(crate) oauth: &'a OauthCounts,
    pub(crate) traffic: &'a Traffic,
    pub(crate) connections: &'a Connections,
    pub(crate) guard: &'a Counts,
    pub(crate) standing: Standing,
}

/// What the server counts by itself, in the order of the page; before it comes what the process is,
/// after it what the guards over the server's own routes decide.
pub(super) const FAMILIES: &[&Family] = &[
    &LOGINS,
    &REFRESHES,
    &OAUTH,
    &HASH_SECONDS,
    &HASH_REFUSED,
    &HASH_WAITING,
    &HASH_ROOM,
    &HASH_LANES,
    &HASH_BUSY,
    &STORE_SECONDS,
    &STORE_FAILED,
    &STORE_COMMIT,
    &STORE_GROUP,
    &KEYS,
    &KEY_AGE,
    &KEY_CHANGE,
    &REFRESH_KEY_AGE,
    &FOLLOWERS,
    &REVOCATIONS,
    &REQUESTS,
    &REQUEST_SECONDS,
    &UNROUTED,
    &IN_FLIGHT,
    &CONNECTIONS,
    &ACCEPTED,
    &FULL,
    &UNCONNECTED,
];

/// The page as it is now.
pub(crate) fn page(sources: &Sources<'_>) -> String {
    let mut page = Page::default();
    process::write(&mut page, sources.since);
    flows(&mut page, sources);
    hashing(&mut page, sources);
    store(&mut page, sources.store);
    standing(&mut page, &sources.standing);
    traffic(&mut page, sources);
    guarded::write(&mut page, sources.guard);
    page.finish()
}

static LOGINS: Family = Family {
    name: "countersign_logins_total",
    kind: Kind::Counter,
    labels: &[LabelName {
        name: "result",
        values: Values::Listed(Login::TEXTS),
    }],
    means: "Sign-ins (`POST /login`), by how they ended",
    watch: "A rise of `invalid_credentials` or `too_many_attempts` is somebody guessing, or a client with an \
            old password; `hash_queue_full` means that hashing is the bottleneck: more lanes, or a cheaper hash.",
};

static REFRESHES: Family = Family {
    name: "countersign_refreshes_total",
    kind: Kind::Counter,
    labels: &[LabelName {
        name: "outcome",
        values: Values::Listed(Refreshed::TEXTS),
    }],
    means: "Exchanges of a refresh token (`POST /refresh` and `POST /oauth/token`), by how they ended",
    watch: "`refresh_reused` is a stolen token, or a client that forgets what it was given; any \
            `rollback_or_forgery` is a database that went back in time, or a leaked key: look at the audit log. Many \
            `grace` are answers that get lost on the way.",
};

static OAUTH: Family = Family {
    name: "countersign_oauth_requests_total",
    kind: Kind::Counter,
    labels: &[
        LabelName {
            name: "endpoint",
            values: Values::Listed(Endpoint::TEXTS),
        },
        LabelName {
            name: "outcome",
            values: Values::Listed(OauthOutcome::TEXTS),
        },
    ],
    means: "Requests to the OAuth endpoints, by endpoint and by the `error` they were answered with",
    watch: "A steady `invalid_client` is a service with an old secret, or somebody guessing.",
};

static HASH_SECONDS: Family = Family {
    name: "countersign_hash_seconds",
    kind: Kind::Histogram,
    labels: &[],
    means: "How long a hashing lane works on one password, without the wait for it",
    watch: "",
};

static HASH_REFUSED: Family = Family {
    name: "countersign_hash_refused_total",
    kind: Kind::Counter,
    labels: &[],
    means: "Passwords that were not hashed because the queue was full (503)",
    watch: "Anything above zero: users are sent away.",
};

static HASH_WAITING: Family = Family {
    name: "countersign_hash_waiting",
    kind: Kind::Gauge,
    labels: &[],
    means: "Passwords that wait for a lane",
    watch: "",
};

static HASH_ROOM: Family = Family {
    name: "countersign_hash_queue_size",
    kind: Kind::Gauge,
    labels: &[],
    means: "How many passwords may wait (`hash_queue`)",
    watch: "",
};

static HASH_LANES: Family = Family {
    name: "countersign_hash_lanes",
    kind: Kind::Gauge,
    labels: &[],
    means: "How many passwords are hashed at once, at most (`hash_lanes`)",
    watch: "",
};

static HASH_BUSY: Family = Family {
    name: "countersign_hash_lanes_busy",
    kind: Kind::Gauge,
    labels: &[],
    means: "Lanes that work",
    watch: "",
};

static STORE_SECONDS: Family = Family {
    name: "countersign_store_seconds",
    kind: Kind::Histogram,
    labels: &[LabelName {
        name: "kind",
        values: Values::Listed(Asked::TEXTS),
    }],
    means: "From asking the database to its answer, waiting included; a write is durable by then. The looks at what \
            other processes did, several times a second, are among them",
    watch: "A 99th percentile that rises is a slow disk or a database with too much to do.",
};

static STORE_FAILED: Family = Family {
    name: "countersign_store_failed_total",
    kind: Kind::Counter,
    labels: &[LabelName {
        name: "error",
        values: Values::Listed(StoreFailure::TEXTS),
    }],
    means: "What the database was asked for and did not do, by why",
    watch: "Anything above zero, and any `corrupt` at once.",
};

static STORE_COMMIT: Family = Family {
    name: "countersign_store_commit_seconds",
    kind: Kind::Histogram,
    labels: &[],
    means: "From the beginning of a transaction that holds a group of writes until it is durable (SQLite only)",
    watch: "It is little more than one `fdatasync`: what the disk takes.",
};

static STORE_GROUP: Family = Family {
    name: "countersign_store_group_size",
    kind: Kind::Histogram,
    labels: &[],
    means: "Writes that were made durable together (SQLite only)",
    watch: "",
};

const STATES: &[&str] = &["pending", "signing", "retiring"];
const OF_KEYS: &[LabelName] = &[
    LabelName {
        name: "algorithm",
        values: Values::Told("an algorithm that access tokens are signed with, such as `ES256`"),
    },
    LabelName {
        name: "state",
        values: Values::Listed(STATES),
    },
];

static KEYS: Family = Family {
    name: "countersign_signing_keys",
    kind: Kind::Gauge,
    labels: OF_KEYS,
    means: "Signing keys that are published, by algorithm and state",
    watch: "",
};

static KEY_AGE: Family = Family {
    name: "countersign_signing_key_age_seconds",
    kind: Kind::Gauge,
    labels: OF_KEYS,
    means: "For how long the oldest key of this algorithm has been in this state",
    watch: "",
};

static KEY_CHANGE: Family = Family {
    name: "countersign_signing_key_next_change_timestamp_seconds",
    kind: Kind::Gauge,
    labels: &[],
    means: "When the next change of the signing keys is planned, since 1970; no line if none is",
    watch: "A moment that has been over for minutes is a rotation that fails: the log says why.",
};

static REFRESH_KEY_AGE: Family = Family {
    name: "countersign_refresh_key_age_seconds",
    kind: Kind::Gauge,
    labels: &[],
    means: "How old the key is that refresh tokens are made with",
    watch: "",
};

static FOLLOWERS: Family = Family {
    name: "countersign_feed_followers",
    kind: Kind::Gauge,
    labels: &[],
    means: "Guards that follow the feed of revocations over a stream",
    watch: "Fewer than there should be: a guard that does not follow refuses a revoked token only when it \
            expires.",
};

static REVOCATIONS: Family = Family {
    name: "countersign_revocations_live",
    kind: Kind::Gauge,
    labels: &[],
    means: "Revocations that some token alive can be concerned by",
    watch: "",
};

static REQUESTS: Family = Family {
    name: "countersign_http_requests_total",
    kind: Kind::Counter,
    labels: &[
        LabelName {
            name: "route",
            values: Values::Told(
                "a path of [the HTTP routes](http.md), or `none` for whatever is not there",
            ),
        },
        LabelName {
            name: "status",
            values: Values::Listed(StatusClass::TEXTS),
        },
    ],
    means: "Requests that were answered, by route and by the hundred of the status",
    watch: "`5xx` above one in a hundred: the database, most likely.",
};

static REQUEST_SECONDS: Family = Family {
    name: "countersign_http_request_seconds",
    kind: Kind::Histogram,
    labels: &[LabelName {
        name: "route",
        values: Values::Told("as in `countersign_http_requests_total`"),
    }],
    means: "From a request's head to the head of its answer; the feed's streams go on after that",
    watch: "The 99th percentile of `/refresh` and `/oauth/token` is what clients wait for.",
};

static UNROUTED: Family = Family {
    name: "countersign_http_refused_total",
    kind: Kind::Counter,
    labels: &[LabelName {
        name: "reason",
        values: Values::Listed(Unrouted::TEXTS),
    }],
    means: "Requests that a limit kept from their route, which are not among the requests above",
    watch: "`too_busy` is a server at `max_in_flight`, or somebody who sends no bodies; \
            `too_many_connections` a network at `max_connections_per_network`.",
};

static IN_FLIGHT: Family = Family {
    name: "countersign_http_in_flight",
    kind: Kind::Gauge,
    labels: &[],
    means: "Requests being answered",
    watch: "",
};

static CONNECTIONS: Family = Family {
    name: "countersign_connections_open",
    kind: Kind::Gauge,
    labels: &[],
    means: "Connections that are open",
    watch: "",
};

static ACCEPTED: Family = Family {
    name: "countersign_connections_accepted_total",
    kind: Kind::Counter,
    labels: &[],
    means: "Connections that were accepted",
    watch: "",
};

static FULL: Family = Family {
    name: "countersign_connections_full_total",
    kind: Kind::Counter,
    labels: &[],
    means: "How often there were as many connections as there may be, and who came had to wait",
    watch: "Anything above zero: `max_connections` is too low, or somebody holds connections open.",
};

static UNCONNECTED: Family = Family {
    name: "countersign_connections_failed_total",
    kind: Kind::Counter,
    labels: &[LabelName {
        name: "reason",
        values: Values::Listed(Unconnected::TEXTS),
    }],
    means: "Connections that never came to ask anything",
    watch: "`accept` is a process out of file descriptors; a rise of `handshake` may be a certificate clients do \
            not accept.",
};

fn flows(page: &mut Page, sources: &Sources<'_>) {
    let FlowCounts {
        logins, refreshes, ..
    } = sources.flows;
    page.family(&LOGINS).are(&[], logins);
    page.family(&REFRESHES).are(&[], refreshes);
    let mut oauth = page.family(&OAUTH);
    for endpoint in [Endpoint::Token, Endpoint::Introspect, Endpoint::Revoke] {
        oauth.are(&[endpoint.text()], sources.oauth.of(endpoint));
    }
}

fn hashing(page: &mut Page, sources: &Sources<'_>) {
    let (hashing, lanes) = (&sources.flows.hashing, sources.standing.hashing);
    page.family(&HASH_SECONDS).spread(&[], &hashing.seconds);
    page.family(&HASH_REFUSED).is(&[], hashing.refused.read());
    page.family(&HASH_WAITING).is(&[], lanes.waiting);
    page.family(&HASH_ROOM).is(&[], lanes.room);
    page.family(&HASH_LANES).is(&[], lanes.lanes);
    page.family(&HASH_BUSY).is(&[], lanes.busy);
}

fn store(page: &mut Page, store: &StoreCounts) {
    let mut seconds = page.family(&STORE_SECONDS);
    for asked in [Asked::Read, Asked::Write] {
        seconds.spread(&[asked.text()], store.of(asked));
    }
    page.family(&STORE_FAILED).are(&[], &store.failed);
    page.family(&STORE_COMMIT).spread(&[], &store.commit);
    page.family(&STORE_GROUP).spread(&[], &store.group);
}

fn standing(page: &mut Page, standing: &Standing) {
    let mut keys = page.family(&KEYS);
    for of in &standing.keys {
        keys.is(&[of.algorithm, of.state], of.keys);
    }
    let mut ages = page.family(&KEY_AGE);
    for of in &standing.keys {
        ages.is(&[of.algorithm, of.state], of.age.as_secs());
    }
    let mut change = page.family(&KEY_CHANGE);
    if let Some(at) = standing.next_key_change {
        change.is(&[], at.as_secs());
    }
    let mut age = page.family(&REFRESH_KEY_AGE);
    if let Some(old) = standing.refresh_key_age {
        age.is(&[], old.as_secs());
    }
    page.family(&FOLLOWERS).is(&[], standing.followers);
    page.family(&REVOCATIONS).is(&[], standing.revocations);
}

fn traffic(page: &mut Page, sources: &Sources<'_>) {
    let mut requests = page.family(&REQUESTS);
    for (route, counts) in sources.traffic.read() {
        requests.are(&[route], &counts.answers);
    }
    let mut seconds = page.family(&REQUEST_SECONDS);
    for (route, counts) in sources.traffic.read() {
        seconds.spread(&[route], &counts.seconds);
    }
    let connections = sources.connections;
    page.family(&UNROUTED).are(&[], &connections.refused);
    page.family(&IN_FLIGHT).is(&[], connections.now_in_flight());
    page.family(&CONNECTIONS).is(&[], connections.now_open());
    page.family(&ACCEPTED).is(&[], connections.accepted.read());
    page.family(&FULL).is(&[], connections.full.read());
    page.family(&UNCONNECTED).are(&[], &connections.failed);
}
