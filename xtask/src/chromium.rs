//! A browser for the tests of single-page apps: Debian's Chromium, installed where it is missing
//! and may be.

use std::path::Path;

use crate::debian;
use crate::failure::Failure;
use crate::options::Options;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// Names another one, for systems that keep it elsewhere.
const NAMED: &str = "COUNTERSIGN_TEST_CHROMIUM";
const DEBIAN: &str = "/usr/bin/chromium";

pub(crate) fn prepare(_: &Workspace, options: Options, _: &mut Tally) -> Result<(), Failure> {
    if let Some(named) = std::env::var_os(NAMED) {
        println!("{NAMED} names {}", Path::new(&named).display());
        return Ok(());
    }
    if Path::new(DEBIAN).exists() {
        println!("Chromium is {DEBIAN}");
        return Ok(());
    }
    if options.skip_foreign {
        println!("skipped, as --skip-foreign asks");
        return Ok(());
    }
    debian::install(&["chromium"], "test a single-page app in a browser").map_err(|why| {
        Failure::new(format!(
            "{why}\n\nWhere Chromium is kept elsewhere, {NAMED} names it. To test without: --skip-foreign"
        ))
    })
}
