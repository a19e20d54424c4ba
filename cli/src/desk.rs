//! `medproof desk`: the staff of a relying party or issuer asks its gateway.

use crate::{
    CliError, Exit, Output,
    holder::{
        handed::{self, Bound, Introduction},
        paper::{Content, Paper},
    },
    journey::{
        JourneyError,
        desk::{Challenge, Outcome, Staff},
    },
    policy, read_bytes, read_text,
    remote::{self, LedgerArgs, runtime},
    secret,
    tls::TlsArgs,
    verify::receipt_file,
};
use medproof_proto::{address::Address, gateway::State};
use medproof_records::{
    claim::{FiledClaim, PlanWord, plan_year},
    code::Code,
    decimal::Decimal,
    fhir::{Bundle, MAX_BUNDLE_BYTES},
    policy::Policy,
};
use medproof_verifier::{Day, Name, asked::Asked, opening::Event};
use serde_json::json;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Arguments of `medproof desk`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct GatewayArgs {
    /// Address of the party's gateway, http://HOST:PORT or https://HOST (port 443, or HOST:PORT).
    #[arg(long, value_name = "URL")]
    gateway: Address,
    /// File with the staff token.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

#[derive(Debug, clap::Args)]
struct AskArgs {
    #[command(flatten)]
    gateway: GatewayArgs,
    #[command(flatten)]
    tls: TlsArgs,
    /// The holder's introduction to this party: the output of `medproof wallet introduce --json`.
    #[arg(long, value_name = "FILE")]
    holder: PathBuf,
    /// The encrypted challenge to write; must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, clap::Subcommand)]
enum Question {
    /// Is this pseudonym that of the person before me? An issuer asks it once.
    Bind {
        #[command(flatten)]
        ask: AskArgs,
        /// Domain of the person's identity.
        #[arg(long, value_name = "NAME")]
        domain: Name,
        /// The person's identity card (JSON; `-` = stdin).
        #[arg(long, value_name = "FILE")]
        card: PathBuf,
    },
    /// May this fill be handed out to this person today?
    Dispensing {
        #[command(flatten)]
        ask: AskArgs,
        /// The policy in force.
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// The person's identity card (JSON; `-` = stdin).
        #[arg(long, value_name = "FILE")]
        card: PathBuf,
        /// The drug, `rxnorm|CODE`.
        #[arg(long, value_name = "CODE", value_parser = code)]
        drug: Code,
        /// Units to hand out.
        #[arg(long, value_name = "UNITS", value_parser = milli)]
        quantity: u32,
        /// The prescriber, when it is known.
        #[arg(long, value_name = "NAME")]
        prescriber: Option<Name>,
    },
    /// Does this participant meet the criteria, and for the first time?
    Eligibility {
        #[command(flatten)]
        ask: AskArgs,
        /// The trial's policy.
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
    },
    /// Is this claim payable, and how much?
    Claim {
        #[command(flatten)]
        ask: AskArgs,
        /// The plan's policy.
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// The claim as it was filed, a FHIR R4 bundle.
        #[arg(long, value_name = "FILE")]
        bundle: PathBuf,
        /// The payment in cents that the insurer expects.
        #[arg(long, value_name = "CENTS")]
        pay: Option<u64>,
        /// The payer's domain [default: the policy's payer].
        #[arg(long, value_name = "NAME")]
        domain: Option<Name>,
    },
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Ask a question; the challenge is encrypted to the holder.
    #[command(subcommand)]
    Ask(Question),
    /// What became of a challenge.
    Outcome {
        #[command(flatten)]
        gateway: GatewayArgs,
        #[command(flatten)]
        tls: TlsArgs,
        /// The challenge's number, as `ask` printed it.
        #[arg(value_parser = remote::ledger_id)]
        challenge: [u8; 32],
    },
    /// The bind record of an accepted bind: whom records are signed for from now on.
    Bound {
        #[command(flatten)]
        gateway: GatewayArgs,
        #[command(flatten)]
        tls: TlsArgs,
        /// The challenge's number.
        #[arg(value_parser = remote::ledger_id)]
        challenge: [u8; 32],
        /// This issuer's party id.
        #[arg(long, value_name = "NAME")]
        issuer: Name,
        /// The holder's introduction to this issuer.
        #[arg(long, value_name = "FILE")]
        holder: PathBuf,
    },
    /// Take back a fill that was not collected.
    Void {
        #[command(flatten)]
        gateway: GatewayArgs,
        /// The challenge's number.
        #[arg(value_parser = remote::ledger_id)]
        challenge: [u8; 32],
        #[command(flatten)]
        ledger: Box<LedgerArgs>,
        /// Write the ledger's receipt here.
        #[arg(long, value_name = "FILE")]
        receipt: Option<PathBuf>,
    },
}

fn code(text: &str) -> Result<Code, String> {
    Code::parse(text).map_err(|e| e.to_string())
}

fn milli(text: &str) -> Result<u32, String> {
    let number: Decimal = text
        .parse()
        .map_err(|_| "expected a number of units".to_owned())?;
    match number.to_milli() {
        Ok(0) => Err("is 0".into()),
        milli => milli.map_err(|e| e.to_string()),
    }
}

/// Runs `medproof desk`.
///
/// # Errors
/// [`CliError`] when a file cannot be read or written, or the gateway refuses.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    match &args.command {
        Command::Ask(question) => {
            let (ask, asked) = question.asked()?;
            let challenge = runtime()?.block_on(async {
                let mut staff = ask.gateway.connect(&ask.tls, None).await?;
                staff.ask(&asked).await.map_err(refused)
            })?;
            hand(ask, challenge, output)
        }
        Command::Outcome {
            gateway,
            tls,
            challenge,
        } => {
            let outcome = outcome((gateway, tls), challenge)?;
            let value = json!({
                "state": state_text(outcome.state),
                "entry": outcome.index,
                "subject": outcome.subject.as_ref().map(handed::element_text),
                "person": outcome.person.as_ref().map(handed::element_text),
            });
            output.result(&value, || match outcome.index {
                Some(index) => format!("{} (entry {index})", state_text(outcome.state)),
                None => state_text(outcome.state).to_owned(),
            });
            Ok(match outcome.state {
                State::Accepted => Exit::Accept,
                _ => Exit::Reject,
            })
        }
        Command::Bound {
            gateway,
            tls,
            challenge,
            issuer,
            holder,
        } => bound((gateway, tls), challenge, issuer, holder, output),
        Command::Void {
            gateway,
            challenge,
            ledger,
            receipt,
        } => void(gateway, challenge, ledger, receipt.as_deref(), output),
    }
}

