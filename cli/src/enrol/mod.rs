//! `medproof enrol`: an enrolment authority or payer opens and ends identities, accounts and balances.

pub(crate) mod register;

use crate::{
    CliError, Exit, Output,
    holder::{
        handed::{self, Introduction},
        paper::{Content, Enrolment, OpenedBenefit, Paper},
    },
    journey::{
        JourneyError,
        enrolment::{self, Card, Desk, Register},
        party::Party,
    },
    ledger, policy, read_bytes,
    remote::{LedgerArgs, not_appended, runtime},
    secret::{self, PassphraseArgs},
};
use medproof_proto::{
    ledger::Tree,
    ledger_client::{Appended, Ledger},
};
use medproof_records::{
    claim::{Balances, MemberId, PlanId, PlanWord},
    dispensing::{Ring, history},
    fhir::{Bundle, MAX_BUNDLE_BYTES},
    policy::Policy,
};
use medproof_verifier::{Day, Fr, Name, entry::Opening, tree::IDENTITY_DEPTH};
use rand::rngs::OsRng;
use register::OpenRegister;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Arguments of `medproof enrol`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct Files {
    /// Secret file of the authority or payer.
    #[arg(long, value_name = "FILE")]
    secret: PathBuf,
    /// Its register of the people whom it has enrolled, an encrypted file.
    #[arg(long, value_name = "FILE")]
    register: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Debug, clap::Args)]
struct Given {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    ledger: LedgerArgs,
    /// The person's identity card, as it was checked (JSON; `-` = stdin).
    #[arg(long, value_name = "FILE")]
    card: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Handed {
    /// The holder's introduction: the output of `medproof wallet introduce --owner-key --json`.
    #[arg(long, value_name = "FILE")]
    holder: PathBuf,
    /// The encrypted file for the holder; must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct OpenArgs {
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    handed: Handed,
    /// The dispensings that were reported for the person, a FHIR R4 bundle.
    #[arg(long, value_name = "FILE", requires = "policy")]
    history: Option<PathBuf>,
    /// The dispensing policy whose table reads the history.
    #[arg(long, value_name = "FILE", requires = "history")]
    policy: Option<PathBuf>,
    /// Nothing was reported for the person.
    #[arg(long, conflicts_with_all = ["history", "member"])]
    no_history: bool,
    /// An identity alone, without an account: a payer's member.
    #[arg(long, conflicts_with = "history")]
    member: bool,
    /// The day on which the history counts [default: the ledger's].
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = ledger::date)]
    on: Option<Day>,
}

#[derive(Debug, clap::Args)]
struct BalanceArgs {
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    handed: Handed,
    /// Plan id.
    #[arg(long)]
    plan: PlanId,
    /// Calendar year in which the plan year begins.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1900..=2079))]
    year: u16,
    /// Member id.
    #[arg(long)]
    member: MemberId,
    /// Deductible that is left, in cents.
    #[arg(long, value_name = "CENTS")]
    deductible: u64,
    /// Rest of the out-of-pocket maximum, in cents.
    #[arg(long, value_name = "CENTS")]
    out_of_pocket: u64,
    /// What the plan may still pay this year, in cents.
    #[arg(long, value_name = "CENTS")]
    annual: u64,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Begin an empty register for a domain.
    Init {
        #[command(flatten)]
        files: Files,
        /// The domain.
        #[arg(long, value_name = "NAME")]
        domain: Name,
        /// First place in the identity tree to use; parties that share a ledger agree on theirs.
        #[arg(long, default_value_t = 0)]
        first_index: u32,
    },
    /// Open a person's identity, and the account with the reported history.
    Open(OpenArgs),
    /// Open a member's balance of one plan year.
    Balance(BalanceArgs),
    /// End a person's identity and account.
    Close(Given),
    /// Enter a person's new identity card (another name or document); the person stays the same.
    ChangeCard {
        #[command(flatten)]
        files: Files,
        /// The new card, as it was checked (JSON; `-` = stdin).
        #[arg(long, value_name = "FILE")]
        card: PathBuf,
        /// A card under which the person was known here.
        #[arg(long, value_name = "FILE")]
        formerly: PathBuf,
    },
}

