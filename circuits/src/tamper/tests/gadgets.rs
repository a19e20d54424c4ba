//! C1 to C5 and C7 over every gadget.

use crate::gadgets::{division, eddsa, identity, linear, merkle, pack, poseidon, range, registry, select};
use crate::scenario::world;
use crate::tamper::checks::{BOUND_HINTS, EQUALITY_HINT, Gadget, given, unneeded};
use ark_bn254::Fr;
use ark_ff::UniformRand;
use ark_r1cs_std::GR1CSVar;
use ark_r1cs_std::alloc::AllocVar;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};
use linear::witness;
use medproof_records::signing::SigningKey;
use medproof_verifier::tree::DenseTree;
use medproof_verifier::{Day, Name, Role, Tag};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;

type Cs = ConstraintSystemRef<Fr>;
type Given = Result<Vec<usize>, SynthesisError>;

/// All private variables so far.
fn so_far(cs: &Cs) -> Vec<usize> {
    given(cs, 0).collect()
}

fn number(cs: &Cs, rng: &mut StdRng, bits: u32) -> Result<FpVar<Fr>, SynthesisError> {
    let x = rng.r#gen::<u128>() >> (128 - bits);
    witness(cs, || Ok(Fr::from(x)))
}

/// Two numbers of these bits, the smaller first.
fn ordered(cs: &Cs, rng: &mut StdRng, bits: u32) -> Result<[FpVar<Fr>; 2], SynthesisError> {
    let (a, b) = (
        rng.r#gen::<u128>() >> (128 - bits),
        rng.r#gen::<u128>() >> (128 - bits),
    );
    Ok([
        witness(cs, || Ok(Fr::from(a.min(b))))?,
        witness(cs, || Ok(Fr::from(a.max(b))))?,
    ])
}

fn any(cs: &Cs, rng: &mut StdRng) -> Result<FpVar<Fr>, SynthesisError> {
    let x = Fr::rand(rng);
    witness(cs, || Ok(x))
}

fn several<const N: usize>(cs: &Cs, rng: &mut StdRng) -> Result<Vec<FpVar<Fr>>, SynthesisError> {
    (0..N).map(|_| any(cs, rng)).collect()
}

fn hash<const N: usize>(cs: &Cs, rng: &mut StdRng) -> Given {
    let inputs = several::<N>(cs, rng)?;
    let given = so_far(cs);
    let _ = poseidon::poseidon(&inputs)?;
    Ok(given)
}

