//! A `Verified` comes from a `Verifier` only.

use countersign::Verified;

fn main() {
    let _: Verified<()> = Verified { claims: () };
}
