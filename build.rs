//! Bundles GraphiQL, so that the binary carries it: `npm ci` and `node bundle.mjs` in `graphiql/`, whenever something
//! there changes. Without npm, or when it fails, the build goes on, and `/graphiql` says what is missing.
//! `TOLLGATE_SKIP_GRAPHIQL=1` leaves it out on purpose.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the bundle is made of.
const SOURCES: [&str; 6] = ["package.json", "package-lock.json", ".npmrc", "bundle.mjs", "src", "examples"];

/// The variable that leaves GraphiQL out.
const SKIP: &str = "TOLLGATE_SKIP_GRAPHIQL";

fn main() -> Result<(), Box<dyn Error>> {
    let project = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("graphiql");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={SKIP}");
    for source in SOURCES {
        println!("cargo::rerun-if-changed=graphiql/{source}");
    }
    let bundle = out.join("graphiql");
    let is_skipped = env::var_os(SKIP).is_some_and(|value| !value.is_empty() && value != "0");
    let files = if is_skipped {
        Vec::new()
    } else {
        make(&project, &bundle).and_then(|()| list(&bundle)).unwrap_or_else(|problem| {
            println!("cargo::warning=GraphiQL is left out: {problem}");
            println!(
                "cargo::warning=With Node.js 20 or newer and npm installed, `touch build.rs` and build again; \
                 {SKIP}=1 silences this."
            );
            Vec::new()
        })
    };
    fs::write(out.join("graphiql_files.rs"), table(&files)?)?;
    Ok(())
}

/// Installs what the lock file names, unless that was done since it last changed, and bundles.
fn make(project: &Path, bundle: &Path) -> Result<(), Box<dyn Error>> {
    // Two builds into different target folders share `node_modules`.
    let mut hasher = DefaultHasher::new();
    project.hash(&mut hasher);
    let lock =
        File::create(env::temp_dir().join(format!("tollgate-graphiql-{:016x}.lock", hasher.finish())))?;
    lock.lock()?;
    if !is_installed(project) {
        let arguments =
            ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error"];
        run(npm().args(arguments).current_dir(project), "npm ci")?;
    }
    run(Command::new("node").arg("bundle.mjs").arg(bundle).current_dir(project), "node bundle.mjs")
}

/// npm is a script on Windows, which is not found without its ending.
fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

/// npm writes `node_modules/.package-lock.json` last, so its time is that of the installation.
fn is_installed(project: &Path) -> bool {
    let changed = |name: &str| fs::metadata(project.join(name)).and_then(|metadata| metadata.modified());
    match (changed("node_modules/.package-lock.json"), changed("package.json"), changed("package-lock.json"))
    {
        (Ok(installed), Ok(manifest), Ok(lock)) => installed > manifest && installed > lock,
        _ => false,
    }
}

fn run(command: &mut Command, name: &str) -> Result<(), Box<dyn Error>> {
    let output = command.output().map_err(|error| format!("`{name}` cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    Err(format!("`{name}` failed ({}): {first}", output.status).into())
}

fn list(bundle: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files =
        fs::read_dir(bundle)?.map(|entry| entry.map(|it| it.path())).collect::<Result<Vec<_>, _>>()?;
    files.sort();
    Ok(files)
}

/// Rust's text for the names and contents of the files.
fn table(files: &[PathBuf]) -> Result<String, Box<dyn Error>> {
    let mut text = String::from("&[\n");
    for file in files {
        let name = file.file_name().ok_or("a file of the bundle has no name")?.to_string_lossy();
        writeln!(text, "    ({name:?}, include_bytes!({:?})),", file.to_string_lossy())?;
    }
    text.push_str("]\n");
    Ok(text)
}
