//! Parts of a throw-away world: an identity alone in its tree, and a registry of keys.

use crate::gadgets::registry::AcceptedKey;
use ark_bn254::Fr;
use medproof_records::identity::{Identity, Secret};
use medproof_records::signing::SigningKey;
use medproof_verifier::tree::{DenseTree, IDENTITY_DEPTH, IndexOutOfRange, REGISTRY_DEPTH, empty_root};
use medproof_verifier::{Day, KeyLeaf, Name, Path, Role};
use rand::{CryptoRng, RngCore};

/// The path of the only leaf of a tree.
///
/// # Errors
/// [`IndexOutOfRange`].
pub fn lone_path<const DEPTH: usize>(index: u64) -> Result<Path<DEPTH>, IndexOutOfRange> {
    Path::new(index, std::array::from_fn(|level| [empty_root(level); 3]))
}

/// A throw-away identity in `domain`, alone in its identity tree, and the tree's root.
pub fn identity(rng: &mut (impl RngCore + CryptoRng), domain: &Name) -> (Identity, Fr) {
    let person =
        medproof_records::identity::person(Secret::generate(rng).expose(), Secret::generate(rng).expose());
    let index = u64::from(rng.next_u32());
    let identity = Identity {
        sk: Secret::generate(rng),
        person,
        ts: Secret::generate(rng),
        domain: domain.to_fr(),
        // A u32 is below 4^16.
        path: lone_path::<IDENTITY_DEPTH>(index).expect("32 bits index 16 quaternary levels"),
    };
    let root = identity.root();
    (identity, root)
}

/// A registry of throw-away keys. Leaf 0 stays empty, like that of a ledger.
#[derive(Default)]
pub struct Registry {
    leaves: Vec<KeyLeaf>,
}

impl Registry {
    /// Registers the key of `signer` and returns its leaf's position for [`Registry::accepted`].
    pub fn add(
        &mut self,
        signer: &SigningKey,
        role: Role,
        party: &Name,
        scope: Fr,
        valid: (Day, Day),
    ) -> usize {
        let public = signer.public_key();
        self.leaves.push(KeyLeaf {
            ax: public.x,
            ay: public.y,
            role,
            party: party.clone(),
            scope,
            valid_from: valid.0,
            valid_to: valid.1,
        });
        self.leaves.len()
    }

    fn tree(&self) -> DenseTree<REGISTRY_DEPTH> {
        let empty = std::iter::once(Fr::from(0u64));
        let leaves = empty.chain(self.leaves.iter().map(KeyLeaf::hash)).collect();
        // A scenario registers a handful of keys.
        DenseTree::new(leaves).expect("fewer than 4^10 keys")
    }

    /// The registry's root.
    pub fn root(&self) -> Fr {
        self.tree().root()
    }

    /// The key at a position that [`Registry::add`] returned, with its path under the present root.
    pub fn accepted(&self, position: usize) -> Option<AcceptedKey> {
        let leaf = self.leaves.get(position.checked_sub(1)?)?.clone();
        let path = self.tree().path(position as u64).ok()?;
        Some(AcceptedKey { leaf, path })
    }
}
