//! A policy in words.

use super::document::{AtomDocument, RangeDocument};
use super::{CompiledPolicy, Operation};
use std::fmt::{self, Write};

impl CompiledPolicy {
    /// The policy in words: what is asked, of which codes, over which records, and what it does not show.
    pub fn explain(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_explanation(&mut out);
        out
    }

    fn write_explanation(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Eligibility policy {}, version {}", self.id, self.version)?;
        writeln!(
            out,
            "Sponsor {}, identities of {}",
            self.sponsor, self.identity_domain
        )?;
        writeln!(
            out,
            "A person is screened once within `{}`.",
            self.uniqueness_scope
        )?;
        writeln!(
            out,
            "Judged over one signed snapshot of scope `{}`, at most {} days old, that covers {}.",
            self.snapshot_scope,
            self.rules.freshness_days,
            self.document.source.categories.join(", ")
        )?;
        if self.rules.lookback_days > 0 {
            writeln!(
                out,
                "Its laboratory values and medications must reach back {} days from the day of the screening.",
                self.rules.lookback_days
            )?;
        }
        writeln!(out, "\nEligible is who meets: {}", self.document.rule.eligible)?;
        writeln!(
            out,
            "({} clauses in conjunctive normal form)\n",
            self.rules.clauses.len()
        )?;
        for name in &self.names {
            if let Some(atom) = self.document.atom.get(name) {
                writeln!(out, "  {name}: {}", words(atom))?;
            }
        }
        writeln!(out, "\nValue sets:")?;
        for (name, codes) in &self.document.valueset {
            writeln!(out, "  {name}: {}", codes.join(", "))?;
        }
        writeln!(
            out,
            "\nWhat is not known counts as neither met nor not met. Refuted records and those entered in error are never counted."
        )?;
        if !self.document.not_covered.is_empty() {
            writeln!(out, "Not covered: {}.", self.document.not_covered.join(", "))?;
        }
        let any = self.rules.atoms.iter().any(|a| a.operation == Operation::Any);
        if any {
            writeln!(
                out,
                "A criterion of the kind `any` can be shown to be met, never not to be."
            )?;
        }
        Ok(())
    }
}

fn words(atom: &AtomDocument) -> String {
    match atom {
        AtomDocument::Age { min_years, max_years } => match (min_years, max_years) {
            (Some(a), Some(b)) => format!("aged {a} to {b} years, until the day before turning {}", b + 1),
            (Some(a), None) => format!("aged {a} years or more"),
            (None, Some(b)) => format!("aged {b} years or less, until the day before turning {}", b + 1),
            (None, None) => "of any age".to_owned(),
        },
        AtomDocument::Sex { is } => format!("recorded sex is {is}"),
        AtomDocument::Alive {} => "alive".to_owned(),
        AtomDocument::Exists {
            category,
            valueset,
            at_least,
            clinical,
            verification,
            within_days,
            total,
        } => {
            let mut text = match at_least {
                None | Some(1) => format!("a {} record in `{valueset}`", category),
                Some(n) => format!("at least {n} {} records in `{valueset}`", category),
            };
            if let Some(list) = clinical {
                let _ = write!(text, ", clinically {}", list.join(" or "));
            }
            if let Some(list) = verification {
                let _ = write!(text, ", {}", list.join(" or "));
            }
            text + &window(category, *within_days) + &totals(total)
        }
        AtomDocument::Latest(range) => format!("the latest value of {}", in_range(range)),
        AtomDocument::Any(range) => format!("some value of {}", in_range(range)),
    }
}

fn in_range(range: &RangeDocument) -> String {
    let bounds = [
        ("at least", &range.min),
        ("above", &range.above),
        ("at most", &range.max),
        ("below", &range.below),
    ];
    let bounds = bounds.iter().filter_map(|(word, bound)| {
        let bound = bound.as_ref()?;
        Some(format!("{word} {bound}"))
    });
    let bounds = bounds.collect::<Vec<_>>().join(" and ");
    let window = window("laboratory", range.within_days);
    format!(
        "`{}` is {bounds} {}{window}{}",
        range.valueset,
        range.unit,
        totals(&range.total)
    )
}

fn window(category: &str, days: Option<u16>) -> String {
    match (days, category) {
        (Some(n), "condition") => format!(
            ", begun (where no onset is stated, recorded) within the last {n} days, that day included"
        ),
        (Some(n), _) => format!(", begun within the last {n} days, that day included"),
        (None, "condition") => ", at any time".to_owned(),
        (None, "medication") => ", active or of the year before the snapshot".to_owned(),
        (None, _) => ", of the year before the snapshot".to_owned(),
    }
}

fn totals(systems: &[String]) -> String {
    if systems.is_empty() {
        return String::new();
    }
    format!(
        "; unknown when a record has an unlisted code of {}",
        systems.join(", ")
    )
}
