//! One answer at a counter: wallet, challenge and services; and what the holder is told in the end.

use super::statement;
use crate::{
    CliError, Exit, Output,
    holder::{paper::Content, wallet_file::OpenWallet},
    journey::{
        JourneyError,
        desk::{Answer, Challenge, Counter},
        prove::Prover,
        recover, sources,
    },
    remote::LedgerArgs,
    secret::{self, PassphraseArgs},
    verify::receipt_file,
};
use medproof_proto::{address::Address, ledger_client::Ledger};
use medproof_prover::Timings;
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// Where to prove and present.
#[derive(Debug, clap::Args)]
pub(super) struct Where {
    /// The wallet file.
    #[arg(long, value_name = "FILE")]
    wallet: PathBuf,
    /// The encrypted challenge, as the relying party gave it.
    #[arg(long, value_name = "FILE")]
    challenge: PathBuf,
    /// Address of the relying party's gateway, http://HOST:PORT or https://HOST (port 443, or HOST:PORT).
    #[arg(long, value_name = "URL")]
    gateway: Address,
    /// Address of a prover that the holder trusts: it sees the records, http://HOST:PORT or https://HOST (port 443, or HOST:PORT).
    #[arg(long, value_name = "URL")]
    prover: Address,
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Write the ledger's receipt here (`medproof verify receipt` checks it); must not exist.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// What became of an answer, and how long its proof took.
pub(super) type Answered = Result<(Answer, Option<Timings>), JourneyError>;

/// An answer in the making.
pub(super) struct Session {
    pub(super) open: OpenWallet,
    pub(super) challenge: Challenge,
    pub(super) ledger: Ledger,
    pub(super) prover: Prover,
    pub(super) counter: Counter,
    receipt: Option<PathBuf>,
    begin: Instant,
}

impl Session {
    /// Opens the wallet, reads the challenge, reaches the services, and settles what was presented before.
    pub(super) async fn begin(at: &Where, wanted: &str) -> Result<Self, CliError> {
        let begin = Instant::now();
        let mut open = OpenWallet::open(&at.wallet, at.passphrase.passphrase()?)?;
        let bad = |what: String| CliError::Data(format!("`{}`: {what}", at.challenge.display()));
        let paper = open.paper(&at.challenge)?;
        let Content::Challenge(challenge) = paper.content else {
            return Err(bad(format!(
                "kind: is a {}, not a challenge; keep it with `medproof wallet add`",
                paper.content.kind()
            )));
        };
        let asked = statement(&challenge.asked);
        if asked != wanted {
            return Err(bad(format!(
                "question: asks for `{asked}`; use `medproof prove {asked}`"
            )));
        }
        if let Some(path) = at.receipt.as_ref().filter(|path| path.exists()) {
            return Err(CliError::Usage(format!("--receipt: `{}` exists", path.display())));
        }
        let mut ledger = open.ledger(&at.ledger).await?;
        if challenge.ledger_id != ledger.ledger_id() {
            return Err(bad("ledger id: the challenge is for another ledger".into()));
        }
        let keys = sources::verifying_keys(&mut ledger).await.map_err(unavailable)?;
        let tls = &at.ledger.tls;
        let prover = Prover::connect(&tls.reach(&at.prover)?, keys)
            .await
            .map_err(|e| {
                CliError::Unavailable(format!(
                    "{e}; start it (medproof serve prover), or correct --prover"
                ))
            })?;
        // The same certificate at each relying party would link what a person proves.
        let counter = Counter::connect(&tls.reach_unnamed(&at.gateway)?, ledger.log_key())
            .await
            .map_err(unavailable)?;
        let found = recover::settle(&mut open.state.wallet, &mut ledger)
            .await
            .map_err(unavailable)?;
        open.state.mark_filled(&found.fills);
        open.save()?;
        Ok(Self {
            open,
            challenge,
            ledger,
            prover,
            counter,
            receipt: at.receipt.clone(),
            begin,
        })
    }

