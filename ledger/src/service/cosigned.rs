//! Receipts with cosignatures.

use super::{Service, outside, read};
use crate::cosigning::Set;
use medproof_verifier::Receipt;
use std::time::Duration;
use tonic::Status;

/// Longest wait for cosignatures that a client asks for.
const COSIGNATURES_WAIT: Duration = Duration::from_secs(10);

impl Service {
    /// A receipt under the first checkpoint that is kept and has so many cosignatures, of the witnesses with these keys
    /// where any are named. They are waited for.
    pub(super) async fn cosigned_receipt(
        &self,
        index: u64,
        (count, keys): (usize, Vec<String>),
    ) -> Result<Receipt, Status> {
        let cosigned = self.cosigned.as_ref().map(|(cosigned, _)| cosigned.clone());
        let among = cosigned.as_ref().map(|cosigned| cosigned.borrow().among(&keys));
        let asked = among.map_or(0, Set::len);
        let (Some(mut cosigned), Some(among), true) = (cosigned, among, count <= asked) else {
            let which = if keys.is_empty() { "the" } else { "these" };
            return Err(outside(
                "cosignatures",
                format!("is more than {asked}, the number of {which} witnesses that this ledger asks"),
            ));
        };
        let wanted = (count, among);
        let covered = cosigned.wait_for(|cosigned| cosigned.first(index, wanted).is_some());
        // Late, or the ledger is stopping: the look below decides.
        let _ = tokio::time::timeout(COSIGNATURES_WAIT, covered).await.is_ok();
        // The oldest that is kept may be dropped before it is read; then a newer one covers the entry.
        for _ in 0..3 {
            let first = cosigned.borrow().first(index, wanted);
            let Some(size) = first else { break };
            let receipt = self.read(move |store| read::cosigned_receipt(store, index, size));
            if let Some(receipt) = receipt.await? {
                return Ok(receipt);
            }
        }
        Err(Status::unavailable(
            "the witnesses have not cosigned the entry yet: ask again",
        ))
    }
}