/// Runs `medproof enrol`.
///
/// # Errors
/// [`CliError`] when a file cannot be read or written, the person is enrolled already, or the ledger refuses.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    match &args.command {
        Command::Init {
            files,
            domain,
            first_index,
        } => {
            let passphrase = files.passphrase.passphrase()?;
            let party = secret::read(&files.secret, passphrase.clone())?;
            let name = party.name().clone();
            OpenRegister::create(&files.register, passphrase, name, domain.clone(), *first_index)?;
            let value = json!({ "party": party.name().as_str(), "domain": domain.as_str() });
            output.result(&value, || {
                format!("an empty register of {} for {domain}", party.name())
            });
            Ok(Exit::Accept)
        }
        Command::Open(args) => open(args, output),
        Command::Balance(args) => balance(args, output),
        Command::Close(args) => close(args, output),
        Command::ChangeCard {
            files,
            card,
            formerly,
        } => change_card(files, card, formerly, output),
    }
}

fn change_card(files: &Files, card: &Path, formerly: &Path, output: &Output) -> Result<Exit, CliError> {
    let (now, before) = (handed::card(card)?.digest(), handed::card(formerly)?.digest());
    let passphrase = files.passphrase.passphrase()?;
    let party = secret::read(&files.secret, passphrase.clone())?;
    let mut register = OpenRegister::open(&files.register, passphrase, party.name())?;
    register.register.change_card(before, now).map_err(refused)?;
    register.save()?;
    let index = register.register.find(now).map(|p| p.index);
    output.result(&json!({ "identity_index": index }), || {
        "the card is changed; the identity on the ledger shows the former one until it is closed and opened again"
            .to_owned()
    });
    Ok(Exit::Accept)
}

/// An authority at work.
struct Work {
    party: Party,
    register: OpenRegister,
    card: Card,
    ledger: Ledger,
}

fn refused(error: JourneyError) -> CliError {
    match error {
        JourneyError::Enrolled(_) => CliError::data(error),
        JourneyError::Ledger(error) => not_appended(error),
        other => CliError::unavailable(other),
    }
}

impl Given {
    async fn begin(&self) -> Result<Work, CliError> {
        let passphrase = self.files.passphrase.passphrase()?;
        let party = secret::read(&self.files.secret, passphrase.clone())?;
        let register = OpenRegister::open(&self.files.register, passphrase, party.name())?;
        Ok(Work {
            card: handed::card(&self.card)?,
            party,
            register,
            ledger: self.ledger.connect().await?,
        })
    }
}

impl Work {
    /// The register is written before the entry is posted, so after a crash it may be ahead of the ledger.
    async fn correct(&mut self) -> Result<(), CliError> {
        let domain = self.register.domain.clone();
        let Some(known) = self.register.register.find_mut(self.card.digest()) else {
            return Ok(());
        };
        let leaf = self
            .ledger
            .path::<IDENTITY_DEPTH>(Tree::Identity, known.index.into())
            .await;
        known.live = leaf.map_err(CliError::unavailable)?.0 == known.owner(&domain);
        Ok(())
    }

    /// Steps over places of the identity tree that others use.
    async fn find_index(&mut self) -> Result<(), CliError> {
        loop {
            let next = u64::from(self.register.register.next_index);
            let leaf = self.ledger.path::<IDENTITY_DEPTH>(Tree::Identity, next).await;
            if leaf.map_err(CliError::unavailable)?.0 == Fr::from(0u64) {
                return Ok(());
            }
            self.register.register.next_index += 1;
        }
    }

