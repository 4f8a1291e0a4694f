//! A private PostgreSQL cluster: in a temporary folder, on a free loopback port, gone at the end.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

use crate::{
    apt,
    interrupt::Interrupt,
    process::{self, Group},
};

/// How long the server may take until it answers.
const START: Duration = Duration::from_mins(1);

/// How often another port is tried when someone took ours between choice and start.
const ATTEMPTS: u32 = 5;

/// A running cluster. Dropped, it is stopped and its folder removed; should this process be
/// killed without a chance to drop anything, its sweeper does both.
pub struct Cluster {
    // Dropped in this order: the server must be gone before its folder is removed.
    server: Group,
    folder: Folder,
    port: u16,
    programs: Programs,
}

/// What a commit of a cluster means.
#[derive(Clone, Copy)]
enum Durability {
    /// The data need not outlive a crash: tests.
    None,
    /// As a server is run that keeps what it confirms: measurements.
    Full,
}

impl Cluster {
    /// Finds PostgreSQL (or installs it, where that is allowed), makes a cluster and waits until
    /// it takes connections. Fails with what to install, or with the server's log.
    pub fn start(interrupt: &Interrupt) -> Result<Self> {
        Self::start_with(Durability::None, interrupt)
    }

    /// The same, and what is committed is on the disk: with PostgreSQL's own settings.
    pub fn start_durable(interrupt: &Interrupt) -> Result<Self> {
        Self::start_with(Durability::Full, interrupt)
    }

    fn start_with(durability: Durability, interrupt: &Interrupt) -> Result<Self> {
        let programs = Programs::find_or_install(interrupt)?;
        let folder = Folder::create(Account::find()?)?;
        initialise(&programs, &folder, interrupt)?;
        for _ in 0..ATTEMPTS {
            let port = free_port()?;
            let mut server = launch(&programs, &folder, port, durability)?;
            match wait_until_ready(&mut server, &folder, interrupt)? {
                Start::Ready => {
                    return Ok(Self { server, folder, port, programs });
                }
                Start::PortTaken => {}
            }
        }
        bail!("PostgreSQL found its port taken {ATTEMPTS} times in a row");
    }

    /// The URL of the superuser's connection. Tests make databases of their own beside it.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// A client program of the same PostgreSQL: psql, pgbench.
    pub fn client(&self, name: &str) -> Command {
        self.programs.command(name)
    }

    /// Whether the server still runs. Fails when the system does not tell.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.server.child.try_wait()?.is_none())
    }

    /// What the server has logged so far.
    pub fn log(&self) -> String {
        self.folder.log()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Immediate shutdown: the data is thrown away, there is nothing to write back.
        self.server.end(Signal::QUIT);
    }
}

/// Where PostgreSQL's programs are.
struct Programs {
    folder: PathBuf,
}

impl Programs {
    fn find_or_install(interrupt: &Interrupt) -> Result<Self> {
        if let Some(programs) = Self::find() {
            return Ok(programs);
        }
        apt::install("postgresql", interrupt).context("PostgreSQL's server is missing")?;
        Self::find().context("Debian's `postgresql` is installed, but `initdb` is nowhere")
    }

    fn find() -> Option<Self> {
        let on_path = process::find_program("initdb")
            .and_then(|path| fs::canonicalize(path).ok())
            .and_then(|path| path.parent().map(Path::to_owned));
        on_path
            .into_iter()
            .chain(configured_folder())
            .chain(debian_folders(Path::new("/usr/lib/postgresql")))
            .find(|folder| ["initdb", "postgres"].iter().all(|name| process::is_program(&folder.join(name))))
            .map(|folder| Self { folder })
    }

    fn command(&self, name: &str) -> Command {
        Command::new(self.folder.join(name))
    }
}

fn configured_folder() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(path.trim_end()))
}

/// Debian keeps its servers off PATH, one folder a major version. The newest first.
fn debian_folders(parent: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            Some((version, path.join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, path)| path).collect()
}

/// The user who runs the server when we are root, as which PostgreSQL refuses to run.
#[derive(Clone, Copy)]
struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// None when we are not root and the server may run as we do.
    fn find() -> Result<Option<Self>> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some(Self { user: id("-u", name)?, group: id("-g", name)? }))
            .map(Some)
            .context("root may not run PostgreSQL, and there is no user `postgres` or `nobody`")
    }
}

