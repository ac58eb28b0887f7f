//! The machine that labs run on.

/// How many labs a processor can serve: most of the time a lab waits for the kernel to take namespaces away.
const LABS_A_PROCESSOR: usize = 4;

/// The default number of labs at once.
pub fn default_jobs() -> usize {
    LABS_A_PROCESSOR * processors()
}

/// How many processors there are.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |number| number.get())
}

/// The running kernel's release.
pub fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    release.map_or_else(
        |_| "unknown".to_owned(),
        |release| release.trim().to_owned(),
    )
}
