//! A key made by snarkjs, and what must be refused of keys: V4 and V5 for keys made elsewhere.
#![allow(clippy::unwrap_used, reason = "a failing helper fails its test")]

use super::*;
use crate::{
    CircomReduction, PointFault, R1cs,
    tests::{R1CS, WTNS, refuses_damage, sections, with},
    wtns,
};
use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine, g2};
use ark_ec::{AffineRepr, CurveGroup, short_weierstrass::SWCurveConfig};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use ark_groth16::Groth16;
use rand::{SeedableRng, rngs::StdRng};

const GOOD: &[u8] = include_bytes!("../../../../tests/vectors/circom/cube.zkey");
const UNTOUCHED: &[u8] = include_bytes!("../../../../tests/vectors/circom/cube-no-contribution.zkey");
const BEACON: &[u8] = include_bytes!("../../../../tests/vectors/circom/cube-beacon-only.zkey");

// Where points lie in section 2.
const ALPHA_1: usize = 84;
const BETA_1: usize = ALPHA_1 + 64;
const BETA_2: usize = BETA_1 + 64;
const GAMMA_2: usize = BETA_2 + 128;
const DELTA_1: usize = GAMMA_2 + 128;
const DELTA_2: usize = DELTA_1 + 64;

fn refused(bytes: &[u8]) -> CircomError {
    Zkey::read(bytes).expect_err("the key is refused")
}

fn section(number: u32) -> Vec<u8> {
    let all = sections(GOOD);
    all.into_iter().find(|(n, _)| *n == number).unwrap().1
}

fn put(values: &[Fq], out: &mut [u8]) {
    for (chunk, value) in out.chunks_exact_mut(8).zip(values.iter().flat_map(|v| v.0.0)) {
        chunk.copy_from_slice(&value.to_le_bytes());
    }
}

fn g1(p: G1Affine) -> [u8; 64] {
    let mut out = [0; 64];
    put(&[p.x, p.y], &mut out);
    out
}

pub(crate) fn g2_point(p: G2Affine) -> [u8; 128] {
    let mut out = [0; 128];
    put(&[p.x.c0, p.x.c1, p.y.c0, p.y.c1], &mut out);
    out
}

fn header_with(at: usize, bytes: &[u8]) -> Vec<u8> {
    with(GOOD, 2, |h| h[at..at + bytes.len()].copy_from_slice(bytes))
}

/// On the twist, but not in the subgroup of prime order.
pub(crate) fn outside() -> G2Affine {
    (1u64..)
        .find_map(|n| {
            let x = Fq2::new(Fq::from(n), Fq::ONE);
            let y = (x.square() * x + g2::Config::COEFF_B).sqrt()?;
            let p = G2Affine::new_unchecked(x, y);
            (!p.is_in_correct_subgroup_assuming_on_curve()).then_some(p)
        })
        .unwrap()
}

#[test]
fn a_key_of_snarkjs_is_read() {
    let key = Zkey::read(GOOD).unwrap();
    assert_eq!(
        (key.public(), key.variables(), key.constraints(), key.domain()),
        (3, 6, 3, 8)
    );
    let r1cs = R1cs::read(R1CS).unwrap();
    assert_eq!([key.a(), key.b()], [&r1cs.matrices()[0], &r1cs.matrices()[1]]);
    // As `snarkjs zkey verify` prints them.
    let hash = "a80583cc07a2bc7e353f9e4d0d8dc393868f7a6965a6ef36d39066befbaf1618\
                5ad66ba3000fa604b4481e4e76e9ef066bbb3409b35d70050f02e43e3595f3b9";
    assert_eq!(hex::encode(key.circuit_hash()), hash);
    let told: Vec<_> = key
        .contributions()
        .iter()
        .map(|c| {
            (
                c.name().unwrap(),
                c.kind() == &ContributionKind::Secret,
                hex::encode(c.hash()),
            )
        })
        .collect();
    let expected = [
        (
            "first",
            true,
            "a8388038218c59afe26fef06c1a18211a6a3c3367bebf0e41fff5a5148338a4f\
             ddfef4002d1e734a6fb39b3e27f66b32a74b0c2ec2aae71446d7656b92c35ff5",
        ),
        (
            "second",
            true,
            "3cc1ce5dfd01c6e819c2a892a5587020f98e25a51f58f9b88f6a48cc48731512\
             5f2fc35b151a755154917b9e295ad6d7f0bad36b80da478c2d01c06eef38cd9f",
        ),
        (
            "beacon",
            false,
            "9ed78d098715638c7cba283075d120952c52fe3f6ae6c74c406b2379e530a67c\
             935aefab257fdf85c819b5c9f79b4f2d4c069e1b5829f9f1c4a996e37ca0261d",
        ),
    ];
    assert!(told.iter().map(|(n, s, h)| (*n, *s, h.as_str())).eq(expected));
}

