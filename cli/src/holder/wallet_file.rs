//! A wallet in its file.

use super::{
    paper::{MAX_PAPER, Paper},
    state::{MAX_KEPT, State},
    vault::Vault,
};
use crate::{CliError, file_kind, read_bytes, remote::LedgerArgs};
use age::secrecy::SecretString;
use medproof_proto::ledger_client::Ledger;
use std::path::Path;

/// An open wallet. Changes are on disk after [`OpenWallet::save`].
pub struct OpenWallet {
    vault: Vault,
    /// The content.
    pub state: State,
}

impl OpenWallet {
    /// Makes a new wallet file.
    ///
    /// # Errors
    /// [`CliError`], in particular when the file exists.
    pub fn create(path: &Path, passphrase: SecretString, state: State) -> Result<Self, CliError> {
        let vault = Vault::create(path, passphrase, &state.to_bytes())?;
        Ok(Self { vault, state })
    }

    /// Opens a wallet file.
    ///
    /// # Errors
    /// [`CliError::Data`] for another passphrase or a file that was changed.
    pub fn open(path: &Path, passphrase: SecretString) -> Result<Self, CliError> {
        let (vault, content) = Vault::open(path, passphrase)?;
        let state =
            State::from_bytes(&content).map_err(|e| CliError::Data(format!("`{}`: {e}", path.display())))?;
        Ok(Self { vault, state })
    }

    /// Writes the content: whole or not at all.
    ///
    /// # Errors
    /// [`CliError::Data`] when the wallet is full, [`CliError::CannotCreate`].
    pub fn save(&self) -> Result<(), CliError> {
        if !self.state.has_room() {
            return Err(CliError::Data(format!(
                "`{}`: the wallet keeps at most {MAX_KEPT} of a kind",
                self.vault.path().display()
            )));
        }
        self.vault.save(&self.state.to_bytes())
    }

    /// Reads a paper for this wallet.
    ///
    /// # Errors
    /// [`CliError::Data`] naming the bad field, never its value.
    pub fn paper(&self, path: &Path) -> Result<Paper, CliError> {
        let sealed = read_bytes(path, MAX_PAPER as u64 + 4096)?;
        let bad = |what: String| CliError::Data(format!("`{}`: {what}", path.display()));
        if !file_kind::is_encrypted(&sealed) {
            return Err(bad(format!(
                "expected an encrypted paper or challenge, this is {}",
                file_kind::describe(&sealed)
            )));
        }
        self.state.open(&sealed).map_err(|e| bad(e.to_string()))
    }

    /// Connects to the ledger that the wallet follows; the first one that it meets is kept, and no other one
    /// is followed from then on.
    ///
    /// # Errors
    /// [`CliError::Unavailable`], also when the address leads to another ledger.
    pub async fn ledger(&mut self, args: &LedgerArgs) -> Result<Ledger, CliError> {
        let mut args = args.clone();
        match (args.ledger_id, self.state.ledger_id) {
            (Some(given), Some(known)) if given != known => {
                return Err(CliError::Usage(format!(
                    "--ledger-id: this wallet follows the ledger {}",
                    hex::encode(known)
                )));
            }
            (None, known) => args.ledger_id = known,
            _ => {}
        }
        let ledger = args.connect_unnamed().await?;
        self.state.ledger_id = Some(ledger.ledger_id());
        Ok(ledger)
    }
}
