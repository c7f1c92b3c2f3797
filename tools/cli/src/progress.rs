//! A progress bar on standard error, where that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// A bar over `total` steps, or a counter where the total is unknown. Silent where nobody watches.
pub(crate) fn bar(total: Option<u64>, unit: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr_with_hz(10);
    let bar = ProgressBar::with_draw_target(total, target);
    let template = match total {
        Some(_) => format!("{{wide_bar}} {{pos}}/{{len}} {unit}  {{eta}}  {{msg}}"),
        None => format!("{{spinner}} {{pos}} {unit}  {{elapsed}}"),
    };
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    if total.is_none() {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}
