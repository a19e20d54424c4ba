//! Public inputs of every statement in their only order, and the one way to a verified statement.

mod bind;
mod claim;
mod dispense;
mod eligibility;

pub use bind::BindPublic;
pub use claim::ClaimPublic;
pub use dispense::DispensePublic;
pub use eligibility::EligibilityPublic;

use crate::{CircuitName, Context, Proof, VerifyError, VerifyingKey, batch};
use ark_bn254::Fr;
use ark_std::rand::{CryptoRng, RngCore};

/// The public inputs of one statement.
pub trait Public: Sized {
    /// Names of the inputs, in order.
    const NAMES: &'static [&'static str];
    /// The circuits that prove this statement.
    const CIRCUITS: &'static [CircuitName];

    /// The inputs in order.
    fn to_vec(&self) -> Vec<Fr>;

    /// Reads the inputs in order.
    ///
    /// # Errors
    /// [`PublicError`] when their number is not that of [`Public::NAMES`].
    fn from_slice(inputs: &[Fr]) -> Result<Self, PublicError>;
}

/// A wrong number of public inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{got} public inputs where the statement has {expected}")]
pub struct PublicError {
    /// Inputs of the statement.
    pub expected: usize,
    /// Inputs given.
    pub got: usize,
}

fn take<const N: usize>(inputs: &[Fr]) -> Result<[Fr; N], PublicError> {
    inputs.try_into().map_err(|_| PublicError {
        expected: N,
        got: inputs.len(),
    })
}

/// The public inputs of any statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statement {
    /// One secret behind an identity leaf and a pseudonym.
    Bind(BindPublic),
    /// A fill within the limits of a policy.
    Dispense(DispensePublic),
    /// A snapshot that meets a trial's criteria.
    Eligibility(EligibilityPublic),
    /// A payable claim.
    Claim(ClaimPublic),
}

impl Statement {
    /// Reads the public inputs of the statement that `circuit` proves.
    ///
    /// # Errors
    /// [`PublicError`] on a wrong number of inputs.
    pub fn from_slice(circuit: CircuitName, inputs: &[Fr]) -> Result<Self, PublicError> {
        Ok(match circuit {
            CircuitName::Bind => Self::Bind(BindPublic::from_slice(inputs)?),
            CircuitName::Dispense => Self::Dispense(DispensePublic::from_slice(inputs)?),
            CircuitName::Eligibility | CircuitName::EligibilityLarge => {
                Self::Eligibility(EligibilityPublic::from_slice(inputs)?)
            }
            CircuitName::Claim => Self::Claim(ClaimPublic::from_slice(inputs)?),
        })
    }

    /// The inputs in order.
    pub fn to_vec(&self) -> Vec<Fr> {
        match self {
            Self::Bind(p) => p.to_vec(),
            Self::Dispense(p) => p.to_vec(),
            Self::Eligibility(p) => p.to_vec(),
            Self::Claim(p) => p.to_vec(),
        }
    }

    /// The names of the inputs, in order.
    pub fn names(circuit: CircuitName) -> &'static [&'static str] {
        match circuit {
            CircuitName::Bind => BindPublic::NAMES,
            CircuitName::Dispense => DispensePublic::NAMES,
            CircuitName::Eligibility | CircuitName::EligibilityLarge => EligibilityPublic::NAMES,
            CircuitName::Claim => ClaimPublic::NAMES,
        }
    }

    /// The context that the proof is bound to.
    pub fn ctx(&self) -> Fr {
        match self {
            Self::Bind(p) => p.ctx,
            Self::Dispense(p) => p.ctx,
            Self::Eligibility(p) => p.ctx,
            Self::Claim(p) => p.ctx,
        }
    }
}

/// A statement whose proof was checked under the key of its circuit and whose `ctx` is that of the
/// given context. Only [`verify`] and [`verify_batch`] make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    statement: Statement,
    context: Context,
}

impl Verified {
    /// The statement.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// What it is bound to.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

/// A statement that is said to be proven.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The key under which its proof has to hold.
    pub key: &'a VerifyingKey,
    /// The statement.
    pub statement: Statement,
    /// What it has to be bound to.
    pub context: Context,
    /// The proof.
    pub proof: &'a Proof,
}

impl Claim<'_> {
    /// Everything but the proof; gives the public inputs. `ctx` is that of the claim's context.
    fn inputs(&self, ctx: &Fr) -> Result<Vec<Fr>, VerifyError> {
        if self.context.circuit_id != self.key.circuit_id() {
            return Err(VerifyError::Circuit);
        }
        let inputs = self.statement.to_vec();
        // A statement of another kind has other public inputs; equal counts alone prove nothing.
        if Statement::from_slice(self.key.name(), &inputs).ok() != Some(self.statement) {
            return Err(VerifyError::Circuit);
        }
        if !self.context.is_bound() {
            return Err(VerifyError::Unbound);
        }
        if *ctx != self.statement.ctx() {
            return Err(VerifyError::Context);
        }
        Ok(inputs)
    }

    fn verified(self) -> Verified {
        Verified {
            statement: self.statement,
            context: self.context,
        }
    }
}

/// Checks a proof of `statement` in `context` under `key`.
///
/// # Errors
/// [`VerifyError`] when the context names another circuit, has bits that `ctx` does not bind or does not hash to
/// the statement's `ctx`, when the number of inputs is not the key's, or when the proof does not hold.
pub fn verify(
    key: &VerifyingKey,
    statement: Statement,
    context: Context,
    proof: &Proof,
) -> Result<Verified, VerifyError> {
    let claim = Claim {
        key,
        statement,
        context,
        proof,
    };
    key.verify(&claim.inputs(&claim.context.to_fr())?, proof)?;
    Ok(claim.verified())
}

/// Checks many claims at once, under any keys. The verdicts are those of [`verify`], in order. `random` must be
/// the operating system's or seeded by it ([`batch`]).
pub fn verify_batch(
    claims: Vec<Claim<'_>>,
    random: &mut (impl RngCore + CryptoRng),
) -> Vec<Result<Verified, VerifyError>> {
    // One for each claim.
    let contexts = Context::all_to_fr(claims.iter().map(|claim| &claim.context));
    let inputs: Vec<_> = (claims.iter().zip(&contexts))
        .map(|(claim, ctx)| claim.inputs(ctx))
        .collect();
    let items: Vec<_> = claims
        .iter()
        .zip(&inputs)
        .filter_map(|(claim, inputs)| {
            Some(batch::Item {
                key: claim.key,
                inputs: inputs.as_ref().ok()?,
                proof: claim.proof,
            })
        })
        .collect();
    let mut verdicts = batch::verify(&items, random).into_iter();
    claims
        .into_iter()
        .zip(&inputs)
        .map(|(claim, inputs)| {
            if let Err(error) = inputs {
                return Err(*error);
            }
            // One verdict for each claim that came so far; without one nothing is verified.
            verdicts.next().unwrap_or(Err(VerifyError::Proof))?;
            Ok(claim.verified())
        })
        .collect()
}
