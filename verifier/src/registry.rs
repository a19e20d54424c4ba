//! Leaves of the registry of accepted keys (`docs/format.md`, section 3).

use crate::{Day, Name, Tag, field::pack, tagged};
use ark_bn254::Fr;

/// What a registered key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Role {
    /// Signs prescriptions.
    Prescriber = 1,
    /// Signs snapshots.
    RecordIssuer = 2,
    /// Signs coverage and prior authorisations, opens benefit notes.
    Payer = 3,
    /// Signs rendered services.
    Provider = 4,
    /// Posts dispenses and voids.
    Pharmacy = 5,
    /// Posts eligibility statements.
    Sponsor = 6,
    /// Posts claims.
    InsurerGateway = 7,
    /// Opens and closes identities and account notes.
    EnrolmentAuthority = 8,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 8] = [
        Self::Prescriber,
        Self::RecordIssuer,
        Self::Payer,
        Self::Provider,
        Self::Pharmacy,
        Self::Sponsor,
        Self::InsurerGateway,
        Self::EnrolmentAuthority,
    ];

    /// The role with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|r| *r as u8 == number)
    }

    /// The role as a circuit sees it.
    pub fn to_fr(self) -> Fr {
        Fr::from(self as u64)
    }

    /// The name used on the command line and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prescriber => "prescriber",
            Self::RecordIssuer => "record-issuer",
            Self::Payer => "payer",
            Self::Provider => "provider",
            Self::Pharmacy => "pharmacy",
            Self::Sponsor => "sponsor",
            Self::InsurerGateway => "insurer-gateway",
            Self::EnrolmentAuthority => "enrolment-authority",
        }
    }
}

/// One accepted key. `ax`, `ay` are the Baby Jubjub public key, or zero for roles that only post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLeaf {
    /// Affine x of the signing key.
    pub ax: Fr,
    /// Affine y of the signing key.
    pub ay: Fr,
    /// What the key may do.
    pub role: Role,
    /// The party, the same across all its keys.
    pub party: Name,
    /// The domain's name, the NPI as a number (provider) or the party itself (sponsor).
    pub scope: Fr,
    /// First day on which the key is valid.
    pub valid_from: Day,
    /// Last day on which the key is valid.
    pub valid_to: Day,
}

impl KeyLeaf {
    /// The registry leaf `H(KEY; ..)`.
    pub fn hash(&self) -> Fr {
        // Two u16 fit their widths.
        let validity =
            pack(&[(self.valid_from.0.into(), 16), (self.valid_to.0.into(), 16)]).unwrap_or_default();
        tagged(
            Tag::Key,
            [
                self.ax,
                self.ay,
                self.role.to_fr(),
                self.party.to_fr(),
                self.scope,
                validity,
            ],
        )
    }

    /// Whether the key is valid on `day`.
    pub fn valid_on(&self, day: Day) -> bool {
        self.valid_from <= day && day <= self.valid_to
    }
}
