//! Why a file is refused.

/// What is wrong with a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointFault {
    /// A coordinate is not below the modulus.
    #[error("has a coordinate that is not below the modulus")]
    NotCanonical,
    /// The point is not on its curve.
    #[error("is not on its curve")]
    OffCurve,
    /// The point is outside the prime-order subgroup.
    #[error("is outside the prime-order subgroup")]
    OutsideSubgroup,
}

/// Why a file is refused. Messages name the section and, of witnesses, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CircomError {
    /// Not the beginning of such a file.
    #[error("it does not begin like a .{0} file")]
    Magic(&'static str),
    /// Another version of the format.
    #[error("it has version {got} of the .{format} format; this build reads version {expected}")]
    Version {
        /// The format.
        format: &'static str,
        /// The version that is read.
        expected: u32,
        /// The version found.
        got: u32,
    },
    /// The file ends early.
    #[error("it ends within its {0}")]
    Truncated(&'static str),
    /// Bytes behind the last section.
    #[error("{0} bytes are left over behind its last section")]
    Trailing(usize),
    /// A section is not there.
    #[error("it has no section with its {0}")]
    Missing(&'static str),
    /// A section comes twice, or the format has none of this number.
    #[error("section {0} comes twice, or the format has none of this number")]
    Section(u32),
    /// A section is longer or shorter than the header asks for.
    #[error("the section with its {section} has {got} bytes where the header asks for {expected}")]
    Length {
        /// The section.
        section: &'static str,
        /// Bytes expected.
        expected: u64,
        /// Bytes found.
        got: u64,
    },
    /// The numbers are not those of BN254.
    #[error("it is not over BN254 (bn128)")]
    Field,
    /// Not a Groth16 key.
    #[error("it is a key of protocol {0}; only Groth16 (1) is read")]
    Protocol(u32),
    /// A number of the header or of a list is out of range.
    #[error("its {what} is {got}, outside {min} to {max}")]
    Range {
        /// What is counted.
        what: &'static str,
        /// The smallest allowed.
        min: u64,
        /// The largest allowed.
        max: u64,
        /// The number found.
        got: u64,
    },
    /// A number is not below the field's modulus.
    #[error("number {index} of its {what} is not below the field's modulus")]
    Number {
        /// What holds it.
        what: &'static str,
        /// Which one, from 0.
        index: usize,
    },
    /// A point is refused.
    #[error("point {index} of its {what} {fault}")]
    Point {
        /// What holds it.
        what: &'static str,
        /// Which one, from 0.
        index: usize,
        /// What is wrong with it.
        fault: PointFault,
    },
    /// An entry of a matrix names a row, a column or a matrix that does not exist.
    #[error("coefficient {0} names a matrix, constraint or wire that does not exist")]
    Coefficient(usize),
    /// The rows that keep the public inputs apart are not as they must be.
    #[error("its last rows are not the one row a public input that Groth16 needs")]
    InputRows,
    /// The domain is not the smallest that holds the constraints.
    #[error("its domain has {got} points where {rows} rows need {expected}")]
    Domain {
        /// Constraints and rows of public inputs.
        rows: usize,
        /// The size expected.
        expected: usize,
        /// The size found.
        got: usize,
    },
    /// The first value of a witness is not 1.
    #[error("the first value of the witness is not 1")]
    One,
    /// The key would let anyone forge, or ignores an input.
    #[error("degenerate key: {0}")]
    Degenerate(&'static str),
    /// Two parts of the key come from different set-ups.
    #[error("its parts do not belong together: {0}")]
    Pair(&'static str),
    /// Nobody contributed a secret to the second phase: delta is known.
    #[error("it has no contribution to the second phase but beacons: delta is known and anyone can forge")]
    NoContribution,
    /// A contribution is refused.
    #[error("contribution {number}: {reason}")]
    Contribution {
        /// Which one, from 1 as snarkjs counts.
        number: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
}
