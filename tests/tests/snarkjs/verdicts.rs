//! V9: the same verdict as `snarkjs groth16 verify` over good and bad proofs of each kind.

use crate::json::accepts;
use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine, g2};
use ark_ec::{AffineRepr, CurveGroup, short_weierstrass::SWCurveConfig};
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use ark_groth16::Groth16;
use medproof_circuits::scenario;
use medproof_circuits::statements::bind::Bind;
use medproof_prover::keys::CircuitKeys;
use medproof_prover::{Prover, snarkjs};
use medproof_tests::outside::ask;
use medproof_verifier::{CircuitName, Name, Proof, VerifyingKey};
use rand::rngs::OsRng;
use serde_json::{Value, json};

type Inner = ark_groth16::Proof<Bn254>;

/// One proof with its inputs, judged under one key.
struct Case {
    what: String,
    key: VerifyingKey,
    inputs: Value,
    proof: Value,
}

/// A prover of `bind` under a fresh key, and a proof of its example.
struct Good {
    key: VerifyingKey,
    inputs: Vec<Fr>,
    proof: Inner,
}

fn good(ctx: Fr) -> Good {
    let mut prover = Prover::default();
    prover.insert(CircuitKeys::throw_away::<Bind>().unwrap()).unwrap();
    let name = |text: &str| text.parse::<Name>().unwrap();
    let (public, witness) = scenario::bind::example(&mut OsRng, &name("us-ma"), &name("clinic"), ctx);
    let proven = prover.prove::<Bind>(&public, &witness).unwrap();
    Good {
        key: prover.verifying_key(CircuitName::Bind).unwrap().clone(),
        inputs: proven.public_inputs,
        proof: proven.proof.inner().clone(),
    }
}

/// Points that [`Proof::new`] refuses are written too.
fn proof_json(proof: &Inner) -> Value {
    let text = |x: &Fq| x.into_bigint().to_string();
    let g1 = |p: &G1Affine| match p.is_zero() {
        true => json!(["0", "1", "0"]),
        false => json!([text(&p.x), text(&p.y), "1"]),
    };
    let pair = |x: &Fq2| json!([text(&x.c0), text(&x.c1)]);
    let g2 = match proof.b.is_zero() {
        true => json!([["0", "0"], ["1", "0"], ["0", "0"]]),
        false => json!([pair(&proof.b.x), pair(&proof.b.y), ["1", "0"]]),
    };
    json!({
        "pi_a": g1(&proof.a), "pi_b": g2, "pi_c": g1(&proof.c),
        "protocol": "groth16", "curve": "bn128",
    })
}

/// `value` plus a modulus, in decimal.
fn plus_modulus<F: PrimeField>(value: &F) -> String {
    let mut sum = value.into_bigint();
    let carry = sum.add_with_carry(&F::MODULUS);
    assert!(!carry, "two 254-bit numbers fit in 256 bits");
    sum.to_string()
}

/// What snarkjs and our verifier say of each case.
fn verdicts(cases: &[Case]) -> Vec<(bool, bool)> {
    let request = |c: &Case| {
        let key = snarkjs::verification_key(&c.key);
        json!({ "ask": "verify", "key": key, "inputs": c.inputs, "proof": c.proof })
    };
    // A refusal may be an exception: both mean that snarkjs does not accept.
    let answers = ask(&cases.iter().map(request).collect::<Vec<_>>());
    let ours = |c: &Case| accepts(&c.key, &c.inputs, &c.proof);
    answers
        .iter()
        .zip(cases)
        .map(|(a, c)| (a["ok"] == json!(true), ours(c)))
        .collect()
}

/// On the twist, outside the subgroup of prime order.
fn outside() -> G2Affine {
    let candidate = |n: u64| {
        let x = Fq2::new(Fq::from(n), Fq::ONE);
        let y = (x.square() * x + g2::Config::COEFF_B).sqrt()?;
        Some(G2Affine::new_unchecked(x, y)).filter(|p| !p.is_in_correct_subgroup_assuming_on_curve())
    };
    (1..).find_map(candidate).unwrap()
}