fn refused(error: JourneyError) -> CliError {
    match error.gateway_code() {
        // What was asked is wrong; the gateway is well.
        Some("token" | "field" | "not-asked" | "circuit" | "date" | "challenge-unknown") => {
            CliError::data(error)
        }
        _ => CliError::unavailable(error),
    }
}

fn state_text(state: State) -> &'static str {
    match state {
        State::Unspecified => "unknown",
        State::Open => "open",
        State::Posting => "posting",
        State::Accepted => "accepted",
        State::Expired => "expired",
        State::Voided => "voided",
        State::Uncosigned => "posted, not cosigned yet",
    }
}

impl GatewayArgs {
    async fn connect(
        &self,
        tls: &TlsArgs,
        log: Option<&medproof_verifier::LogKey>,
    ) -> Result<Staff, CliError> {
        let address = tls.reach(&self.gateway)?;
        let token = Zeroizing::new(read_text(&self.token_file, 4096)?);
        let token = Zeroizing::new(token.trim().to_owned());
        Staff::connect(&address, &token, log).await.map_err(refused)
    }
}

fn outcome((gateway, tls): (&GatewayArgs, &TlsArgs), challenge: &[u8; 32]) -> Result<Outcome, CliError> {
    runtime()?.block_on(async {
        let mut staff = gateway.connect(tls, None).await?;
        staff.outcome(challenge).await.map_err(refused)
    })
}

/// Reads a policy of the kind that is asked about.
fn policy_of(path: &Path, kind: &str) -> Result<Policy, CliError> {
    let policy = policy::load(path)?;
    match policy.kind() == kind {
        true => Ok(policy),
        false => Err(CliError::Data(format!(
            "`{}` is a policy for {}, not for {kind}",
            path.display(),
            policy.kind()
        ))),
    }
}

impl Question {
    fn asked(&self) -> Result<(&AskArgs, Asked), CliError> {
        Ok(match self {
            // The gateway refuses a bind for another issuer than itself, so its name is taken from the
            // introduction that was made for it.
            Self::Bind { ask, domain, card } => {
                let asked = Asked::Bind {
                    issuer: handed::introduced_to(&ask.holder)?,
                    domain: domain.clone(),
                    identity: handed::card(card)?.digest(),
                };
                (ask, asked)
            }
            Self::Dispensing {
                ask,
                policy: path,
                card,
                drug,
                quantity,
                prescriber,
            } => {
                let Policy::Dispensing(policy) = policy_of(path, "dispensing")? else {
                    return Err(CliError::Software("a policy of another kind".into()));
                };
                let asked = Asked::Dispense {
                    domain: policy.domain().clone(),
                    policy_id: policy.policy_id(),
                    date: Day(0),
                    drug: drug.packed(),
                    quantity: *quantity,
                    identity: handed::card(card)?.digest(),
                    prescriber: prescriber.clone(),
                };
                (ask, asked)
            }
            Self::Eligibility { ask, policy: path } => {
                let asked = Asked::Eligibility {
                    policy_id: policy_of(path, "eligibility")?.policy_id(),
                    date: Day(0),
                };
                (ask, asked)
            }
            Self::Claim {
                ask,
                policy: path,
                bundle,
                pay,
                domain,
            } => {
                let Policy::Claim(policy) = policy_of(path, "claim")? else {
                    return Err(CliError::Software("a policy of another kind".into()));
                };
                let rules = policy.rules();
                let (plan, event) = filed(bundle, rules.plan)?;
                let asked = Asked::Claim {
                    domain: domain.clone().unwrap_or_else(|| rules.payer.clone()),
                    policy_id: policy.policy_id(),
                    received: Day(0),
                    plan: plan.digest(&rules.payer),
                    event,
                    pay: *pay,
                };
                (ask, asked)
            }
        })
    }
}

