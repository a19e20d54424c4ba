//! The rules at and one past their limits, exemptions, and random rings.

use super::super::*;
use super::fixture::{POLICY, Parts, TABLE, agree, build, policy};
use medproof_records::dispensing::Rule;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// The fill of the fixture: 37.5 MME a day, 30 units, 12 days, ingredient 7804.
#[track_caller]
fn verdict(change: &dyn Fn(&mut Parts), expected: Result<(), Rule>) {
    let (public, witness) = build(21, change);
    agree(&public, &witness, expected.map_err(Refused::Limit));
}

#[test]
fn the_peak_counts_what_is_active_on_the_date() {
    verdict(&|p| p.opioid(0, |e| e.milli_mme = 52_500), Ok(()));
    verdict(&|p| p.opioid(0, |e| e.milli_mme = 52_501), Err(Rule::Peak));
    // The last day of a supply, and the day after it.
    verdict(
        &|p| p.opioid(9, |e| (e.milli_mme, e.days) = (52_501, 10)),
        Err(Rule::Peak),
    );
    verdict(
        &|p| p.opioid(10, |e| (e.milli_mme, e.days) = (52_501, 10)),
        Ok(()),
    );
    // Another class does not count.
    verdict(&|p| p.opioid(0, |e| (e.milli_mme, e.class) = (52_501, 3)), Ok(()));
}

#[test]
fn c10_the_highest_doses_quantities_and_days_do_not_wrap() {
    let highest = |p: &mut Parts| {
        for slot in 0..31 {
            p.opioid(1, |e| {
                (e.milli_mme, e.quantity, e.days) = (u32::MAX, u32::MAX, u16::MAX);
            });
            assert_eq!(p.slot, slot + 1);
        }
    };
    verdict(&highest, Err(Rule::Peak));
    let only = |rule: &str| {
        let head = &POLICY[..POLICY.find("mme_per_day").unwrap()];
        policy(&format!("{head}{rule}\n"), TABLE)
    };
    verdict(
        &|p| {
            p.policy(only("quantity = { window_days = 30, max = \"4294967\" }"));
            highest(p);
        },
        Err(Rule::Quantity),
    );
    // 100 * age and percent * days at their largest.
    verdict(
        &|p| {
            p.policy(only("refill = { used_percent_min = 100 }"));
            p.opioid(46_000, |e| (e.days, e.ingredient) = (u16::MAX, 7804));
        },
        Err(Rule::Refill),
    );
    // Days times quantity at their largest, on both sides of the equation for d.
    let longest = |p: &mut Parts| {
        p.policy(only("fills = { window_days = 30, max = 3 }"));
        (p.rx.quantity, p.rx.days) = (u32::MAX, u16::MAX);
        (p.q, p.d) = (u32::MAX, u16::MAX);
    };
    verdict(&longest, Ok(()));
    let (public, witness) = build(21, &|p: &mut Parts| {
        longest(p);
        p.d -= 1;
    });
    agree(&public, &witness, Err(Refused::Days));
}

#[test]
fn quantity_and_fills_count_in_their_windows() {
    verdict(&|p| p.opioid(29, |e| e.quantity = 90_000), Ok(()));
    verdict(&|p| p.opioid(29, |e| e.quantity = 90_001), Err(Rule::Quantity));
    verdict(&|p| p.opioid(30, |e| e.quantity = 90_001), Ok(()));
    verdict(&|p| p.opioid(29, |e| (e.quantity, e.class) = (90_001, 2)), Ok(()));
    let fills =
        |ages: &'static [u16]| move |p: &mut Parts| ages.iter().for_each(|age| p.opioid(*age, |_| {}));
    verdict(&fills(&[29, 20]), Ok(()));
    verdict(&fills(&[29, 20, 0]), Err(Rule::Fills));
    verdict(&fills(&[30, 29, 20]), Ok(()));
}

#[test]
fn a_first_fill_is_short() {
    // 21 days where 20 are the most.
    let long = |p: &mut Parts| (p.rx.days, p.d) = (21, 21);
    verdict(&long, Err(Rule::FirstFill));
    verdict(&|p| (p.rx.days, p.d) = (20, 20), Ok(()));
    let after = |age: u16, milli_mme: u32| {
        move |p: &mut Parts| {
            long(p);
            p.opioid(age, |e| e.milli_mme = milli_mme);
        }
    };
    verdict(&after(60, 1), Ok(()));
    verdict(&after(61, 1), Err(Rule::FirstFill));
    verdict(&after(1, 1), Ok(()));
    // A fill of today, and one without MME, do not end naivety.
    verdict(&after(0, 1), Err(Rule::FirstFill));
    verdict(&after(60, 0), Err(Rule::FirstFill));
    // A drug without MME is not asked.
    verdict(
        &|p| {
            long(p);
            p.drug("238129");
        },
        Ok(()),
    );
}

