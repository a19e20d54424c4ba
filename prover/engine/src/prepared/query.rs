//! The bases of one multi-scalar multiplication, without those that are the identity.

use ark_bn254::Fr;
use ark_ec::{
    AffineRepr,
    short_weierstrass::{Affine, Projective, SWCurveConfig},
};
use zeroize::Zeroizing;

/// Bases and the positions of their scalars.
pub(crate) struct Query<P: SWCurveConfig> {
    columns: Vec<u32>,
    bases: FixedBases<P>,
}

impl<P: SWCurveConfig<ScalarField = Fr>> Query<P> {
    /// The query over `bases`; its tables take at most `table_bytes`.
    pub(crate) fn new(bases: &[Affine<P>], table_bytes: usize) -> Self {
        let (columns, kept): (Vec<u32>, Vec<Affine<P>>) = (0..)
            .zip(bases.iter().copied())
            .filter(|(_, base)| !base.is_zero())
            .unzip();
        Self {
            columns,
            bases: FixedBases::new(&kept, table_bytes),
        }
    }

    /// `sum_i scalar(i) bases[i]`.
    pub(crate) fn msm(&self, scalar: impl Fn(usize) -> Fr) -> Projective<P> {
        // The scalars are the witness: the copy is wiped when it is no longer needed.
        let scalars: Zeroizing<Vec<Fr>> =
            Zeroizing::new(self.columns.iter().map(|at| scalar(*at as usize)).collect());
        self.bases.msm(&scalars)
    }

    /// Bytes of the tables beside the bases.
    pub(crate) fn table_bytes(&self) -> usize {
        self.bases.table_bytes()
    }

    /// Bytes of bases and tables.
    pub(crate) fn bytes(&self) -> usize {
        self.columns.len() * size_of::<u32>() + self.bases.bytes()
    }
}

/// Bases until there are tables for them.
struct FixedBases<P: SWCurveConfig>(Vec<Affine<P>>);

impl<P: SWCurveConfig<ScalarField = Fr>> FixedBases<P> {
    fn new(bases: &[Affine<P>], _: usize) -> Self {
        Self(bases.to_vec())
    }

    fn msm(&self, scalars: &[Fr]) -> Projective<P> {
        use ark_ec::VariableBaseMSM;
        // Bases and scalars are equally many by construction.
        Projective::<P>::msm_unchecked(&self.0, scalars)
    }

    fn table_bytes(&self) -> usize {
        0
    }

    fn bytes(&self) -> usize {
        self.0.len() * size_of::<Affine<P>>()
    }
}