    /// Says what became of the answer. The wallet is written by whoever changed it.
    pub(super) fn finish(self, answered: Answered, output: &Output) -> Result<Exit, CliError> {
        let statement = statement(&self.challenge.asked);
        let party = self.challenge.relying_party.as_str();
        let (accepted, timings) = match answered {
            Ok(answered) => answered,
            Err(error) => return told(statement, party, error, output),
        };
        let posted = accepted.posted.as_ref();
        if let (Some(path), Some(posted)) = (&self.receipt, posted) {
            let text = receipt_file(&posted.entry, &posted.receipt);
            secret::create(path, text.as_bytes())?;
        }
        let took = ms(self.begin.elapsed());
        let value = json!({
            "verdict": "accept",
            "reason": "ok",
            "statement": statement,
            "relying_party": party,
            "handed_over": accepted.hand_over,
            "entry": posted.map(|p| p.receipt.index),
            "time": posted.map(|p| p.sealed),
            "receipt": self.receipt.as_ref().filter(|_| posted.is_some()).map(|p| p.display().to_string()),
            "witness_ms": timings.map(|t| ms(t.witness)),
            "proving_ms": timings.map(|t| ms(t.proving)),
            "verifying_ms": timings.map(|t| ms(t.verifying)),
            "challenge_to_receipt_ms": took,
        });
        output.result(&value, || {
            let mut text = match posted {
                Some(posted) => format!(
                    "accepted by {party}: ledger entry {}, on its disk, receipt checked",
                    posted.receipt.index
                ),
                None => format!("accepted by {party}; nothing is posted"),
            };
            if !accepted.hand_over && posted.is_some() {
                text += "\nthis answer was given before: nothing more is handed over for it";
            }
            if let Some(t) = timings {
                text += &format!("\nproved in {} ms, {took} ms in all", ms(t.proving));
            }
            text + "\nThis says whether the policy is met by the data given, nothing about data elsewhere."
        });
        Ok(Exit::Accept)
    }
}

fn ms(d: Duration) -> f64 {
    (d.as_secs_f64() * 1e6).round() / 1e3
}

pub(super) fn unavailable(error: JourneyError) -> CliError {
    CliError::unavailable(error)
}

/// What the holder is told when there is no accepted answer: a verdict where somebody has judged, an error where a
/// service did not answer.
fn told(statement: &str, party: &str, error: JourneyError, output: &Output) -> Result<Exit, CliError> {
    let (verdict, exit) = match &error {
        JourneyError::Unprovable(_) | JourneyError::Ring(_) => ("unprovable", Exit::Unprovable),
        JourneyError::Refused(_) => ("reject", Exit::Reject),
        JourneyError::Gateway(_) => match error.gateway_code() {
            Some("ledger-refused" | "mismatch" | "proof" | "presentation" | "date" | "not-asked") => {
                ("reject", Exit::Reject)
            }
            Some("challenge-expired" | "challenge-unknown" | "challenge-used") => ("reject", Exit::Reject),
            // Nobody knows whether the ledger has it.
            _ => {
                return Err(CliError::Unavailable(format!(
                    "{error}; if the answer was lost, `medproof wallet recover` finds out what became of it"
                )));
            }
        },
        JourneyError::Missing(_) | JourneyError::Challenge(_) | JourneyError::NotOnLedger(_) => {
            return Err(CliError::Data(error.to_string()));
        }
        _ => return Err(unavailable(error)),
    };
    let reason = match error.gateway_code() {
        Some("ledger-refused") => {
            format!("{error} (where this wallet is an older copy: medproof wallet recover)")
        }
        _ => error.to_string(),
    };
    let value = json!({
        "verdict": verdict,
        "reason": reason,
        "statement": statement,
        "relying_party": party,
        "handed_over": false,
        "entry": Value::Null,
    });
    output.result(&value, || format!("{verdict}: {reason}"));
    Ok(exit)
}

/// Whether a policy is the one that is asked about.
pub(super) fn same_policy(
    asked: &medproof_verifier::Fr,
    policy: &medproof_verifier::Fr,
    name: &str,
) -> Result<(), CliError> {
    match asked == policy {
        true => Ok(()),
        false => Err(CliError::Data(format!(
            "--policy: the challenge asks about another policy than `{name}`, or another version of it; ask the \
             relying party for its file"
        ))),
    }
}
