//! Inversions that many elements share, on the caller's core: arkworks' own function for points hands the work to other threads.

use ark_bn254::{Fq, G1Affine, G1Projective};
use ark_ff::{Field, serial_batch_inversion_and_mul};

/// The inverses, by one inversion.
pub(crate) fn invert<F: Field>(values: &mut [F]) {
    serial_batch_inversion_and_mul(values, &F::ONE);
}

/// The same points, none of which is the identity, in affine coordinates.
pub(crate) fn to_affine<'a>(points: impl Iterator<Item = &'a G1Projective> + Clone) -> Vec<G1Affine> {
    let mut inverses: Vec<Fq> = points.clone().map(|p| p.z).collect();
    invert(&mut inverses);
    // x = X / Z^2, y = Y / Z^3.
    let affine = |(p, inverse): (&G1Projective, &Fq)| {
        let square = inverse.square();
        G1Affine::new_unchecked(p.x * square, p.y * square * inverse)
    };
    points.zip(&inverses).map(affine).collect()
}
