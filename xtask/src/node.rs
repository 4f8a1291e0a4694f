//! Node.js, npm, and the npm projects of the repository.

use std::{fs, io, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::{interrupt::Interrupt, process, workspace};

/// The oldest major version of Node.js that will do.
const OLDEST: u32 = 20;

/// Checks that Node.js is there and new enough, and npm too. Fails with what to install.
pub fn check(interrupt: &Interrupt) -> Result<()> {
    let wanted = || format!("install Node.js {OLDEST} or newer, with npm");
    let printed = process::read(Command::new("node").arg("--version"), interrupt).with_context(wanted)?;
    match major(&printed) {
        Some(found) if found >= OLDEST => {}
        _ => bail!("{}: `node --version` says {}", wanted(), printed.trim()),
    }
    process::read(Command::new("npm").arg("--version"), interrupt).with_context(wanted)?;
    Ok(())
}

/// Installs what the project's lock file names (`npm ci`), unless that has been done since the
/// lock file last changed. `folder` is relative to the top of the repository.
pub fn install(folder: &str, interrupt: &Interrupt) -> Result<()> {
    let path = workspace::root().join(folder);
    if is_installed(&path)? {
        process::say(format_args!("{folder}: node_modules is up to date."));
        return Ok(());
    }
    process::run(
        npm(folder)
            .args(["ci", "--no-audit", "--no-fund"])
            // The browser is Debian's: see `chromium`.
            .env("PUPPETEER_SKIP_DOWNLOAD", "1")
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"),
        interrupt,
    )
    .with_context(|| format!("cannot install the npm packages of {folder}"))
}

/// An npm command in a folder of the repository.
pub fn npm(folder: &str) -> Command {
    let mut command = workspace::gate(Command::new("npm"));
    command.current_dir(workspace::root().join(folder));
    command
}

/// npm writes `node_modules/.package-lock.json` last, so its time is that of the installation.
fn is_installed(project: &Path) -> Result<bool> {
    let modified = |name: &str| -> io::Result<_> {
        match fs::metadata(project.join(name)) {
            Ok(metadata) => metadata.modified().map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    };
    let Some(installed) = modified("node_modules/.package-lock.json")? else {
        return Ok(false);
    };
    for source in ["package.json", "package-lock.json"] {
        if modified(source)?.is_none_or(|changed| changed >= installed) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("v8.0.0"), Some(8));
        assert_eq!(major("command not found"), None);
    }

    #[test]
    fn a_project_without_node_modules_is_not_installed() {
        let project = tempfile::tempdir().unwrap();
        fs::write(project.path().join("package.json"), "{}").unwrap();
        fs::write(project.path().join("package-lock.json"), "{}").unwrap();
        assert!(!is_installed(project.path()).unwrap());
    }

    #[test]
    fn a_lock_file_newer_than_the_installation_asks_for_another() {
        let project = tempfile::tempdir().unwrap();
        let write = |name: &str, seconds: u64| {
            let path = project.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let file = fs::File::create(path).unwrap();
            file.set_modified(
                std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000 + seconds),
            )
            .unwrap();
        };
        write("package.json", 0);
        write("package-lock.json", 0);
        write("node_modules/.package-lock.json", 10);
        assert!(is_installed(project.path()).unwrap());
        write("package-lock.json", 20);
        assert!(!is_installed(project.path()).unwrap());
    }
}
