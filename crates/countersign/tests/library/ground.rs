//! What the tests stand on: vectors from files, verifiers that ask for little.

use countersign::{
    AlgorithmRule, AudienceRule, IssuerRule, Jwk, KeyError, KeySet, Rules, Verifier, VerifyingKey,
};
use serde_json::Value;

/// A file below `tests/vectors`.
pub(crate) fn vectors(path: &str) -> Value {
    let path = format!("{}/../../tests/vectors/{path}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Rules that leave everything to the signature.
pub(crate) fn any_rules() -> Rules {
    Rules::new(
        IssuerRule::any(),
        AudienceRule::any(),
        AlgorithmRule::of_the_keys(),
    )
    .any_typ()
    .without_expiry()
}

/// A verifier for one key, or for a set of them, under [`any_rules`].
pub(crate) fn verifier(keys: &Value) -> Result<Verifier, KeyError> {
    let set = if keys.get("keys").is_some() {
        KeySet::from_private_json(keys.to_string())?
    } else {
        KeySet::new([VerifyingKey::from_jwk(&Jwk::from_json(keys.to_string())?)?])?
    };
    Ok(Verifier::new(any_rules(), set))
}

/// A verifier for one key that does not say its algorithm.
pub(crate) fn verifier_for(key: &Value, algorithm: &str) -> Verifier {
    let jwk = Jwk::from_json(key.to_string()).unwrap();
    let jwk = jwk.for_algorithm(algorithm.parse().unwrap()).unwrap();
    let keys = KeySet::new([VerifyingKey::from_jwk(&jwk).unwrap()]).unwrap();
    Verifier::new(any_rules(), keys)
}
