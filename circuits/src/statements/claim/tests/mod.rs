//! Each clause broken once; relation and circuit must refuse it both.

mod balance;
mod broken;
mod carries;
mod edges;
mod shape;
mod world;

use world::World;
