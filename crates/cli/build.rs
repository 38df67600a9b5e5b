//! The release build is linked without symbols: Cargo forgets the profile's `strip` for a package whose
//! `opt-level` the profile sets apart, as it does for this one.

use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    let small = is("OPT_LEVEL", "s") && is("DEBUG", "false");
    if small && is("CARGO_CFG_TARGET_OS", "linux") {
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
}
