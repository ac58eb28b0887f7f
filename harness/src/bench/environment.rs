//! The machine that was measured on, and how calm it was.

use std::fs;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::{SysconfVar, geteuid, sysconf};
use serde::{Deserialize, Serialize};

/// More than this of the processors in other hands is noise.
const FOREIGN: f64 = 0.15;
/// More than this of the time given to other virtual machines is noise.
const STOLEN: f64 = 0.02;

/// Where it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// The kernel's release.
    pub kernel: String,
    /// The processor's architecture.
    pub architecture: String,
    /// The processor's name, where the kernel tells it.
    pub processor: Option<String>,
    /// How many processors there are.
    pub cores: usize,
    /// How processors choose their speed, where the kernel tells it.
    pub governor: Option<String>,
    /// True on a virtual machine, where starting processes takes longer.
    pub virtual_machine: bool,
    /// True if labs ran in user namespaces.
    pub rootless: bool,
    /// The machine's load of the last minute, before.
    pub load_before: f64,
    /// The machine's load of the last minute, after.
    pub load_after: f64,
    /// The share of the processors' time that others used meanwhile, between 0 and 1.
    pub used_by_others: f64,
    /// The share of the processors' time that the hypervisor gave to others, between 0 and 1.
    pub stolen: f64,
}

impl Environment {
    /// Why figures from here are not to be relied on; empty on a calm machine.
    pub fn noise(&self) -> Vec<String> {
        let mut noise = Vec::new();
        let percent = |part: f64| format!("{:.0} %", part * 100.0);
        if self.used_by_others > FOREIGN {
            noise.push(format!(
                "others used {} of the processors' time",
                percent(self.used_by_others)
            ));
        }
        if self.stolen > STOLEN {
            noise.push(format!(
                "the hypervisor gave {} of the time to others",
                percent(self.stolen)
            ));
        }
        if let Some(governor) = self.governor.as_ref().filter(|name| *name != "performance") {
            noise.push(format!(
                "the processors change their speed: their governor is `{governor}`"
            ));
        }
        noise
    }
}

/// Watches the machine from its making to its end.
pub struct NoiseMonitor {
    began: Instant,
    load: f64,
    ticks: Ticks,
}

impl NoiseMonitor {
    /// Begins to watch.
    pub fn begin() -> Self {
        Self {
            began: Instant::now(),
            load: load(),
            ticks: Ticks::now(),
        }
    }

    /// Everything about the machine. What this process and its children used is told from what others did.
    pub fn end(self) -> Environment {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let information = read("/proc/cpuinfo");
        let now = Ticks::now();
        let second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100) as f64;
        let seconds = |ticks: u64, before: u64| ticks.saturating_sub(before) as f64 / second;
        let all = (self.began.elapsed().as_secs_f64() * cores as f64).max(f64::MIN_POSITIVE);
        let others = seconds(now.busy, self.ticks.busy) - (now.own - self.ticks.own);
        Environment {
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            processor: field(&information, "model name"),
            cores,
            governor: governor(),
            virtual_machine: field(&information, "flags")
                .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
            rootless: !geteuid().is_root(),
            load_before: self.load,
            load_after: load(),
            used_by_others: (others / all).clamp(0.0, 1.0),
            stolen: (seconds(now.stolen, self.ticks.stolen) / all).clamp(0.0, 1.0),
        }
    }
}

/// Processor time so far.
struct Ticks {
    busy: u64,
    stolen: u64,
    /// Seconds of this process and of the children that it has waited for.
    own: f64,
}

impl Ticks {
    fn now() -> Self {
        let text = read("/proc/stat");
        let of = |place: usize| {
            let words = text.lines().next().unwrap_or_default().split_whitespace();
            let number = words.skip(1).nth(place);
            number.and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        // user, nice, system, idle, iowait, irq, softirq, steal
        Self {
            busy: [0, 1, 2, 5, 6].into_iter().map(of).sum(),
            stolen: of(7),
            own: used(UsageWho::RUSAGE_SELF) + used(UsageWho::RUSAGE_CHILDREN),
        }
    }
}

fn used(who: UsageWho) -> f64 {
    getrusage(who).map_or(0.0, |usage| {
        [usage.user_time(), usage.system_time()]
            .iter()
            .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
            .sum()
    })
}

fn load() -> f64 {
    let text = read("/proc/loadavg");
    let first = text.split(' ').next();
    first.and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

fn governor() -> Option<String> {
    let path = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    fs::read_to_string(path)
        .ok()
        .map(|text| text.trim().to_owned())
}

fn field(information: &str, name: &str) -> Option<String> {
    let line = information.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::sample::environment;

    #[test]
    fn a_noisy_machine_is_called_noisy() {
        let calm = environment();
        assert!(calm.noise().is_empty());
        let noisy = Environment {
            used_by_others: 0.4,
            stolen: 0.05,
            governor: Some("powersave".to_owned()),
            ..calm
        };
        assert_eq!(noisy.noise().len(), 3);
    }

    #[test]
    fn the_machine_is_described() {
        let found = NoiseMonitor::begin().end();
        assert!(found.cores > 0);
        assert!(!found.kernel.is_empty());
        assert!((0.0..=1.0).contains(&found.used_by_others));
    }
}
