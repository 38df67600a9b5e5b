//! How the release build is linked: so that an idle server keeps little of it in memory.

use std::env::var;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=order.ld");
    let is = |name: &str, value: &str| var(name).is_ok_and(|found| found == value);
    let released = is("PROFILE", "release") && is("DEBUG", "false");
    if !released || !is("CARGO_CFG_TARGET_OS", "linux") {
        return;
    }
    // The linker of Rust's toolchain and that of binutils understand the rest; another one is named.
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if var("RUSTC_LINKER").is_ok() || flags.contains("linker") || flags.contains("-fuse-ld") {
        return;
    }
    if is("CARGO_CFG_TARGET_ENV", "gnu") && is("CARGO_CFG_TARGET_ARCH", "x86_64") {
        // What a server runs lies together: 4 MB less of the program in memory.
        let folder = var("CARGO_MANIFEST_DIR").unwrap_or_default();
        pass(&format!("-T,{folder}/order.ld"));
        // 28,000 addresses to be set at a start, in 10 KB instead of 670, which all are read then.
        if var("HOST").ok() == var("TARGET").ok() && has_packed_relocations() {
            pass("-z,pack-relative-relocs");
        }
    }
}

fn pass(option: &str) {
    println!("cargo::rustc-link-arg-bins=-Wl,{option}");
}

/// Whether the C library of this machine, on which the program will run or on an older one not, is glibc
/// 2.36 or later.
#[expect(
    clippy::disallowed_methods,
    reason = "what is kept of programs is for tests; this is the build"
)]
fn has_packed_relocations() -> bool {
    let asked = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let said = asked.map_or_else(
        |_| String::new(),
        |said| String::from_utf8_lossy(&said.stdout).into_owned(),
    );
    let mut numbers = said
        .trim()
        .trim_start_matches("glibc ")
        .split('.')
        .map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(2), Some(36))
}
