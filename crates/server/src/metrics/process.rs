//! What the system says of this process, under the names every Prometheus client gives it.

use countersign::UnixTime;

use super::family::{Family, Kind, LabelName, Values};
use super::page::Page;

/// The families of [`write()`], in its order.
pub const FAMILIES: &[&Family] = &[&BUILD, &START, &RESIDENT, &OPEN_FDS, &MAX_FDS, &CPU];

static BUILD: Family = Family {
    name: "countersign_build_info",
    kind: Kind::Gauge,
    labels: &[LabelName {
        name: "version",
        values: Values::Told("the program's version"),
    }],
    means: "Always 1; the label says which program this is",
    watch: "",
};

static START: Family = Family {
    name: "process_start_time_seconds",
    kind: Kind::Gauge,
    labels: &[],
    means: "When the process began to serve, since 1970",
    watch: "One that keeps moving is a process that keeps being restarted.",
};

static RESIDENT: Family = Family {
    name: "process_resident_memory_bytes",
    kind: Kind::Gauge,
    labels: &[],
    means: "Memory of the process that is in RAM (Linux only)",
    watch: "",
};

static OPEN_FDS: Family = Family {
    name: "process_open_fds",
    kind: Kind::Gauge,
    labels: &[],
    means: "Files and sockets the process has open (Linux only)",
    watch: "Near `process_max_fds` nobody can connect any more.",
};

static MAX_FDS: Family = Family {
    name: "process_max_fds",
    kind: Kind::Gauge,
    labels: &[],
    means: "Files and sockets the process may have open (Unix only)",
    watch: "",
};

static CPU: Family = Family {
    name: "process_cpu_seconds_total",
    kind: Kind::Counter,
    labels: &[],
    means: "Processor time of all threads (Unix only)",
    watch: "",
};

/// What the process is: written anew at every scrape, except since when it serves.
pub fn write(page: &mut Page, since: UnixTime) {
    page.family(&BUILD).is(&[env!("CARGO_PKG_VERSION")], 1);
    page.family(&START).is(&[], since.as_secs());
    let says = Says::now();
    let mut number = |family, value: Option<f64>| {
        let mut samples = page.family(family);
        if let Some(value) = value {
            samples.is(&[], value);
        }
    };
    number(&RESIDENT, says.resident);
    number(&OPEN_FDS, says.open_fds);
    number(&MAX_FDS, says.max_fds);
    number(&CPU, says.cpu);
}

/// What the system says; nothing where it says nothing.
#[derive(Default)]
struct Says {
    resident: Option<f64>,
    open_fds: Option<f64>,
    max_fds: Option<f64>,
    cpu: Option<f64>,
}

impl Says {
    fn now() -> Self {
        Self {
            resident: resident(),
            open_fds: open_fds(),
            max_fds: max_fds(),
            cpu: cpu(),
        }
    }
}

/// Linux has it as a line of text; elsewhere there is no such file.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(kibibytes) * 1024.0)
}

fn open_fds() -> Option<f64> {
    let listed = std::fs::read_dir("/proc/self/fd").ok()?.count();
    // The listing itself takes one.
    let open = u32::try_from(listed.saturating_sub(1)).ok()?;
    Some(f64::from(open))
}

#[cfg(unix)]
fn max_fds() -> Option<f64> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    // Past what fits there is as good as no limit.
    Some(f64::from(u32::try_from(limit.current?).unwrap_or(u32::MAX)))
}

#[cfg(unix)]
fn cpu() -> Option<f64> {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let spent = std::time::Duration::try_from(spent).ok()?;
    Some(spent.as_secs_f64())
}

#[cfg(not(unix))]
fn max_fds() -> Option<f64> {
    None
}

#[cfg(not(unix))]
fn cpu() -> Option<f64> {
    None
}
