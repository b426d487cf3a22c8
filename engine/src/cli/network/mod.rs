//! `dok network …`

pub(super) mod connect;
pub(super) mod create;
pub(super) mod disconnect;
pub(super) mod inspect;
pub(super) mod list;
pub(super) mod prune;
pub(super) mod remove;

use clap::Arg;

use super::filters::{filter, filters};

/// The networks that the words name.
fn networks() -> Arg {
    Arg::new("network").value_name("NETWORK").num_args(1..).required(true).help("Name or id")
}
