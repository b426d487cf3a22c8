//! A small D-Bus client: one connection, one thread, calls that may be sent before the earlier ones
//! are answered, and a deadline for everything (D-Bus Specification 0.43).
//!
//! Values and messages are pure. Whatever comes from the other end has a bound: who answers with
//! nonsense is told of, and costs neither memory nor time.

mod connection;
mod message;
mod text;
mod value;

pub use connection::{Address, Connection, Peer, Refusal, Reply};
pub use message::{Call, Message};
pub use value::Value;