fn signed(
    cs: &Cs,
    rng: &mut StdRng,
) -> Result<(eddsa::PublicKeyVar, FpVar<Fr>, eddsa::SignatureVar), SynthesisError> {
    let signer = SigningKey::from_seed(&rng.r#gen());
    let message = Fr::rand(rng);
    Ok((
        eddsa::PublicKeyVar::new_witness(cs.clone(), &signer.public_key())?,
        witness(cs, || Ok(message))?,
        eddsa::SignatureVar::new_witness(cs.clone(), &signer.sign(message))?,
    ))
}

fn signed_if(cs: &Cs, rng: &mut StdRng, value: bool) -> Given {
    let (key, message, signature) = signed(cs, rng)?;
    let condition = Boolean::new_witness(cs.clone(), || Ok(value))?;
    let given = so_far(cs);
    eddsa::verify_if(&condition, &key, &message, &signature)?;
    Ok(given)
}

/// A key among others, the root, and what is asked of it; its day checks are not given.
struct Accepted {
    key: registry::AcceptedKeyVar,
    root: FpVar<Fr>,
    scope: FpVar<Fr>,
    day: FpVar<Fr>,
    given: Vec<usize>,
}

fn accepted(cs: &Cs, rng: &mut StdRng) -> Result<Accepted, SynthesisError> {
    let party: Name = "clinic-7".parse().map_err(|_| SynthesisError::Unsatisfiable)?;
    let scope = Fr::rand(rng);
    let from = rng.gen_range(1..40_000);
    let to = rng.gen_range(from..u16::MAX);
    let day = rng.gen_range(from..=to);
    let mut keys = world::Registry::default();
    let mut position = 0;
    for _ in 0..rng.gen_range(1..6) {
        let signer = SigningKey::from_seed(&rng.r#gen());
        position = keys.add(&signer, Role::Payer, &party, scope, (Day(from), Day(to)));
    }
    let key = keys.accepted(position).ok_or(SynthesisError::Unsatisfiable)?;
    let root = witness(cs, || Ok(keys.root()))?;
    let scope = witness(cs, || Ok(scope))?;
    let day = witness(cs, || Ok(Fr::from(day)))?;
    let key = registry::AcceptedKeyVar::new_witness(cs.clone(), &key)?;
    // Root, scope and day; party, scope, both coordinates; the two days with 15 low bits behind each; the path.
    let all = so_far(cs).len();
    let given = (0..8).chain([23]).chain(39..all).collect();
    Ok(Accepted {
        key,
        root,
        scope,
        day,
        given,
    })
}

fn accepted_if(cs: &Cs, rng: &mut StdRng, value: bool) -> Given {
    let a = accepted(cs, rng)?;
    let condition = Boolean::new_witness(cs.clone(), || Ok(value))?;
    let mut given = a.given;
    given.push(so_far(cs).len() - 1);
    a.key
        .enforce_accepted_if(&condition, &a.root, Role::Payer, &a.scope, &a.day)?;
    Ok(given)
}

fn member(cs: &Cs, rng: &mut StdRng) -> Given {
    let domain = "us-ca".parse().map_err(|_| SynthesisError::Unsatisfiable)?;
    let (holder, root) = world::identity(rng, &domain);
    let root = witness(cs, || Ok(root))?;
    let domain = witness(cs, || Ok(holder.domain))?;
    let holder = identity::IdentityVar::new_witness(cs.clone(), &holder)?;
    // The two above; sk, person, ts and domain; 840 of the hashes are auxiliaries; 32 bits and 48 siblings.
    let all = so_far(cs).len();
    let given = (0..6).chain(all - 80..all).collect();
    holder.enforce_member(&root, &domain)?;
    Ok(given)
}

fn path(cs: &Cs, rng: &mut StdRng) -> Given {
    let leaves: Vec<Fr> = (0..rng.gen_range(1..64)).map(|_| Fr::rand(rng)).collect();
    let index = rng.gen_range(0..leaves.len());
    let tree = DenseTree::<3>::new(leaves).map_err(|_| SynthesisError::Unsatisfiable)?;
    let path = tree
        .path(index as u64)
        .map_err(|_| SynthesisError::Unsatisfiable)?;
    let leaf = witness(cs, || Ok(tree.leaf(index)))?;
    let root = witness(cs, || Ok(tree.root()))?;
    let path = merkle::PathVar::new_witness(cs.clone(), &path)?;
    let given = so_far(cs);
    linear::enforce_equal(&path.root(&leaf)?, &root)?;
    Ok(given)
}

/// A number of 251 bits, mostly close to the bound, and the bound.
fn bounded(cs: &Cs, rng: &mut StdRng) -> Given {
    const BOUND: u32 = 0b1100_1110_0010_1101;
    let value = if rng.r#gen() {
        BOUND
    } else {
        rng.gen_range(0..=BOUND)
    };
    let scale = witness(cs, || Ok(Fr::from(77u64)))?;
    let bits = (0..16)
        .rev()
        .map(|i| witness(cs, || Ok(Fr::from(77 * (value >> i & 1)))))
        .collect::<Result<Vec<_>, _>>()?;
    let given = so_far(cs);
    let bound: Vec<bool> = (0..16).rev().map(|i| BOUND >> i & 1 == 1).collect();
    range::enforce_at_most(cs, &bits, &scale, &bound)?;
    Ok(given)
}

/// Which of five values is the given one.
fn selected(cs: &Cs, rng: &mut StdRng) -> Given {
    let values = several::<5>(cs, rng)?;
    let index = rng.gen_range(0..5);
    let expected = witness(cs, || values[index].value())?;
    let given = so_far(cs);
    let selectors = select::one_hot(cs, || Ok(index), 5)?;
    linear::enforce_equal(&select::dot(&selectors, &values)?, &expected)?;
    Ok(given)
}

/// Why the eighth of a key is not unique.
const EIGHTHS: &str =
    "eight points Q have 8Q = A; that there is one is all that is asked, and nothing else reads it";

const GADGETS: &[Gadget] = &[
    Gadget {
        name: "quotient",
        constraints: 1,
        synthesise: |cs, rng| {
            let (a, b) = (any(cs, rng)?, any(cs, rng)?);
            let given = so_far(cs);
            let _ = linear::quotient(&a, &b)?;
            Ok(given)
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "not zero",
        constraints: 1,
        synthesise: |cs, rng| {
            let a = any(cs, rng)?;
            linear::enforce_nonzero(&a)?;
            Ok(vec![0])
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "bound input",
        constraints: 1,
        synthesise: |cs, rng| {
            linear::bind_input(&linear::input(cs, Fr::rand(rng))?)?;
            Ok(Vec::new())
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "bits",
        constraints: 21,
        synthesise: |cs, rng| {
            range::bits(&number(cs, rng, 20)?, 20)?;
            Ok(vec![0])
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "range",
        constraints: 64,
        synthesise: |cs, rng| {
            range::enforce_range(&number(cs, rng, 64)?, 64)?;
            Ok(vec![0])
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "less than",
        constraints: 41,
        synthesise: |cs, rng| {
            let (a, b) = (number(cs, rng, 40)?, number(cs, rng, 40)?);
            let _ = range::less_than(&a, &b, 40)?;
            Ok(vec![0, 1])
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "less or equal",
        constraints: 9,
        synthesise: |cs, rng| {
            let (a, b) = (number(cs, rng, 8)?, number(cs, rng, 8)?);
            let _ = range::less_or_equal(&a, &b, 8)?;
            Ok(vec![0, 1])
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "at most another",
        constraints: 72,
        synthesise: |cs, rng| {
            let [a, b] = ordered(cs, rng, 72)?;
            range::enforce_less_or_equal(&a, &b, 72)?;
            Ok(vec![0, 1])
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "at most a constant",
        constraints: 8,
        synthesise: bounded,
        loose: &BOUND_HINTS,
        choices: &[],
    },
    Gadget {
        name: "split",
        constraints: 72,
        synthesise: |cs, rng| {
            pack::split(&number(cs, rng, 72)?, &[16, 16, 8, 32])?;
            Ok(vec![0])
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "is zero, of zero",
        constraints: 2,
        synthesise: |cs, _| {
            let _ = select::is_zero(&witness(cs, || Ok(Fr::from(0u64)))?)?;
            Ok(vec![0])
        },
        loose: &[EQUALITY_HINT],
        choices: &[],
    },
    Gadget {
        name: "is equal, of different values",
        constraints: 2,
        synthesise: |cs, rng| {
            let (a, b) = (any(cs, rng)?, any(cs, rng)?);
            let _ = select::is_equal(&a, &b)?;
            Ok(vec![0, 1])
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "choose",
        constraints: 2,
        synthesise: |cs, rng| {
            let bit = Boolean::new_witness(cs.clone(), || Ok(rng.r#gen::<bool>()))?;
            let (a, b) = (any(cs, rng)?, any(cs, rng)?);
            let _ = select::choose(&bit, &a, &b)?;
            Ok(vec![0, 1, 2])
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "equal if",
        constraints: 2,
        synthesise: |cs, rng| {
            let bit = Boolean::new_witness(cs.clone(), || Ok(true))?;
            let a = any(cs, rng)?;
            let b = witness(cs, || a.value())?;
            select::enforce_equal_if(&bit, &a, &b)?;
            Ok(vec![0, 1, 2])
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "one selector of five",
        constraints: 12,
        synthesise: selected,
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "to boolean",
        constraints: 2,
        synthesise: |cs, rng| {
            let _ = select::to_boolean(&number(cs, rng, 1)?)?;
            Ok(vec![0])
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "division",
        constraints: 83,
        synthesise: |cs, rng| {
            let numerator = number(cs, rng, 40)?;
            let divisor = rng.gen_range(1..1u64 << 20);
            let divisor = witness(cs, || Ok(Fr::from(divisor)))?;
            let _ = division::half_up(&numerator, &divisor, 40, 20)?;
            Ok(vec![0, 1])
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "hash of one",
        constraints: 3 * (8 * 2 + 56 - 1),
        synthesise: hash::<1>,
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "hash of two",
        constraints: 3 * (8 * 3 + 57 - 1),
        synthesise: hash::<2>,
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "tree node",
        constraints: 297,
        synthesise: hash::<4>,
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "hash of twelve",
        constraints: 3 * (8 * 13 + 65 - 1),
        synthesise: hash::<12>,
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "tagged hash",
        constraints: 351,
        synthesise: |cs, rng| {
            let x = several::<5>(cs, rng)?;
            let given = so_far(cs);
            let _ = poseidon::tagged(Tag::Note, [&x[0], &x[1], &x[2], &x[3], &x[4]])?;
            Ok(given)
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "path",
        constraints: 3 * 302 + 1,
        synthesise: path,
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "root of five leaves",
        constraints: 3 * 297 - 3 * (3 + 2),
        synthesise: |cs, rng| {
            let leaves = several::<5>(cs, rng)?;
            let given = so_far(cs);
            let _ = merkle::root_of(&leaves, 2)?;
            Ok(given)
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "identity",
        constraints: 872 + 4_802,
        synthesise: member,
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "accepted key",
        constraints: 52 + 3_409,
        synthesise: |cs, rng| {
            let a = accepted(cs, rng)?;
            a.key.enforce_accepted(&a.root, Role::Payer, &a.scope, &a.day)?;
            Ok(a.given)
        },
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "accepted key, asked for",
        constraints: 53 + 3_411,
        synthesise: |cs, rng| accepted_if(cs, rng, true),
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "accepted key, not asked for",
        constraints: 53 + 3_411,
        synthesise: |cs, rng| accepted_if(cs, rng, false),
        loose: &[],
        choices: &[],
    },
    Gadget {
        name: "signature",
        constraints: eddsa::VERIFY_COST,
        synthesise: |cs, rng| {
            let (key, message, signature) = signed(cs, rng)?;
            let given = so_far(cs);
            eddsa::verify(&key, &message, &signature)?;
            Ok(given)
        },
        loose: &BOUND_HINTS,
        choices: &[(&[6, 7], EIGHTHS)],
    },
    Gadget {
        name: "signature, asked for",
        constraints: 1 + eddsa::VERIFY_COST + 6,
        synthesise: |cs, rng| signed_if(cs, rng, true),
        loose: &BOUND_HINTS,
        choices: &[(&[13, 14], EIGHTHS)],
    },
    Gadget {
        name: "signature, not asked for",
        constraints: 1 + eddsa::VERIFY_COST + 6,
        synthesise: |cs, rng| signed_if(cs, rng, false),
        loose: &BOUND_HINTS,
        choices: &[(&[13, 14], EIGHTHS)],
    },
];

#[test]
fn c01_every_gadget_has_one_shape_for_100_witnesses_and_in_set_up() {
    GADGETS.iter().for_each(|gadget| gadget.has_one_shape(0..100));
}

#[test]
fn c02_every_gadget_has_one_predicate_and_its_documented_count() {
    GADGETS.iter().for_each(Gadget::has_one_predicate);
}

#[test]
fn c03_every_variable_of_every_gadget_is_in_a_constraint() {
    GADGETS.iter().for_each(Gadget::uses_every_variable);
}

#[test]
fn c04_no_auxiliary_of_a_gadget_has_another_value() {
    GADGETS
        .iter()
        .for_each(|gadget| gadget.binds_every_variable(0..3));
}

#[test]
fn c05_the_jacobian_of_every_gadget_has_full_column_rank() {
    GADGETS.iter().for_each(|gadget| gadget.has_full_rank(0..3));
}

#[test]
fn c07_no_gadget_has_a_constraint_that_can_be_left_out() {
    let mut shapes: BTreeMap<u64, Vec<&Gadget>> = BTreeMap::new();
    for gadget in GADGETS {
        shapes.entry(gadget.digest()).or_default().push(gadget);
    }
    for gadgets in shapes.values() {
        assert_eq!(unneeded(gadgets, 0..24), [0usize; 0], "{}", gadgets[0].name);
    }
}
