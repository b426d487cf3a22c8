//! The flags of `run` and `create`, and the request that they make.

mod definition;
mod health;
mod mount;
mod networks;
mod ports;
mod read;
mod unserved;
mod word;

pub(super) use definition::with_flags;
pub(super) use read::{environment, request};
pub(super) use word::restart_policy;
