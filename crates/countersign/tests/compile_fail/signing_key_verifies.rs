//! A private key does not stand in a set of keys that verify.

use countersign::{KeySet, SigningKey};

fn trust(key: SigningKey) {
    let _ = KeySet::new([key]);
}

fn main() {}
