//! The three journeys as strangers play them: every step is a run of the `medproof` binary against services on
//! loopback, and everything passes between the parties in files.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where something is not as expected"
)]

use medproof_cli::{
    demo::deployment::{Deployment, Desk},
    journey::{
        governance::{PolicyDates, claim_terms, dispensing_terms, eligibility_terms},
        party::Party,
    },
    secret,
};
use medproof_prover::{KeyStore, Mode, Prover};
use medproof_records::policy::Policy;
use medproof_verifier::{CircuitName, Day, Fr, Name, Role};
use rand::rngs::OsRng;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
};

const PASSPHRASE: &str = "correct horse battery";

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn today() -> Day {
    Day::parse("2026-03-02").unwrap()
}

fn data(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data");
    root.join(path).to_str().unwrap().to_owned()
}

/// The services, and a folder in which all files of all parties lie.
struct World {
    d: Deployment,
    desks: BTreeMap<&'static str, Desk>,
    folder: tempfile::TempDir,
}

const PARTIES: [(&str, &str, Role); 8] = [
    ("authority", "authority", Role::EnrolmentAuthority),
    ("dr-lee", "dr-lee", Role::Prescriber),
    ("hospital-1", "hospital-1", Role::RecordIssuer),
    ("acme", "acme", Role::Payer),
    ("acme-claims", "acme", Role::InsurerGateway),
    ("lab-1", "lab-1", Role::Provider),
    ("pharmacy-a", "pharmacy-a", Role::Pharmacy),
    ("sponsor", "sponsor-kidney", Role::Sponsor),
];

impl World {
    async fn start() -> Self {
        let store = KeyStore::at_default(Mode::Development).unwrap();
        let circuits = [
            CircuitName::Bind,
            CircuitName::Dispense,
            CircuitName::Eligibility,
            CircuitName::Claim,
        ];
        let prover = tokio::task::spawn_blocking(move || Prover::open(&store, &circuits, &mut |_| ()));
        let prover = Arc::new(prover.await.unwrap().unwrap());
        let morning = today().to_unix_seconds() + 36_000;
        let mut world = Self {
            d: Deployment::start(morning, prover).await.unwrap(),
            desks: BTreeMap::new(),
            folder: tempfile::tempdir().unwrap(),
        };
        world.policies().await;
        world.parties().await;
        world
    }

    async fn parties(&mut self) {
        let from = Day::parse("2020-01-01").unwrap();
        let mut made: BTreeMap<&str, Party> = BTreeMap::new();
        let passphrase = || age::secrecy::SecretString::from(PASSPHRASE.to_owned());
        for (desk, party, role) in PARTIES {
            let Self { d, folder, .. } = self;
            let party = made.entry(party).or_insert_with(|| {
                let made = Party::generate(name(party), &mut OsRng);
                // Only those that enrol or sign need their secrets in a file.
                if !matches!(role, Role::Pharmacy | Role::Sponsor) {
                    secret::write(&folder.path().join(format!("{party}.age")), &made, passphrase()).unwrap();
                }
                made
            });
            let (scope, domain) = match role {
                Role::Provider => (Fr::from(1_234_567_893u64), name("us-ma")),
                Role::Sponsor => (party.name().to_fr(), name("us-ma")),
                Role::Payer | Role::InsurerGateway => (party.name().to_fr(), party.name().clone()),
                _ => (name("us-ma").to_fr(), name("us-ma")),
            };
            d.register(party, role, scope, from).await.unwrap();
            if role != Role::EnrolmentAuthority {
                let open = d.open_desk(party, role, &domain).await.unwrap();
                std::fs::write(folder.path().join(format!("{desk}.token")), open.token.as_str()).unwrap();
                self.desks.insert(desk, open);
            }
        }
    }

    async fn policies(&mut self) {
        for file in ["rx-mme-90.toml", "trial-kidney.toml", "claim-lab.toml"] {
            let path = PathBuf::from(data(&format!("acceptance/policies/{file}")));
            let text = std::fs::read_to_string(&path).unwrap();
            let dates = PolicyDates {
                from: Day::parse("2026-01-01").unwrap(),
                to: Day::OPEN,
                text: &text,
            };
            let terms = match Policy::load(&path).unwrap() {
                Policy::Dispensing(p) => dispensing_terms(&p, dates).unwrap(),
                Policy::Eligibility(p) => eligibility_terms(&p, dates).unwrap(),
                Policy::Claim(p) => claim_terms(&p, &p.rules().payer, dates),
            };
            let ledger = &mut self.d.ledger;
            self.d.governance.accept_policy(ledger, terms).await.unwrap();
        }
    }

    fn player(&self) -> Player {
        let (ledger, prover) = self.d.urls();
        Player {
            folder: self.folder.path().to_owned(),
            ledger,
            prover,
            gateways: self
                .desks
                .iter()
                .map(|(name, d)| (*name, d.url.clone()))
                .collect(),
        }
    }
}

