use super::*;
use crate::scenario::world;
use crate::tamper::System;
use ark_r1cs_std::GR1CSVar;
use rand::SeedableRng;
use rand::rngs::StdRng;

fn example(seed: u64) -> (Identity, Fr) {
    world::identity(&mut StdRng::seed_from_u64(seed), &"us-ca".parse().unwrap())
}

fn member(identity: &Identity, root: Fr, domain: Fr) -> System {
    System::prove(|cs| {
        let root = witness(&cs, || Ok(root))?;
        let domain = witness(&cs, || Ok(domain))?;
        IdentityVar::new_witness(cs, identity)?.enforce_member(&root, &domain)
    })
    .unwrap()
}

#[test]
fn c08_derived_values_equal_the_native_ones() {
    for seed in 0..3 {
        let (identity, _) = example(seed);
        let system = System::prove(|cs| {
            let party = witness(&cs, || Ok(Fr::from(44u64)))?;
            let var = IdentityVar::new_witness(cs, &identity)?;
            assert_eq!(var.pk.value()?, identity.sk.pk());
            assert_eq!(var.id.value()?, identity.id());
            assert_eq!(var.owner.value()?, identity.owner());
            assert_eq!(var.nk()?.value()?, identity.sk.nk());
            let subject = identity.sk.subject(Fr::from(44u64));
            assert_eq!(var.subject(&party)?.value()?, subject);
            Ok(())
        });
        let system = system.unwrap();
        assert!(system.is_satisfied());
        assert_eq!(system.constraints(), 872 + 237 + 258);
    }
}

#[test]
fn only_the_leaf_of_the_domain_under_the_root_is_a_member() {
    let (identity, root) = example(5);
    let one = Fr::from(1u64);
    let system = member(&identity, root, identity.domain);
    assert!(system.is_satisfied());
    assert_eq!(system.constraints(), 872 + 4_802);
    assert_eq!(system.free_variables(), [0usize; 0]);
    assert!(!member(&identity, root + one, identity.domain).is_satisfied());
    assert!(!member(&identity, root, identity.domain + one).is_satisfied());
    let (other, other_root) = example(6);
    assert!(!member(&identity, other_root, identity.domain).is_satisfied());
    assert_eq!(member(&other, other_root, other.domain).digest(), system.digest());
}
