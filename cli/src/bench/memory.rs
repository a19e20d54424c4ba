//! What the process held, as Linux counts it.

use std::fs;

/// A line of the process' status that is so many kB, in bytes, where the system tells.
fn status(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The memory that this process holds.
pub(super) fn held() -> Option<u64> {
    status("VmRSS:")
}

/// The most memory that this process held since it began or since the last [`reset_peak`].
fn peak() -> Option<u64> {
    status("VmHWM:")
}

/// Makes [`peak`] begin again from what is held now. Whether the system allows it.
fn reset_peak() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// The most that was held while `run` ran, where the system tells.
pub(super) fn peak_while<T>(run: impl FnOnce() -> T) -> (T, Option<u64>) {
    let reset = reset_peak();
    let out = run();
    (out, peak().filter(|_| reset))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_that_of_its_own_run() {
        const BYTES: usize = 256 << 20;
        let held = |bytes: usize| {
            let ((), peak) = peak_while(|| {
                // Touched, so that it is resident.
                std::hint::black_box(vec![1u8; bytes]);
            });
            peak
        };
        let (Some(large), Some(small)) = (held(BYTES), held(1)) else {
            // A system that does not let the mark be reset tells no peak.
            assert!(!reset_peak());
            return;
        };
        assert!(large - small >= (BYTES / 2) as u64, "{large} {small}");
        assert!(small > 0);
    }
}
