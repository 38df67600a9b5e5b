//! What the benches share, and how one is written.
//!
//! # A bench
//!
//! Each bench is one program, `src/bin/NAME.rs` (or `src/bin/NAME/main.rs`). It measures, says on
//! stderr how far it is, and prints one [`Section`](section::Section) of Markdown to stdout: a
//! heading, what was measured and how, a table of medians and ratios, and for every bar that the
//! project has set itself whether it is met. With `--quick` it does the same in a few rounds, to
//! see that it works; its numbers mean nothing then.
//!
//! ```sh
//! cargo xtask bench                    # all, into docs/benchmarks.md
//! cargo xtask bench refresh tokens     # these; the other sections stay as they are
//! cargo xtask bench --quick            # whether all of them work; nothing is written
//! ```
//!
//! Whatever is compared takes turns within one run, round by round, so that what disturbs the
//! machine disturbs all alike; a ratio is taken within its round, and the median of them counts.
//!
//! # What is here
//!
//! - [`section`]: the text a bench prints. [`stats`]: medians and percentiles.
//! - [`token`]: the access token that the benches of the library measure.
//! - [`machine`]: cores to be pinned to, time and memory of another process.
//! - [`server`]: `countersign serve`; [`http`] and [`load`]: whoever calls it;
//!   [`logins`]: sign-ins from everywhere.
//! - [`node`]: node's `oidc-provider`; [`rounds`]: two servers in turn under full load.
//! - [`postgres`]: a PostgreSQL server of our own.

pub mod http;
pub mod load;
pub mod logins;
pub mod machine;
pub mod node;
pub mod postgres;
pub mod rounds;
pub mod section;
pub mod server;
pub mod stats;
pub mod token;

/// Whether the bench was called with `--quick`: a few short rounds, to see that it works.
pub fn quick() -> bool {
    std::env::args()
        .skip(1)
        .any(|argument| argument == "--quick")
}

/// What any bench may end with.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