struct Corpus<'a> {
    good: &'a Good,
    cases: Vec<Case>,
}

impl Corpus<'_> {
    fn add(&mut self, what: impl Into<String>, inputs: Value, proof: Value) {
        let key = self.good.key.clone();
        let what = what.into();
        self.cases.push(Case {
            what,
            key,
            inputs,
            proof,
        });
    }

    fn inputs(&mut self, what: impl Into<String>, inputs: &[Fr]) {
        self.add(what, snarkjs::public(inputs), proof_json(&self.good.proof));
    }

    fn proof(&mut self, what: impl Into<String>, change: impl FnOnce(&mut Inner)) {
        let mut proof = self.good.proof.clone();
        change(&mut proof);
        self.add(what, snarkjs::public(&self.good.inputs), proof_json(&proof));
    }

    fn changed_inputs(&mut self) {
        let inputs = self.good.inputs.clone();
        for i in 0..inputs.len() {
            for (what, value) in [
                ("1 more", inputs[i] + Fr::ONE),
                ("negated", -inputs[i]),
                ("zero", Fr::ZERO),
            ] {
                let mut changed = inputs.clone();
                changed[i] = value;
                self.inputs(format!("input {i} {what}"), &changed);
            }
            let mut over = snarkjs::public(&inputs);
            over[i] = json!(plus_modulus(&inputs[i]));
            self.add(format!("input {i} + r"), over, proof_json(&self.good.proof));
        }
        let mut swapped = inputs.clone();
        swapped.swap(0, 1);
        self.inputs("two inputs exchanged", &swapped);
        self.inputs("one input short", &inputs[..inputs.len() - 1]);
        self.inputs("no inputs", &[]);
        for extra in [Fr::ZERO, Fr::ONE] {
            self.inputs("one input over", &[&inputs[..], &[extra]].concat());
        }
    }

    fn changed_proofs(&mut self) {
        let (g, h) = (G1Affine::generator(), G2Affine::generator());
        self.proof("A and C exchanged", |p| std::mem::swap(&mut p.a, &mut p.c));
        self.proof("A negated", |p| p.a = -p.a);
        self.proof("B negated", |p| p.b = -p.b);
        self.proof("C negated", |p| p.c = -p.c);
        self.proof("A moved", |p| p.a = (p.a + g).into_affine());
        self.proof("B moved", |p| p.b = (p.b + h).into_affine());
        self.proof("C moved", |p| p.c = (p.c + g).into_affine());
        self.proof("A doubled", |p| p.a = (p.a + p.a).into_affine());
        self.proof("A the identity", |p| p.a = G1Affine::zero());
        self.proof("B the identity", |p| p.b = G2Affine::zero());
        self.proof("C the identity", |p| p.c = G1Affine::zero());
        self.proof("all the identity", |p| *p = Inner::default());
        self.proof("generators", |p| *p = Inner { a: g, b: h, c: g });
        self.proof("A off its curve", |p| {
            p.a = G1Affine::new_unchecked(p.a.x, p.a.y + Fq::ONE)
        });
        self.proof("B off its curve", |p| p.b.y.c0 += Fq::ONE);
        self.proof("C at the origin", |p| {
            p.c = G1Affine::new_unchecked(Fq::ZERO, Fq::ZERO)
        });
        self.proof("B outside its subgroup", |p| p.b = outside());
        self.proof("B with a part outside its subgroup", |p| {
            p.b = (p.b + outside()).into_affine()
        });
        let vk = self.good.key.inner().clone();
        let ic = vk.gamma_abc_g1.iter().skip(1).zip(&self.good.inputs);
        let x = ic.fold(vk.gamma_abc_g1[0].into_group(), |sum, (p, x)| sum + *p * x);
        self.proof("forged: alpha, beta, -IC(x)", |p| {
            *p = Inner {
                a: vk.alpha_g1,
                b: vk.beta_g2,
                c: (-x).into_affine(),
            };
        });
    }
}

