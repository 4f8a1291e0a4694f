//! Stripe's contract checker, which lies beside some checkouts, and a Python that can run it.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{apt, interrupt::Interrupt, process, workspace};

/// Where the checker lies, seen from the top of the repository.
const CHECKER: &str = "../shared/stripe/stripe_contract.py";

/// The variables under which the sandbox's contract test finds the checker and its Python.
const NAMES: [&str; 2] = ["STRIPE_CONTRACT", "STRIPE_CONTRACT_PYTHON"];

/// What the sandbox's contract test is to be given: what the environment names, or the checker beside the checkout. None
/// where there is neither, and the golden objects alone decide. `target` is cargo's folder, where Python's packages go.
pub fn prepare(target: &Path, interrupt: &Interrupt) -> Result<Option<Vec<(&'static str, OsString)>>> {
    let [checker, python] = NAMES.map(|name| env::var_os(name).filter(|value| !value.is_empty()));
    let Some(checker) = find(workspace::root(), checker)? else {
        process::say(format_args!(
            "There is no {}: the sandbox is held against its golden objects.",
            absent()
        ));
        return Ok(None);
    };
    process::say(format_args!("The sandbox is held against {}.", checker.display()));
    let python = match python {
        Some(python) => python,
        None => python_in(&target.join("stripe-contract-venv"), interrupt)?.into(),
    };
    Ok(Some(NAMES.into_iter().zip([checker.into(), python]).collect()))
}

/// What is missing where there is no checker.
pub fn absent() -> String {
    format!("{CHECKER}, nor does {} name another", NAMES[0])
}

/// The checker that the environment names, or the one beside the checkout. One that is named and not there is an error.
fn find(root: &Path, named: Option<OsString>) -> Result<Option<PathBuf>> {
    if let Some(named) = named {
        // Relative to where the task was called; the tests run elsewhere.
        let checker = std::path::absolute(&named).context("cannot tell where we are")?;
        if !checker.is_file() {
            bail!("{} names {}, which is no file", NAMES[0], checker.display());
        }
        return Ok(Some(checker));
    }
    let checker = root.join(CHECKER);
    let there = checker.try_exists().with_context(|| format!("cannot look for {CHECKER}"))?;
    Ok(there.then_some(checker))
}

/// A Python of its own with the checker's package, made in `venv` unless it is there.
fn python_in(venv: &Path, interrupt: &Interrupt) -> Result<PathBuf> {
    let python = venv.join("bin/python");
    if can_import(&python, "aiohttp", interrupt) {
        return Ok(python);
    }
    // Debian has Python without what makes environments of it.
    let system =
        || process::find_program("python3").filter(|it| can_import(it, "venv, ensurepip", interrupt));
    let maker = match system() {
        Some(maker) => maker,
        None => {
            apt::install("python3-venv", interrupt)
                .context("Python 3 with its venv module is missing: the contract checker is written in it")?;
            system().context("Debian's `python3-venv` is installed, but `python3 -m venv` does not work")?
        }
    };
    process::run(Command::new(maker).args(["-m", "venv", "--clear"]).arg(venv), interrupt)
        .context("cannot make an environment for the contract checker")?;
    process::run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "aiohttp"]), interrupt)
        .context("cannot install the contract checker's package aiohttp")?;
    Ok(python)
}

fn can_import(python: &Path, modules: &str, interrupt: &Interrupt) -> bool {
    let mut ask = Command::new(python);
    ask.args(["-c", &format!("import {modules}")]).stderr(std::process::Stdio::null());
    process::is_program(python) && process::wait(&mut ask, interrupt).is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checker_is_found_beside_the_checkout_only() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("checkout");
        std::fs::create_dir_all(&root).unwrap();
        assert_eq!(find(&root, None).unwrap(), None);
        let beside = folder.path().join("shared/stripe");
        std::fs::create_dir_all(&beside).unwrap();
        std::fs::write(beside.join("stripe_contract.py"), "").unwrap();
        assert_eq!(find(&root, None).unwrap(), Some(root.join(CHECKER)));
    }

    #[test]
    fn a_checker_that_is_named_is_taken_and_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let named = folder.path().join("checker.py");
        let of = |path: &Path| find(folder.path(), Some(path.as_os_str().to_owned()));
        assert!(of(&named).unwrap_err().to_string().contains("STRIPE_CONTRACT"));
        std::fs::write(&named, "").unwrap();
        assert_eq!(of(&named).unwrap(), Some(named));
    }
}
