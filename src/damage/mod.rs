//! Stage 2 of 6. In: the picture the viewers hold and a newer one, with damage hints. Out: which rows of which
//! tiles differ ([`DirtyRows`]) and what merely moved ([`Motion`]).

mod anchor;
mod compare;
mod dirty;
mod motion;
mod probe;
mod simd;

pub use compare::{compare, compare_scalar};
pub use dirty::DirtyRows;
pub use motion::{Copy, Motion};
pub use probe::has_scrolled;
