//! Accepted keys: a leaf of the registry that is opened and checked for role, scope and validity.

use super::eddsa::PublicKeyVar;
use super::linear::{enforce_equal, witness};
use super::merkle::PathVar;
use super::pack::join;
use super::poseidon::tagged;
use super::range::enforce_range;
use super::select::enforce_equal_if;
use ark_bn254::Fr;
use ark_ff::AdditiveGroup;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use medproof_verifier::eddsa::PublicKey;
use medproof_verifier::tree::REGISTRY_DEPTH;
use medproof_verifier::{Day, KeyLeaf, Path, Role, Tag};

/// A registry leaf and its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedKey {
    /// The leaf.
    pub leaf: KeyLeaf,
    /// Its path.
    pub path: Path<REGISTRY_DEPTH>,
}

/// Why a key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    /// Another root.
    #[error("the key is not in the registry")]
    NotRegistered,
    /// Another role.
    #[error("the key is registered for another role")]
    Role,
    /// Another scope.
    #[error("the key is registered for another scope")]
    Scope,
    /// Outside its validity.
    #[error("the key was not valid on the day that counts")]
    Validity,
}

impl AcceptedKey {
    /// The signing key.
    pub fn public_key(&self) -> PublicKey {
        PublicKey {
            x: self.leaf.ax,
            y: self.leaf.ay,
        }
    }

    /// Native twin of [`AcceptedKeyVar::enforce_accepted`].
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(&self, registry_root: Fr, role: Role, scope: Fr, day: Day) -> Result<(), KeyRefused> {
        if self.path.root(self.leaf.hash()) != registry_root {
            return Err(KeyRefused::NotRegistered);
        }
        if self.leaf.role != role {
            return Err(KeyRefused::Role);
        }
        if self.leaf.scope != scope {
            return Err(KeyRefused::Scope);
        }
        if !self.leaf.valid_on(day) {
            return Err(KeyRefused::Validity);
        }
        Ok(())
    }

    /// A value of the right shape with nothing in it.
    pub fn blank() -> Self {
        Self {
            leaf: KeyLeaf {
                ax: Fr::ZERO,
                ay: Fr::ZERO,
                role: Role::Prescriber,
                // A constant name within the alphabet.
                party: "blank".parse().expect("a valid name"),
                scope: Fr::ZERO,
                valid_from: Day(0),
                valid_to: Day(u16::MAX),
            },
            path: Path::zero(),
        }
    }
}

/// A private registry leaf with its path.
pub struct AcceptedKeyVar {
    /// Party of the key.
    pub party: FpVar<Fr>,
    /// Scope of the key.
    pub scope: FpVar<Fr>,
    /// The signing key.
    pub public_key: PublicKeyVar,
    valid_from: FpVar<Fr>,
    valid_to: FpVar<Fr>,
    path: PathVar<REGISTRY_DEPTH>,
}

impl AcceptedKeyVar {
    /// Allocates a leaf and its path. Costs 52 constraints: positions, and both days in 16 bits.
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn new_witness(cs: ConstraintSystemRef<Fr>, key: &AcceptedKey) -> Result<Self, SynthesisError> {
        let leaf = &key.leaf;
        let day = |d: Day| {
            let day = witness(&cs, || Ok(Fr::from(d.0)))?;
            enforce_range(&day, 16)?;
            Ok::<_, SynthesisError>(day)
        };
        Ok(Self {
            party: witness(&cs, || Ok(leaf.party.to_fr()))?,
            scope: witness(&cs, || Ok(leaf.scope))?,
            public_key: PublicKeyVar::new_witness(cs.clone(), &key.public_key())?,
            valid_from: day(leaf.valid_from)?,
            valid_to: day(leaf.valid_to)?,
            path: PathVar::new_witness(cs, &key.path)?,
        })
    }

    /// Enforces that the key is in the registry with this role and scope and valid on `day`, which must
    /// already be known to be below 2^16. Costs 3,409 constraints.
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn enforce_accepted(
        &self,
        registry_root: &FpVar<Fr>,
        role: Role,
        scope: &FpVar<Fr>,
        day: &FpVar<Fr>,
    ) -> Result<(), SynthesisError> {
        enforce_equal(&self.root(role)?, registry_root)?;
        enforce_equal(&self.scope, scope)?;
        // All three are below 2^16, so each difference is negative exactly if it is 2^16 or more modulo r.
        enforce_range(&(day - &self.valid_from), 16)?;
        enforce_range(&(&self.valid_to - day), 16)
    }

    /// [`AcceptedKeyVar::enforce_accepted`] where `condition` holds; where it does not, every leaf and path
    /// will do. Costs 3,411 constraints.
    ///
    /// # Errors
    /// Those of the constraint system.
    pub fn enforce_accepted_if(
        &self,
        condition: &Boolean<Fr>,
        registry_root: &FpVar<Fr>,
        role: Role,
        scope: &FpVar<Fr>,
        day: &FpVar<Fr>,
    ) -> Result<(), SynthesisError> {
        enforce_equal_if(condition, &self.root(role)?, registry_root)?;
        enforce_equal_if(condition, &self.scope, scope)?;
        // The differences themselves where the condition holds, else 0, which is in range.
        let on = FpVar::from(condition.clone());
        enforce_range(&(&on * (day - &self.valid_from)), 16)?;
        enforce_range(&(&on * (&self.valid_to - day)), 16)
    }

    /// The root that the leaf has with this role: the role is a constant of the hash, so a leaf of
    /// another role has another root.
    fn root(&self, role: Role) -> Result<FpVar<Fr>, SynthesisError> {
        // Both days were range-checked when allocated, so the packed word has one reading.
        let validity = join(&[(&self.valid_from, 16), (&self.valid_to, 16)])?;
        let role = FpVar::Constant(role.to_fr());
        let key = &self.public_key;
        let leaf = tagged(
            Tag::Key,
            [&key.x, &key.y, &role, &self.party, &self.scope, &validity],
        )?;
        self.path.root(&leaf)
    }
}

#[cfg(test)]
mod tests;
