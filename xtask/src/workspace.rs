//! The work tree, and cargo run in it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::{LazyLock, OnceLock},
};

use anyhow::{Context, Result};

use crate::{interrupt::Interrupt, process};

/// The top of the repository. cargo says at run time where it is; what was true when xtask was
/// compiled may be another clone that shares the target folder.
pub fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let xtask = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        xtask.parent().expect("xtask is a folder of the repository").to_owned()
    });
    &ROOT
}

/// The folder that this very build of xtask stands in, where cargo puts the gateway too. To be
/// asked for early: once cargo has built xtask anew, the running file has no name any more. The answer is kept.
pub fn binaries() -> Result<PathBuf> {
    static BINARIES: OnceLock<PathBuf> = OnceLock::new();
    if let Some(known) = BINARIES.get() {
        return Ok(known.clone());
    }
    let mut path = env::current_exe().context("cannot tell where cargo builds")?;
    path.pop();
    Ok(BINARIES.get_or_init(|| path).clone())
}

/// The gateway as the tests have it. Built alone, its dependencies would have other features, and be built again: that takes
/// longer than all else that is done with it.
pub fn gateway(interrupt: &Interrupt) -> Result<PathBuf> {
    let binary = binaries()?.join("tollgate");
    let mut cargo = gate(cargo());
    process::run(cargo.args(["test", "--quiet", "--workspace", "--no-run"]), interrupt)?;
    Ok(binary)
}

/// A cargo command at the top of the repository.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_from_cargo_run) {
            command.env_remove(name);
        }
    }
    command
}

/// A command for a gate, at the top of the repository: the developer's own settings of the
/// gateway are taken away, so that no test can reach a real database or Stripe account. What the
/// tests start on this machine is not asked for through a proxy.
pub fn gate(mut command: Command) -> Command {
    command.current_dir(root());
    for name in ["NO_PROXY", "no_proxy"] {
        command.env(name, without_proxy(env::var(name).ok().as_deref()));
    }
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_gateway_setting) {
            command.env_remove(name);
        }
    }
    command
}

/// Whether `cargo run` set the variable for us. Build scripts watch some of them (ring's, for
/// one): passed on, they would have half the dependencies built again at every change between
/// `cargo xtask test` and plain `cargo test`.
fn is_from_cargo_run(name: &str) -> bool {
    name.starts_with("CARGO_PKG_")
        || matches!(
            name,
            "CARGO_MANIFEST_DIR"
                | "CARGO_MANIFEST_PATH"
                | "CARGO_BIN_NAME"
                | "CARGO_CRATE_NAME"
                | "CARGO_PRIMARY_PACKAGE"
        )
}

/// The hosts that are asked for directly, and this machine.
fn without_proxy(hosts: Option<&str>) -> String {
    let hosts = hosts.into_iter().filter(|hosts| !hosts.trim().is_empty());
    hosts.chain(["localhost,127.0.0.1,::1"]).collect::<Vec<_>>().join(",")
}

fn is_gateway_setting(name: &str) -> bool {
    name == "DATABASE_URL" || name.starts_with("STRIPE_") || name.starts_with("TOLLGATE_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn this_machine_is_behind_no_proxy() {
        assert_eq!(without_proxy(None), "localhost,127.0.0.1,::1");
        assert_eq!(without_proxy(Some("a.example")), "a.example,localhost,127.0.0.1,::1");
    }

    #[test]
    fn settings_of_the_gateway_are_known_and_cargo_s_own_are_left() {
        assert!(is_gateway_setting("DATABASE_URL"));
        assert!(is_gateway_setting("STRIPE_SECRET_KEY"));
        assert!(is_gateway_setting("TOLLGATE_TEST_POSTGRES_URL"));
        assert!(!is_gateway_setting("PATH"));
        assert!(is_from_cargo_run("CARGO_PKG_NAME"));
        assert!(!is_from_cargo_run("CARGO_TARGET_DIR"));
        assert!(!is_from_cargo_run("CARGO_HOME"));
    }
}
