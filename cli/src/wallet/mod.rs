//! `medproof wallet`: a holder's secret, identities, notes and papers, in one encrypted file.

mod add;
mod recover;
mod show;

use crate::{
    CliError, Exit, Output,
    holder::{address, handed::Introduction, state::State, wallet_file::OpenWallet},
    remote::LedgerArgs,
    secret::PassphraseArgs,
};
use medproof_verifier::Name;
use rand::rngs::OsRng;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `medproof wallet`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a wallet with a fresh secret.
    New {
        /// The wallet file to write; must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// Print what a party needs to give papers to this wallet: a pseudonym and an address for it alone.
    Introduce {
        /// The wallet file.
        wallet: PathBuf,
        /// The party's id.
        #[arg(long, value_name = "NAME")]
        to: Name,
        /// Print the owner key too; only an enrolment authority or payer needs it.
        #[arg(long)]
        owner_key: bool,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// List what is in the wallet.
    Show {
        /// The wallet file.
        wallet: PathBuf,
        #[command(flatten)]
        passphrase: PassphraseArgs,
    },
    /// Take papers from an issuer, authority or payer.
    Add(add::Args),
    /// Find the live notes again: after a lost answer, a void, or from an older copy of the wallet.
    Recover(recover::Args),
}

/// Which wallet, and the ledger that it follows.
#[derive(Debug, clap::Args)]
struct Followed {
    /// The wallet file.
    wallet: PathBuf,
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Runs `medproof wallet`.
///
/// # Errors
/// [`CliError`] when a file cannot be read or written, the passphrase is missing or wrong, or the ledger does
/// not show what a paper says.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    match &args.command {
        Command::New { out, passphrase } => {
            let passphrase = passphrase.passphrase()?;
            OpenWallet::create(out, passphrase, State::generate(&mut OsRng))?;
            output.result(&json!({ "wallet": out.display().to_string() }), || {
                format!(
                    "made the wallet {}; keep a copy of it, and the passphrase elsewhere",
                    out.display()
                )
            });
        }
        Command::Introduce {
            wallet,
            to,
            owner_key,
            passphrase,
        } => {
            let mut open = OpenWallet::open(wallet, passphrase.passphrase()?)?;
            introduce(&mut open, to, *owner_key, output)?;
        }
        Command::Show { wallet, passphrase } => {
            let open = OpenWallet::open(wallet, passphrase.passphrase()?)?;
            let value = show::to_json(&open.state);
            output.result(&value, || show::text(&open.state));
        }
        Command::Add(args) => return add::run(args, output),
        Command::Recover(args) => return recover::run(args, output),
    }
    Ok(Exit::Accept)
}

fn introduce(open: &mut OpenWallet, to: &Name, owner_key: bool, output: &Output) -> Result<(), CliError> {
    let introduction = introduction(&mut open.state, to, owner_key);
    open.save()?;
    let value = introduction.to_json();
    output.result(&value, || {
        let member = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let mut text = format!(
            "for         {to}\npseudonym   {}\naddress     {}",
            member("subject"),
            member("recipient")
        );
        if owner_key {
            text += &format!("\nowner key   {}", member("owner_key"));
        }
        text
    });
    Ok(())
}

/// Notes that a party is told an address, and says what it is told.
pub fn introduction(state: &mut State, to: &Name, owner_key: bool) -> Introduction {
    state.parties.insert(to.clone());
    Introduction {
        party: to.clone(),
        subject: state.wallet.subject(to),
        recipient: address::recipient(state.wallet.sk(), to),
        owner_key: owner_key.then(|| state.wallet.sk().pk()),
    }
}
