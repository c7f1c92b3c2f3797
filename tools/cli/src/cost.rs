//! What the process has cost so far.

use std::time::Duration;

/// User and system time of all threads of the process; zero where the platform does not tell.
pub(crate) fn cpu_time() -> Duration {
    #[cfg(unix)]
    {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
    }
    #[cfg(not(unix))]
    {
        Duration::ZERO
    }
}

/// Most bytes of memory that the process has had resident; `None` where the platform does not tell.
pub(crate) fn peak_rss_bytes() -> Option<u64> {
    peak_rss_bytes_of("self")
}

/// Likewise of the process with this number.
pub(crate) fn peak_rss_bytes_of(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kb| kb * 1024)
}
