//! The bundles, policies and tables of the demonstration, shipped inside the program. Their sources and
//! licences stand in `tests/data`.

use super::DemoError;
use medproof_records::{
    claim::{ClaimContext, FiledClaim},
    fhir::Bundle,
    policy::{claim::ClaimPolicy, dispensing, dispensing::DispensingPolicy, eligibility},
};
use std::io;

macro_rules! data {
    ($path:literal) => {
        include_str!(concat!("../../../tests/data/", $path))
    };
}

/// Criteria of the diabetes trial.
pub(super) const TRIAL: &str = data!("acceptance/policies/trial-diabetes.toml");
/// The dispensing limit.
pub(super) const DISPENSING: &str = data!("acceptance/policies/rx-mme-90.toml");
/// The plan.
pub(super) const PLAN: &str = data!("acceptance/policies/claim-lab.toml");

const LEONOR: &str = data!("synthea/Leonor_Trujillo_5542148c-67d6-4d91-be71-29973234a33b.json");
const CLARINE: &str = data!("synthea/Clarine_O'Keefe_e8c2a98e-6524-46cc-8d3b-48bc91f7cd2d.json");
const FILLS: &str = data!("acceptance/dispensing/R01.json");
const CLAIM: &str = data!("acceptance/claim/C01.json");
const CONTEXT: &str = data!("acceptance/claim/C01.context.json");

const TABLES: [(&str, &str); 5] = [
    ("mme-2022.csv", data!("acceptance/tables/mme-2022.csv")),
    ("pairs.csv", data!("acceptance/tables/pairs.csv")),
    ("fee.csv", data!("acceptance/tables/fee.csv")),
    ("max-units.csv", data!("acceptance/tables/max-units.csv")),
    (
        "prior-authorisation.csv",
        data!("acceptance/tables/prior-authorisation.csv"),
    ),
];

fn table(path: &str) -> io::Result<Vec<u8>> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let found = TABLES.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, text)| text.as_bytes().to_vec())
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Everything that the story reads.
pub(super) struct Data {
    /// Meets the trial's criteria on 2021-03-15.
    pub(super) leonor: Bundle,
    /// Does not meet them on 2021-03-28.
    pub(super) clarine: Bundle,
    /// One opioid fill before the enrolment.
    pub(super) fills: Bundle,
    /// An HbA1c test.
    pub(super) claim: FiledClaim,
    /// The member's balance.
    pub(super) context: ClaimContext,
    pub(super) trial: eligibility::CompiledPolicy,
    pub(super) dispensing: DispensingPolicy,
    pub(super) plan: ClaimPolicy,
}

impl Data {
    /// Parses and compiles everything.
    ///
    /// # Errors
    /// [`DemoError::Data`]: a fault of the build.
    pub(super) fn load() -> Result<Self, DemoError> {
        fn bad(error: impl std::fmt::Display) -> DemoError {
            DemoError::Data(error.to_string())
        }
        let bundle = |text: &str| Bundle::parse(text.as_bytes()).map_err(bad);
        Ok(Self {
            leonor: bundle(LEONOR)?,
            clarine: bundle(CLARINE)?,
            fills: bundle(FILLS)?,
            claim: FiledClaim::read(&bundle(CLAIM)?).map_err(bad)?,
            context: ClaimContext::parse(CONTEXT.as_bytes()).map_err(bad)?,
            trial: eligibility::compile(TRIAL).map_err(bad)?,
            dispensing: dispensing::compile(DISPENSING, &mut table).map_err(bad)?,
            plan: ClaimPolicy::compile(PLAN, &mut table).map_err(bad)?,
        })
    }
}
