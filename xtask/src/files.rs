//! What must not be committed: paths of one machine, addresses of package registries.

use std::{fs, io, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{interrupt::Interrupt, process, workspace};

/// Reads every file of the work tree that git does not ignore. Fails with each finding.
pub fn check(interrupt: &Interrupt) -> Result<()> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(workspace::root());
    let listed = process::read(&mut git, interrupt)?;
    let mut findings = Vec::new();
    let mut files = 0_usize;
    for name in listed.split_terminator('\0') {
        match fs::read(workspace::root().join(name)) {
            Ok(content) => {
                files += 1;
                findings.extend(inspect(name, &content));
            }
            // Deleted but still in the index, or a link to a folder.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {}
            Err(error) => bail!("cannot read {name}: {error}"),
        }
    }
    if files == 0 {
        bail!("git lists no file");
    }
    for finding in &findings {
        process::say(format_args!("{finding}"));
    }
    if !findings.is_empty() {
        bail!("{} lines must not be committed", findings.len());
    }
    process::say(format_args!("{files} files, nothing found."));
    Ok(())
}

/// The findings in one file, each as `file:line: what`. Binary files have none.
fn inspect(name: &str, content: &[u8]) -> Vec<String> {
    if content.contains(&0) {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(content);
    let mut findings = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        if let Some(folder) = machine_path(line) {
            findings.push(format!("{name}:{number}: path of one machine, {folder}"));
        }
        if let Some(what) = registry_address(name, line) {
            findings.push(format!("{name}:{number}: {what}"));
        }
    }
    findings
}

/// Top folders of the machines that we build on. Put together here, or this very file would be
/// a finding.
fn machine_folders() -> [String; 3] {
    ["work", "farm", "root"].map(|name| format!("/{name}/"))
}

/// The machine's folder that an absolute path in this line leads to. `src/…` and `../…` with the
/// same name in the middle are relative paths, and a host before it makes it an address.
fn machine_path(line: &str) -> Option<String> {
    let continues_a_path =
        |before: char| before.is_alphanumeric() || matches!(before, '.' | '-' | '_' | '~' | '}' | ')' | '*');
    machine_folders().into_iter().find(|folder| {
        line.match_indices(folder.as_str()).any(|(at, _)| !line[..at].ends_with(continues_a_path))
    })
}

/// What in this line names a package registry by its address.
fn registry_address(name: &str, line: &str) -> Option<String> {
    let hosts = [
        ("registry", "npmjs.org"),
        ("registry", "yarnpkg.com"),
        ("index", "crates.io"),
        ("static", "crates.io"),
        ("files", "pythonhosted.org"),
        ("deb", "debian.org"),
    ];
    for (host, domain) in hosts {
        let address = format!("{host}.{domain}");
        if line.contains(&address) {
            return Some(format!("address of a package registry, {address}"));
        }
    }
    let line = line.trim();
    let file = Path::new(name).file_name()?.to_str()?;
    let finding = match file {
        "package-lock.json" | "npm-shrinkwrap.json" => {
            let address = line.strip_prefix("\"resolved\":").is_some_and(|value| value.contains("://"));
            address.then_some("address in a lock file: `omit-lockfile-registry-resolved=true` in .npmrc")
        }
        "Cargo.lock" => {
            // cargo writes this name for crates.io whatever mirror a machine has.
            let usual = "\"registry+https://github.com/rust-lang/crates.io-index\"";
            line.strip_prefix("source = ")
                .is_some_and(|source| source != usual)
                .then_some("a package from elsewhere than crates.io")
        }
        ".npmrc" => (line.starts_with("registry") || line.contains(":registry"))
            .then_some("a registry is the machine's business"),
        _ => None,
    };
    finding.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(name: &str, text: &str) -> Vec<String> {
        inspect(name, text.as_bytes())
    }

    #[test]
    fn absolute_paths_of_the_machine_are_found() {
        for folder in machine_folders() {
            for text in [
                format!("cd {folder}main"),
                format!("{folder}main"),
                format!("\"{folder}x\""),
                format!("file://{folder}x"),
                format!("PATH=/bin:{folder}bin"),
            ] {
                assert_eq!(lines("a.md", &text).len(), 1, "{text}");
            }
        }
    }

    #[test]
    fn relative_paths_and_addresses_are_not_machine_paths() {
        for folder in machine_folders() {
            for text in [
                format!("src{folder}x"),
                format!("..{folder}x"),
                format!("https://example.com{folder}x"),
                format!("${{HOME}}{folder}x"),
            ] {
                assert_eq!(lines("a.md", &text), Vec::<String>::new(), "{text}");
            }
        }
    }

    #[test]
    fn a_finding_names_its_file_and_line() {
        let [work, ..] = machine_folders();
        assert_eq!(
            lines("docs/a.md", &format!("one\ntwo {work}x\n")),
            [format!("docs/a.md:2: path of one machine, {work}")]
        );
    }

    #[test]
    fn hosts_of_registries_are_found_in_any_file() {
        let host = ["registry", "npmjs.org"].join(".");
        assert_eq!(lines("README.md", &format!("see https://{host}/x")).len(), 1);
        assert_eq!(lines("README.md", "see https://crates.io/crates/axum").len(), 0);
    }

    #[test]
    fn addresses_in_npm_lock_files_are_found() {
        let text = "\"resolved\": \"https://mirror.example/x.tgz\",";
        assert_eq!(lines("tests/a/package-lock.json", text).len(), 1);
        assert_eq!(lines("a.json", text).len(), 0);
        assert_eq!(lines("package-lock.json", "\"resolved\": \"packages/a\",").len(), 0);
    }

    #[test]
    fn other_sources_in_the_cargo_lock_file_are_found() {
        let usual = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        assert_eq!(lines("Cargo.lock", usual).len(), 0);
        assert_eq!(lines("Cargo.lock", "source = \"git+https://example.com/x\"").len(), 1);
        assert_eq!(lines("Cargo.lock", "source = \"sparse+https://mirror.example/\"").len(), 1);
    }

    #[test]
    fn a_registry_in_npm_s_settings_is_found() {
        assert_eq!(lines(".npmrc", "registry=https://mirror.example/").len(), 1);
        assert_eq!(lines(".npmrc", "@acme:registry=https://mirror.example/").len(), 1);
        assert_eq!(lines(".npmrc", "omit-lockfile-registry-resolved=true").len(), 0);
    }

    #[test]
    fn binary_files_are_left_alone() {
        let [work, ..] = machine_folders();
        assert_eq!(lines("a.png", &format!("\0 {work}x")).len(), 0);
    }
}
