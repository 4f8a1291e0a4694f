//! Which Stripe a database was filled from. Its rows name objects of one account in one mode, or of one sandbox: with
//! another, every one of them would lead nowhere.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::chain;
use crate::config::Config;
use crate::payments::Stripe;
use crate::store::Store;

/// Where the database keeps it.
const NAME: &str = "stripe.account";
/// Stripe is asked for the account's id no longer than this: its outage keeps nobody from starting.
const PATIENCE: Duration = Duration::from_secs(5);
/// What mends it.
const MEND: &str =
    "Name a database of its own in DATABASE_URL (sqlite://data/stripe.sqlite?mode=rwc for instance)";

/// Who filled the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FilledBy {
    /// A sandbox whose state is kept under this name.
    Sandbox(String),
    /// An account, by its id where Stripe told it.
    Account { is_live: bool, id: Option<String> },
}

impl FilledBy {
    fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':')?;
        let account = |is_live| Self::Account { is_live, id: (!id.is_empty()).then(|| id.to_owned()) };
        match kind {
            "sandbox" => Some(Self::Sandbox(id.to_owned())),
            "live" => Some(account(true)),
            "test" => Some(account(false)),
            _ => None,
        }
    }

    fn as_text(&self) -> String {
        match self {
            Self::Sandbox(id) => format!("sandbox:{id}"),
            Self::Account { is_live, id } => {
                format!("{}:{}", mode(*is_live), id.as_deref().unwrap_or_default())
            }
        }
    }
}

impl fmt::Display for FilledBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sandbox(_) => f.write_str("the Stripe sandbox"),
            Self::Account { is_live, id: Some(id) } => {
                write!(f, "Stripe's account {id} in {} mode", mode(*is_live))
            }
            Self::Account { is_live, id: None } => write!(f, "a Stripe account in {} mode", mode(*is_live)),
        }
    }
}

const fn mode(is_live: bool) -> &'static str {
    if is_live { "live" } else { "test" }
}

/// Who filled the database, if anybody did. A database of a version that did not write it down was filled by the sandbox
/// when that left its state beside it.
pub(super) async fn find(store: &Store, config: &Config) -> Result<Option<FilledBy>, String> {
    let written = store.find_cursor(NAME).await.map_err(|error| chain(&error))?;
    if let Some(known) = written.as_deref().and_then(FilledBy::parse) {
        return Ok(Some(known));
    }
    let is_empty = store.is_empty().await.map_err(|error| chain(&error))?;
    Ok((!is_empty && has_old_state(config)).then(|| FilledBy::Sandbox(String::new())))
}

/// Whether the one file that all databases of a folder used to share may be this database's.
fn has_old_state(config: &Config) -> bool {
    old_state(&config.data_dir).exists()
        && (config.uses_default_database() || !config.data_dir.join("tollgate.sqlite").exists())
}

fn old_state(data_dir: &Path) -> PathBuf {
    data_dir.join("stripe-sandbox.json")
}

/// Binds the database to the account of the key, or says why it is another's.
pub(super) async fn to_account(store: &Store, config: &Config, stripe: &Stripe) -> Result<(), String> {
    let is_empty = store.is_empty().await.map_err(|error| chain(&error))?;
    let known = find(store, config).await?.filter(|_| !is_empty);
    let id = match tokio::time::timeout(PATIENCE, stripe.account()).await {
        Ok(Ok(account)) => Some(account.id),
        Ok(Err(error)) => {
            tracing::warn!(%error, "Stripe did not say whose key it is; only its mode is compared");
            None
        }
        Err(_) => {
            tracing::warn!("Stripe did not say in time whose key it is; only its mode is compared");
            None
        }
    };
    let now = FilledBy::Account { is_live: stripe.livemode(), id };
    if let Some(why) = refusal(known.as_ref(), &now) {
        return Err(why);
    }
    // An account that Stripe does not tell today may be known from yesterday.
    if matches!(now, FilledBy::Account { id: Some(_), .. }) || known.is_none() {
        store.put_cursor(NAME, &now.as_text()).await.map_err(|error| chain(&error))?;
    }
    Ok(())
}

