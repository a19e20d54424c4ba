//! The statement over the acceptance cases, over forgeries and over random records.

mod acceptance;
mod agreement;
mod corners;
mod counts;
mod deletion;
mod fixture;
mod forgeries;
mod malformed;
mod slots;
mod tamper;
