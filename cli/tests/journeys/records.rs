//! A screening and a claim.

use crate::{
    player::{OPEN, Player},
    services::{Cast, data},
};
use medproof_verifier::{CircuitName, Role};

pub(crate) const CAST: Cast = Cast {
    circuits: &[CircuitName::Bind, CircuitName::Eligibility, CircuitName::Claim],
    policies: &["trial-kidney.toml", "claim-lab.toml"],
    parties: &[
        ("authority", "authority", Role::EnrolmentAuthority),
        ("hospital-1", "hospital-1", Role::RecordIssuer),
        ("acme", "acme", Role::Payer),
        ("acme-claims", "acme", Role::InsurerGateway),
        ("lab-1", "lab-1", Role::Provider),
        ("sponsor", "sponsor-kidney", Role::Sponsor),
    ],
};

const COVERAGE: &str = "--register acme.register --plan ppo-2026 --on 2026-03-02";

pub(crate) fn play(p: &Player) {
    join(p);
    sign_records(p);
    screening(p);
    claim(p);
}

/// Alex with an account, and a member of `acme`.
fn join(p: &Player) {
    p.authority();
    p.introduce("acme", "alex-acme.json", "--owner-key");
    p.introduce("sponsor-kidney", "alex-sponsor.json", "");
    refused_enrolments(p);
    p.ok(&format!("{OPEN} --no-history --out alex-enrolment.age"));
    p.ok("enrol init --secret acme.age --register acme.register --domain acme --first-index 1000");
    let acme = "--secret acme.age --register acme.register --ledger @ledger --card data:journeys/card.json \
                --holder alex-acme.json";
    p.ok(&format!("enrol open {acme} --member --out alex-member.age"));
    p.ok(&format!(
        "enrol balance {acme} --plan ppo-2026 --year 2026 --member M-100200 --deductible 0 \
         --out-of-pocket 100000000 --annual 500000 --out alex-balance.age"
    ));
    let added =
        p.ok("wallet add alex.age alex-enrolment.age alex-member.age alex-balance.age --ledger @ledger");
    assert_eq!(added.as_array().unwrap().len(), 3);
    let shown = p.ok("wallet show alex.age");
    assert_eq!(shown["balances"][0]["annual_cents"], 500_000);
}

/// What comes to nothing leaves nobody in the register: the person is new at the next attempt too.
fn refused_enrolments(p: &Player) {
    p.fails(
        73,
        &format!("{OPEN} --no-history --out alex.age"),
        "nothing is overwritten",
    );
    p.fails(
        73,
        &format!("{OPEN} --no-history --out no/folder/alex.age"),
        "no/folder/alex.age",
    );
    // A provider's key enrols nobody.
    p.introduce("lab-1", "alex-lab-1.json", "--owner-key");
    p.ok("enrol init --secret lab-1.age --register lab-1.register --domain us-ma --first-index 500");
    let open = OPEN.replace("authority", "lab-1");
    for _ in 0..2 {
        p.fails(
            65,
            &format!("{open} --no-history --out refused.age"),
            "the ledger answers",
        );
        assert!(!p.folder.join("refused.age").exists());
    }
}

fn sign_records(p: &Player) {
    for (issuer, domain) in [("hospital-1", "us-ma"), ("acme", "acme"), ("lab-1", "us-ma")] {
        p.bind(issuer, domain);
    }
    let kidney = "acceptance/eligibility/T01.json";
    p.fails(
        65,
        &format!(
            "issuer sign snapshot --secret lab-1.age --bound alex-hospital-1.bound.json --bundle data:{kidney} \
             --out x.age"
        ),
        "the bind was made for `hospital-1`, not for `lab-1`",
    );
    p.sign(
        "snapshot",
        "hospital-1",
        kidney,
        "snapshot.age",
        "--as-of 2026-03-02",
    );
    let claim = "acceptance/claim/C01.json";
    p.sign("coverage", "acme", claim, "coverage.age", COVERAGE);
    p.sign("service", "lab-1", claim, "service.age", "");
    p.ok("wallet add alex.age snapshot.age coverage.age service.age --ledger @ledger");
}

fn screening(p: &Player) {
    let policy = "--policy data:acceptance/policies/trial-kidney.toml";
    p.ok(&format!(
        "desk ask eligibility --gateway @sponsor --token-file sponsor.token --holder alex-sponsor.json {policy} \
         --out screening.age"
    ));
    let prove = format!(
        "prove eligibility --wallet alex.age --challenge screening.age --gateway @sponsor --prover @prover \
         --ledger @ledger {policy}"
    );
    p.ok("wallet new --out eve.age");
    p.fails(65, &prove.replace("alex.age", "eve.age"), "cannot be decrypted");
    p.fails(65, &format!("{prove} --issuer lab-1"), "no such snapshot");
    assert_eq!(p.ok(&prove)["handed_over"], true);
}

fn claim(p: &Player) {
    std::fs::copy(p.folder.join("alex.age"), p.folder.join("old.age")).unwrap();
    p.introduce("acme", "alex-acme.json", "");
    let policy = "--policy data:acceptance/policies/claim-lab.toml";
    let ask = |out: &str| {
        p.ok(&format!(
            "desk ask claim --gateway @acme-claims --token-file acme-claims.token --holder alex-acme.json {policy} \
             --bundle data:acceptance/claim/C01.json --pay 960 --out {out}"
        ))
    };
    let prove = |challenge: &str| {
        format!(
            "prove claim --wallet alex.age --challenge {challenge} --gateway @acme-claims --prover @prover \
             --ledger @ledger {policy}"
        )
    };
    ask("claim-1.age");
    assert_eq!(p.ok(&prove("claim-1.age"))["handed_over"], true);
    let left = |file: &str| p.ok(&format!("wallet show {file}"))["balances"][0]["annual_cents"].clone();
    assert_eq!(left("alex.age"), 499_040);
    ask("claim-2.age");
    p.fails(1, &prove("claim-2.age"), "claim nullifier is spent");
    assert_eq!(left("alex.age"), 499_040);
    // Under a new name the member is the same one: the coverage signed anew is the one that the wallet has, its
    // member secret too, and the event stays paid.
    let renamed = data("journeys/card.json");
    let renamed = std::fs::read_to_string(renamed)
        .unwrap()
        .replace("Alex Doe", "Alex Poe");
    std::fs::write(p.folder.join("renamed.json"), renamed).unwrap();
    let change =
        "enrol change-card --secret acme.age --register acme.register --card renamed.json --formerly";
    p.ok(&format!("{change} data:journeys/card.json"));
    p.fails(65, &format!("{change} data:journeys/card.json"), "the one in use");
    p.sign(
        "coverage",
        "acme",
        "acceptance/claim/C01.json",
        "coverage-2.age",
        COVERAGE,
    );
    p.ok("wallet add alex.age coverage-2.age --ledger @ledger");
    assert_eq!(
        p.ok("wallet show alex.age")["coverages"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    ask("claim-3.age");
    p.fails(1, &prove("claim-3.age"), "claim nullifier is spent");
    // The older copy finds the balance from the service and the plan.
    p.ok("wallet recover old.age --ledger @ledger --policy data:acceptance/policies/claim-lab.toml");
    assert_eq!(left("old.age"), 499_040);
}
