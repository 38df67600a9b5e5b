//! Counts the allocations of one verification and one signature.

use std::error::Error;

use allocation_counter::measure;
use countersign::{Algorithm, UnixTime};
use countersign_benches::section::Section;
use countersign_benches::token::{Borrowed, Owned, claims, signer, token, verifier};

fn main() -> Result<(), Box<dyn Error>> {
    let mut rows = Vec::new();
    for algorithm in [
        Algorithm::HS256,
        Algorithm::ES256,
        Algorithm::EdDSA,
        Algorithm::RS256,
    ] {
        let signer = signer(algorithm)?;
        let token = token(&signer)?;
        let verifier = verifier(&signer)?;
        let now = UnixTime::now();
        let claims = claims(now);
        // The first token teaches the verifier the header.
        verifier.verify::<Owned>(&token, now)?;
        let owned = measure(|| assert!(verifier.verify::<Owned>(&token, now).is_ok()));
        let borrowed = measure(|| {
            let mut buffer = Vec::new();
            assert!(
                verifier
                    .verify_in::<Borrowed<'_>>(&token, now, &mut buffer)
                    .is_ok()
            );
        });
        let making = measure(|| assert!(signer.sign(&claims).is_ok()));
        rows.push([
            algorithm.to_string(),
            owned.count_total.to_string(),
            borrowed.count_total.to_string(),
            making.count_total.to_string(),
        ]);
    }
    Section::new("Allocations of one call")
        .says("Of 12, 11 are the strings of the claims themselves and the list that holds some of them.")
        .table(
            &["", "verify, owned claims", "verify, borrowed claims", "sign"],
            rows,
        )
        .print();
    Ok(())
}
