//! Both ends of a session and the relay between them, on a virtual clock.

#[path = "session/flows.rs"]
mod flows;
#[path = "session/orders.rs"]
mod orders;
#[path = "session/returns.rs"]
mod returns;
#[path = "session/rig.rs"]
mod rig;
