//! A key that verifies does not sign.

use countersign::{Signer, VerifyingKey};

fn sign(key: VerifyingKey) {
    let _ = Signer::new(key);
}

fn main() {}
