//! Text that is drawn again and again in a terminal, on standard error.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows its message, and nothing where there is no terminal, or it is to be silent.
pub(super) fn block(is_silent: bool) -> ProgressBar {
    let target = match is_silent || !std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::hidden(),
        false => ProgressDrawTarget::stderr(),
    };
    let block = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        block.set_style(style);
    }
    block
}
