//! AV1: units decode elsewhere to exactly the reconstruction, sizes and quantizers change as they like, broken units
//! give typed errors, and the conversion of colours is the one of docs/av1.md.

#[path = "av1/colour.rs"]
mod colour;
#[cfg(all(feature = "aom", any(feature = "rav1d", feature = "dav1d")))]
#[path = "av1/exchange.rs"]
mod exchange;
#[cfg(all(feature = "aom", any(feature = "rav1d", feature = "dav1d")))]
#[path = "av1/hostile.rs"]
mod hostile;
#[cfg(all(unix, feature = "aom"))]
#[path = "av1/programs.rs"]
mod programs;
#[path = "av1/scene.rs"]
mod scene;
