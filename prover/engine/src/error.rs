/// Why a circuit cannot be prepared or an assignment not be proven. No message holds a value of a witness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The evaluation domain is larger than the engine's tables.
    #[error("an evaluation domain of 2^{0} points is beyond this engine's limit")]
    Domain(u32),
    /// Matrices and key do not fit each other.
    #[error("the {part} has {got} entries where the constraints ask for {expected}")]
    Shape {
        /// What has the wrong length.
        part: &'static str,
        /// Entries that follow from the constraints.
        expected: usize,
        /// Entries found.
        got: usize,
    },
    /// A matrix names a variable that the circuit does not have.
    #[error("matrix {matrix} names variable {column}, the circuit has {variables}")]
    Column {
        /// A, B or C.
        matrix: &'static str,
        /// The variable's number.
        column: usize,
        /// Number of variables.
        variables: usize,
    },
    /// The assignment has the wrong number of values, or does not begin with 1.
    #[error("the assignment must be 1 followed by the circuit's variables, {expected} values in all")]
    Assignment {
        /// Number of values expected.
        expected: usize,
    },
    /// A blinding factor is zero, which would leave the proof unblinded.
    #[error("a blinding factor is zero")]
    Blinding,
}