#[test]
fn it_proves_and_a_wrong_witness_does_not() {
    let key = Zkey::read(GOOD).unwrap();
    let matrices = [key.a().to_rows(), key.b().to_rows()];
    let mut rng = StdRng::seed_from_u64(1);
    let mut verdict = |values: &[Fr]| {
        let proof = Groth16::<Bn254, CircomReduction>::create_proof_with_reduction_and_matrices(
            key.proving_key(),
            Fr::rand(&mut rng),
            Fr::rand(&mut rng),
            &matrices,
            key.public() + 1,
            key.constraints(),
            values,
        );
        let verifying = ark_groth16::prepare_verifying_key(&key.proving_key().vk);
        Groth16::<Bn254>::verify_proof(&verifying, &proof.unwrap(), &values[1..4]).unwrap()
    };
    let witness = wtns::read(WTNS).unwrap();
    assert!(verdict(witness.values()));
    for at in 1..6 {
        let mut wrong = witness.values().to_vec();
        wrong[at] += Fr::ONE;
        assert!(!verdict(&wrong), "value {at}");
    }
}

#[test]
fn v04_damaged_keys_are_refused() {
    refuses_damage(GOOD, |bytes| Zkey::read(bytes).map(|_| ()));
    assert_eq!(refused(&with(GOOD, 1, |p| p[0] = 2)), CircomError::Protocol(2));
    for at in [0, 4, 36, 40] {
        assert_eq!(
            refused(&with(GOOD, 2, |h| h[at] ^= 1)),
            CircomError::Field,
            "{at}"
        );
    }
    // Wires, public inputs, domain: the sections have other lengths, or the numbers are out of range.
    for at in [72, 76, 80] {
        for value in [0, 1, 2, 4, 7, 16, 1 << 27, 1 << 28, u32::MAX] {
            let wrong = header_with(at, &u32::to_le_bytes(value));
            let error = refused(&wrong);
            let sizes = matches!(
                error,
                CircomError::Length { .. } | CircomError::Range { .. } | CircomError::Coefficient(_)
            ) || error == CircomError::InputRows;
            assert!(sizes, "{at}: {value}: {error}");
        }
    }
    // Any changed byte is refused, or lies in a name, a coefficient or a beacon's value.
    for at in (0..GOOD.len()).step_by(53) {
        let mut bytes = GOOD.to_vec();
        bytes[at] ^= 0x10;
        if let Ok(key) = Zkey::read(&bytes) {
            let good = Zkey::read(GOOD).unwrap();
            assert_eq!(key.proving_key(), good.proving_key(), "byte {at}");
        }
    }
}

#[test]
fn v04_points_off_their_curve_or_subgroup_are_refused() {
    let fault = |what, index, fault| CircomError::Point { what, index, fault };
    let sections = [
        (3, "IC points", 64),
        (5, "A points", 64),
        (6, "B points in G1", 64),
        (7, "B points in G2", 128),
        (8, "C points", 64),
        (9, "H points", 64),
    ];
    for (number, name, size) in sections {
        let last = section(number).len() / size - 1;
        let at = last * size;
        let off = with(GOOD, number, |s| s[at..at + size].fill(1));
        assert_eq!(refused(&off), fault(name, last, PointFault::OffCurve));
        let large = with(GOOD, number, |s| s[at..at + 32].fill(0xff));
        assert_eq!(refused(&large), fault(name, last, PointFault::NotCanonical));
    }
    let sneaky = with(GOOD, 7, |s| s[128..256].copy_from_slice(&g2_point(outside())));
    assert_eq!(
        refused(&sneaky),
        fault("B points in G2", 1, PointFault::OutsideSubgroup)
    );
    for (at, name) in [
        (BETA_2, "beta in G2"),
        (GAMMA_2, "gamma"),
        (DELTA_2, "delta in G2"),
    ] {
        let sneaky = header_with(at, &g2_point(outside()));
        assert_eq!(refused(&sneaky), fault(name, 0, PointFault::OutsideSubgroup));
    }
}

