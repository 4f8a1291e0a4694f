//! Debian packages that a gate needs and the machine lacks.

use std::{
    io::stderr,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{interrupt::Interrupt, process};

/// Installs the Debian package of a program that is not on PATH.
pub fn provide(program: &str, package: &str, interrupt: &Interrupt) -> Result<()> {
    if process::find_program(program).is_some() {
        return Ok(());
    }
    install(package, interrupt).with_context(|| format!("`{program}` is missing"))
}

/// Installs a Debian package with apt-get, as root or through a sudo that asks nothing. Fails
/// with what to install by hand where that is not to be had.
pub fn install(package: &str, interrupt: &Interrupt) -> Result<()> {
    if process::find_program("apt-get").is_none() {
        bail!("there is no apt-get here: install the equivalent of Debian's `{package}` yourself");
    }
    if !may_install() {
        bail!("we may not install packages here: run `sudo apt-get install {package}`");
    }
    process::say(format_args!("Installing Debian's package {package}."));
    // An old list may still do: only the installation has to succeed.
    if let Err(error) = process::run(apt_get().arg("update"), interrupt) {
        interrupt.check()?;
        process::say(format_args!("warning: {error:#}"));
    }
    process::run(apt_get().args(["install", "--yes", "--no-install-recommends", package]), interrupt)
        .with_context(|| format!("install Debian's package `{package}` yourself"))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn may_install() -> bool {
    is_root()
        || Command::new("sudo")
            .args(["-n", "true"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

fn apt_get() -> Command {
    // sudo hands no environment on, env(1) sets it behind sudo.
    let mut command = if is_root() {
        Command::new("env")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "env"]);
        sudo
    };
    command.args([
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "--quiet",
        "-o",
        "Dpkg::Use-Pty=0",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]);
    // Our standard output is for answers: `cargo xtask postgres` prints its URL there.
    command.stdout(stderr());
    command
}
