//! Counts the allocations of one verification and one signature.
#![expect(clippy::print_stdout, reason = "a program that prints a table")]

use std::error::Error;

use allocation_counter::measure;
use countersign::{Algorithm, UnixTime};
use countersign_benches::{Borrowed, Owned, claims, signer, token, verifier};

fn main() -> Result<(), Box<dyn Error>> {
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
        println!(
            "{algorithm}: verify, owned claims {}; verify, borrowed claims {}; sign {}",
            owned.count_total, borrowed.count_total, making.count_total
        );
    }
    Ok(())
}
