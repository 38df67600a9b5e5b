//! What must not compile: each file of `tests/compile_fail` says in its first line why.

#[test]
fn proofs_cannot_be_forged_and_keys_do_not_cross() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
