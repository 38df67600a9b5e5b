//! The machine: its cores, and what a process takes of it.

use std::fs;
use std::sync::OnceLock;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::Failure;

/// Keeps the calling thread, and every process and thread it starts from now on, on these cores,
/// counted among those this program may use.
///
/// # Errors
/// When there are not so many cores.
pub fn pin(cores: &[usize]) -> Result<(), Failure> {
    // As it was before the first call, which leaves fewer.
    static USABLE: OnceLock<Vec<usize>> = OnceLock::new();
    let own = sched_getaffinity(None)?;
    let usable = USABLE.get_or_init(|| {
        (0..CpuSet::MAX_CPU)
            .filter(|core| own.is_set(*core))
            .collect()
    });
    let mut set = CpuSet::new();
    for core in cores {
        let core = usable.get(*core).ok_or_else(|| {
            format!(
                "this bench wants {} cores, there are {}",
                core + 1,
                usable.len()
            )
        })?;
        set.set(*core);
    }
    sched_setaffinity(None, &set)?;
    Ok(())
}

/// Processor time that a process has taken so far, in microseconds, all its threads together.
///
/// # Errors
/// When there is no such process.
pub fn processor_time(process: u32) -> Result<f64, Failure> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // After the name, which may hold anything: the 12th and 13th field are ticks in user and
    // kernel mode.
    let (_, rest) = stat.rsplit_once(')').ok_or("/proc/PID/stat has no name")?;
    let ticks = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<u32>)
        .sum::<Result<u32, _>>()?;
    #[expect(clippy::cast_precision_loss, reason = "it is 100")]
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    Ok(f64::from(ticks) * 1e6 / per_second)
}

/// Resident memory of a process in MiB: now, and the most it ever was.
///
/// # Errors
/// When there is no such process.
pub fn resident(process: u32) -> Result<(f64, f64), Failure> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let field = |name: &str| -> Result<f64, Failure> {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next());
        Ok(kib
            .ok_or("no such field in /proc/PID/status")?
            .parse::<f64>()?
            / 1024.0)
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

/// The processor's name and how many of its cores there are.
pub fn description() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("a processor", |line| {
            line.trim_start_matches([' ', '\t', ':'])
        });
    let cores = info
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut kernel = kernel.trim().split('.');
    let (major, minor) = (kernel.next().unwrap_or("?"), kernel.next().unwrap_or("?"));
    format!("{cores} cores of {model}, Linux {major}.{minor}")
}

/// The number of a process as the system's calls want it.
///
/// # Errors
/// When no process can have it.
pub fn pid(process: u32) -> Result<Pid, Failure> {
    Ok(Pid::from_raw(i32::try_from(process)?).ok_or("no process has this number")?)
}
