//! The signed data behind a claim: coverage, the rendered service, prior authorisation, the benefit
//! balance and what is opened to the insurer (`docs/statements/claim.md`, `docs/format.md`, section 10).

mod benefit;
mod bundle;
mod cost;
mod coverage;
mod covered;
mod plan;
mod service;

pub use benefit::{BenefitNote, benefit_leaf};
pub use bundle::{Authorised, BalanceCents, ClaimContext, Days, FiledClaim, FiledProvider, Rendered};
pub use cost::{AnnualLimit, BASIS_POINTS, Balances, Cost, Fee, half_up};
pub use coverage::Coverage;
pub use covered::FiledCoverage;
pub use plan::{MEMBER_BITS, MemberId, PLAN_BITS, PlanId, PlanTextError, PlanWord, YEAR_BITS, plan_year};
pub use service::{MILLI_UNITS, PriorAuthorisation, RenderedService};

/// Kind of a commitment-tree leaf that is a benefit note (`docs/format.md`, section 4).
pub const BENEFIT_KIND: u64 = 2;

#[cfg(test)]
mod tests;
