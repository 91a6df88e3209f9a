//! What the benchmarks share: corpus events, a bare writer of the same rows, figures.
#![allow(dead_code, reason = "each benchmark uses a part")]

pub mod bare;
pub mod events;
pub mod load;

/// The middle of some figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// A number from the environment, else a default.
pub fn setting(name: &str, default: f64) -> f64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// What a process has used of the processors so far, in seconds; from `/proc`.
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    // utime and stime, in ticks of 10 ms (USER_HZ is 100 on Linux, whatever the kernel's own rate).
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
