use super::*;
use crate::gadgets::linear::witness;
use crate::tamper::System;
use ark_r1cs_std::GR1CSVar;
use medproof_verifier::poseidon as native;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Field elements at which mistakes show: around 0, the middle and the end, and around powers of two.
fn edges() -> Vec<Fr> {
    let one = Fr::from(1u64);
    let half = Fr::from(2u64).inverse().unwrap();
    let mut out = vec![Fr::ZERO, one, -one, half, half - one];
    for k in [1u64, 8, 64, 128, 252, 253] {
        let power = Fr::from(2u64).pow([k]);
        out.extend([power, power - one, -power]);
    }
    out
}

fn hash(inputs: &[Fr]) -> System {
    System::prove(|cs| {
        let vars = inputs
            .iter()
            .map(|x| witness(&cs, || Ok(*x)))
            .collect::<Result<Vec<_>, _>>()?;
        let hash = poseidon(&vars)?;
        assert_eq!(hash.value()?, native::poseidon(inputs));
        Ok(())
    })
    .unwrap()
}

#[test]
fn c08_equals_the_native_hash_at_every_width_on_edges_and_random_values() {
    use ark_ff::UniformRand;
    let mut rng = StdRng::seed_from_u64(5);
    let mut values = edges();
    values.extend((0..12).map(|_| Fr::rand(&mut rng)));
    for n in 1..=MAX_INPUTS {
        for start in 0..values.len() {
            let inputs: Vec<Fr> = values
                .iter()
                .cycle()
                .skip(start)
                .step_by(7)
                .take(n)
                .copied()
                .collect();
            let vars: Vec<FpVar<Fr>> = inputs.iter().map(|x| FpVar::Constant(*x)).collect();
            let hash = poseidon(&vars).unwrap().value().unwrap();
            assert_eq!(hash, native::poseidon(&inputs));
        }
        let system = self::hash(&values[..n]);
        assert!(system.is_satisfied() && system.free_variables().is_empty());
        assert_eq!(system.digest(), self::hash(&values[3..3 + n]).digest());
    }
}

/// 3 (8t + RP - 1): the capacity element's first s-box is constant.
#[test]
fn untagged_costs_are_as_documented() {
    let partial = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65];
    for n in 1..=MAX_INPUTS {
        let expected = 3 * (8 * (n + 1) + partial[n - 1] - 1);
        assert_eq!(hash(&vec![Fr::from(3u64); n]).constraints(), expected);
    }
}

fn tagged_cost<const K: usize>(tag: Tag) -> usize {
    System::prove(|cs| {
        let values: [Fr; K] = std::array::from_fn(|i| Fr::from(i as u64 + 7));
        let vars = values
            .iter()
            .map(|x| witness(&cs, || Ok(*x)))
            .collect::<Result<Vec<_>, _>>()?;
        let refs = std::array::from_fn(|i| &vars[i]);
        assert_eq!(tagged::<K>(tag, refs)?.value()?, native::tagged(tag, values));
        Ok(())
    })
    .unwrap()
    .constraints()
}

#[test]
fn tagged_costs_are_as_documented() {
    assert_eq!(tagged_cost::<1>(Tag::Owner), 237);
    assert_eq!(tagged_cost::<2>(Tag::Subject), 258);
    assert_eq!(tagged_cost::<5>(Tag::Note), 351);
    assert_eq!(tagged_cost::<6>(Tag::Key), 378);
    assert_eq!(tagged_cost::<8>(Tag::Ring), 414);
    assert_eq!(tagged_cost::<10>(Tag::Class), 462);
    assert_eq!(tagged_cost::<11>(Tag::RulesTop), 501);
}

#[test]
fn a_node_costs_297_and_its_matrices_stay_small() {
    let system = System::prove(|cs| {
        let values = [1u64, 2, 3, 4].map(Fr::from);
        let [a, b, c, d] = values.map(|x| witness(&cs, || Ok(x)));
        let parent = node([&a?, &b?, &c?, &d?])?;
        assert_eq!(parent.value()?, native::node(&values));
        Ok(())
    })
    .unwrap();
    assert_eq!(system.constraints(), 297);
    // About 29 coefficients a constraint; the rows of the 60 partial rounds grow by one term each.
    assert!(system.nonzeros() < 8_600, "{}", system.nonzeros());
}

#[test]
fn constants_change_cost_but_not_the_hash() {
    let values = [5u64, 6, 7, 8].map(Fr::from);
    let system = System::prove(|cs| {
        let x = witness(&cs, || Ok(values[0]))?;
        let rest = [1, 2, 3].map(|i| FpVar::Constant(values[i]));
        let parent = node([&x, &rest[0], &rest[1], &rest[2]])?;
        assert_eq!(parent.value()?, native::node(&values));
        Ok(())
    })
    .unwrap();
    assert_eq!(system.constraints(), 297 - 9);
}

/// The inputs of one tag hashed under another of the same arity, and under any other arity, never make the hash; and a
/// tagged hash is neither a tree node (4 inputs) nor the challenge of a signature (5).
#[test]
fn c14_a_preimage_under_one_tag_is_none_under_another() {
    let values: [Fr; MAX_INPUTS] = std::array::from_fn(|i| Fr::from(i as u64 + 1));
    let native = |tag: Tag, arity: usize| native::poseidon(&[&[tag.to_fr()], &values[..arity]].concat());
    let mut seen = std::collections::BTreeSet::new();
    for tag in Tag::ALL {
        assert!(![4, 5].contains(&(1 + tag.arity())), "{tag:?}");
        assert!(seen.insert(native(*tag, tag.arity())), "{tag:?}");
    }
    let claim = |tag: Tag, hash: Fr| {
        System::prove(|cs| {
            let mut inputs = vec![FpVar::Constant(tag.to_fr())];
            for x in &values[..tag.arity()] {
                inputs.push(witness(&cs, || Ok(*x))?);
            }
            crate::gadgets::linear::enforce_equal(&poseidon(&inputs)?, &witness(&cs, || Ok(hash))?)
        })
        .unwrap()
        .is_satisfied()
    };
    // Pairs of each arity: neighbours are enough, since the hashes above are all different.
    for (tag, other) in Tag::ALL.iter().zip(Tag::ALL.iter().cycle().skip(1)) {
        assert!(claim(*tag, native(*tag, tag.arity())));
        assert!(!claim(*tag, native(*other, tag.arity())), "{tag:?} {other:?}");
        assert!(!claim(*tag, native(*other, other.arity())), "{tag:?} {other:?}");
    }
    // Four children, one of them the number of a tag, are no tagged hash of the other three.
    let node = native::node(&[Tag::Nf.to_fr(), values[0], values[1], values[2]]);
    assert!(!claim(Tag::Nf, node));
}
