//! Governance entries from the command line.

use crate::{
    CliError, Exit, Output,
    journey::{
        JourneyError,
        governance::{Governance, PolicyDates, claim_terms, dispensing_terms, eligibility_terms},
    },
    keys::{self, KeyArgs},
    output::KeyProgress,
    policy, read_text,
    remote::{LedgerArgs, not_appended, runtime},
    secret::{self, PassphraseArgs},
    serve,
};
use ed25519_dalek::{SigningKey, VerifyingKey as PostingKey};
use medproof_proto::ledger_client::{Appended, Ledger};
use medproof_prover::Prover;
use medproof_records::policy::Policy;
use medproof_verifier::{
    CircuitName, Day, Fr, KeyLeaf, Name, Role,
    entry::{PolicyTerms, RegistryAction},
    field::fr_from_be_bytes,
};
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Largest policy file.
const MAX_POLICY: u64 = 8 << 20;

#[derive(Debug, clap::Args)]
struct Signers {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Secret file of a governance key (repeatable, up to the threshold).
    #[arg(long, value_name = "FILE", required = true)]
    governance: Vec<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

impl Signers {
    /// The governance keys with their positions in the ledger's genesis.
    fn open(&self, ledger: &Ledger) -> Result<Governance, CliError> {
        let passphrase = self.passphrase.passphrase()?;
        let mut found = Vec::new();
        for path in &self.governance {
            let party = secret::read(path, passphrase.clone())?;
            let key = SigningKey::from_bytes(&Zeroizing::new(party.posting().to_bytes()));
            let keys = &ledger.genesis().governance;
            let position = keys.iter().position(|k| *k == key.verifying_key());
            let position = position.and_then(|p| u8::try_from(p).ok()).ok_or_else(|| {
                CliError::Data(format!(
                    "`{}` is no governance key of this ledger",
                    path.display()
                ))
            })?;
            found.push((position, key));
        }
        Ok(Governance::new(found))
    }
}

fn appended(what: &str, appended: &Appended, output: &Output) -> Exit {
    let index = appended.receipt.index;
    let value = json!({ "entry": index, "repeated": appended.repeated, "time": appended.time });
    output.result(&value, || format!("{what} accepted as entry {index}"));
    Exit::Accept
}

fn refused(error: JourneyError) -> CliError {
    match error {
        JourneyError::Ledger(error) => not_appended(error),
        other => CliError::unavailable(other),
    }
}

fn last_day(from: Day, to: Option<Day>) -> Result<Day, CliError> {
    match to {
        Some(to) if to < from => Err(CliError::Usage("--to: lies before --from".into())),
        to => Ok(to.unwrap_or(Day::OPEN)),
    }
}

/// Arguments of `medproof ledger register`.
#[derive(Debug, clap::Args)]
pub(super) struct RegisterArgs {
    #[command(flatten)]
    signers: Signers,
    /// The party's public keys: the output of `medproof issuer show --json`.
    #[arg(long, value_name = "FILE")]
    party: PathBuf,
    /// What the key may do.
    #[arg(long, value_parser = serve::role)]
    role: Role,
    /// The domain; the NPI of a provider; left out for a sponsor.
    #[arg(long)]
    scope: Option<String>,
    /// Place in the registry.
    #[arg(long, value_name = "0..1048575", value_parser = clap::value_parser!(u32).range(0..1 << 20))]
    index: u32,
    /// First day of validity.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::date)]
    from: Day,
    /// Last day of validity [default: open].
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::date)]
    to: Option<Day>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicParty {
    party: String,
    posting_key: String,
    signing_key: Point,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    x: String,
    y: String,
}

impl RegisterArgs {
    fn action(&self) -> Result<RegistryAction, CliError> {
        let bad = |what: String| CliError::Data(format!("`{}`: {what}", self.party.display()));
        let text = read_text(&self.party, 64 * 1024)?;
        let public: PublicParty = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
        let hex32 = |name: &str, text: &str| {
            let mut bytes = [0u8; 32];
            hex::decode_to_slice(text, &mut bytes)
                .map_err(|_| bad(format!("{name}: expected 64 hexadecimal digits")))?;
            Ok::<_, CliError>(bytes)
        };
        let element = |name: &str, text: &str| {
            fr_from_be_bytes(&hex32(name, text)?).map_err(|e| bad(format!("{name}: {e}")))
        };
        let party: Name = public.party.parse().map_err(|e| bad(format!("party: {e}")))?;
        let posting_key = PostingKey::from_bytes(&hex32("posting_key", &public.posting_key)?)
            .map_err(|_| bad("posting_key: not an Ed25519 public key".into()))?;
        let signs = matches!(
            self.role,
            Role::Prescriber | Role::RecordIssuer | Role::Payer | Role::Provider
        );
        let (ax, ay) = match signs {
            true => (
                element("signing_key.x", &public.signing_key.x)?,
                element("signing_key.y", &public.signing_key.y)?,
            ),
            false => (Fr::from(0u64), Fr::from(0u64)),
        };
        Ok(RegistryAction::Put {
            leaf: KeyLeaf {
                ax,
                ay,
                role: self.role,
                scope: self.scope(&party)?,
                party,
                valid_from: self.from,
                valid_to: last_day(self.from, self.to)?,
            },
            posting_key,
        })
    }

