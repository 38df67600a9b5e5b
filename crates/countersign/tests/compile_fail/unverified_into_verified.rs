//! No road leads from a look without trust to a `Verified`.

use countersign::{Unverified, Verified};

fn main() {
    let seen = Unverified::parse("a.b.c").unwrap();
    let _: Verified<serde_json::Value> = seen.into();
}
