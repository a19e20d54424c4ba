use super::*;
use crate::scenario;
use crate::tamper::System;
use crate::tamper::checks::survivors;
use ark_bn254::Fr;
use medproof_records::identity::Secret;
use medproof_verifier::statement::Public;
use medproof_verifier::{Tag, tagged};
use rand::SeedableRng;
use rand::rngs::StdRng;

fn example(seed: u64) -> (BindPublic, Witness) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (domain, issuer) = ("us-ca".parse().unwrap(), "clinic-7".parse().unwrap());
    scenario::bind::example(&mut rng, &domain, &issuer, Fr::from(seed))
}

fn system(public: &BindPublic, witness: &Witness) -> System {
    System::prove(|cs| Bind::synthesise(cs, public, witness)).unwrap()
}

/// Relation and circuit must give the same verdict.
fn agree(public: &BindPublic, witness: &Witness, expected: Result<(), Refused>) {
    assert_eq!(Bind::relation(public, witness), expected);
    assert_eq!(
        system(public, witness).is_satisfied(),
        expected.is_ok(),
        "{expected:?}"
    );
}

#[test]
fn an_honest_holder_satisfies_both() {
    for seed in 0..4 {
        let (public, witness) = example(seed);
        agree(&public, &witness, Ok(()));
    }
}

#[test]
fn every_clause_broken_once_is_refused_by_both() {
    let one = Fr::from(1u64);
    let break_public = |change: fn(&mut BindPublic, Fr), refused| {
        let (mut public, witness) = example(7);
        change(&mut public, one);
        agree(&public, &witness, Err(refused));
    };
    break_public(|p, one| p.domain += one, Refused::Domain);
    break_public(|p, one| p.identity_root += one, Refused::Identity);
    break_public(|p, one| p.person += one, Refused::Person);
    break_public(|p, one| p.subject += one, Refused::Subject);
    break_public(|p, one| p.issuer_party += one, Refused::Subject);
}

#[test]
fn a_false_witness_is_refused_by_both() {
    let (public, honest) = example(8);
    let forge = |change: &dyn Fn(&mut Identity), refused| {
        let mut witness = example(8).1;
        assert_eq!(witness.identity.owner(), honest.identity.owner());
        change(&mut witness.identity);
        agree(&public, &witness, Err(refused));
    };
    let fresh = || Secret::new(Fr::from(99u64));
    // Somebody else's leaf, or the right leaf with another secret.
    forge(&|i| i.sk = fresh(), Refused::Identity);
    forge(&|i| i.ts = fresh(), Refused::Identity);
    forge(&|i| i.person += Fr::from(1u64), Refused::Identity);
    forge(&|i| i.domain += Fr::from(1u64), Refused::Domain);
    // A place where the leaf does not stand.
    forge(
        &|i| i.path = scenario::world::lone_path(u64::from(i.path.index() ^ 1)).unwrap(),
        Refused::Identity,
    );
}

#[test]
fn another_holder_cannot_take_over_a_pseudonym() {
    let (mut public, witness) = example(9);
    public.subject = example(10).0.subject;
    agree(&public, &witness, Err(Refused::Subject));
}

/// The identity's two spare places are 0: a leaf that was opened with something in them is nobody's.
#[test]
fn a_leaf_with_something_in_a_spare_place_is_refused() {
    let (honest, witness) = example(9);
    let identity = &witness.identity;
    let zero = Fr::from(0u64);
    let root = |spare: [Fr; 2]| {
        let [a, b] = spare;
        let id = tagged(
            Tag::Id,
            [identity.sk.pk(), identity.person, identity.ts.expose(), a, b],
        );
        identity.path.root(tagged(Tag::Ident, [identity.domain, id]))
    };
    assert_eq!(root([zero, zero]), honest.identity_root);
    for spare in [[Fr::from(1u64), zero], [zero, Fr::from(1u64)]] {
        let public = BindPublic {
            identity_root: root(spare),
            ..honest
        };
        agree(&public, &witness, Err(Refused::Identity));
    }
}

/// `ctx` is in a constraint of its own, so a proof that was made for one relying party and challenge is none for
/// another: what satisfied everything under the first does not under the second.
#[test]
fn a_proof_for_one_context_is_none_for_another() {
    let (public, witness) = example(9);
    let system = system(&public, &witness);
    let at = BindPublic::NAMES.iter().position(|n| *n == "ctx").unwrap();
    assert!(system.is_satisfied_by_inputs(&[(at, public.ctx)]));
    assert!(!system.is_satisfied_by_inputs(&[(at, public.ctx + Fr::from(1u64))]));
}

/// As documented: a person who is enrolled again, under a new secret and a new salt, has a second pseudonym, and
/// nothing in the two statements connects them.
#[test]
fn an_enrolment_anew_gives_a_second_pseudonym_that_nothing_links() {
    let (first, mut witness) = example(9);
    let digest = Fr::from(1_970u64);
    let mut enrolled = |sk: u64, salt: u64| {
        let identity = &mut witness.identity;
        identity.sk = Secret::new(Fr::from(sk));
        identity.person = medproof_records::identity::person(digest, Fr::from(salt));
        let public = BindPublic {
            identity_root: identity.root(),
            subject: identity.sk.subject(first.issuer_party),
            person: identity.person,
            ..first
        };
        agree(&public, &witness, Ok(()));
        public
    };
    let (before, after) = (enrolled(1, 11), enrolled(2, 12));
    assert_ne!(before.subject, after.subject);
    assert_ne!(before.person, after.person);
}

#[test]
fn c01_the_shape_is_the_same_for_100_witnesses_and_in_set_up() {
    let (public, witness) = Bind::blank();
    let setup = System::setup(|cs| Bind::synthesise(cs, &public, &witness)).unwrap();
    assert_eq!(system(&public, &witness).digest(), setup.digest());
    for seed in 0..100 {
        let (public, witness) = example(seed);
        assert_eq!(system(&public, &witness).digest(), setup.digest());
    }
}

#[test]
fn c02_c03_c04_every_input_and_variable_is_bound_by_one_predicate() {
    let (public, witness) = example(11);
    let system = system(&public, &witness);
    assert_eq!(system.predicates(), 1);
    assert!(system.unused_inputs().is_empty() && system.unused_variables().is_empty());
    assert_eq!(system.freedoms(), []);
    assert!(system.alternatives(&[]).is_empty());
    assert_eq!(public.to_vec().len(), BindPublic::NAMES.len());
}

#[test]
fn c07_each_constraint_refuses_something() {
    let systems = (12..14).map(|seed| {
        let (public, witness) = example(seed);
        system(&public, &witness)
    });
    let left = survivors(systems, |system| (0..system.constraints()).collect());
    assert_eq!(left, [0usize; 0]);
}

#[test]
fn c02_the_cost_is_as_documented() {
    let (public, witness) = Bind::blank();
    let system = System::setup(|cs| Bind::synthesise(cs, &public, &witness)).unwrap();
    assert_eq!(system.constraints(), 5_935);
    assert!(system.constraints() <= Bind::BUDGET);
}
