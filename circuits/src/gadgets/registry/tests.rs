use super::*;
use crate::scenario::world::Registry;
use crate::tamper::System;
use ark_r1cs_std::alloc::AllocVar;
use medproof_records::signing::SigningKey;
use medproof_verifier::{Day, Name};

const FROM: Day = Day(40_000);
const TO: Day = Day(41_000);

struct World {
    key: AcceptedKey,
    root: Fr,
    scope: Fr,
}

fn world() -> World {
    let party: Name = "clinic-7".parse().unwrap();
    let scope = "us-ca".parse::<Name>().unwrap().to_fr();
    let mut registry = Registry::default();
    for seed in 1..7 {
        let signer = SigningKey::from_seed(&[seed; 32]);
        registry.add(&signer, Role::Prescriber, &party, scope, (FROM, TO));
    }
    World {
        key: registry.accepted(4).unwrap(),
        root: registry.root(),
        scope,
    }
}

fn system(key: &AcceptedKey, root: Fr, role: Role, scope: Fr, day: Day, condition: Option<bool>) -> System {
    System::prove(|cs| {
        let root = witness(&cs, || Ok(root))?;
        let scope = witness(&cs, || Ok(scope))?;
        let day = witness(&cs, || Ok(Fr::from(day.0)))?;
        let key = AcceptedKeyVar::new_witness(cs.clone(), key)?;
        match condition {
            None => key.enforce_accepted(&root, role, &scope, &day),
            Some(value) => {
                let condition = Boolean::new_witness(cs, || Ok(value))?;
                key.enforce_accepted_if(&condition, &root, role, &scope, &day)
            }
        }
    })
    .unwrap()
}

/// Native check, circuit and conditional circuit agree; under a false condition everything passes.
fn agree(key: &AcceptedKey, root: Fr, role: Role, scope: Fr, day: Day, expected: Result<(), KeyRefused>) {
    assert_eq!(key.check(root, role, scope, day), expected);
    let run = |condition| system(key, root, role, scope, day, condition).is_satisfied();
    assert_eq!(run(None), expected.is_ok(), "{expected:?}");
    assert_eq!(run(Some(true)), expected.is_ok(), "{expected:?}");
    assert!(run(Some(false)), "{expected:?}");
}

#[test]
fn a10_a_registered_key_is_accepted_on_every_day_of_its_validity() {
    let w = world();
    for (day, expected) in [
        (FROM, Ok(())),
        (TO, Ok(())),
        (Day(40_500), Ok(())),
        (Day(FROM.0 - 1), Err(KeyRefused::Validity)),
        (Day(TO.0 + 1), Err(KeyRefused::Validity)),
        (Day(0), Err(KeyRefused::Validity)),
        (Day(u16::MAX), Err(KeyRefused::Validity)),
    ] {
        agree(&w.key, w.root, Role::Prescriber, w.scope, day, expected);
    }
}

#[test]
fn every_false_claim_is_refused() {
    let w = world();
    let one = Fr::from(1u64);
    let not_registered = Err(KeyRefused::NotRegistered);
    agree(
        &w.key,
        w.root,
        Role::Prescriber,
        w.scope + one,
        FROM,
        Err(KeyRefused::Scope),
    );
    agree(
        &w.key,
        w.root + one,
        Role::Prescriber,
        w.scope,
        FROM,
        not_registered,
    );
    agree(&w.key, w.root, Role::Payer, w.scope, FROM, Err(KeyRefused::Role));
    let forge = |change: &dyn Fn(&mut AcceptedKey)| {
        let mut key = w.key.clone();
        change(&mut key);
        agree(&key, w.root, key.leaf.role, key.leaf.scope, FROM, not_registered);
    };
    forge(&|k| k.leaf.ax += one);
    forge(&|k| k.leaf.ay += one);
    forge(&|k| k.leaf.role = Role::Payer);
    forge(&|k| k.leaf.party = "clinic-8".parse().unwrap());
    forge(&|k| k.leaf.scope += one);
    forge(&|k| k.leaf.valid_from.0 -= 1);
    forge(&|k| k.leaf.valid_to.0 += 1);
    forge(&|k| k.path = Path::zero());
}

#[test]
fn c12_an_empty_leaf_accepts_nobody() {
    let w = world();
    let blank = AcceptedKey::blank();
    agree(
        &blank,
        w.root,
        Role::Prescriber,
        blank.leaf.scope,
        FROM,
        Err(KeyRefused::NotRegistered),
    );
}

#[test]
fn costs_and_shape_are_as_documented_and_nothing_is_free() {
    let w = world();
    let run = |day, condition| system(&w.key, w.root, Role::Prescriber, w.scope, day, condition);
    let plain = run(FROM, None);
    assert_eq!(plain.constraints(), 52 + 3_409);
    assert_eq!(plain.digest(), run(TO, None).digest());
    assert_eq!(plain.free_variables(), [0usize; 0]);
    let conditional = run(FROM, Some(true));
    assert_eq!(conditional.constraints(), 52 + 1 + 3_411);
    assert_eq!(conditional.digest(), run(TO, Some(false)).digest());
    // The condition itself is the caller's to constrain: where everything holds, it may be false.
    assert_eq!(conditional.free_variables(), [0usize; 0]);
}
