//! What a guard has decided: the server's over its own routes, or the sidecar's.

use countersign_guard::Counts;

use super::family::{Family, Kind, LabelName, Values};
use super::page::Page;

/// The families of [`write()`], in its order.
pub const FAMILIES: &[&Family] = &[&ACCEPTED, &ACCEPTED_LEGACY, &REFUSED, &LOOKUPS];

static ACCEPTED: Family = Family {
    name: "countersign_guard_accepted_total",
    kind: Kind::Counter,
    labels: &[],
    means: "Requests whose token was let in",
    watch: "",
};

static ACCEPTED_LEGACY: Family = Family {
    name: "countersign_guard_accepted_legacy_total",
    kind: Kind::Counter,
    labels: &[],
    means: "Those of them that had a token of the old kind, as a migration allows",
    watch: "When it no longer grows, the old secret can go.",
};

static REFUSED: Family = Family {
    name: "countersign_guard_refused_total",
    kind: Kind::Counter,
    labels: &[LabelName {
        name: "reason",
        values: Values::Told(
            "the [reason code](reasons.md) of a refusal; there is no line for what has not happened yet",
        ),
    }],
    means: "Requests that were not let in, by reason",
    watch: "Many `unknown_key` after a rotation are a guard that cannot fetch; `bad_signature` is \
            somebody trying; `keys_too_old` and `revocations_too_old` are an issuer out of reach.",
};

static LOOKUPS: Family = Family {
    name: "countersign_guard_cache_lookups_total",
    kind: Kind::Counter,
    labels: &[LabelName {
        name: "result",
        values: Values::Listed(&["hit", "miss"]),
    }],
    means: "Tokens looked for among those that were verified before",
    watch: "",
};

/// What a guard has decided, or several together.
pub fn write(page: &mut Page, counts: &Counts) {
    page.family(&ACCEPTED).is(&[], counts.accepted);
    page.family(&ACCEPTED_LEGACY)
        .is(&[], counts.accepted_legacy);
    let mut refused = page.family(&REFUSED);
    for (reason, count) in &counts.refused {
        refused.is(&[reason], count);
    }
    page.family(&LOOKUPS)
        .is(&["hit"], counts.cache_hits)
        .is(&["miss"], counts.cache_misses);
}