/// Runs commands. Arguments are split at spaces; `@x` is the URL of x; a name with a dot is a file of the folder,
/// or of the test data where it begins with `data:`.
struct Player {
    folder: PathBuf,
    ledger: String,
    prover: String,
    gateways: BTreeMap<&'static str, String>,
}

impl Player {
    fn argument(&self, text: &str) -> String {
        match text {
            "@ledger" => self.ledger.clone(),
            "@prover" => self.prover.clone(),
            _ if text.starts_with('@') => self.gateways[&text[1..]].clone(),
            _ if text.starts_with("data:") => data(&text[5..]),
            _ => text.to_owned(),
        }
    }

    /// The exit code, and what was printed: JSON from stdout, or the message of the error.
    fn run(&self, line: &str) -> (i32, Value) {
        let arguments = line.split_whitespace().map(|text| self.argument(text));
        let output = Command::new(env!("CARGO_BIN_EXE_medproof"))
            .args(arguments)
            .arg("--json")
            .current_dir(&self.folder)
            .env("MEDPROOF_PASSPHRASE", PASSPHRASE)
            .output()
            .unwrap();
        let code = output.status.code().unwrap();
        let text = if output.stdout.is_empty() {
            &output.stderr
        } else {
            &output.stdout
        };
        let value = serde_json::from_slice(text);
        let value = value.unwrap_or_else(|_| panic!("{line}: {}", String::from_utf8_lossy(text)));
        (code, value)
    }

    fn ok(&self, line: &str) -> Value {
        let (code, value) = self.run(line);
        assert_eq!(code, 0, "{line}: {value}");
        value
    }

    fn fails(&self, code: i32, line: &str, says: &str) {
        let (got, value) = self.run(line);
        assert_eq!(got, code, "{line}: {value}");
        let text = value.to_string();
        assert!(text.contains(says), "{line}: {text}");
    }

    fn save(&self, file: &str, value: &Value) {
        std::fs::write(self.folder.join(file), value.to_string()).unwrap();
    }

    /// `wallet introduce`, as a file for the party.
    fn introduce(&self, party: &str, file: &str, more: &str) {
        let value = self.ok(&format!("wallet introduce alex.age --to {party} {more}"));
        self.save(file, &value);
    }

    /// The one-time bind, with the bind record as a file for the issuer.
    fn bind(&self, issuer: &str, domain: &str) {
        self.introduce(issuer, &format!("alex-{issuer}.json"), "");
        let asked = self.ok(&format!(
            "desk ask bind --gateway @{issuer} --token-file {issuer}.token --holder alex-{issuer}.json \
             --domain {domain} --card data:journeys/card.json --out bind-{issuer}.age"
        ));
        let answer = self.ok(&format!(
            "prove bind --wallet alex.age --challenge bind-{issuer}.age --gateway @{issuer} --prover @prover \
             --ledger @ledger"
        ));
        assert_eq!(answer["entry"], Value::Null, "a bind is not posted");
        let number = asked["challenge"].as_str().unwrap();
        let bound = self.ok(&format!(
            "desk bound {number} --gateway @{issuer} --token-file {issuer}.token --issuer {issuer} \
             --holder alex-{issuer}.json"
        ));
        self.save(&format!("alex-{issuer}.bound.json"), &bound);
    }

    fn sign(&self, what: &str, issuer: &str, bundle: &str, out: &str, more: &str) {
        self.ok(&format!(
            "issuer sign {what} --secret {issuer}.age --bound alex-{issuer}.bound.json --bundle data:{bundle} \
             --out {out} {more}"
        ));
    }

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

/// Passes bytes on to `to`, and cuts the connection when the answer comes: more than the few frames with which an
/// HTTP/2 connection begins.
fn lossy(to: &str) -> String {
    const FRAMES: usize = 300;
    let target = to.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(target).unwrap();
        let (mut up_from, mut up_to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut up_from, &mut up_to));
        let (mut from, mut to) = (server, client);
        let (mut seen, mut buffer) = (0, [0; 16_384]);
        while let Ok(n) = from.read(&mut buffer) {
            seen += n;
            if n == 0 || seen > FRAMES || to.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        // The client sees its request end without an answer.
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
    url
}

#[test]
fn a_fill_a_screening_and_a_claim_are_played_with_commands_alone() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::start());
    let player = world.player();
    enrol(&player);
    sign(&player);
    fills(&player);
    screening(&player);
    claim(&player);
    runtime.block_on(world.d.end());
}