#[test]
fn v04_degenerate_keys_are_refused_with_the_reason() {
    let degenerate = |bytes: Vec<u8>| match refused(&bytes) {
        CircomError::Degenerate(reason) => reason,
        other => panic!("{other}"),
    };
    for (at, size) in [
        (ALPHA_1, 64),
        (BETA_1, 64),
        (DELTA_1, 64),
        (BETA_2, 128),
        (GAMMA_2, 128),
        (DELTA_2, 128),
    ] {
        let zero = header_with(at, &vec![0; size]);
        let error = refused(&zero);
        assert!(
            matches!(error, CircomError::Degenerate(_) | CircomError::Pair(_)),
            "{at}: {error}"
        );
    }
    let key = Zkey::read(GOOD).unwrap();
    let vk = &key.proving_key().vk;
    for delta in [vk.delta_g2, -vk.delta_g2] {
        assert_eq!(
            degenerate(header_with(GAMMA_2, &g2_point(delta))),
            "gamma = +-delta"
        );
    }
    for beta in [vk.beta_g2, -vk.beta_g2] {
        let reason = degenerate(header_with(GAMMA_2, &g2_point(beta)));
        assert_eq!(reason, "beta = +-gamma or +-delta");
    }
    // Without the generator as gamma, a generator as delta is seen for itself.
    let twice = g2_point((G2Affine::generator() * Fr::from(2u64)).into_affine());
    let unchanged = with(&header_with(GAMMA_2, &twice), 2, |h| {
        h[DELTA_2..].copy_from_slice(&g2_point(G2Affine::generator()));
    });
    assert_eq!(
        degenerate(unchanged),
        "delta is the generator: the key had no second phase"
    );
    let ic = section(3);
    let first = with(GOOD, 3, |s| s[..64].fill(0));
    assert_eq!(
        degenerate(first),
        "an identity IC point: an input would be ignored"
    );
    let p = vk.gamma_abc_g1[1];
    for same in [p, -p] {
        let repeated = with(GOOD, 3, |s| s[128..192].copy_from_slice(&g1(same)));
        let reason = degenerate(repeated);
        assert_eq!(
            reason,
            "two equal or opposite IC points: inputs could be exchanged"
        );
    }
    assert_eq!(ic[64..128], g1(p));
}

#[test]
fn parts_of_two_keys_are_not_mixed() {
    let other = |p: G1Affine| g1((p * Fr::from(3u64)).into_affine());
    let key = Zkey::read(GOOD).unwrap().into_proving_key();
    let beta = refused(&header_with(BETA_1, &other(key.beta_g1)));
    assert_eq!(beta, CircomError::Pair("beta differs between G1 and G2"));
    let delta = refused(&header_with(DELTA_1, &other(key.delta_g1)));
    let reason = "the delta after the last contribution is not the key's";
    assert_eq!(delta, CircomError::Pair(reason));
    let doubled = g2_point((key.vk.delta_g2 * Fr::from(3u64)).into_affine());
    let delta = refused(&header_with(DELTA_2, &doubled));
    assert_eq!(delta, CircomError::Pair("delta differs between G1 and G2"));
}

#[test]
fn v04_keys_without_a_secret_contribution_are_refused() {
    assert_eq!(refused(UNTOUCHED), CircomError::NoContribution);
    assert_eq!(refused(BEACON), CircomError::NoContribution);
    // Contributions cut off behind the back of delta.
    let none = with(GOOD, 10, |s| {
        s.truncate(64);
        s.extend([0; 4]);
    });
    assert_eq!(refused(&none), CircomError::NoContribution);
}

/// Bytes of the first contribution in section 10, whose name is `first`.
const FIRST: std::ops::Range<usize> = 68..68 + 64 * 3 + 128 + 64 + 8 + 7;