#[test]
fn v09_snarkjs_and_we_give_the_same_verdicts() {
    let (first, second) = (good(Fr::from(1u64)), good(Fr::from(2u64)));
    let mut corpus = Corpus {
        good: &first,
        cases: Vec::new(),
    };
    // Accepted: as it is, re-randomised, and with two signs changed at once.
    corpus.proof("as it is", |_| ());
    corpus.proof("A and B negated", |p| (p.a, p.b) = (-p.a, -p.b));
    for _ in 0..3 {
        let again = Groth16::<Bn254>::rerandomize_proof(first.key.inner(), &first.proof, &mut OsRng);
        corpus.proof("re-randomised", |p| *p = again);
    }
    let accepted = corpus.cases.len();
    // Refused.
    corpus.changed_inputs();
    corpus.changed_proofs();
    corpus.inputs("inputs of another proof", &second.inputs);
    corpus.proof("proof of other inputs", |p| *p = second.proof.clone());
    corpus.cases.push(Case {
        what: "under another key".into(),
        key: second.key.clone(),
        inputs: snarkjs::public(&first.inputs),
        proof: proof_json(&first.proof),
    });
    let cases = corpus.cases;
    assert_eq!(cases.len(), accepted + 51);
    for (i, (case, (theirs, ours))) in cases.iter().zip(verdicts(&cases)).enumerate() {
        assert_eq!(theirs, ours, "snarkjs and we differ: {}", case.what);
        assert_eq!(ours, i < accepted, "{}", case.what);
    }
}

/// Where we are stricter on purpose: snarkjs 0.7.6 reduces coordinates, counts a missing input as zero, and
/// takes any key. Each of these would give one event several encodings, or anyone a proof.
#[test]
fn v09_what_only_snarkjs_accepts_we_refuse() {
    let good = good(Fr::ZERO);
    let inputs = snarkjs::public(&good.inputs);
    let mut corpus = Corpus {
        good: &good,
        cases: Vec::new(),
    };
    corpus.inputs(
        "a missing input that is zero",
        &good.inputs[..good.inputs.len() - 1],
    );
    let points = proof_json(&good.proof);
    for (point, pointer) in [("A", "/pi_a/0"), ("B", "/pi_b/0/1"), ("C", "/pi_c/1")] {
        let mut wide = points.clone();
        let place = wide.pointer_mut(pointer).unwrap();
        let value = Fq::from_bigint(place.as_str().unwrap().parse().unwrap()).unwrap();
        *place = json!(plus_modulus(&value));
        corpus.add(format!("{point} with a coordinate + p"), inputs.clone(), wide);
    }
    let cases = corpus.cases;
    for (case, verdict) in cases.iter().zip(verdicts(&cases)) {
        assert_eq!(verdict, (true, false), "{}", case.what);
    }
    // A key with gamma = delta, and the proof that anyone makes for it: snarkjs accepts, we have no such key.
    let mut vk = good.key.inner().clone();
    let x = vk.gamma_abc_g1.iter().skip(1).zip(&good.inputs);
    let x = x.fold(vk.gamma_abc_g1[0].into_group(), |sum, (p, x)| sum + *p * x);
    vk.gamma_g2 = vk.delta_g2;
    assert!(VerifyingKey::new(CircuitName::Bind, 1, true, vk.clone()).is_err());
    let forged = Inner {
        a: vk.alpha_g1,
        b: vk.beta_g2,
        c: (-x).into_affine(),
    };
    let mut key = snarkjs::verification_key(&good.key);
    key["vk_gamma_2"] = key["vk_delta_2"].take();
    key["vk_delta_2"] = key["vk_gamma_2"].clone();
    let forged = snarkjs::proof(&Proof::new(forged).unwrap());
    let answer = ask(&[json!({ "ask": "verify", "key": key, "inputs": inputs, "proof": forged })]);
    assert_eq!(answer, [json!({ "ok": true })]);
}
