//! The services' messages, generated from `proto/*.proto`, and the conversions between them and the
//! types of `medproof_verifier`. Each conversion refuses a bad field with one error that names it.

pub mod field;
pub mod ledger;
pub mod ledger_client;

pub use field::FieldError;

/// Generated code: one module for each `.proto` package.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod wire {
    /// `medproof.ledger.v1`.
    pub mod ledger {
        tonic::include_proto!("medproof.ledger.v1");
    }
}
