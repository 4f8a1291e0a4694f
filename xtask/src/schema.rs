//! schema.graphql: the contract, printed by the gateway and committed.

use std::{env, fs, io::Write, os::unix::fs::PermissionsExt, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

use crate::{interrupt::Interrupt, process, workspace};

const FILE: &str = "schema.graphql";

/// Who may do what: printed by the gateway too, and compared by one of its tests.
const PERMISSIONS: &str = "docs/permissions.md";

/// Writes schema.graphql and docs/permissions.md from the code.
pub fn write(interrupt: &Interrupt) -> Result<()> {
    for (name, command) in [(FILE, "schema"), (PERMISSIONS, "permissions")] {
        let printed = print(command, interrupt)?;
        // Written beside and renamed: a full disk must not leave half a contract.
        let file = temporary(&printed, workspace::root())?;
        file.persist(workspace::root().join(name)).with_context(|| format!("cannot write {name}"))?;
        process::say(format_args!("{name} written."));
    }
    Ok(())
}

/// Fails with a diff when schema.graphql is not what the code prints.
pub fn check(interrupt: &Interrupt) -> Result<()> {
    let printed = print("schema", interrupt)?;
    let path = workspace::root().join(FILE);
    if !path.exists() {
        bail!("{FILE} is missing: run `cargo xtask schema` to write it");
    }
    let committed = fs::read_to_string(path).with_context(|| format!("cannot read {FILE}"))?;
    if committed == printed {
        return Ok(());
    }
    let fresh = temporary(&printed, &env::temp_dir())?;
    let mut diff = Command::new("git");
    diff.args(["--no-pager", "diff", "--no-index", "--", FILE])
        .arg(fresh.path())
        .current_dir(workspace::root());
    process::wait(&mut diff, interrupt)?;
    bail!("{FILE} is not what the code says (`+` above): run `cargo xtask schema` to renew it");
}

fn print(command: &str, interrupt: &Interrupt) -> Result<String> {
    let mut gateway = workspace::gate(Command::new(workspace::gateway(interrupt)?));
    let printed = process::read(gateway.arg(command), interrupt)
        .with_context(|| format!("the gateway cannot print its {command}"))?;
    if printed.trim().is_empty() {
        bail!("`tollgate {command}` printed nothing");
    }
    Ok(printed)
}

fn temporary(text: &str, folder: &Path) -> Result<NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(".schema-")
        .suffix(".graphql")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .context("cannot write a temporary file")?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    Ok(file)
}
