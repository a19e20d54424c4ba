//! Set-up by one machine, for development only.

use super::KeysError;
use crate::constraints::{Blank, CircuitError};
use ark_bn254::Bn254;
use ark_groth16::{Groth16, ProvingKey};
use medproof_circuits::statement::Circuit;
use medproof_verifier::VerifyingKey;
use rand::rngs::OsRng;
use std::marker::PhantomData;

/// Makes a key of `C` from the operating system's randomness. Whoever sees this machine's memory while it
/// runs can forge proofs, hence the development mark.
pub(super) fn development<C: Circuit>() -> Result<(ProvingKey<Bn254>, VerifyingKey), KeysError> {
    let circuit = C::NAME.as_str();
    let proving =
        Groth16::<Bn254>::generate_random_parameters_with_reduction(Blank::<C>(PhantomData), &mut OsRng)
            .map_err(|source| CircuitError::Synthesis { circuit, source })?;
    let verifying = VerifyingKey::new(C::NAME, C::NAME.version(), true, proving.vk.clone())
        .map_err(|source| KeysError::Verifying { circuit, source })?;
    Ok((proving, verifying))
}
