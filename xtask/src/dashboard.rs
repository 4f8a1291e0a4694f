//! The dashboard in `frontend/`: built when its sources have changed, and started beside a gateway.

use std::{
    env, fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result, bail};

use crate::{
    chromium,
    interrupt::Interrupt,
    node,
    process::{self, Group},
    workspace,
};

pub const FOLDER: &str = "frontend";

/// Where the gateway serves when nothing else is said.
const GATEWAY: &str = "127.0.0.1:8080";

/// Where the dashboard serves, and where the gateway's mails lead in development.
const DASHBOARD: &str = "127.0.0.1:3000";
const DASHBOARD_URL: &str = "http://localhost:3000";

/// How long the gateway may take to make its demo, and the dashboard to start.
const STARTED_WITHIN: Duration = Duration::from_secs(60);

/// What makes another build: its sources, texts, settings and packages.
const SOURCES: &[&str] = &[
    "src",
    "messages",
    "public",
    "package.json",
    "package-lock.json",
    "next.config.ts",
    "postcss.config.mjs",
];

/// Builds both, starts the gateway with its sandbox and the dashboard, prints one address, and keeps them until Ctrl-C.
/// Fails when one of them ends by itself; the other is ended then.
pub fn run(interrupt: &Interrupt) -> Result<()> {
    let program = workspace::binaries().context("cannot tell where cargo builds")?.join("tollgate");
    process::run(workspace::cargo().args(["build", "--bin", "tollgate"]), interrupt)?;
    build(interrupt)?;

    let listen = env::var("TOLLGATE_LISTEN").unwrap_or_else(|_| GATEWAY.to_owned());
    let mut gateway = Group::start(Command::new(program).arg("serve").current_dir(workspace::root()))?;
    wait_until(&mut gateway, &listen, "/healthz", "the gateway", interrupt)?;
    let mut dashboard = Group::start(
        next(&["start", "--hostname", "127.0.0.1", "--port", port_of(DASHBOARD)])
            .env("TOLLGATE_URL", format!("http://{listen}"))
            .env("TOLLGATE_ENV", "development"),
    )?;
    wait_until(&mut dashboard, DASHBOARD, "/favicon.svg", "the dashboard", interrupt)?;
    process::say(format_args!("\nThe dashboard is on {DASHBOARD_URL}. Ctrl-C ends it and the gateway."));
    while interrupt.signal().is_none() {
        for (group, name) in [(&mut gateway, "the gateway"), (&mut dashboard, "the dashboard")] {
            if let Some(status) = group.child.try_wait()? {
                bail!("{name} has ended by itself: {status}");
            }
        }
        thread::sleep(process::POLL);
    }
    Ok(())
}

/// The dashboard's own checks: lint, types, components, the build and its weight, and the pages in Chromium against the
/// gateway given.
pub fn check(gateway: &Path, interrupt: &Interrupt) -> Result<()> {
    npm_run("check", gateway, interrupt)
}

/// Takes pictures of every page, in both languages, in the dark and on a phone, into `docs/screenshots/`.
pub fn screenshots(interrupt: &Interrupt) -> Result<()> {
    let gateway = workspace::binaries().context("cannot tell where cargo builds")?.join("tollgate");
    process::run(workspace::cargo().args(["build", "--bin", "tollgate"]), interrupt)?;
    build(interrupt)?;
    npm_run("screenshots", &gateway, interrupt)
}

fn npm_run(script: &str, gateway: &Path, interrupt: &Interrupt) -> Result<()> {
    node::check(interrupt)?;
    node::install(FOLDER, interrupt)?;
    let browser = chromium::find_or_install(interrupt)?;
    process::run(
        node::npm(FOLDER)
            .args(["run", script])
            .env("NEXT_TELEMETRY_DISABLED", "1")
            .env("TOLLGATE_TEST_GATEWAY", gateway)
            .env("TOLLGATE_TEST_CHROMIUM", browser)
            .env("TOLLGATE_SCREENSHOTS", workspace::root().join("docs/screenshots")),
        interrupt,
    )
}

/// `npm run build`, unless nothing has changed since the last one.
fn build(interrupt: &Interrupt) -> Result<()> {
    node::check(interrupt)?;
    node::install(FOLDER, interrupt)?;
    let folder = workspace::root().join(FOLDER);
    let built = modified(&folder.join(".next/BUILD_ID"))?;
    let mut changed = None;
    for source in SOURCES {
        changed = changed.max(newest(&folder.join(source))?);
    }
    if built.is_some() && built > changed {
        process::say(format_args!("{FOLDER}: the build is up to date."));
        return Ok(());
    }
    process::run(node::npm(FOLDER).args(["run", "build"]).env("NEXT_TELEMETRY_DISABLED", "1"), interrupt)
}

/// Next.js itself: npm between us and it would not hand signals on.
fn next(arguments: &[&str]) -> Command {
    let mut command = Command::new("node");
    command
        .arg("node_modules/next/dist/bin/next")
        .args(arguments)
        .current_dir(workspace::root().join(FOLDER))
        .env("NEXT_TELEMETRY_DISABLED", "1");
    command
}

fn port_of(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(_, port)| port)
}

/// When the newest file at or below the path was changed; nothing when there is none.
fn newest(path: &Path) -> Result<Option<SystemTime>> {
    let mut time = modified(path)?;
    if path.is_dir() {
        for entry in fs::read_dir(path).with_context(|| format!("cannot look into {}", path.display()))? {
            time = time.max(newest(&entry?.path())?);
        }
    }
    Ok(time)
}

fn modified(path: &Path) -> Result<Option<SystemTime>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.modified()?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", path.display())),
    }
}

/// Waits until the address answers `path` with 200. Fails when the group ends before, or takes too long.
fn wait_until(group: &mut Group, address: &str, path: &str, name: &str, interrupt: &Interrupt) -> Result<()> {
    let address: SocketAddr =
        address.parse().with_context(|| format!("{address} is no address such as {GATEWAY}"))?;
    let deadline = Instant::now() + STARTED_WITHIN;
    while !answers(address, path) {
        interrupt.check()?;
        if let Some(status) = group.child.try_wait()? {
            bail!("{name} has ended by itself: {status}");
        }
        if Instant::now() > deadline {
            bail!("{name} does not answer on {address}");
        }
        thread::sleep(process::POLL);
    }
    Ok(())
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let patience = Duration::from_secs(2);
        let mut stream = TcpStream::connect_timeout(&address, patience)?;
        stream.set_read_timeout(Some(patience))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_newest_file_of_a_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        fs::create_dir_all(&path).unwrap();
        assert_eq!(newest(&folder.path().join("missing")).unwrap(), None);
        let file = fs::File::create(path.join("c")).unwrap();
        let later = SystemTime::now() + Duration::from_secs(60);
        file.set_modified(later).unwrap();
        assert_eq!(newest(folder.path()).unwrap(), Some(file.metadata().unwrap().modified().unwrap()));
    }

    #[test]
    fn an_answer_counts_when_it_is_200() {
        for (answer, expected) in [("HTTP/1.1 200 OK", true), ("HTTP/1.1 503 Unavailable", false)] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 512]).unwrap();
                write!(stream, "{answer}\r\n\r\n").unwrap();
            });
            assert_eq!(answers(address, "/"), expected);
            server.join().unwrap();
        }
    }

    #[test]
    fn nobody_there_is_no_answer() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(!answers(address, "/"));
    }
}