    /// Writes paper and register, then posts. When the ledger refuses, the paper is taken back, and a person who is
    /// `new` too. The paper is the only copy of a note's secrets, so it stays while the ledger may have the entry.
    async fn post(
        &mut self,
        content: Content,
        what: Opening,
        handed: (&Introduction, &Path),
        new: bool,
    ) -> Result<Appended, CliError> {
        let (holder, out) = handed;
        let domain = &self.register.domain;
        let entry = self.party.opening(&mut self.ledger, domain, what).await;
        let entry = entry.map_err(refused)?;
        let paper = Paper {
            from: self.party.name().clone(),
            content,
        };
        // Before the register has entered anybody: there may be no such folder, or a file of that name.
        handed::write(out, &paper, &holder.recipient)?;
        let take_back = || {
            std::fs::remove_file(out).map_err(|source| CliError::CannotCreate {
                path: out.display().to_string(),
                source,
            })
        };
        if let Err(error) = self.register.save() {
            take_back()?;
            return Err(error);
        }
        self.ledger.append(&entry).await.or_else(|error| {
            if !error.is_refusal() {
                return Err(CliError::Unavailable(format!(
                    "{error}; the ledger may have the entry all the same: keep `{}`, which `medproof wallet add` \
                     takes if it has",
                    out.display()
                )));
            }
            take_back()?;
            if new {
                self.register.register.people.pop();
                self.register.save()?;
            }
            Err(not_appended(error))
        })
    }
}

/// The ring of the reported history, or why there is none.
fn reported(args: &OpenArgs, domain: &Name, again: bool, today: Day) -> Result<Ring, CliError> {
    let (Some(path), Some(path_of_policy)) = (&args.history, &args.policy) else {
        return match (args.no_history, again) {
            (true, false) => Ok(Ring::empty()),
            (true, true) => Err(CliError::Usage(
                "--no-history: the person was enrolled before; give what was reported since (--history)"
                    .into(),
            )),
            (false, _) => Err(CliError::Usage(
                "give the reported --history and --policy, or say --no-history, or --member".into(),
            )),
        };
    };
    let bad = |what: String| CliError::Data(format!("`{}`: {what}", path.display()));
    let Policy::Dispensing(policy) = policy::load(path_of_policy)? else {
        return Err(CliError::Data(format!(
            "`{}` is no dispensing policy",
            path_of_policy.display()
        )));
    };
    if policy.domain() != domain {
        return Err(CliError::Data(format!(
            "the policy is for the domain `{}`, the register for `{domain}`",
            policy.domain()
        )));
    }
    let bytes = read_bytes(path, MAX_BUNDLE_BYTES as u64)?;
    let bundle = Bundle::parse(&bytes).map_err(|e| bad(e.to_string()))?;
    let date = args.on.unwrap_or(today);
    history::ring(&policy, &bundle, date).map_err(|e| bad(e.to_string()))
}

fn open(args: &OpenArgs, output: &Output) -> Result<Exit, CliError> {
    let (index, appended) = runtime()?.block_on(async {
        let mut work = args.given.begin().await?;
        let holder = Introduction::read(&args.handed.holder, work.party.name())?;
        let pk = holder.owner_key(&args.handed.holder)?;
        work.correct().await?;
        let again = work.register.register.find(work.card.digest()).is_some();
        let anchors = work.ledger.anchors().await.map_err(CliError::unavailable)?;
        let today = Day::from_unix_seconds(anchors.time);
        let ring = match args.member {
            true => None,
            false => Some(reported(args, &work.register.domain, again, today)?),
        };
        if !again {
            work.find_index().await?;
        }
        let register = std::mem::take(&mut work.register.register);
        let (content, what, register) = enter(&work, register, pk, ring, anchors.commitments)?;
        work.register.register = register;
        let (Opening::Account { index, .. } | Opening::Member { index, .. }) = what else {
            return Err(CliError::Software("an enrolment without an identity".into()));
        };
        let appended = work
            .post(content, what, (&holder, &args.handed.out), !again)
            .await?;
        Ok::<_, CliError>((index, appended))
    })?;
    let value = json!({
        "entry": appended.receipt.index,
        "identity_index": index,
        "out": args.handed.out.display().to_string(),
    });
    output.result(&value, || {
        format!(
            "enrolled (entry {}); only the holder can read {}",
            appended.receipt.index,
            args.handed.out.display()
        )
    });
    Ok(Exit::Accept)
}

