//! Stripe's contract checker, which lies beside some checkouts, and a Python that can run it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{interrupt::Interrupt, process, workspace};

/// Where the checker lies, seen from the top of the repository.
const CHECKER: &str = "../shared/stripe/stripe_contract.py";

/// The variables under which the sandbox's contract test finds the checker and its Python; none where it does not lie
/// beside the checkout, and the golden objects alone decide. `target` is cargo's folder, where Python's packages go.
pub fn prepare(target: &Path, interrupt: &Interrupt) -> Result<Vec<(&'static str, OsString)>> {
    let Some(checker) = find(workspace::root())? else {
        process::say(format_args!("{CHECKER} is not there: the sandbox is held against its golden objects."));
        return Ok(Vec::new());
    };
    let venv = target.join("stripe-contract-venv");
    let python = venv.join("bin/python");
    let knows = |python: &Path| {
        let mut ask = Command::new(python);
        ask.args(["-c", "import aiohttp"]);
        process::is_program(python) && process::wait(&mut ask, interrupt).is_ok_and(|status| status.success())
    };
    if !knows(&python) {
        process::run(Command::new("python3").args(["-m", "venv"]).arg(&venv), interrupt)
            .context("install Python 3 with its venv module: the contract checker is written in it")?;
        process::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "aiohttp"]), interrupt)
            .context("cannot install the contract checker's package aiohttp")?;
    }
    Ok(vec![("STRIPE_CONTRACT", checker.into()), ("STRIPE_CONTRACT_PYTHON", python.into())])
}

fn find(root: &Path) -> Result<Option<PathBuf>> {
    let checker = root.join(CHECKER);
    let there = checker.try_exists().with_context(|| format!("cannot look for {CHECKER}"))?;
    Ok(there.then_some(checker))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checker_is_found_beside_the_checkout_only() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("checkout");
        std::fs::create_dir_all(&root).unwrap();
        assert_eq!(find(&root).unwrap(), None);
        let beside = folder.path().join("shared/stripe");
        std::fs::create_dir_all(&beside).unwrap();
        std::fs::write(beside.join("stripe_contract.py"), "").unwrap();
        assert_eq!(find(&root).unwrap(), Some(root.join(CHECKER)));
    }
}