/// Why a database of `known` is not to be used with `now`.
pub(super) fn refusal(known: Option<&FilledBy>, now: &FilledBy) -> Option<String> {
    let is_the_same = match (known?, now) {
        (FilledBy::Sandbox(_), FilledBy::Sandbox(_)) => true,
        (FilledBy::Account { is_live: was_live, id: known_id }, FilledBy::Account { is_live, id }) => {
            let both_known = known_id.as_ref().zip(id.as_ref());
            was_live == is_live && both_known.is_none_or(|(known, now)| known == now)
        }
        _ => false,
    };
    if is_the_same {
        return None;
    }
    let known = known?;
    let or = match (known, now) {
        (FilledBy::Sandbox(_), _) => "or leave STRIPE_SECRET_KEY out to go on with the sandbox",
        (_, FilledBy::Sandbox(_)) => "or set STRIPE_SECRET_KEY to that account's key",
        _ => "or set STRIPE_SECRET_KEY to that account's key of that mode",
    };
    Some(format!(
        "This database was filled from {known}, and {now} knows nothing of its customers. {MEND}, {or}."
    ))
}

/// Binds the database to a sandbox, and says where that keeps its state; or why the database is another's. An empty
/// database begins with a new sandbox.
#[cfg(feature = "sandbox")]
pub(super) async fn to_sandbox(store: &Store, config: &Config) -> Result<PathBuf, String> {
    use crate::domain::ids::{IdGenerator, SystemIds};
    let known = find(store, config).await?;
    let is_empty = store.is_empty().await.map_err(|error| chain(&error))?;
    let id = match known {
        Some(FilledBy::Sandbox(id)) if !id.is_empty() => id,
        known => {
            let id = SystemIds.next().simple().to_string();
            let now = FilledBy::Sandbox(id.clone());
            if let Some(why) = refusal(known.as_ref().filter(|_| !is_empty), &now) {
                return Err(why);
            }
            if known == Some(FilledBy::Sandbox(String::new())) {
                adopt(config, &id)?;
            }
            store.put_cursor(NAME, &now.as_text()).await.map_err(|error| chain(&error))?;
            id
        }
    };
    let state = state(&config.data_dir, &id);
    if !is_empty && !state.exists() {
        tracing::warn!(
            state = %state.display(),
            "the sandbox's state is not there, so it knows nothing of this database's customers; an empty database gets a new demo"
        );
    }
    Ok(state)
}

#[cfg(feature = "sandbox")]
fn state(data_dir: &Path, id: &str) -> PathBuf {
    data_dir.join(format!("stripe-sandbox-{id}.json"))
}

/// Takes over what an older version kept.
#[cfg(feature = "sandbox")]
fn adopt(config: &Config, id: &str) -> Result<(), String> {
    let (old, new) = (old_state(&config.data_dir), state(&config.data_dir, id));
    std::fs::rename(&old, &new)
        .map_err(|error| format!("{} cannot be renamed to {}: {error}", old.display(), new.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(is_live: bool, id: Option<&str>) -> FilledBy {
        FilledBy::Account { is_live, id: id.map(str::to_owned) }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        for filled in [
            FilledBy::Sandbox("0190".to_owned()),
            account(true, Some("acct_1")),
            account(false, Some("acct_1")),
            account(true, None),
        ] {
            assert_eq!(FilledBy::parse(&filled.as_text()), Some(filled));
        }
    }

    #[test]
    fn another_account_mode_or_sandbox_is_refused_with_what_mends_it() {
        let sandbox = FilledBy::Sandbox("0190".to_owned());
        let (test, live) = (account(false, Some("acct_1")), account(true, Some("acct_1")));
        let (other, untold) = (account(false, Some("acct_2")), account(false, None));
        for (known, now) in
            [(&sandbox, &test), (&test, &sandbox), (&test, &live), (&live, &untold), (&test, &other)]
        {
            let why = refusal(Some(known), now).expect("it is refused");
            assert!(why.contains("DATABASE_URL") && why.contains("STRIPE_SECRET_KEY"), "{why}");
        }
        for (known, now) in [(&sandbox, &sandbox), (&test, &test), (&test, &untold), (&untold, &other)] {
            assert_eq!(refusal(Some(known), now), None);
        }
        assert_eq!(refusal(None, &live), None);
    }
}
