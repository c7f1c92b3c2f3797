//! What the bytes between the two ends begin with, once hands are shaken, and the kinds of what is sealed in them.

/// To a watcher: a record of its pair follows.
pub(super) const PAIR: u8 = 0;
/// To a watcher: a record of the stream follows.
pub(super) const STREAM: u8 = 1;
/// To a watcher: a replaceable record of its pair follows, a snapshot. The transport may drop it.
pub(super) const REPLACEABLE: u8 = 2;

/// In a pair: a message.
pub(super) const CONTROL: u8 = 1;
/// In a pair: the stream's key from here on.
pub(super) const KEY: u8 = 2;
/// In a pair, replaceable: the stream's key from here on, then a packet with which the watcher's decoder starts over.
pub(super) const SNAPSHOT: u8 = 3;

/// In the stream: a packet.
pub(super) const PACKET: u8 = 1;
