//! CPU and memory of the run's processes, read once a second.
//!
//! A generator that is out of CPU measures itself. Load, integration and vendors are separate processes so that each can be
//! seen, and a process that cannot be read is absent: a zero would look like an idle one.

use std::num::NonZero;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

use super::gauges::ProcessSample;

/// Reads the processes of a run.
#[derive(Debug)]
pub struct ProcessWatch {
    system: System,
    cores: u32,
    watched: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    role: String,
    pid: Pid,
    /// The last reading, and the load's time of it.
    last: Option<(Reading, Duration)>,
}

/// What the system says of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reading {
    /// When the process started, in seconds since the epoch: another start is another process with the same id.
    started: u64,
    /// CPU time since its start, in milliseconds, all cores added up.
    cpu_ms: u64,
    memory_bytes: u64,
}

impl Default for ProcessWatch {
    fn default() -> Self {
        Self::new()
    }
}

impl ProcessWatch {
    /// Watches nothing yet.
    pub fn new() -> Self {
        Self { system: System::new(), cores: usable_cores(), watched: Vec::new() }
    }

    /// Watches the process `pid` under the name `role` from now on; `now` is the time since the load began.
    pub fn watch(&mut self, role: &str, pid: u32, now: Duration) {
        let pid = Pid::from_u32(pid);
        self.refresh(&[pid]);
        let last = self.reading(pid).map(|reading| (reading, now));
        self.watched.push(Watched { role: role.to_owned(), pid, last });
    }

    /// What each process used since the last call (or since it is watched), in the order in which they are watched.
    /// A process that is gone or cannot be read is left out, and so is everything when no time has passed.
    pub fn sample(&mut self, now: Duration) -> Vec<ProcessSample> {
        let pids: Vec<Pid> = self.watched.iter().map(|watched| watched.pid).collect();
        self.refresh(&pids);
        let mut samples = Vec::with_capacity(pids.len());
        for index in 0..self.watched.len() {
            let reading = self.reading(self.watched[index].pid);
            let watched = &mut self.watched[index];
            let (Some(reading), Some((last, then))) = (reading, watched.last) else { continue };
            let Some(cpu_percent) = cpu_percent(last, reading, now.saturating_sub(then), self.cores) else { continue };
            watched.last = Some((reading, now));
            samples.push(ProcessSample { role: watched.role.clone(), cpu_percent, memory_bytes: reading.memory_bytes });
        }
        samples
    }

    fn refresh(&mut self, pids: &[Pid]) {
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(pids), true, what);
    }

    fn reading(&self, pid: Pid) -> Option<Reading> {
        let process = self.system.process(pid)?;
        if matches!(process.status(), ProcessStatus::Zombie | ProcessStatus::Dead) {
            return None;
        }
        let (started, cpu_ms) = (process.start_time(), process.accumulated_cpu_time());
        Some(Reading { started, cpu_ms, memory_bytes: process.memory() })
    }
}

/// CPU between two readings as a percentage of all cores, to a hundredth; `None` when it is unknown.
fn cpu_percent(last: Reading, now: Reading, elapsed: Duration, cores: u32) -> Option<f64> {
    if last.started != now.started || elapsed.is_zero() {
        return None;
    }
    let used_ms = now.cpu_ms.checked_sub(last.cpu_ms)?;
    let percent = used_ms as f64 / (elapsed.as_secs_f64() * 1e3) / f64::from(cores) * 100.0;
    // The system counts CPU in ticks of some milliseconds, so a full second can seem to hold a little more than it does.
    Some((percent * 100.0).round().min(10_000.0) / 100.0)
}

/// Cores that this process may use: affinity and container quotas count, so that 100 % can be reached.
fn usable_cores() -> u32 {
    thread::available_parallelism().map_or(1, |cores| u32::try_from(NonZero::get(cores)).unwrap_or(u32::MAX))
}

/// What a run ran on, as the system names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system and version.
    pub os: String,
    /// CPU architecture.
    pub arch: String,
    /// CPU model.
    pub cpu: String,
    /// Logical cores that the run can use: what 100 % CPU stands for.
    pub cores: u32,
    /// Memory that the run can use, in bytes.
    pub memory_bytes: u64,
    /// `release` or `debug`.
    pub build: String,
}

