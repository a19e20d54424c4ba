//! `medproof issuer sign`: from a FHIR bundle to a signed paper for a bound holder.

use crate::{
    CliError, Exit, Output,
    enrol::register::OpenRegister,
    holder::{
        handed::{self, Bound},
        paper::{Content, Paper},
    },
    journey::{attested::Attested, party::Party, trial},
    ledger, read_bytes,
    remote::{LedgerArgs, runtime},
    secret::{self, PassphraseArgs},
};
use medproof_records::{
    claim::{Coverage, FiledClaim, FiledCoverage, PlanId, PlanWord, PriorAuthorisation, RenderedService},
    code::Code,
    dispensing::{Order, Prescription},
    fhir::{Bundle, MAX_BUNDLE_BYTES},
    identity::Secret,
};
use medproof_verifier::{
    Day, Fr,
    field::{fr_from_248, fr_to_be_bytes},
};
use rand::rngs::OsRng;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// What every signing takes.
#[derive(Debug, clap::Args)]
pub(super) struct Inputs {
    /// Secret file of the issuer.
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    /// The holder's bind record: the output of `medproof desk bound --json`.
    #[arg(long, value_name = "FILE")]
    bound: PathBuf,
    /// The FHIR R4 bundle.
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Sign all records of the clinical summary as of a day.
    Snapshot {
        #[command(flatten)]
        inputs: Inputs,
        /// What the issuer knew on this day [default: today].
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = ledger::date)]
        as_of: Option<Day>,
        /// The encrypted file to write; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign one order.
    Prescription {
        #[command(flatten)]
        inputs: Inputs,
        /// Id of the MedicationRequest, where the bundle has several.
        #[arg(long, value_name = "ID")]
        request: Option<String>,
        /// After a lost wallet: the bind record under which the order was signed before, so that its fills are
        /// not counted anew.
        #[arg(long, value_name = "FILE")]
        replaces: Option<PathBuf>,
        /// The encrypted file to write; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign a member's coverage of one plan year.
    Coverage {
        #[command(flatten)]
        inputs: Inputs,
        /// The payer's register (`medproof enrol`), which keeps the member's secret: one a person, never another.
        #[arg(long, value_name = "FILE")]
        register: PathBuf,
        /// Plan id, where the bundle names none.
        #[arg(long)]
        plan: Option<PlanId>,
        /// A day of the plan year [default: today].
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = ledger::date)]
        on: Option<Day>,
        /// The encrypted file to write; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign the prior authorisation of a claim bundle.
    Authorisation {
        #[command(flatten)]
        inputs: Inputs,
        /// The encrypted file to write; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign the service that a claim bundle says was rendered.
    Service {
        #[command(flatten)]
        inputs: Inputs,
        /// The encrypted file to write; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Who signs for whom, from what.
struct Signing {
    party: Party,
    bound: Bound,
    bundle: Bundle,
}

impl Inputs {
    fn open(&self) -> Result<Signing, CliError> {
        let bytes = read_bytes(&self.bundle, MAX_BUNDLE_BYTES as u64)?;
        let bundle = Bundle::parse(&bytes).map_err(|e| self.refuse(e))?;
        let party = secret::read(&self.secret, self.passphrase.passphrase()?)?;
        Ok(Signing {
            bound: Bound::read(&self.bound, party.name())?,
            party,
            bundle,
        })
    }

    fn refuse(&self, error: impl std::fmt::Display) -> CliError {
        CliError::Data(format!("`{}`: {error}", self.bundle.display()))
    }
}

fn today() -> Result<Day, CliError> {
    Ok(Day::from_unix_seconds(now()?))
}

fn now() -> Result<u64, CliError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map(|d| d.as_secs())
        .map_err(|_| CliError::Unavailable("the machine's clock is set before 1970".into()))
}

/// The secret behind an order's fill keys, 248 bits of `SHA-256("medproof/rx-secret/1" || seed || subject || order)`:
/// the prescriber cancels with it, so it follows from the order.
fn rx_secret(party: &Party, subject: &Fr, order: &Order) -> Fr {
    let mut hash = Sha256::new();
    hash.update(b"medproof/rx-secret/1");
    hash.update(party.signing().seed());
    hash.update(fr_to_be_bytes(subject));
    hash.update(order.source);
    fr_from_248(&hash.finalize().into())
}

pub(super) fn run(command: &Command, output: &Output) -> Result<Exit, CliError> {
    match command {
        Command::Snapshot { inputs, as_of, out } => {
            let signing = inputs.open()?;
            let as_of = as_of.map_or_else(today, Ok)?;
            let content = snapshot(&signing, as_of).map_err(|e| inputs.refuse(e))?;
            let count = content.content.records.len();
            let what = format!("{count} records as of {as_of}");
            signing.finish(Content::Snapshot(content), &what, out, output)
        }
        Command::Prescription {
            inputs,
            request,
            replaces,
            out,
        } => {
            let signing = inputs.open()?;
            let order = Order::read(&signing.bundle, request.as_deref()).map_err(|e| inputs.refuse(e))?;
            let first = match replaces {
                Some(path) => Bound::read(path, signing.party.name())?.subject,
                None => signing.bound.subject,
            };
            let content = signing.prescription(&order, &first);
            let what = format!("{} fills until {}", order.fills, order.expires);
            signing.finish(Content::Prescription(content), &what, out, output)
        }
        Command::Coverage {
            inputs,
            register,
            plan,
            on,
            out,
        } => {
            let signing = inputs.open()?;
            let on = on.map_or_else(today, Ok)?;
            let (plan, (start, end)) = signing.covered(*plan, on).map_err(|e| inputs.refuse(e))?;
            let content = Coverage {
                subject: signing.bound.subject,
                payer: signing.party.name().clone(),
                plan,
                member_secret: signing.member_secret(inputs, register)?,
                start,
                end,
            };
            let what = format!("plan year {}", content.plan.year);
            let signed = Attested::sign(&signing.party, content, Coverage::hash);
            signing.finish(Content::Coverage(signed), &what, out, output)
        }
        Command::Authorisation { inputs, out } => {
            let signing = inputs.open()?;
            let content = signing.authorisation().map_err(|e| inputs.refuse(e))?;
            let what = format!("{} units", content.units);
            let signed = Attested::sign(&signing.party, content, PriorAuthorisation::hash);
            signing.finish(Content::Authorisation(signed), &what, out, output)
        }
        Command::Service { inputs, out } => {
            let signing = inputs.open()?;
            let content = signing.service().map_err(|e| inputs.refuse(e))?;
            let what = format!("rendered on {}", content.service);
            let signed = Attested::sign(&signing.party, content, RenderedService::hash);
            signing.finish(Content::Service(signed), &what, out, output)
        }
    }
}

fn snapshot(signing: &Signing, as_of: Day) -> Result<trial::SignedSnapshot, String> {
    let subject = signing.bound.subject;
    // Seconds since 1970 increase, and fit until 2106.
    let seq = now().map_err(|e| e.to_string())? as u32;
    trial::snapshot(&signing.party, &signing.bundle, subject, as_of, seq, &mut OsRng)
        .map_err(|e| e.to_string())
}

impl Signing {
    fn finish(&self, content: Content, what: &str, out: &Path, output: &Output) -> Result<Exit, CliError> {
        let kind = content.kind();
        let paper = Paper {
            from: self.party.name().clone(),
            content,
        };
        handed::write(out, &paper, &self.bound.recipient)?;
        let value = json!({
            "signed": kind,
            "issuer": self.party.name().as_str(),
            "subject": handed::element_text(&self.bound.subject),
            "what": what,
            "out": out.display().to_string(),
        });
        output.result(&value, || {
            format!(
                "signed a {kind} ({what}); only the holder can read {}",
                out.display()
            )
        });
        Ok(Exit::Accept)
    }

    fn prescription(&self, order: &Order, first: &Fr) -> Attested<Prescription> {
        let content = Prescription {
            subject: self.bound.subject,
            person: self.bound.person,
            drug: order.drug,
            quantity: order.quantity,
            days: order.days,
            fills: order.fills,
            issued: order.issued,
            earliest: order.earliest,
            expires: order.expires,
            rx_secret: rx_secret(&self.party, first, order),
            exemption: order.reason,
        };
        Attested::sign(&self.party, content, Prescription::message)
    }

    /// The secret of the member whom the bind has shown, from the payer's register.
    fn member_secret(&self, inputs: &Inputs, register: &Path) -> Result<Fr, CliError> {
        let passphrase = inputs.passphrase.passphrase()?;
        let open = OpenRegister::open(register, passphrase, self.party.name())?;
        let known = open.register.bound(self.bound.person).filter(|p| p.live);
        let known = known.ok_or_else(|| {
            CliError::Data(format!(
                "`{}`: person: no open identity in `{}` is this person's: enrol the member (medproof enrol open \
                 --member), or bind again in the domain `{}`",
                inputs.bound.display(),
                register.display(),
                open.domain
            ))
        })?;
        Ok(known.member_secret.expose())
    }

    /// What the bundle's coverage says of the plan year of a day, with its first and last day.
    fn covered(&self, plan: Option<PlanId>, on: Day) -> Result<(PlanWord, (Day, Day)), String> {
        let stated = FiledCoverage::read(&self.bundle).map_err(|e| e.to_string())?;
        if !stated.holds {
            return Err("Coverage: it is not active, or its beneficiary is not the patient".into());
        }
        let period = stated.period.ok_or("Coverage: Coverage.period.start: missing")?;
        let named = stated.plan.as_deref().map(|p| p.trim().parse::<PlanId>());
        let named = named
            .transpose()
            .map_err(|e| format!("Coverage: Coverage.class.value: {e}"))?;
        let plan = match (named, plan) {
            (Some(named), Some(given)) if named != given => {
                return Err("Coverage: Coverage.class.value: is another plan than --plan".into());
            }
            (Some(plan), _) | (None, Some(plan)) => plan,
            (None, None) => return Err("Coverage: Coverage.class: names no plan; give --plan".into()),
        };
        let ((start, end), year) = medproof_records::claim::plan_year(period, on);
        if on < start || end < on {
            return Err(format!("Coverage: Coverage.period: does not cover {on}"));
        }
        let word = PlanWord {
            plan,
            year,
            member: stated.member,
        };
        Ok((word, (start, end)))
    }

    fn authorisation(&self) -> Result<PriorAuthorisation, String> {
        let filed = FiledClaim::read(&self.bundle).map_err(|e| e.to_string())?;
        let covers = |code: &Code| filed.procedures.contains(code);
        let mut given = filed
            .authorisations
            .iter()
            .filter(|a| a.procedures.iter().any(covers));
        let found = given
            .next()
            .ok_or("ClaimResponse: no prior authorisation in force for the claim's line")?;
        Ok(PriorAuthorisation {
            subject: self.bound.subject,
            procedure: *found
                .procedures
                .iter()
                .find(|c| covers(c))
                .unwrap_or(&Code::ABSENT),
            units: found.units,
            start: found.period.0,
            end: found.period.1,
            payer: self.party.name().clone(),
            source: found.source,
            salt: Secret::generate(&mut OsRng).expose(),
        })
    }

    fn service(&self) -> Result<RenderedService, String> {
        let filed = FiledClaim::read(&self.bundle).map_err(|e| e.to_string())?;
        let (procedure, diagnosis) = filed.service().ok_or(
            "Procedure: none of the claim's codes that is completed, of the patient, by the claim's provider and \
             on the claimed day",
        )?;
        if filed.provider.npi.is_none() {
            return Err("Practitioner: Practitioner.identifier: no valid NPI".into());
        }
        Ok(RenderedService {
            subject: self.bound.subject,
            procedure,
            diagnosis,
            units: filed.units,
            charge: filed.charge,
            service: filed.day,
            npi: filed.provider.npi,
            facility: None,
            source: filed.rendered.as_ref().map(|r| r.source).unwrap_or_default(),
            salt: Secret::generate(&mut OsRng).expose(),
        })
    }
}

/// Arguments of `medproof issuer cancel`.
#[derive(Debug, clap::Args)]
pub(super) struct CancelArgs {
    #[command(flatten)]
    inputs: Inputs,
    /// Id of the MedicationRequest, where the bundle has several.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// First fill to cancel; fills are numbered from 0.
    #[arg(long, default_value_t = 0)]
    from_fill: u8,
    #[command(flatten)]
    ledger: LedgerArgs,
}

/// Most fills that one entry cancels.
const MAX_BURN: usize = 64;

/// Posts the keys of an order's fills that are still to come.
pub(super) fn cancel(args: &CancelArgs, output: &Output) -> Result<Exit, CliError> {
    let signing = args.inputs.open()?;
    let order = Order::read(&signing.bundle, args.request.as_deref()).map_err(|e| args.inputs.refuse(e))?;
    let secret = rx_secret(&signing.party, &signing.bound.subject, &order);
    let fills = args.from_fill..order.fills;
    let keys: Vec<Fr> = fills
        .map(|n| medproof_records::dispensing::fill_key(secret, n))
        .collect();
    if keys.is_empty() {
        return Err(CliError::Usage(format!(
            "--from-fill: the order has {} fills",
            order.fills
        )));
    }
    let count = keys.len();
    let entries = runtime()?.block_on(async {
        let mut ledger = args.ledger.connect().await?;
        let mut entries = Vec::new();
        for keys in keys.chunks(MAX_BURN) {
            let burned = signing.party.burn(&mut ledger, keys.to_vec()).await;
            entries.push(burned.map_err(CliError::unavailable)?.receipt.index);
        }
        Ok::<_, CliError>(entries)
    })?;
    let value = json!({ "cancelled_fills": count, "entries": entries });
    output.result(&value, || {
        format!("{count} fills are cancelled (entries {entries:?})")
    });
    Ok(Exit::Accept)
}
