//! What one server did under full load, round by round, beside another one.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Failure;
use crate::load::{Caller, saturate};
use crate::machine::processor_time;
use crate::section::{number, time};
use crate::stats::median;

/// The head of a table of [`Rounds::row`]s.
pub const HEAD: [&str; 5] = ["", "a second", "p50", "p99", "server's processor time each"];

/// One value of each for every round; times in microseconds.
#[derive(Debug, Default)]
pub struct Rounds {
    /// Answers a second.
    pub rate: Vec<f64>,
    /// Half of the answers took no longer.
    pub p50: Vec<f64>,
    /// 99 of 100 took no longer.
    pub p99: Vec<f64>,
    /// What the server's process spent for each.
    pub cost: Vec<f64>,
}

impl Rounds {
    /// One round: all callers at the server of this address and process, as fast as they are
    /// answered.
    ///
    /// # Errors
    /// The first of any caller.
    pub async fn add<C: Caller>(
        &mut self,
        (to, process): (SocketAddr, u32),
        callers: Vec<C>,
        lasting: Duration,
    ) -> Result<Vec<C>, Failure> {
        let before = processor_time(process)?;
        let (mut outcome, callers) = saturate(to, callers, lasting).await?;
        let spent = processor_time(process)? - before;
        self.rate.push(outcome.rate());
        self.p50.push(outcome.times.percentile(50));
        self.p99.push(outcome.times.percentile(99));
        self.cost
            .push(spent / f64::from(u32::try_from(outcome.times.count())?));
        Ok(callers)
    }

    /// The medians, under a name.
    pub fn row(&self, name: &str) -> [String; 5] {
        let middle = |values: &[f64]| median(values.iter().copied());
        [
            name.to_owned(),
            number(middle(&self.rate)),
            time(middle(&self.p50)),
            time(middle(&self.p99)),
            time(middle(&self.cost)),
        ]
    }
}
