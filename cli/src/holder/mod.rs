//! What a holder keeps and is handed, in files: the wallet, and papers encrypted to it.

pub mod address;
pub mod codec;
pub mod handed;
pub mod paper;
pub mod state;
#[cfg(test)]
mod tests;
mod values;
pub mod vault;
pub mod wallet_file;
