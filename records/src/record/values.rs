//! The numbered values of record fields (`docs/format.md`, section 6).

use std::fmt;

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $number,)* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The number in a record.
            pub const fn id(self) -> u8 {
                self as u8
            }

            /// The value with this number.
            pub fn from_id(id: u8) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.id() == id)
            }

            /// The name in policies and messages.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The value with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.name() == name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

numbered! {
    /// What a record stands for.
    Kind {
        /// The patient.
        Demographics = 1, "demographics";
        /// A diagnosis or problem.
        Condition = 2, "condition";
        /// A measurement or finding.
        Observation = 3, "observation";
        /// A medication handed out.
        Dispense = 4, "dispense";
        /// A medication ordered or reported.
        Order = 5, "order";
        /// A procedure done.
        Procedure = 6, "procedure";
        /// A vaccination.
        Immunisation = 7, "immunisation";
        /// A line of a claim.
        ClaimLine = 8, "claim line";
        /// An insurance coverage.
        Coverage = 9, "coverage";
        /// A prior authorisation.
        PriorAuthorisation = 10, "prior authorisation";
        /// An allergy or intolerance.
        Allergy = 11, "allergy";
    }
}

numbered! {
    /// Groups of kinds; a snapshot and a policy name them as a mask, bit = number.
    Category {
        /// The patient.
        Demographics = 0, "demographics";
        /// Conditions.
        Condition = 1, "condition";
        /// Laboratory observations.
        Laboratory = 2, "laboratory";
        /// Dispenses and orders.
        Medication = 3, "medication";
        /// Procedures.
        Procedure = 4, "procedure";
        /// Vaccinations.
        Immunisation = 5, "immunisation";
        /// Allergies.
        Allergy = 6, "allergy";
        /// Claim lines, coverage and prior authorisations.
        Claim = 7, "claim";
    }
}

impl Category {
    /// The category's bit in a mask.
    pub const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl Kind {
    /// The category of a kind. Observations that are not laboratory values enter no snapshot of this version.
    pub const fn category(self) -> Category {
        match self {
            Self::Demographics => Category::Demographics,
            Self::Condition => Category::Condition,
            Self::Observation => Category::Laboratory,
            Self::Dispense | Self::Order => Category::Medication,
            Self::Procedure => Category::Procedure,
            Self::Immunisation => Category::Immunisation,
            Self::Allergy => Category::Allergy,
            Self::ClaimLine | Self::Coverage | Self::PriorAuthorisation => Category::Claim,
        }
    }
}

numbered! {
    /// Clinical status of a condition or allergy.
    ClinicalStatus {
        /// Not stated.
        None = 0, "none";
        /// Active.
        Active = 1, "active";
        /// Recurrence.
        Recurrence = 2, "recurrence";
        /// Relapse.
        Relapse = 3, "relapse";
        /// Inactive.
        Inactive = 4, "inactive";
        /// In remission.
        Remission = 5, "remission";
        /// Resolved.
        Resolved = 6, "resolved";
        /// Unknown, or a code that FHIR does not have.
        Unknown = 7, "unknown";
    }
}

numbered! {
    /// Status of every other kind but demographics.
    Status {
        /// Not stated.
        None = 0, "none";
        /// Active, completed, final, amended or corrected.
        Done = 1, "done";
        /// Entered in error: never matches.
        EnteredInError = 2, "entered-in-error";
        /// Not done, cancelled, declined, not taken.
        NotDone = 3, "not-done";
        /// Anything else, such as preliminary, on-hold, stopped.
        Other = 7, "other";
    }
}

numbered! {
    /// Vital status of a demographics record.
    VitalStatus {
        /// Alive as far as the issuer knows.
        Alive = 1, "alive";
        /// Deceased.
        Deceased = 2, "deceased";
    }
}

numbered! {
    /// Verification status of a condition or allergy.
    Verification {
        /// Not stated.
        None = 0, "none";
        /// Unconfirmed.
        Unconfirmed = 1, "unconfirmed";
        /// Provisional.
        Provisional = 2, "provisional";
        /// Differential.
        Differential = 3, "differential";
        /// Confirmed.
        Confirmed = 4, "confirmed";
        /// Refuted: never matches.
        Refuted = 5, "refuted";
        /// Entered in error: never matches.
        EnteredInError = 6, "entered-in-error";
    }
}

numbered! {
    /// Intent of an order.
    Intent {
        /// Not an order.
        None = 0, "none";
        /// Order.
        Order = 1, "order";
        /// Plan.
        Plan = 2, "plan";
        /// Proposal.
        Proposal = 3, "proposal";
        /// Original order.
        OriginalOrder = 4, "original-order";
        /// Reflex order.
        ReflexOrder = 5, "reflex-order";
        /// Filler order.
        FillerOrder = 6, "filler-order";
        /// Instance order.
        InstanceOrder = 7, "instance-order";
        /// Option.
        Option = 8, "option";
        /// A code that FHIR does not have.
        Other = 9, "other";
    }
}

numbered! {
    /// How a value relates to what was measured. With a comparator the value is only a bound.
    Comparator {
        /// The value itself.
        None = 0, "=";
        /// Below the value.
        Less = 1, "<";
        /// At most the value.
        LessOrEqual = 2, "<=";
        /// At least the value.
        GreaterOrEqual = 3, ">=";
        /// Above the value.
        Greater = 4, ">";
        /// Sufficient to reach the value, or a code that FHIR does not have.
        Other = 5, "ad";
    }
}

numbered! {
    /// Administrative sex, as the quantity of a demographics record.
    Sex {
        /// Male.
        Male = 1, "male";
        /// Female.
        Female = 2, "female";
        /// Other.
        Other = 3, "other";
        /// Not known or not stated.
        Unknown = 4, "unknown";
    }
}
