//! What an organization asks of its API keys.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::permission::{Permission, Permissions};
use super::setting::{FieldChecks, Patch, set_flag};

/// The longest life of a key that can be asked for, in days: ten years.
pub const LONGEST_KEY_DAYS: i32 = 3660;

/// What keys must satisfy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyPolicy {
    /// Whether there may be any.
    pub allowed: bool,
    /// How long one counts at most, in days from when it was made.
    pub longest_life_days: Option<i32>,
    /// What one may be given at most; anything when left out.
    pub scopes: Option<Vec<Permission>>,
    /// Whether one must name the addresses that it is used from.
    pub addresses_required: bool,
}

impl Default for KeyPolicy {
    fn default() -> Self {
        Self { allowed: true, longest_life_days: None, scopes: None, addresses_required: false }
    }
}

impl KeyPolicy {
    /// What a key may hold.
    pub fn bounds(&self) -> Permissions {
        match &self.scopes {
            None => Permission::ALL.iter().copied().collect(),
            // Without this nothing else can be used.
            Some(scopes) => scopes.iter().copied().chain([Permission::OrganizationRead]).collect(),
        }
    }

    /// Until when a key that was made at `made` counts.
    pub fn ends(&self, made: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.longest_life_days.map(|days| made + TimeDelta::days(days.into()))
    }
}

/// What is to become of the rules for keys.
#[derive(Clone, Debug, Default, Serialize)]
pub struct KeyPolicyPatch {
    /// Whether there may be any.
    pub allowed: Patch<bool>,
    /// How long one counts at most.
    pub longest_life_days: Patch<i32>,
    /// What one may be given at most.
    pub scopes: Patch<Vec<Permission>>,
    /// Whether one must name its addresses.
    pub addresses_required: Patch<bool>,
}

impl From<KeyPolicy> for KeyPolicyPatch {
    fn from(policy: KeyPolicy) -> Self {
        Self {
            allowed: Patch::Set(policy.allowed),
            longest_life_days: policy.longest_life_days.into(),
            scopes: policy.scopes.into(),
            addresses_required: Patch::Set(policy.addresses_required),
        }
    }
}

/// Why a rule for keys was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyPolicyError {
    /// A life that no key has.
    #[error("A key's longest life is 1 to {LONGEST_KEY_DAYS} days.")]
    Days,
    /// What no key can hold.
    #[error("No key can hold organization:transfer: a person does that.")]
    Scope,
}

impl KeyPolicy {
    /// Writes what is asked for; what is wrong with it goes to `checks`.
    pub fn patch(&mut self, patch: KeyPolicyPatch, checks: &mut FieldChecks) {
        set_flag(&mut self.allowed, &patch.allowed, true);
        set_flag(&mut self.addresses_required, &patch.addresses_required, false);
        let days = patch.longest_life_days;
        days.apply(&mut self.longest_life_days, "keyPolicy.longestLifeDays", checks, |days| {
            if (1..=LONGEST_KEY_DAYS).contains(&days) { Ok(Some(days)) } else { Err(KeyPolicyError::Days) }
        });
        patch.scopes.apply(&mut self.scopes, "keyPolicy.scopes", checks, |scopes| {
            if scopes.contains(&Permission::OrganizationTransfer) {
                return Err(KeyPolicyError::Scope);
            }
            Ok(Some(Permission::ALL.iter().copied().filter(|it| scopes.contains(it)).collect()))
        });
    }
}
