//! Plan and member ids, and the plan word that ties a balance to both (`docs/format.md`, section 10).

use super::Days;
use ark_bn254::Fr;
use medproof_verifier::{
    Day, Name, Tag,
    field::{pack, unpack},
    tagged,
};
use std::{fmt, str::FromStr};

/// Bits of a plan id.
pub const PLAN_BITS: u32 = 96;
/// Bits of a plan year.
pub const YEAR_BITS: u32 = 16;
/// Bits of a member id.
pub const MEMBER_BITS: u32 = 120;

/// Why a text is not a plan or member id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}: 1 to {longest} characters of `0-9`, `A-Z`, `a-z` and `-`")]
pub struct PlanTextError {
    what: &'static str,
    text: String,
    longest: usize,
}

/// The 6-bit number of a character: 0 is padding, 1-10 digits, 11-36 capitals, 37-62 small letters, 63 `-`.
fn number(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0' + 1),
        b'A'..=b'Z' => Some(byte - b'A' + 11),
        b'a'..=b'z' => Some(byte - b'a' + 37),
        b'-' => Some(63),
        _ => None,
    }
}

fn character(number: u8) -> char {
    let byte = match number {
        1..=10 => b'0' + number - 1,
        11..=36 => b'A' + number - 11,
        37..=62 => b'a' + number - 37,
        _ => b'-',
    };
    char::from(byte)
}

/// Left-aligned in `longest` characters, so that the packing is injective.
fn encode(what: &'static str, text: &str, longest: usize) -> Result<u128, PlanTextError> {
    let refused = || PlanTextError {
        what,
        text: text.chars().filter(|c| !c.is_control()).take(40).collect(),
        longest,
    };
    if text.is_empty() || text.len() > longest {
        return Err(refused());
    }
    let mut packed = 0u128;
    for byte in text.bytes() {
        packed = packed << 6 | u128::from(number(byte).ok_or_else(refused)?);
    }
    Ok(packed << (6 * (longest - text.len())))
}

/// The text, or `None` when padding is followed by a character or nothing is there.
fn decode(packed: u128, longest: usize) -> Option<String> {
    let numbers = (0..longest).map(|i| (packed >> (6 * (longest - 1 - i))) as u8 & 63);
    let text: String = numbers.clone().take_while(|n| *n != 0).map(character).collect();
    let padded = numbers.skip(text.len()).all(|n| n == 0);
    (padded && !text.is_empty() && packed >> (6 * longest) == 0).then_some(text)
}

macro_rules! plan_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $longest:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u128);

        impl $name {
            /// The packed text, left-aligned, 6 bits a character.
            pub fn to_u128(self) -> u128 {
                self.0
            }

            /// Reads a packed text; `None` when it is not the packing of any.
            pub fn from_u128(packed: u128) -> Option<Self> {
                decode(packed, $longest).map(|_| Self(packed))
            }
        }

        impl FromStr for $name {
            type Err = PlanTextError;

            fn from_str(text: &str) -> Result<Self, PlanTextError> {
                encode($what, text, $longest).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // The constructors take nothing that does not decode.
                f.write_str(&decode(self.0, $longest).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.to_string())
            }
        }
    };
}

plan_text!(
    /// An insurer's id of a plan: 1 to 16 characters of `0-9`, `A-Z`, `a-z`, `-`.
    PlanId,
    "plan id",
    16
);
plan_text!(
    /// An insurer's id of a member: 1 to 20 characters of `0-9`, `A-Z`, `a-z`, `-`.
    MemberId,
    "member id",
    20
);

impl PlanId {
    /// The plan id as circuits see it.
    pub fn to_fr(self) -> Fr {
        Fr::from(self.0)
    }
}

/// One member's year in one plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlanWord {
    /// The plan.
    pub plan: PlanId,
    /// The plan year (the calendar year in which it begins).
    pub year: u16,
    /// The member.
    pub member: MemberId,
}

impl PlanWord {
    /// `pack(plan:96, year:16, member:120)`.
    pub fn to_fr(self) -> Fr {
        // Both texts fit their widths by construction, and 232 bits fit a field element.
        pack(&[
            (self.plan.0, PLAN_BITS),
            (self.year.into(), YEAR_BITS),
            (self.member.0, MEMBER_BITS),
        ])
        .unwrap_or_default()
    }

    /// Reads a packed plan word; `None` when it is not the packing of any.
    pub fn from_fr(word: &Fr) -> Option<Self> {
        let fields = unpack(word, &[PLAN_BITS, YEAR_BITS, MEMBER_BITS])?;
        Some(Self {
            plan: PlanId::from_u128(fields[0])?,
            year: u16::try_from(fields[1]).ok()?,
            member: MemberId::from_u128(fields[2])?,
        })
    }

    /// `plan = H(PLAN; payer party, plan word)`, which a benefit note and a payable opening carry.
    pub fn digest(self, payer: &Name) -> Fr {
        tagged(Tag::Plan, [payer.to_fr(), self.to_fr()])
    }
}

/// The period and the plan year that a payer signs for: a coverage that is open or longer than a year is signed
/// year by year, from one anniversary of its start to the day before the next, and this is the year of `service`.
pub fn plan_year((start, end): Days, service: Day) -> (Days, u16) {
    let (first_year, month, day) = start.ymd();
    // 29 February comes round as 1 March.
    let anniversary = |year| {
        Day::from_ymd(year, month, day)
            .or_else(|| Day::from_ymd(year, 3, 1))
            .unwrap_or(Day::OPEN)
    };
    let on = service.max(start);
    let year = match anniversary(on.ymd().0) <= on {
        true => on.ymd().0,
        false => on.ymd().0 - 1,
    };
    let year = year.max(first_year);
    let next = anniversary(year + 1);
    let last = match next {
        Day::OPEN => Day::OPEN,
        next => Day(next.0 - 1),
    };
    // Years lie in 1900 to 2079.
    ((anniversary(year).max(start), last.min(end)), year as u16)
}
