//! Each clause broken once; relation and circuit must refuse it both.

mod broken;
mod shape;
mod world;

use world::World;
