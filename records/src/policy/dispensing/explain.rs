//! A policy in words.

use super::{CLASS_NAMES, DispensingPolicy, Drug};
use crate::dispensing::{ClassRow, Limits, NO_PEAK_LIMIT, RETENTION_DAYS};
use std::fmt::Write;

impl DispensingPolicy {
    /// The policy in words, one rule a line.
    pub fn explain(&self) -> String {
        let mut out = String::new();
        self.write_explanation(&mut out)
            .expect("writing to a String does not fail");
        out
    }

    fn write_explanation(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "Dispensing policy {}, version {}, for the domain {}.",
            self.name, self.version, self.domain
        )?;
        self.write_table(out)?;
        let left_out: Vec<&str> = self.not_counted.iter().map(String::as_str).collect();
        if left_out.is_empty() {
            writeln!(out, "History: every dispense counts, whatever its status.")?;
        } else {
            writeln!(
                out,
                "History: every dispense counts but those {}.",
                left_out.join(", ")
            )?;
        }
        writeln!(
            out,
            "A dispense is remembered until {RETENTION_DAYS} days after its supply ran out."
        )?;
        for row in self.rows.iter().flatten() {
            write_row(out, row)?;
        }
        writeln!(
            out,
            "Other listed drugs have no limits; they are posted alike and leave no entry."
        )?;
        for gap in &self.not_covered {
            writeln!(out, "Not covered: {gap}.")?;
        }
        Ok(())
    }

    fn write_table(&self, out: &mut String) -> std::fmt::Result {
        let mut counts = [0usize; 256];
        let mut without_row = 0usize;
        // The first leaf is the sentinel.
        for leaf in self.table.leaves().iter().skip(1) {
            if let Some(drug) = Drug::from_leaf(leaf.mask, leaf.number) {
                counts[usize::from(drug.class)] += 1;
                without_row += usize::from(drug.class != 0 && self.row(drug.class).is_none());
            }
        }
        let listed: Vec<String> = CLASS_NAMES
            .iter()
            .zip(counts)
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        writeln!(
            out,
            "Drugs: {} ({}); any other is unprovable.",
            listed.join(", "),
            self.table_file
        )?;
        if without_row > 0 {
            writeln!(
                out,
                "{without_row} of them belong to a class without rules here; filling them is unprovable."
            )?;
        }
        Ok(())
    }
}

fn write_row(out: &mut String, row: &ClassRow) -> std::fmt::Result {
    let name = CLASS_NAMES
        .get(usize::from(row.class))
        .copied()
        .unwrap_or("reserved");
    writeln!(out, "Class {name}:")?;
    write_limits(out, &row.limits)?;
    let conditions: Vec<String> = row.exemptions.iter().flatten().map(ToString::to_string).collect();
    if !conditions.is_empty() {
        writeln!(
            out,
            "  a prescription that names one of {} is exempt; the proof does not show it",
            conditions.join(", ")
        )?;
    }
    Ok(())
}

fn write_limits(out: &mut String, limits: &Limits) -> std::fmt::Result {
    if limits.peak != NO_PEAK_LIMIT {
        writeln!(
            out,
            "  the daily doses active on the date, with the new one, add up to at most {} MME",
            thousandths(limits.peak)
        )?;
    }
    if limits.quantity_window > 0 {
        writeln!(
            out,
            "  at most {} units in {} days, the date included",
            thousandths(limits.quantity),
            limits.quantity_window
        )?;
    }
    if limits.fills_window > 0 {
        writeln!(
            out,
            "  at most {} fills in {} days, the date included",
            limits.fills, limits.fills_window
        )?;
    }
    if limits.first_lookback > 0 {
        writeln!(
            out,
            "  at most {} days' supply when no fill with MME began in the {} days before",
            limits.first_max_days, limits.first_lookback
        )?;
    }
    if limits.refill_percent > 0 {
        writeln!(
            out,
            "  {} % of the days of every earlier fill of the ingredient must have passed",
            limits.refill_percent
        )?;
    }
    if *limits == Limits::NONE {
        writeln!(out, "  no limits")?;
    }
    Ok(())
}

/// A number of thousandths with its decimals.
fn thousandths(value: u64) -> String {
    let text = format!("{}.{:03}", value / 1000, value % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