/// Enters the person, and says what is handed over and what is posted.
fn enter(
    work: &Work,
    register: Register,
    pk: Fr,
    ring: Option<Ring>,
    from: u64,
) -> Result<(Content, Opening, Register), CliError> {
    let mut desk = Desk::with(&work.party, work.register.domain.clone(), register);
    let (membership, id) = desk.enter(&work.card, pk, &mut OsRng).map_err(refused)?;
    let index = membership.index;
    let account = ring.map(|ring| desk.account_note(id, ring, &mut OsRng));
    let what = match &account {
        Some(note) => Opening::Account {
            index,
            id,
            note: note.commitment(),
        },
        None => Opening::Member { index, id },
    };
    let content = Content::Enrolment(Box::new(Enrolment {
        ledger_id: work.ledger.ledger_id(),
        membership,
        account,
        from,
    }));
    Ok((content, what, desk.register))
}

fn balance(args: &BalanceArgs, output: &Output) -> Result<Exit, CliError> {
    let appended = runtime()?.block_on(async {
        let mut work = args.given.begin().await?;
        let holder = Introduction::read(&args.handed.holder, work.party.name())?;
        work.correct().await?;
        let domain = work.register.domain.clone();
        let known = work.register.register.find(work.card.digest());
        let known = known.filter(|p| p.live).ok_or_else(|| {
            CliError::Data(
                "this person has no identity here: open one first (medproof enrol open --member)".into(),
            )
        })?;
        let plan = PlanWord {
            plan: args.plan,
            year: args.year,
            member: args.member,
        };
        let balances = Balances {
            deductible: args.deductible,
            out_of_pocket: args.out_of_pocket,
            annual: args.annual,
        };
        let digest = plan.digest(work.party.name());
        let note = enrolment::benefit_note(known.owner(&domain), digest, balances, &mut OsRng);
        let what = Opening::Benefit {
            note: note.commitment(),
        };
        let anchors = work.ledger.anchors().await.map_err(CliError::unavailable)?;
        let content = Content::Benefit(OpenedBenefit {
            ledger_id: work.ledger.ledger_id(),
            domain,
            plan,
            note,
            from: anchors.commitments,
        });
        work.post(content, what, (&holder, &args.handed.out), false).await
    })?;
    let value = json!({
        "entry": appended.receipt.index,
        "out": args.handed.out.display().to_string(),
    });
    output.result(&value, || {
        format!(
            "balance opened (entry {}); only the holder can read {}",
            appended.receipt.index,
            args.handed.out.display()
        )
    });
    Ok(Exit::Accept)
}

fn close(args: &Given, output: &Output) -> Result<Exit, CliError> {
    let appended = runtime()?.block_on(async {
        let mut work = args.begin().await?;
        work.correct().await?;
        let domain = work.register.domain.clone();
        let known = work.register.register.find_mut(work.card.digest());
        let known = known
            .filter(|p| p.live)
            .ok_or_else(|| CliError::Data("this person has no open identity here".into()))?;
        let index = known.index;
        let closed = work.party.close(&mut work.ledger, &domain, index).await;
        let closed = closed.map_err(refused)?;
        known.live = false;
        work.register.save()?;
        Ok::<_, CliError>(closed)
    })?;
    let value = json!({ "entry": appended.receipt.index, "time": appended.time });
    output.result(&value, || {
        format!(
            "the identity is ended (entry {}); it can be opened again after the ledger's delay, with the history \
             reported until now",
            appended.receipt.index
        )
    });
    Ok(Exit::Accept)
}