impl Machine {
    /// The machine that this process runs on. What the system does not report is `unknown`.
    pub fn this() -> Self {
        let mut system = System::new();
        system.refresh_memory();
        system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
        let unknown = || "unknown".to_owned();
        let brand = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).filter(|brand| !brand.is_empty());
        let memory = system.total_memory();
        let limit = system.cgroup_limits().map(|limits| limits.total_memory).filter(|limit| *limit > 0);
        Self {
            os: System::long_os_version().or_else(System::name).unwrap_or_else(unknown),
            arch: System::cpu_arch(),
            cpu: brand.unwrap_or_else(unknown),
            cores: usable_cores(),
            memory_bytes: limit.map_or(memory, |limit| limit.min(memory)),
            build: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::process::Command;

    use super::*;

    fn reading(started: u64, cpu_ms: u64) -> Reading {
        Reading { started, cpu_ms, memory_bytes: 1 }
    }

    #[test]
    fn a_percentage_is_of_the_whole_machine() {
        let second = Duration::from_secs(1);
        assert_eq!(cpu_percent(reading(5, 100), reading(5, 1_100), second, 2), Some(50.0));
        assert_eq!(cpu_percent(reading(5, 0), reading(5, 4_000), 2 * second, 2), Some(100.0));
        assert_eq!(cpu_percent(reading(5, 0), reading(5, 0), second, 4), Some(0.0));
    }

    #[test]
    fn what_cannot_be_read_is_not_zero() {
        let second = Duration::from_secs(1);
        assert_eq!(cpu_percent(reading(5, 100), reading(6, 200), second, 2), None, "another process with the same id");
        assert_eq!(cpu_percent(reading(5, 100), reading(5, 200), Duration::ZERO, 2), None);
        assert_eq!(cpu_percent(reading(5, 200), reading(5, 100), second, 2), None, "time ran backwards");
    }

    #[test]
    fn this_process_is_seen_using_cpu_and_memory() {
        let mut watch = ProcessWatch::new();
        watch.watch("harness", std::process::id(), Duration::ZERO);
        let start = watch.watched[0].last.unwrap().0.cpu_ms;
        let burnt = || {
            let mut fresh = ProcessWatch::new();
            fresh.watch("harness", std::process::id(), Duration::ZERO);
            fresh.watched[0].last.unwrap().0.cpu_ms
        };
        let mut x = 1_u64;
        while burnt() < start + 20 {
            x = (0..100_000).fold(x, |x, i| black_box(x.wrapping_mul(31).wrapping_add(i)));
        }
        let samples = watch.sample(Duration::from_secs(1));
        assert_eq!(samples.len(), 1);
        assert_eq!(samples[0].role, "harness");
        assert!(samples[0].cpu_percent > 0.0, "{samples:?}");
        assert!(samples[0].memory_bytes > 1_000_000, "{samples:?}");
    }

    #[test]
    fn a_process_that_has_ended_is_absent() {
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let mut watch = ProcessWatch::new();
        watch.watch("simulator", child.id(), Duration::ZERO);
        watch.watch("harness", std::process::id(), Duration::ZERO);
        let roles = |samples: &[ProcessSample]| samples.iter().map(|sample| sample.role.clone()).collect::<Vec<_>>();
        assert_eq!(roles(&watch.sample(Duration::from_secs(1))), ["simulator", "harness"]);
        drop(child.stdin.take());
        // Ended and not waited for, it stays in the process table with no memory; that is absent too.
        let gone = (2..100_000).find(|second| {
            thread::yield_now();
            roles(&watch.sample(Duration::from_secs(*second))) == ["harness"]
        });
        assert!(gone.is_some());
        child.wait().unwrap();
        assert_eq!(roles(&watch.sample(Duration::from_secs(100_000))), ["harness"]);
    }

    #[test]
    fn the_machine_has_cores_and_memory() {
        let host = Machine::this();
        assert!(host.cores >= 1 && host.memory_bytes > 1 << 20, "{host:?}");
        assert!(!host.os.is_empty() && !host.cpu.is_empty() && !host.arch.is_empty(), "{host:?}");
    }
}
