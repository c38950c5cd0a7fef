//! What the operating system says of this process.

use std::fs;

/// Forgets the highest resident memory so far.
pub(crate) fn forget_peak() {
    // Where the kernel does not offer it, the figure printed is that since the start, which is higher, never lower.
    if let Err(error) = fs::write("/proc/self/clear_refs", "5") {
        eprintln!("the peak of resident memory counts from the start of the process ({error})");
    }
}

/// The highest resident memory in MiB; `None` where the kernel does not tell.
pub(crate) fn peak_mib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok().map(|kib| kib / 1024)
}

/// Processor seconds (user and system) of this process.
pub(crate) fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the name in parentheses; the times are fields 14 and 15, in hundredths of a second on Linux.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks as f64 / 100.0)
}

/// Text of a figure that may not be known.
pub(crate) fn known<T: std::fmt::Display>(figure: Option<T>, unit: &str) -> String {
    figure.map_or_else(|| "not known".to_owned(), |figure| format!("{figure:.1} {unit}"))
}
