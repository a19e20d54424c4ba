//! Fills, and what `wallet recover` makes of lost answers, voids and older copies.

use crate::{
    player::{Lost, OPEN, Player, lossy},
    services::Cast,
};
use medproof_verifier::{CircuitName, Role};

pub(crate) const CAST: Cast = Cast {
    circuits: &[CircuitName::Bind, CircuitName::Dispense],
    policies: &["rx-mme-90.toml"],
    parties: &[
        ("authority", "authority", Role::EnrolmentAuthority),
        ("dr-lee", "dr-lee", Role::Prescriber),
        ("pharmacy-a", "pharmacy-a", Role::Pharmacy),
    ],
};

pub(crate) fn play(p: &Player) {
    enrol(p);
    sign_orders(p);
    fills(p);
}

impl Player {
    /// The pharmacy's question; returns the challenge's number.
    fn ask_fill(&self, drug: &str, units: u32, out: &str) -> String {
        let asked = self.ok(&format!(
            "desk ask dispensing --gateway @pharmacy-a --token-file pharmacy-a.token --holder alex-pharmacy-a.json \
             --policy data:acceptance/policies/rx-mme-90.toml --card data:journeys/card.json --drug {drug} \
             --quantity {units} --prescriber dr-lee --out {out}"
        ));
        asked["challenge"].as_str().unwrap().to_owned()
    }

    fn fill(&self, challenge: &str, gateway: &str) -> String {
        format!(
            "prove dispensing --wallet alex.age --challenge {challenge} --gateway {gateway} --prover @prover \
             --ledger @ledger --policy data:acceptance/policies/rx-mme-90.toml"
        )
    }
}

fn enrol(p: &Player) {
    p.authority();
    p.introduce("dr-lee", "alex-dr-lee.json", "--owner-key");
    p.introduce("pharmacy-a", "alex-pharmacy-a.json", "");
    let history = "--history data:acceptance/dispensing/R01.json \
                   --policy data:acceptance/policies/rx-mme-90.toml";
    p.fails(64, &format!("{OPEN} --out alex-enrolment.age"), "--history");
    p.fails(
        65,
        &format!(
            "{} --no-history --out x.age",
            OPEN.replace("alex-authority", "alex-dr-lee")
        ),
        "introduced itself to `dr-lee`",
    );
    p.ok(&format!("{OPEN} {history} --out alex-enrolment.age"));
    p.fails(
        65,
        &format!("{OPEN} {history} --out twice.age"),
        "has an identity here",
    );
    p.ok("wallet add alex.age alex-enrolment.age --ledger @ledger");
    // Again changes nothing, and another ledger is not followed.
    p.ok("wallet add alex.age alex-enrolment.age --ledger @ledger");
    let other = "00".repeat(32);
    p.fails(
        64,
        &format!("wallet add alex.age alex-enrolment.age --ledger @ledger --ledger-id {other}"),
        "follows the ledger",
    );
    let shown = p.ok("wallet show alex.age");
    assert_eq!(shown["accounts"][0]["dispensings"].as_array().unwrap().len(), 1);
}

fn sign_orders(p: &Player) {
    p.bind("dr-lee", "us-ma");
    for drug in ["hydrocodone", "tramadol", "oxycodone"] {
        let order = format!("journeys/order-{drug}.json");
        p.sign("prescription", "dr-lee", &order, &format!("rx-{drug}.age"), "");
    }
    p.ok("wallet add alex.age rx-hydrocodone.age rx-tramadol.age rx-oxycodone.age --ledger @ledger");
    // A wallet with the same introduction to give is still another holder.
    p.ok("wallet new --out eve.age");
    p.ok("wallet introduce eve.age --to dr-lee");
    p.fails(
        65,
        "wallet add eve.age rx-tramadol.age --ledger @ledger",
        "it is for another wallet",
    );
}

