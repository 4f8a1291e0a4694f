//! Signals that ask us to stop.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Remembers the last SIGINT, SIGTERM or SIGHUP. Nothing ends at once: whoever waits looks here
/// and unwinds, so that clusters and child processes are always taken down.
pub struct Interrupt {
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Takes the three signals over for this process. Fails when the system refuses the handlers.
    pub fn install() -> Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        for number in [SIGINT, SIGTERM, SIGHUP] {
            let value = usize::try_from(number).context("signal numbers are positive")?;
            signal_hook::flag::register_usize(number, Arc::clone(&signal), value)
                .context("cannot handle signals")?;
        }
        Ok(Self { signal })
    }

    /// The number of the signal that came, if one did.
    pub fn signal(&self) -> Option<usize> {
        match self.signal.load(Ordering::SeqCst) {
            0 => None,
            number => Some(number),
        }
    }

    /// Fails once a signal has come.
    pub fn check(&self) -> Result<()> {
        if let Some(number) = self.signal() {
            bail!("interrupted by signal {number}");
        }
        Ok(())
    }

    /// The shell's exit code for the signal that came: 128 and its number.
    pub fn exit_code(&self) -> Option<u8> {
        self.signal().map(|number| u8::try_from(128 + number).unwrap_or(u8::MAX))
    }
}