fn enrol(p: &Player) {
    p.ok("wallet new --out alex.age");
    p.introduce("authority", "alex-authority.json", "--owner-key");
    p.introduce("acme", "alex-acme.json", "--owner-key");
    p.introduce("pharmacy-a", "alex-pharmacy-a.json", "");
    p.introduce("sponsor-kidney", "alex-sponsor.json", "");

    p.ok("enrol init --secret authority.age --register authority.register --domain us-ma");
    let open = "enrol open --secret authority.age --register authority.register --ledger @ledger \
                --card data:journeys/card.json --holder alex-authority.json";
    let history = "--history data:acceptance/dispensing/R01.json \
                   --policy data:acceptance/policies/rx-mme-90.toml";
    p.fails(64, &format!("{open} --out alex-enrolment.age"), "--history");
    p.fails(
        65,
        &format!(
            "{} --no-history --out x.age",
            open.replace("alex-authority", "alex-acme")
        ),
        "introduced itself to `acme`",
    );
    p.ok(&format!("{open} {history} --out alex-enrolment.age"));
    p.fails(
        65,
        &format!("{open} {history} --out twice.age"),
        "has an identity here",
    );

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
    assert_eq!(shown["balances"][0]["annual_cents"], 500_000);
}

fn sign(p: &Player) {
    for (issuer, domain) in [
        ("dr-lee", "us-ma"),
        ("hospital-1", "us-ma"),
        ("acme", "acme"),
        ("lab-1", "us-ma"),
    ] {
        p.bind(issuer, domain);
    }
    p.fails(
        65,
        "issuer sign snapshot --secret dr-lee.age --bound alex-hospital-1.bound.json \
         --bundle data:acceptance/eligibility/T01.json --out x.age",
        "the bind was made for `hospital-1`, not for `dr-lee`",
    );
    for drug in ["hydrocodone", "tramadol", "oxycodone"] {
        let order = format!("journeys/order-{drug}.json");
        p.sign("prescription", "dr-lee", &order, &format!("rx-{drug}.age"), "");
    }
    let kidney = "acceptance/eligibility/T01.json";
    p.sign(
        "snapshot",
        "hospital-1",
        kidney,
        "snapshot.age",
        "--as-of 2026-03-02",
    );
    let claim = "acceptance/claim/C01.json";
    let coverage = "--register acme.register --plan ppo-2026 --on 2026-03-02";
    p.sign("coverage", "acme", claim, "coverage.age", coverage);
    p.sign("service", "lab-1", claim, "service.age", "");
    p.ok(
        "wallet add alex.age rx-hydrocodone.age rx-tramadol.age rx-oxycodone.age snapshot.age coverage.age \
         service.age --ledger @ledger",
    );
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
    // The pharmacy accepts, and its answer is lost on the way.
    let gateway = lossy(&p.gateways["pharmacy-a"]);
    p.fails(69, &p.fill("fill-1.age", &gateway), "wallet recover");
    let outcome = p.ok(&format!(
        "desk outcome {number} --gateway @pharmacy-a --token-file pharmacy-a.token"
    ));
    assert_eq!(outcome["state"], "accepted");
    let shown = p.ok("wallet show alex.age");
    assert_eq!(shown["accounts"][0]["sequence"], 0);
    assert_eq!(shown["accounts"][0]["unsettled"], 1);
    let found = p.ok("wallet recover alex.age --ledger @ledger");
    assert_eq!(found["accepted"], 1);
    let shown = p.ok("wallet show alex.age");
    assert_eq!(shown["accounts"][0]["sequence"], 1);
    assert_eq!(shown["prescriptions"][0]["filled"], serde_json::json!([0]));

    // A copy from before the fill never saw the candidate, and finds the note from its prescriptions.
    p.fails(69, "wallet recover old.age --ledger @ledger", "name the policy");
    p.ok("wallet recover old.age --ledger @ledger --policy data:acceptance/policies/rx-mme-90.toml");
    assert_eq!(p.ok("wallet show old.age")["accounts"], shown["accounts"]);

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
    p.fails(65, &prove.replace("alex.age", "eve.age"), "cannot be decrypted");
    p.fails(65, &format!("{prove} --issuer dr-lee"), "no such snapshot");
    assert_eq!(p.ok(&prove)["handed_over"], true);
}

fn claim(p: &Player) {
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
    let renamed = std::fs::read_to_string(renamed).unwrap().replace("Alex Doe", "Alex Poe");
    std::fs::write(p.folder.join("renamed.json"), renamed).unwrap();
    let change = "enrol change-card --secret acme.age --register acme.register --card renamed.json --formerly";
    p.ok(&format!("{change} data:journeys/card.json"));
    p.fails(65, &format!("{change} data:journeys/card.json"), "the one in use");
    let coverage = "--register acme.register --plan ppo-2026 --on 2026-03-02";
    p.sign("coverage", "acme", "acceptance/claim/C01.json", "coverage-2.age", coverage);
    p.ok("wallet add alex.age coverage-2.age --ledger @ledger");
    assert_eq!(p.ok("wallet show alex.age")["coverages"].as_array().unwrap().len(), 1);
    ask("claim-3.age");
    p.fails(1, &prove("claim-3.age"), "claim nullifier is spent");
    // The older copy finds the balance from the service and the plan.
    p.ok(
        "wallet recover old.age --ledger @ledger --policy data:acceptance/policies/claim-lab.toml \
         --policy data:acceptance/policies/rx-mme-90.toml",
    );
    assert_eq!(left("old.age"), 499_040);
}
