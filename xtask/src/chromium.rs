//! A Chromium for the browser gates.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{apt, interrupt::Interrupt, process};

/// The path of Chromium or Chrome; Debian's `chromium` is installed when neither is there.
/// Fails with what to install when that is not to be had.
pub fn find_or_install(interrupt: &Interrupt) -> Result<PathBuf> {
    if let Some(path) = find() {
        return Ok(path);
    }
    apt::install("chromium", interrupt).context("Chromium is missing")?;
    find().context("Debian's `chromium` is installed, but there is no `chromium` on PATH")
}

fn find() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(process::find_program)
}
