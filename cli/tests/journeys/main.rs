//! The three journeys as strangers play them: every step is a run of the `medproof` binary against services on
//! loopback, and everything passes between the parties in files.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops where something is not as expected"
)]

mod dispensing;
mod player;
mod records;
mod services;

use services::World;

/// Fills with commands alone, and what `wallet recover` makes of a lost answer, a void and an older copy.
#[test]
fn a09_wallet_recover_finds_the_live_note_after_a_lost_answer() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::start(dispensing::CAST));
    let player = world.player();
    dispensing::play(&player);
    runtime.block_on(world.d.end());
}

#[test]
fn a_screening_and_a_claim_are_played_with_commands_alone() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::start(records::CAST));
    let player = world.player();
    records::play(&player);
    runtime.block_on(world.d.end());
}
