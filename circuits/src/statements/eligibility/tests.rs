//! The statement over the acceptance cases and over forgeries.

mod acceptance;
