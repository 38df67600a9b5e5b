//! What strangers may take of the server, as it is set.

use clap::{Args, value_parser};
use countersign_server::config::Limits;

use crate::failure::Failure;

/// How many of everything.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_field_names,
    reason = "they are the options' names, and the settings'"
)]
pub(super) struct LimitArgs {
    /// How many connections there may be at once; who comes then has to wait
    #[arg(
        long,
        env = "COUNTERSIGN_MAX_CONNECTIONS",
        default_value_t = number(Limits::default().connections),
        value_name = "COUNT",
        value_parser = value_parser!(u32).range(1..)
    )]
    max_connections: u32,
    /// How many connections one network may have at once, which is an IPv4 address or 64 bits of
    /// IPv6; who comes then is told to come back (503). Trusted proxies may have any number
    /// [default: half of all]
    #[arg(
        long,
        env = "COUNTERSIGN_MAX_CONNECTIONS_PER_NETWORK",
        value_name = "COUNT",
        value_parser = value_parser!(u32).range(1..)
    )]
    max_connections_per_network: Option<u32>,
    /// How many requests may be answered at once; who comes then is told to come back (503)
    #[arg(
        long,
        env = "COUNTERSIGN_MAX_IN_FLIGHT",
        default_value_t = number(Limits::default().in_flight),
        value_name = "COUNT",
        value_parser = value_parser!(u32).range(1..)
    )]
    max_in_flight: u32,
    /// How many guards may follow the revocations at once, fewer than connections; who comes then
    /// has to ask again and again [default: half of the connections]
    #[arg(
        long,
        env = "COUNTERSIGN_MAX_FOLLOWERS",
        value_name = "COUNT",
        value_parser = value_parser!(u32).range(1..)
    )]
    max_followers: Option<u32>,
    /// How many guards of one network may follow the revocations [default: half of all]
    #[arg(
        long,
        env = "COUNTERSIGN_MAX_FOLLOWERS_PER_NETWORK",
        value_name = "COUNT",
        value_parser = value_parser!(u32).range(1..)
    )]
    max_followers_per_network: Option<u32>,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> Result<Limits, Failure> {
        let of = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let mut limits = Limits::default().with_connections(of(self.max_connections));
        limits.in_flight = of(self.max_in_flight);
        if let Some(count) = self.max_connections_per_network {
            limits.connections_per_network = of(count);
        }
        if let Some(count) = self.max_followers {
            if count >= self.max_connections {
                return Err(Failure::usage(
                    "fewer may follow (max_followers) than may be connected (max_connections), or \
                     nobody else is answered",
                ));
            }
            limits = limits.with_followers(of(count));
        }
        if let Some(count) = self.max_followers_per_network {
            limits.followers_per_network = of(count);
        }
        Ok(limits)
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