#[test]
fn a_refill_of_the_ingredient_waits() {
    let same = |age: u16, days: u16| {
        move |p: &mut Parts| p.opioid(age, |e| (e.days, e.ingredient, e.milli_mme) = (days, 7804, 1))
    };
    verdict(&same(21, 28), Ok(()));
    verdict(&same(20, 28), Err(Rule::Refill));
    verdict(&same(0, 1), Err(Rule::Refill));
    // Another ingredient, or the same one in another class, does not wait.
    verdict(&|p| p.opioid(20, |e| e.days = 28), Ok(()));
    verdict(
        &|p| p.opioid(20, |e| (e.days, e.ingredient, e.class) = (28, 7804, 3)),
        Ok(()),
    );
    verdict(&same(0, u16::MAX), Err(Rule::Refill));
}

#[test]
fn rules_that_are_not_there_ask_nothing() {
    let bare = |p: &mut Parts| {
        let text = &POLICY[..POLICY.find("mme_per_day").unwrap()];
        p.policy(policy(text, TABLE));
        for _ in 0..31 {
            p.opioid(0, |e| {
                (e.milli_mme, e.quantity, e.ingredient, e.days) = (u32::MAX, u32::MAX, 7804, 9)
            });
        }
        (p.rx.days, p.d) = (400, 400);
    };
    verdict(&bare, Ok(()));
}

#[test]
fn an_exemption_waives_the_limits_and_only_a_listed_one() {
    let breach = |p: &mut Parts| p.opioid(0, |e| (e.milli_mme, e.ingredient) = (90_000, 7804));
    let exempt = |code: &'static str, at: usize| {
        move |p: &mut Parts| {
            breach(p);
            p.exempt(code, at);
        }
    };
    verdict(&breach, Err(Rule::Peak));
    verdict(&exempt("icd10cm|G89.3", 0), Ok(()));
    verdict(&exempt("icd10cm|D57.1", 1), Ok(()));
    // The wrong interval, an unused one, an unlisted condition, none at all.
    verdict(&exempt("icd10cm|G89.3", 1), Err(Rule::Peak));
    verdict(&exempt("icd10cm|G89.3", 5), Err(Rule::Peak));
    verdict(&exempt("icd10cm|G89.4", 0), Err(Rule::Peak));
    for at in 0..EXEMPTIONS {
        verdict(
            &|p| {
                breach(p);
                p.exemption = at;
            },
            Err(Rule::Peak),
        );
    }
    // Within the limits an exemption changes nothing, whatever it points at.
    verdict(&|p| p.exempt("icd10cm|G89.4", 7), Ok(()));
    // An exempt fill is recorded like any other.
    let (public, _) = build(22, &exempt("icd10cm|G89.3", 0));
    assert_ne!(public.cm_note, public.cm_undo);
}

#[test]
fn relation_and_circuit_agree_on_random_rings() {
    let mut verdicts = [0usize; 2];
    for seed in 0..24 {
        let (public, witness) = build(seed, &|p: &mut Parts| {
            let mut rng = StdRng::seed_from_u64(1000 + seed);
            for _ in 0..rng.gen_range(0..4) {
                let age = [0, 1, 9, 29, 30, 31, 59, 60, 61, 90][rng.gen_range(0..10)];
                p.opioid(age, |e| {
                    e.class = rng.gen_range(1..3);
                    e.milli_mme = [0, 1, 20_000, 52_500][rng.gen_range(0..4)];
                    e.quantity = rng.gen_range(0..60_000);
                    e.days = [1, 10, 30, 61][rng.gen_range(0..4)];
                    e.ingredient = [5489, 7804][rng.gen_range(0..2)];
                });
            }
            (p.rx.days, p.d) = [(12, 12), (21, 21)][rng.gen_range(0..2)];
        });
        let expected = Dispense::relation(&public, &witness);
        verdicts[usize::from(expected.is_ok())] += 1;
        assert!(
            matches!(expected, Ok(()) | Err(Refused::Limit(_))),
            "{expected:?}"
        );
        agree(&public, &witness, expected);
    }
    assert!(verdicts.iter().all(|n| *n > 3), "{verdicts:?}");
}
