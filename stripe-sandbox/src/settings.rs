//! What an account can set in Stripe's dashboard, and a sandbox's builder or `/_sandbox/settings` here.

use serde::{Deserialize, Serialize};

/// What becomes of a subscription when the last attempt to collect its invoice has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterRetries {
    /// It is cancelled.
    #[default]
    Cancel,
    /// It becomes `unpaid`: its later invoices stay drafts until somebody finalises them.
    Unpaid,
    /// It stays `past_due`, and is invoiced as before.
    PastDue,
}

/// The settings of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What becomes of a subscription that cannot be collected.
    pub after_retries: AfterRetries,
    /// How many days before a renewal `invoice.upcoming` is sent; 0 sends none.
    pub upcoming_days: u16,
    /// How many days before its due date `invoice.will_be_due` is sent of an open invoice; 0, as unless set, sends none.
    pub due_soon_days: u16,
    /// Whether a draft waits for the endpoints that are to hear of `invoice.created`, as Stripe does: it is finalised an
    /// hour after they took it, or 72 hours after it was made. Off unless set, because time that is moved forward leaves
    /// them no time to answer.
    pub wait_for_webhooks: bool,
    /// How many days after its due date an invoice that was sent is given up, as after the last retry.
    pub overdue_days: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            after_retries: AfterRetries::default(),
            upcoming_days: 7,
            due_soon_days: 0,
            wait_for_webhooks: false,
            overdue_days: 30,
        }
    }
}
