//! Child processes: started in a group of their own, waited for, ended with all they started.

use std::{
    env,
    fmt::{Arguments, Write as _},
    io::{Read, Seek, Write as _, stderr},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::interrupt::Interrupt;

/// How often a waiting loop looks again.
pub const POLL: Duration = Duration::from_millis(20);

/// How long a child may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// Writes a line to standard error. Never panics, so that it may stand in a destructor.
pub fn say(line: Arguments<'_>) {
    let _ = writeln!(stderr(), "{line}");
}

/// Prints the command, runs it with our output, and fails unless it exits with 0.
pub fn run(command: &mut Command, interrupt: &Interrupt) -> Result<()> {
    say(format_args!("$ {}", words(command)));
    let status = wait(command, interrupt)?;
    if !status.success() {
        bail!("`{}` failed: {status}", words(command));
    }
    Ok(())
}

/// Runs the command and returns its standard output; its errors go to ours. Fails unless it
/// exits with 0 and prints UTF-8.
pub fn read(command: &mut Command, interrupt: &Interrupt) -> Result<String> {
    let mut output = tempfile::tempfile().context("cannot make a temporary file")?;
    command.stdout(output.try_clone()?);
    let status = wait(command, interrupt)?;
    if !status.success() {
        bail!("`{}` failed: {status}", words(command));
    }
    let mut text = String::new();
    output.rewind()?;
    output
        .read_to_string(&mut text)
        .with_context(|| format!("`{}` printed something else than text", words(command)))?;
    Ok(text)
}

/// Runs the command to its end, whatever its exit code. Fails when it cannot be started or when
/// a signal asks us to stop; then the command is ended first.
pub fn wait(command: &mut Command, interrupt: &Interrupt) -> Result<ExitStatus> {
    interrupt.check()?;
    let mut group = Group::start(command.stdin(Stdio::null()))?;
    loop {
        if let Some(status) = group.child.try_wait()? {
            return Ok(status);
        }
        interrupt.check()?;
        thread::sleep(POLL);
    }
}

/// A child that leads a process group. Dropped while it runs, the whole group is ended.
pub struct Group {
    pub child: Child,
}

impl Group {
    /// Starts the command in a new process group, so that a Ctrl-C at the terminal reaches us
    /// alone and we decide what ends when.
    pub fn start(command: &mut Command) -> Result<Self> {
        let child =
            command.process_group(0).spawn().with_context(|| format!("cannot start `{}`", words(command)))?;
        Ok(Self { child })
    }

    /// Sends the signal to the group and waits until all of it has ended; what is left after the
    /// grace time is killed. Does nothing once the child has been waited for: its id may be
    /// another's by then.
    pub fn end(&mut self, signal: Signal) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, signal);
        let deadline = Instant::now() + GRACE;
        let mut leads = true;
        while leads || test_kill_process_group(group).is_ok() {
            if Instant::now() > deadline {
                let _ = kill_process_group(group, Signal::KILL);
                let _ = self.child.wait();
                return;
            }
            thread::sleep(POLL);
            leads = matches!(self.child.try_wait(), Ok(None));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end(Signal::TERM);
    }
}

/// The first program of this name on PATH.
pub fn find_program(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| is_program(path))
}

/// Whether the path leads to a file that someone may execute.
pub fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The command line, for people: a program is called by its name, wherever it is.
fn words(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut line = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        if argument.is_empty() || argument.contains([' ', '\n', '\'']) {
            let _ = write!(line, " {argument:?}");
        } else {
            let _ = write!(line, " {argument}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_output_of_a_command_is_read() {
        let interrupt = Interrupt::install().unwrap();
        let text = read(&mut shell("echo one; echo two"), &interrupt).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }

    #[test]
    fn a_failing_command_is_an_error_that_names_it() {
        let interrupt = Interrupt::install().unwrap();
        let error = run(&mut shell("exit 3"), &interrupt).unwrap_err();
        assert_eq!(error.to_string(), r#"`sh -c "exit 3"` failed: exit status: 3"#);
    }

    #[test]
    fn a_missing_program_is_an_error_that_names_it() {
        let interrupt = Interrupt::install().unwrap();
        let error = run(&mut Command::new("no-such-program"), &interrupt).unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program`");
    }

    #[test]
    fn a_dropped_group_takes_its_grandchildren_with_it() {
        let mut command = shell("sleep 60 & echo started; wait");
        let mut group = Group::start(command.stdout(Stdio::piped())).unwrap();
        let mut output = group.child.stdout.take().unwrap();
        let mut started = [0; 8];
        output.read_exact(&mut started).unwrap();
        let start = Instant::now();
        drop(group);
        // The pipe closes when the last process that writes to it is gone.
        output.read_to_end(&mut Vec::new()).unwrap();
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(find_program("sh").is_some_and(|path| is_program(&path)));
        assert_eq!(find_program("no-such-program"), None);
    }
}
