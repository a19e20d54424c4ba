//! Class rows of a policy and the rules over the ring, natively.

use super::{Ring, RingEntry};
use crate::code::{Code, CodeInterval};
use ark_bn254::Fr;
use medproof_verifier::{Day, Tag, field::pack, tagged};
use std::fmt;

/// Exemption intervals of a class.
pub const EXEMPTIONS: usize = 8;
/// Widths in bits of the limits word: peak limit, quantity limit, quantity window, fills limit, fills window,
/// first-fill look-back, first-fill maximum of days, refill percent.
pub const LIMITS_WIDTHS: [u32; 8] = [40, 40, 8, 8, 8, 8, 16, 8];
/// A peak limit that no ring reaches: no limit.
pub const NO_PEAK_LIMIT: u64 = (1 << 40) - 1;

/// The rules of a class in the order in which a breach is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// Sum of the daily doses on the date.
    Peak,
    /// Quantity in a window.
    Quantity,
    /// Number of fills in a window.
    Fills,
    /// Days of a first fill.
    FirstFill,
    /// Early refill of an ingredient.
    Refill,
}

impl Rule {
    /// The reason that `medproof check dispensing` gives.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Peak => "mme_per_day",
            Self::Quantity => "quantity",
            Self::Fills => "fills",
            Self::FirstFill => "first_fill",
            Self::Refill => "refill",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The limits of a class, all inclusive. A window, look-back or percent of 0 means that the rule is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Highest sum of daily doses in 0.001 MME, below 2^40; [`NO_PEAK_LIMIT`] for none.
    pub peak: u64,
    /// Highest quantity in the window in milli-units, below 2^40.
    pub quantity: u64,
    /// Days of the quantity window, the date included.
    pub quantity_window: u8,
    /// Highest number of fills in the window.
    pub fills: u8,
    /// Days of the fills window, the date included.
    pub fills_window: u8,
    /// Days before the date in which a fill with MME ends naivety.
    pub first_lookback: u8,
    /// Most days of a first fill.
    pub first_max_days: u16,
    /// Percent of the days of every fill of the ingredient that must have passed.
    pub refill_percent: u8,
}

impl Limits {
    /// No limit at all.
    pub const NONE: Self = Self {
        peak: NO_PEAK_LIMIT,
        quantity: 0,
        quantity_window: 0,
        fills: 0,
        fills_window: 0,
        first_lookback: 0,
        first_max_days: 0,
        refill_percent: 0,
    };

    /// The limits word; `None` when the peak or quantity limit is not below 2^40.
    pub fn word(&self) -> Option<Fr> {
        let fields: [u128; 8] = [
            self.peak.into(),
            self.quantity.into(),
            self.quantity_window.into(),
            self.fills.into(),
            self.fills_window.into(),
            self.first_lookback.into(),
            self.first_max_days.into(),
            self.refill_percent.into(),
        ];
        let parts: Vec<(u128, u32)> = fields.into_iter().zip(LIMITS_WIDTHS).collect();
        pack(&parts)
    }

    /// Evaluates the rules for `fill` on `date` over the entries of its class.
    pub fn evaluate(&self, ring: &Ring, fill: &Fill, date: Day) -> Findings {
        let new = &fill.entry;
        let mut findings = Findings {
            peak: new.milli_mme.into(),
            quantity: new.quantity.into(),
            fills: 1,
            breaches: Vec::new(),
        };
        let (mut naive, mut early) = (true, false);
        for entry in ring.entries.iter().filter(|e| e.class == new.class) {
            let Some(age) = entry.age(date) else { continue };
            if age < entry.days {
                findings.peak += u64::from(entry.milli_mme);
            }
            if age < u16::from(self.quantity_window) {
                findings.quantity += u64::from(entry.quantity);
            }
            if age < u16::from(self.fills_window) {
                findings.fills += 1;
            }
            if entry.milli_mme > 0 && (1..=u16::from(self.first_lookback)).contains(&age) {
                naive = false;
            }
            let used = u32::from(age) * 100;
            if entry.ingredient == new.ingredient
                && used < u32::from(self.refill_percent) * u32::from(entry.days)
            {
                early = true;
            }
        }
        let first = self.first_lookback > 0 && fill.micro_mme > 0 && naive && new.days > self.first_max_days;
        for (breached, rule) in [
            (findings.peak > self.peak, Rule::Peak),
            (
                self.quantity_window > 0 && findings.quantity > self.quantity,
                Rule::Quantity,
            ),
            (
                self.fills_window > 0 && findings.fills > u16::from(self.fills),
                Rule::Fills,
            ),
            (first, Rule::FirstFill),
            (early, Rule::Refill),
        ] {
            if breached {
                findings.breaches.push(rule);
            }
        }
        findings
    }
}

/// The fill that is asked for.
#[derive(Clone, Copy)]
pub struct Fill {
    /// The entry that it leaves.
    pub entry: RingEntry,
    /// Micro-MME of a unit of the drug: a drug of 0 is not asked for the first-fill rule.
    pub micro_mme: u64,
}

/// What the rules found.
#[derive(PartialEq, Eq)]
pub struct Findings {
    /// Sum of daily doses on the date in 0.001 MME, the new one included.
    pub peak: u64,
    /// Quantity in the window in milli-units, the new one included.
    pub quantity: u64,
    /// Fills in the window, the new one included.
    pub fills: u16,
    /// The breached rules, in order.
    pub breaches: Vec<Rule>,
}

/// A class of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassRow {
    /// The class, 1 to 15.
    pub class: u8,
    /// Its limits.
    pub limits: Limits,
    /// Conditions that waive them; `None` = unused.
    pub exemptions: [Option<CodeInterval>; EXEMPTIONS],
}

impl ClassRow {
    /// The packed exemption intervals; 0 = unused.
    pub fn exemption_words(&self) -> [Fr; EXEMPTIONS] {
        self.exemptions
            .map(|e| e.map(|interval| interval.to_fr()).unwrap_or_default())
    }

    /// The leaf `H(CLASS; class, limits word, eight exemption intervals)`; `None` as [`Limits::word`].
    pub fn hash(&self) -> Option<Fr> {
        let [a, b, c, d, e, f, g, h] = self.exemption_words();
        let limits = self.limits.word()?;
        Some(tagged(
            Tag::Class,
            [Fr::from(self.class), limits, a, b, c, d, e, f, g, h],
        ))
    }

    /// The first interval that holds `code`; none holds [`Code::NONE`].
    pub fn exempting(&self, code: Code) -> Option<usize> {
        if code == Code::NONE {
            return None;
        }
        self.exemptions
            .iter()
            .position(|e| e.is_some_and(|interval| interval.contains(code)))
    }
}
