//! Gadgets: each keeps its native twin beside its constraints.
