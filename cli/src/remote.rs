//! Reaching services from the command line.

use crate::{CliError, tls::TlsArgs};
use medproof_proto::{
    address::Address,
    ledger_client::{ClientError, Ledger},
};
use tokio::runtime::Runtime;

/// Which ledger.
#[derive(Debug, Clone, clap::Args)]
pub struct LedgerArgs {
    /// Address of the ledger, http://HOST:PORT or https://HOST (port 443, or HOST:PORT).
    #[arg(long, value_name = "URL")]
    pub ledger: Address,
    /// The ledger's id in hexadecimal; its genesis is checked against it. Without it the first answer is
    /// trusted.
    #[arg(long, value_name = "HEX", value_parser = ledger_id)]
    pub ledger_id: Option<[u8; 32]>,
    /// How it, and other services that the command asks, are reached.
    #[command(flatten)]
    pub tls: TlsArgs,
}

/// Reads 32 bytes of hexadecimal.
///
/// # Errors
/// A message that says what is expected.
pub fn ledger_id(text: &str) -> Result<[u8; 32], String> {
    let mut id = [0; 32];
    hex::decode_to_slice(text, &mut id).map_err(|_| "expected 64 hexadecimal digits".to_owned())?;
    Ok(id)
}

/// What to do about a ledger that does not answer as one.
pub fn no_ledger(error: ClientError) -> CliError {
    match &error {
        ClientError::Connect { .. } => CliError::Unavailable(format!(
            "{error}; start it (medproof serve ledger), or correct its address"
        )),
        ClientError::Status(status) if status.code() == tonic::Code::Unimplemented => {
            CliError::Unavailable("the address of the ledger is that of another service: correct it".into())
        }
        _ => CliError::unavailable(error),
    }
}

/// What to do about a ledger's answer to an entry: a refusal is about what was asked.
pub fn not_appended(error: ClientError) -> CliError {
    match error.is_refusal() {
        true => CliError::data(error),
        false => no_ledger(error),
    }
}

impl LedgerArgs {
    /// Connects.
    ///
    /// # Errors
    /// [`CliError::Unavailable`]; those of [`TlsArgs::reach`].
    pub async fn connect(&self) -> Result<Ledger, CliError> {
        self.at(&self.tls.reach(&self.ledger)?).await
    }

    /// Connects without a certificate: a ledger is not to learn what a person looks up in it.
    ///
    /// # Errors
    /// [`CliError::Unavailable`]; those of [`TlsArgs::reach_unnamed`].
    pub async fn connect_unnamed(&self) -> Result<Ledger, CliError> {
        self.at(&self.tls.reach_unnamed(&self.ledger)?).await
    }

    async fn at(&self, address: &Address) -> Result<Ledger, CliError> {
        let connected = Ledger::connect(address, self.ledger_id).await;
        connected.map_err(no_ledger)
    }
}

/// A runtime for one command.
///
/// # Errors
/// [`CliError::Unavailable`] when the system gives no threads.
pub fn runtime() -> Result<Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CliError::unavailable)
}