/// The member's plan year and the event of a filed claim.
fn filed(path: &Path, plan: medproof_records::claim::PlanId) -> Result<(PlanWord, Event), CliError> {
    let bad = |what: String| CliError::Data(format!("`{}`: {what}", path.display()));
    let bytes = read_bytes(path, MAX_BUNDLE_BYTES as u64)?;
    let bundle = Bundle::parse(&bytes).map_err(|e| bad(e.to_string()))?;
    let claim = FiledClaim::read(&bundle).map_err(|e| bad(e.to_string()))?;
    let coverage = claim
        .coverage
        .as_ref()
        .ok_or_else(|| bad("Claim: Claim.insurance.coverage: names none that is there".into()))?;
    let period = coverage
        .period
        .ok_or_else(|| bad("Coverage: Coverage.period.start: missing".into()))?;
    let npi = claim
        .provider
        .npi
        .ok_or_else(|| bad("Practitioner: Practitioner.identifier: no valid NPI".into()))?;
    let procedure = claim.service().map(|(procedure, _)| procedure);
    let procedure = procedure.or(claim.procedures.first().copied());
    let procedure =
        procedure.ok_or_else(|| bad("Claim: Claim.item[0].productOrService: no packed code".into()))?;
    let word = PlanWord {
        plan,
        year: plan_year(period, claim.day).1,
        member: coverage.member,
    };
    let event = Event {
        npi: npi.number(),
        service: claim.day,
        procedure: procedure.packed(),
    };
    Ok((word, event))
}

/// Encrypts a challenge to its holder.
fn hand(ask: &AskArgs, challenge: Challenge, output: &Output) -> Result<Exit, CliError> {
    let holder = Introduction::read(&ask.holder, &challenge.relying_party)?;
    let (number, expires) = (hex::encode(challenge.challenge), challenge.expires);
    let party = challenge.relying_party.clone();
    let paper = Paper {
        from: party,
        content: Content::Challenge(challenge),
    };
    handed::write(&ask.out, &paper, &holder.recipient)?;
    let value = json!({
        "challenge": number,
        "expires": expires,
        "out": ask.out.display().to_string(),
    });
    output.result(&value, || {
        format!(
            "challenge {number}\nexpires at Unix time {expires}; only the holder can read {}",
            ask.out.display()
        )
    });
    Ok(Exit::Accept)
}

fn bound(
    gateway: (&GatewayArgs, &TlsArgs),
    challenge: &[u8; 32],
    issuer: &Name,
    holder: &Path,
    output: &Output,
) -> Result<Exit, CliError> {
    let holder_file = Introduction::read(holder, issuer)?;
    let outcome = outcome(gateway, challenge)?;
    let (Some(subject), Some(person)) = (outcome.subject, outcome.person) else {
        return Err(CliError::Unavailable(format!(
            "the bind is {}: nothing to sign for yet",
            state_text(outcome.state)
        )));
    };
    if subject != holder_file.subject {
        return Err(CliError::Data(format!(
            "`{}`: subject: the bind has shown another pseudonym; do not sign for this introduction",
            holder.display()
        )));
    }
    let bound = Bound {
        issuer: issuer.clone(),
        subject,
        person,
        recipient: holder_file.recipient,
    };
    let value = bound.to_json();
    output.result(&value, || {
        format!(
            "bound: {}\n(use --json to write the bind record)",
            handed::element_text(&subject)
        )
    });
    Ok(Exit::Accept)
}

fn void(
    gateway: &GatewayArgs,
    challenge: &[u8; 32],
    ledger: &LedgerArgs,
    receipt: Option<&Path>,
    output: &Output,
) -> Result<Exit, CliError> {
    let voided = runtime()?.block_on(async {
        let client = ledger.connect().await?;
        let mut staff = gateway.connect(&ledger.tls, Some(client.log_key())).await?;
        staff.void(challenge).await.map_err(refused)
    })?;
    if let Some(path) = receipt {
        secret::create(path, receipt_file(&voided.entry, &voided.receipt).as_bytes())?;
    }
    let value = json!({ "voided": true, "entry": voided.receipt.index, "time": voided.sealed });
    output.result(&value, || {
        format!(
            "taken back (entry {}); the holder goes on with `medproof wallet recover`",
            voided.receipt.index
        )
    });
    Ok(Exit::Accept)
}