fn fills(p: &Player) {
    std::fs::copy(p.folder.join("alex.age"), p.folder.join("old.age")).unwrap();
    let number = p.ask_fill("rxnorm|856999", 120, "fill-1.age");
    p.fails(
        65,
        &p.fill("fill-1.age", "@pharmacy-a")
            .replace("rx-mme-90", "rx-refill-75"),
        "another policy",
    );
    p.fails(
        65,
        "prove bind --wallet alex.age --challenge fill-1.age --gateway @pharmacy-a --prover @prover --ledger @ledger",
        "asks for `dispensing`",
    );
    let outcome = || {
        let (_, answer) = p.run(&format!(
            "desk outcome {number} --gateway @pharmacy-a --token-file pharmacy-a.token"
        ));
        answer["state"].clone()
    };
    // The wallet's answer never arrives: its note is the one from before.
    let gateway = lossy(&p.gateways["pharmacy-a"], Lost::Request);
    p.fails(69, &p.fill("fill-1.age", &gateway), "wallet recover");
    assert_eq!(outcome(), "open");
    let found = p.ok("wallet recover alex.age --ledger @ledger");
    assert_eq!((&found["accepted"], &found["voided"]), (&0.into(), &0.into()));
    assert_eq!(p.ok("wallet show alex.age")["accounts"][0]["sequence"], 0);
    // The pharmacy accepts, and its answer is lost on the way.
    let gateway = lossy(&p.gateways["pharmacy-a"], Lost::Answer);
    p.fails(69, &p.fill("fill-1.age", &gateway), "wallet recover");
    assert_eq!(outcome(), "accepted");
    let shown = p.ok("wallet show alex.age");
    assert_eq!(shown["accounts"][0]["sequence"], 0);
    assert_ne!(shown["accounts"][0]["unsettled"], 0);
    let found = p.ok("wallet recover alex.age --ledger @ledger");
    assert_eq!(found["accepted"], 1);
    let shown = p.ok("wallet show alex.age");
    assert_eq!(shown["accounts"][0]["sequence"], 1);
    assert_eq!(shown["prescriptions"][0]["filled"], serde_json::json!([0]));

    // A copy from before the fill never saw the candidate: its seed, its ring and the ledger give the note.
    p.fails(69, "wallet recover old.age --ledger @ledger", "name the policy");
    p.ok("wallet recover old.age --ledger @ledger --policy data:acceptance/policies/rx-mme-90.toml");
    assert_eq!(p.ok("wallet show old.age")["accounts"], shown["accounts"]);

    // What staff gets wrong is named.
    let unknown = "00".repeat(32);
    let outcome = |number: &str, gateway: &str, token: &str| {
        format!("desk outcome {number} --gateway {gateway} --token-file {token}")
    };
    p.fails(
        65,
        &outcome(&unknown, "@pharmacy-a", "pharmacy-a.token"),
        "never asked this",
    );
    p.fails(
        65,
        &outcome(&number, "@pharmacy-a", "dr-lee.token"),
        "--token-file holds another token",
    );
    p.fails(
        69,
        &outcome(&number, "@ledger", "pharmacy-a.token"),
        "correct --gateway",
    );
    p.fails(
        69,
        "ledger status --ledger @pharmacy-a",
        "that of another service",
    );
    p.fails(65, "ledger entry --ledger @ledger 1000000", "no entry 1000000");

    // The next fill keeps the limit: 30 + 40 + 20 MME a day.
    let number = p.ask_fill("rxnorm|835603", 60, "fill-2.age");
    let filled = p.ok(&format!(
        "{} --receipt fill-2.receipt",
        p.fill("fill-2.age", "@pharmacy-a")
    ));
    assert_eq!(filled["handed_over"], true);
    let key = p.ok("ledger status --ledger @ledger")["ledger_key"]
        .as_str()
        .unwrap()
        .to_owned();
    let receipt = p.ok(&format!("verify receipt fill-2.receipt --ledger-key {key}"));
    assert_eq!(receipt["index"], filled["entry"]);
    // The older copy is behind again: the ledger refuses its note.
    p.ask_fill("rxnorm|835603", 60, "fill-3.age");
    let behind = p.fill("fill-3.age", "@pharmacy-a").replace("alex.age", "old.age");
    p.fails(1, &behind, "medproof wallet recover");

    // Over the limit, as the wallet itself sees.
    p.ask_fill("rxnorm|1049683", 60, "fill-4.age");
    p.fails(1, &p.fill("fill-4.age", "@pharmacy-a"), "reject");

    // Not collected: the note before it is alive again.
    p.ok(&format!(
        "desk void {number} --gateway @pharmacy-a --token-file pharmacy-a.token --ledger @ledger"
    ));
    let found = p.ok("wallet recover alex.age --ledger @ledger");
    assert_eq!((&found["accepted"], &found["voided"]), (&0.into(), &1.into()));
    let shown = p.ok("wallet show alex.age");
    assert_eq!(shown["accounts"][0]["dispensings"].as_array().unwrap().len(), 2);
    assert_eq!(shown["accounts"][0]["sequence"], 2);
}
