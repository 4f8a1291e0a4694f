//! What is wrong with a configuration: all of it at once.

use std::fmt;

/// One wrong setting: its name, what is wrong, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The environment variable.
    pub name: &'static str,
    /// What is wrong and how to mend it, in a sentence. Never the value of a secret.
    pub message: String,
}

/// Everything that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigProblem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The configuration is wrong:")?;
        for problem in &self.0 {
            writeln!(f, "  {}: {}", problem.name, problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