#[test]
fn v04_repeated_changed_and_foreign_contributions_are_refused() {
    let contribution = |bytes: Vec<u8>| match refused(&bytes) {
        CircomError::Contribution { number, reason } => (number, reason),
        other => panic!("{other}"),
    };
    let first = section(10)[FIRST].to_vec();
    let repeated = with(GOOD, 10, |s| {
        s[64] += 1;
        s.splice(FIRST.end..FIRST.end, first);
    });
    assert_eq!(contribution(repeated), (2, "it repeats an earlier one"));
    let left_out = with(GOOD, 10, |s| {
        s[64] -= 1;
        s.drain(FIRST);
    });
    let transcript = "its transcript is not that of the circuit and the contributions before it";
    assert_eq!(contribution(left_out), (1, transcript));
    let other_circuit = with(GOOD, 10, |s| s[0] ^= 1);
    assert_eq!(contribution(other_circuit), (1, transcript));
    // Another delta, another proof of knowledge, a factor of one.
    let three = |p: G1Affine| g1((p * Fr::from(3u64)).into_affine());
    let key = Zkey::read(GOOD).unwrap();
    let c = &key.contributions()[0];
    let at = FIRST.start;
    let delta = with(GOOD, 10, |s| {
        s[at..at + 64].copy_from_slice(&three(c.delta_after))
    });
    let reason = "delta did not change by the factor that it proves";
    assert_eq!(contribution(delta), (1, reason));
    let spx = (c.spx * Fr::from(3u64)).into_affine();
    let proof = with(GOOD, 10, |s| {
        s[at + 192..at + 320].copy_from_slice(&g2_point(spx))
    });
    assert_eq!(contribution(proof), (1, "its proof of knowledge does not hold"));
    let idle = with(GOOD, 10, |s| s.copy_within(at + 64..at + 128, at + 128));
    assert_eq!(contribution(idle), (1, "it repeats an earlier one"));
    let identity = with(GOOD, 10, |s| s[at..at + 64].fill(0));
    let reason = "a contribution holds an identity point";
    assert_eq!(refused(&identity), CircomError::Degenerate(reason));
}

#[test]
fn parameters_of_contributions_are_read_strictly() {
    let at = FIRST.end - 7; // 1, 5, "first"
    for (offset, value) in [(0, 0), (0, 4), (0, 2), (1, 4), (1, 6), (1, 255)] {
        let wrong = with(GOOD, 10, |s| s[at + offset] = value);
        assert!(Zkey::read(&wrong).is_err(), "{offset}: {value}");
    }
    for kind in [1, 2, u32::MAX] {
        let wrong = with(GOOD, 10, |s| {
            s[at - 8..at - 4].copy_from_slice(&kind.to_le_bytes())
        });
        assert!(Zkey::read(&wrong).is_err(), "{kind}");
    }
    for count in [2, 4, 1 << 14, u32::MAX] {
        let wrong = with(GOOD, 10, |s| s[64..68].copy_from_slice(&count.to_le_bytes()));
        assert!(Zkey::read(&wrong).is_err(), "{count}");
    }
}

#[test]
fn coefficients_outside_the_circuit_are_refused() {
    // Matrix, constraint and wire of the first entry.
    for (at, value) in [
        (4, 2),
        (4, u32::MAX),
        (8, 8),
        (8, u32::MAX),
        (12, 6),
        (12, u32::MAX),
    ] {
        let wrong = with(GOOD, 4, |s| {
            s[at..at + 4].copy_from_slice(&u32::to_le_bytes(value))
        });
        assert_eq!(refused(&wrong), CircomError::Coefficient(0), "{at}: {value}");
    }
    let large = with(GOOD, 4, |s| s[16..48].fill(0xff));
    let number = CircomError::Number {
        what: "coefficients",
        index: 0,
    };
    assert_eq!(refused(&large), number);
    // The rows that keep the public inputs apart are the last four entries.
    let last = section(4).len() - 44;
    let wrong_wire = with(GOOD, 4, |s| s[last + 8] = 2);
    assert_eq!(refused(&wrong_wire), CircomError::InputRows);
    let wrong_value = with(GOOD, 4, |s| s[last + 12] ^= 1);
    assert_eq!(refused(&wrong_value), CircomError::InputRows);
    let in_b = with(GOOD, 4, |s| s[last] = 1);
    assert_eq!(refused(&in_b), CircomError::InputRows);
    let gone = with(GOOD, 4, |s| {
        s.truncate(last);
        let count = (s.len() as u32 - 4) / 44;
        s[..4].copy_from_slice(&count.to_le_bytes());
    });
    assert_eq!(refused(&gone), CircomError::InputRows);
    // Entries that cancel are none.
    let twice = with(GOOD, 4, |s| {
        let count = u32::from_le_bytes(s[..4].try_into().unwrap()) + 2;
        s[..4].copy_from_slice(&count.to_le_bytes());
        let value = |v: Fr| (v * r_as_fr()).0.0;
        for v in [Fr::ONE, -Fr::ONE] {
            s.extend([0u32, 0, 5].iter().flat_map(|n| n.to_le_bytes()));
            s.extend(value(v).iter().flat_map(|limb| limb.to_le_bytes()));
        }
    });
    let (key, good) = (Zkey::read(&twice).unwrap(), Zkey::read(GOOD).unwrap());
    assert_eq!(key.a(), good.a());
}

/// R = 2^256 as an element: the Montgomery form of `v R` is `v R^2`.
fn r_as_fr() -> Fr {
    let mut r = Fr::ONE;
    (0..256).for_each(|_| r = r.double());
    r
}
