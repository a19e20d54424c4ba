//! The daily dose of an entry.

/// Micro-MME in 0.001 MME, times milli-units in a unit: what the product of factor and quantity is divided
/// by, beside the days.
const SCALE: u128 = 1_000_000;

/// Daily dose in 0.001 MME of `quantity` milli-units over `days` days of a drug with `micro_mme` micro-MME a
/// unit, rounded half-up; `None` for 0 days or a dose of 2^32 or more.
pub fn daily_milli_mme(micro_mme: u64, quantity: u32, days: u16) -> Option<u32> {
    // Below 2^96 and 2^36.
    let numerator = u128::from(micro_mme) * u128::from(quantity);
    let divisor = SCALE * u128::from(days);
    let rounded = (2 * numerator + divisor).checked_div(2 * divisor)?;
    u32::try_from(rounded).ok()
}