    fn scope(&self, party: &Name) -> Result<Fr, CliError> {
        let usage = |what: &str| CliError::Usage(format!("--scope {what}"));
        match (self.role, self.scope.as_deref()) {
            (Role::Sponsor, None) => Ok(party.to_fr()),
            (Role::Sponsor, Some(_)) => Err(usage("is left out for a sponsor: it is the sponsor itself")),
            (_, None) => Err(usage("is needed: the domain, or the NPI of a provider")),
            (Role::Provider, Some(npi)) => {
                let npi: medproof_records::npi::Npi = npi.parse().map_err(|e| usage(&format!("{e}")))?;
                Ok(Fr::from(npi.number()))
            }
            (_, Some(domain)) => {
                let domain: Name = domain.parse().map_err(|e| usage(&format!("{e}")))?;
                Ok(domain.to_fr())
            }
        }
    }
}

pub(super) fn register(args: &RegisterArgs, output: &Output) -> Result<Exit, CliError> {
    let action = args.action()?;
    let done = runtime()?.block_on(async {
        let mut client = args.signers.ledger.connect().await?;
        let governance = args.signers.open(&client)?;
        let put = governance.registry(&mut client, args.index, action).await;
        put.map_err(refused)
    })?;
    Ok(appended("key", &done, output))
}

/// Arguments of `medproof ledger accept-circuit`.
#[derive(Debug, clap::Args)]
pub(super) struct CircuitArgs {
    #[command(flatten)]
    signers: Signers,
    /// The circuit; its verifying key is that of the local key store.
    #[arg(long, value_name = "NAME", value_parser = keys::circuit_name)]
    circuit: CircuitName,
    #[command(flatten)]
    keys: KeyArgs,
}

pub(super) fn accept_circuit(args: &CircuitArgs, output: &Output) -> Result<Exit, CliError> {
    let mut shown = KeyProgress::new(output);
    let opened = Prover::open(&args.keys.store()?, &[args.circuit], &mut |p| shown.step(&p));
    let prover = opened.map_err(CliError::unavailable)?;
    drop(shown);
    let key = prover.verifying_key(args.circuit);
    let key = key.ok_or_else(|| CliError::Software("an opened circuit has no key".into()))?;
    let done = runtime()?.block_on(async {
        let mut client = args.signers.ledger.connect().await?;
        let governance = args.signers.open(&client)?;
        governance.accept_circuit(&mut client, key).await.map_err(refused)
    })?;
    Ok(appended("circuit", &done, output))
}

/// Arguments of `medproof ledger accept-policy`.
#[derive(Debug, clap::Args)]
pub(super) struct PolicyArgs {
    #[command(flatten)]
    signers: Signers,
    /// The policy file.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The payer's domain, of a claim policy only.
    #[arg(long, value_name = "NAME")]
    domain: Option<Name>,
    /// First day on which a statement may be dated.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::date)]
    from: Day,
    /// Last day [default: open].
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = super::date)]
    to: Option<Day>,
}

fn terms(args: &PolicyArgs) -> Result<PolicyTerms, CliError> {
    let text = read_text(&args.policy, MAX_POLICY)?;
    let policy = policy::load(&args.policy)?;
    let dates = PolicyDates {
        from: args.from,
        to: last_day(args.from, args.to)?,
        text: &text,
    };
    let misplaced = || CliError::Usage("--domain is for claim policies; this one names its own".into());
    match (&policy, &args.domain) {
        (Policy::Claim(policy), domain) => {
            let domain = domain.as_ref().unwrap_or(&policy.rules().payer);
            Ok(claim_terms(policy, domain, dates))
        }
        (_, Some(_)) => Err(misplaced()),
        (Policy::Dispensing(policy), None) => dispensing_terms(policy, dates).map_err(CliError::data),
        (Policy::Eligibility(policy), None) => eligibility_terms(policy, dates).map_err(CliError::data),
    }
}

pub(super) fn accept_policy(args: &PolicyArgs, output: &Output) -> Result<Exit, CliError> {
    let terms = terms(args)?;
    let done = runtime()?.block_on(async {
        let mut client = args.signers.ledger.connect().await?;
        let governance = args.signers.open(&client)?;
        governance
            .accept_policy(&mut client, terms)
            .await
            .map_err(refused)
    })?;
    Ok(appended("policy", &done, output))
}
