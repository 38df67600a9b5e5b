//! The sidecar's page of numbers.

use std::time::Duration;

use countersign::UnixTime;
use countersign_guard::forward::{Decided, ForwardAuth, ForwardCounts};
use countersign_guard::{AnyClaims, IssuerHealth, NewsBy};
use countersign_server::metrics::family::{Family, Kind, LabelName, Values};
use countersign_server::metrics::{Page, guarded, process};

/// Every family of the page, in its order.
pub(crate) fn families() -> impl Iterator<Item = &'static Family> {
    let all = [process::FAMILIES, FAMILIES, guarded::FAMILIES];
    all.into_iter().flatten().copied()
}

/// The page as it is now.
pub(super) fn page(forward: &ForwardAuth<AnyClaims>, since: UnixTime) -> String {
    let mut page = Page::default();
    process::write(&mut page, since);
    decisions(&mut page, forward.counts());
    issuers(&mut page, &forward.guard().health(UnixTime::now()));
    guarded::write(&mut page, &forward.guard().counts());
    page.finish()
}

const FAMILIES: &[&Family] = &[
    &DECISIONS,
    &READY,
    &KEYS,
    &KEY_AGE,
    &FETCHES,
    &REVOCATIONS,
    &NEWS_AGE,
    &NEWS_BY,
];

static DECISIONS: Family = Family {
    name: "countersign_forward_decisions_total",
    kind: Kind::Counter,
    labels: &[
        LabelName {
            name: "rule",
            values: Values::Listed(&["public", "optional", "token", "closed", "unread"]),
        },
        LabelName {
            name: "outcome",
            values: Values::Listed(&["passed", "refused"]),
        },
    ],
    means: "Questions of the proxy, by what the rule asks for and by the answer",
    watch: "`unread` is a proxy that does not say which request it asks about (its settings are wrong), or a \
            path that can be read in two ways.",
};

const ISSUER: LabelName = LabelName {
    name: "issuer",
    values: Values::Told("the issuer's name, as it was given with `--issuer`"),
};

static READY: Family = Family {
    name: "countersign_issuer_ready",
    kind: Kind::Gauge,
    labels: &[ISSUER],
    means: "1 if the tokens of this issuer can be let in, 0 if none can: no keys, or news that are too old",
    watch: "0 for a minute: every request that needs a token is refused.",
};

static KEYS: Family = Family {
    name: "countersign_issuer_keys",
    kind: Kind::Gauge,
    labels: &[ISSUER],
    means: "Keys of the issuer that are held",
    watch: "",
};

static KEY_AGE: Family = Family {
    name: "countersign_issuer_key_age_seconds",
    kind: Kind::Gauge,
    labels: &[ISSUER],
    means: "How long ago the issuer's keys were fetched; no line before they were",
    watch: "They are fetched every ten minutes at least. Past an hour the issuer is out of reach, and past \
            `--keys-good-for` every token is refused.",
};

static FETCHES: Family = Family {
    name: "countersign_issuer_key_fetches_total",
    kind: Kind::Counter,
    labels: &[
        ISSUER,
        LabelName {
            name: "outcome",
            values: Values::Listed(&["ok", "failed"]),
        },
    ],
    means: "Fetches of the issuer's keys, by age and because a token named an unknown one",
    watch: "",
};

static REVOCATIONS: Family = Family {
    name: "countersign_issuer_revocations_live",
    kind: Kind::Gauge,
    labels: &[ISSUER],
    means: "Revocations of the issuer that some token alive can be concerned by",
    watch: "",
};

static NEWS_AGE: Family = Family {
    name: "countersign_issuer_revocations_age_seconds",
    kind: Kind::Gauge,
    labels: &[ISSUER],
    means: "How old the news of revocations are; no line if none are followed, or none have come yet",
    watch: "Above ten seconds, tokens that were taken back are let in until they expire.",
};

static NEWS_BY: Family = Family {
    name: "countersign_issuer_revocations_by",
    kind: Kind::Gauge,
    labels: &[
        ISSUER,
        LabelName {
            name: "by",
            values: Values::Listed(&["stream", "snapshots", "nothing", "owner"]),
        },
    ],
    means: "1 for the way the news of revocations come: a stream, snapshots asked for again and again, nothing at the \
            moment; or the issuer publishes none (`owner`)",
    watch: "`snapshots` from a Countersign server is a proxy that does not let streams through; `nothing` for a \
            minute is a feed out of reach.",
};

fn decisions(page: &mut Page, counts: ForwardCounts) {
    let mut decisions = page.family(&DECISIONS);
    for (rule, decided) in [
        ("public", counts.public),
        ("optional", counts.optional),
        ("token", counts.token),
        ("closed", counts.closed),
        ("unread", counts.unread),
    ] {
        let Decided {
            passed, refused, ..
        } = decided;
        decisions.is(&[rule, "passed"], passed);
        decisions.is(&[rule, "refused"], refused);
    }
}

fn issuers(page: &mut Page, issuers: &[IssuerHealth]) {
    let named = || {
        let name = |health: &IssuerHealth| health.issuer.clone().unwrap_or_default();
        issuers.iter().map(move |health| (name(health), health))
    };
    // What has not come yet has no age.
    let known = |age: Option<Duration>| age.filter(|age| *age != Duration::MAX);
    let mut ready = page.family(&READY);
    for (issuer, health) in named() {
        ready.is(&[&issuer], u8::from(health.refuses.is_none()));
    }
    let mut keys = page.family(&KEYS);
    for (issuer, health) in named() {
        keys.is(&[&issuer], health.keys);
    }
    let mut ages = page.family(&KEY_AGE);
    for (issuer, health) in named() {
        if let Some(age) = known(health.key_age) {
            ages.is(&[&issuer], age.as_secs());
        }
    }
    let mut fetches = page.family(&FETCHES);
    for (issuer, health) in named() {
        fetches.is(&[&issuer, "ok"], health.key_fetches);
        fetches.is(&[&issuer, "failed"], health.failed_key_fetches);
    }
    let mut revocations = page.family(&REVOCATIONS);
    for (issuer, health) in named() {
        revocations.is(&[&issuer], health.revocations);
    }
    let mut news = page.family(&NEWS_AGE);
    for (issuer, health) in named() {
        if let Some(age) = known(health.news_age) {
            news.is(&[&issuer], age.as_secs());
        }
    }
    let mut ways = page.family(&NEWS_BY);
    for (issuer, health) in named() {
        for (by, word) in [
            (NewsBy::Stream, "stream"),
            (NewsBy::Snapshots, "snapshots"),
            (NewsBy::Nothing, "nothing"),
            (NewsBy::Owner, "owner"),
        ] {
            ways.is(&[&issuer, word], u8::from(health.news_by == by));
        }
    }
}