fn id(option: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([option, name]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// The folder of a cluster: its data, its socket and its log.
struct Folder {
    path: TempDir,
    account: Option<Account>,
    sweeper: Child,
}

/// Removes the cluster when our end of its standard input closes, however we came to our end:
/// the kernel closes it for us even after a SIGKILL.
const SWEEPER: &str = r#"
trap '' HUP INT TERM
read -r nothing
if pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null); then
    kill -QUIT "$pid" 2>/dev/null
fi
tries=0
while [ -e "$1" ] && [ "$tries" -lt 100 ]; do
    rm -rf -- "$1" 2>/dev/null || sleep 0.1
    tries=$((tries + 1))
done
"#;

impl Folder {
    fn create(account: Option<Account>) -> Result<Self> {
        let path = tempfile::Builder::new()
            .prefix("tollgate-postgres-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        if let Some(Account { user, group }) = account {
            chown(path.path(), Some(user), Some(group))
                .context("cannot hand the temporary folder to PostgreSQL's user")?;
        }
        let sweeper = Command::new("sh")
            .args(["-c", SWEEPER, "sweeper"])
            .arg(path.path())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start `sh`")?;
        Ok(Self { path, account, sweeper })
    }

    fn data(&self) -> PathBuf {
        self.path.path().join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.path.path().join("postgres.log")
    }

    fn log(&self) -> String {
        match fs::read(self.log_file()) {
            Ok(log) => String::from_utf8_lossy(&log).into_owned(),
            Err(error) => format!("(no log: {error})"),
        }
    }

    /// Makes the command run as the cluster's user, in the cluster's folder, with its output at
    /// the end of the log.
    fn adopt(&self, command: &mut Command) -> Result<()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .context("cannot write PostgreSQL's log")?;
        command
            .current_dir(self.path.path())
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        if let Some(Account { user, group }) = self.account {
            command.uid(user).gid(group);
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(self.sweeper.stdin.take());
        let _ = self.sweeper.wait();
    }
}

fn initialise(programs: &Programs, folder: &Folder, interrupt: &Interrupt) -> Result<()> {
    let mut initdb = programs.command("initdb");
    initdb
        .arg("--pgdata")
        .arg(folder.data())
        // initdb's own pg_hba.conf lets in the socket and the loopback addresses, nothing else.
        .args(["--auth=trust", "--username=postgres"])
        .args(["--encoding=UTF8", "--locale=C", "--no-sync"]);
    folder.adopt(&mut initdb)?;
    let status = process::wait(&mut initdb, interrupt).with_context(|| {
        let folder = folder.path.path().display();
        format!("PostgreSQL's user must be able to reach {folder} (TMPDIR chooses the place)")
    })?;
    if !status.success() {
        bail!("PostgreSQL's initdb failed:\n{}", folder.log());
    }
    Ok(())
}

fn launch(programs: &Programs, folder: &Folder, port: u16, durability: Durability) -> Result<Group> {
    // A failed start would be read again by the next attempt.
    File::create(folder.log_file()).context("cannot write PostgreSQL's log")?;
    let mut postgres = programs.command("postgres");
    postgres.arg("-D").arg(folder.data()).args(["-p", &port.to_string(), "-k"]).arg(folder.path.path());
    let settings: &[&str] = match durability {
        Durability::None => &["fsync=off", "synchronous_commit=off", "full_page_writes=off"],
        Durability::Full => &["fsync=on", "synchronous_commit=on", "full_page_writes=on"],
    };
    for setting in ["listen_addresses=127.0.0.1", "max_connections=300"].iter().chain(settings) {
        postgres.args(["-c", setting]);
    }
    folder.adopt(&mut postgres)?;
    Group::start(&mut postgres)
}

enum Start {
    Ready,
    PortTaken,
}

/// Waits for the word `ready` in postmaster.pid, as pg_ctl does. Asking the port would not do:
/// another's server may answer there.
fn wait_until_ready(server: &mut Group, folder: &Folder, interrupt: &Interrupt) -> Result<Start> {
    let deadline = Instant::now() + START;
    loop {
        interrupt.check()?;
        if let Some(status) = server.child.try_wait()? {
            let log = folder.log();
            if is_port_taken(&log) {
                return Ok(Start::PortTaken);
            }
            bail!("PostgreSQL did not start ({status}):\n{log}");
        }
        if fs::read_to_string(folder.data().join("postmaster.pid")).is_ok_and(|pid| is_ready(&pid)) {
            return Ok(Start::Ready);
        }
        if Instant::now() > deadline {
            bail!("PostgreSQL was not ready within {} s:\n{}", START.as_secs(), folder.log());
        }
        thread::sleep(process::POLL);
    }
}

/// The eighth line of postmaster.pid is the server's state.
fn is_ready(postmaster_pid: &str) -> bool {
    postmaster_pid.lines().nth(7).is_some_and(|state| state.trim() == "ready")
}

fn is_port_taken(log: &str) -> bool {
    log.contains("Address already in use")
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no loopback port is free")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_debian_s_servers_comes_first() {
        let parent = tempfile::tempdir().unwrap();
        for version in ["9", "17", "15", "common"] {
            fs::create_dir_all(parent.path().join(version).join("bin")).unwrap();
        }
        let folders = debian_folders(parent.path());
        let expected = ["17/bin", "15/bin", "9/bin"].map(|path| parent.path().join(path));
        assert_eq!(folders, expected);
    }

    #[test]
    fn a_server_is_ready_when_its_state_says_so() {
        let starting = "42\n/data\n0\n5432\n/socket\n127.0.0.1\n1 2\nstarting\n";
        assert!(!is_ready(starting));
        assert!(!is_ready("42\n/data\n"));
        assert!(is_ready(&starting.replace("starting", "ready   ")));
    }

    #[test]
    fn a_port_taken_by_another_is_told_from_other_failures() {
        assert!(is_port_taken(
            "LOG:  could not bind IPv4 address \"127.0.0.1\": Address already in use\n\
             FATAL:  could not create any TCP/IP sockets\n"
        ));
        assert!(!is_port_taken("FATAL:  could not create lock file: Permission denied\n"));
    }

    #[test]
    fn a_folder_is_swept_when_it_is_dropped() {
        let folder = Folder::create(None).unwrap();
        let path = folder.path.path().to_owned();
        fs::create_dir(folder.data()).unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
