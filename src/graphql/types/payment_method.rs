//! Payment methods.

use async_graphql::{ID, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::super::node::NodeKind;
use crate::domain;

/// A payment method. Of a card or a bank account only what may be shown is known.
#[derive(Clone)]
pub struct PaymentMethod(pub domain::payment_method::PaymentMethod);

/// What may be known of a card.
#[derive(Clone, Debug, SimpleObject)]
pub struct Card {
    /// The brand in Stripe's word, `visa`.
    pub brand: String,
    /// The last four digits.
    pub last4: String,
    /// The month of expiry, 1 to 12.
    pub exp_month: i32,
    /// The year of expiry, four digits.
    pub exp_year: i32,
    /// The country of issue, ISO 3166 alpha-2.
    pub country: Option<String>,
}

/// What may be known of a bank account.
#[derive(Clone, Debug, SimpleObject)]
pub struct BankAccount {
    /// The bank's name, or its code where Stripe tells no name; null when it tells neither.
    pub bank_name: Option<String>,
    /// The last digits of the account's number; null when Stripe does not tell them.
    pub last4: Option<String>,
}

/// A payment method. Of a card or a bank account only what may be shown is known.
#[Object]
impl PaymentMethod {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::PaymentMethod.encode(self.0.id.0)
    }

    /// Stripe's type, `card` for instance.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The card, when it is one.
    async fn card(&self) -> Option<Card> {
        self.0.card.clone().map(|card| Card {
            brand: card.brand,
            last4: card.last4,
            exp_month: card.exp_month,
            exp_year: card.exp_year,
            country: card.country,
        })
    }

    /// The bank account, when it is one.
    async fn bank_account(&self) -> Option<BankAccount> {
        let account = self.0.bank_account.clone()?;
        Some(BankAccount { bank_name: account.bank_name, last4: account.last4 })
    }

    /// For people: "visa •••• 4242", "STRIPE TEST BANK •••• 6789", or Stripe's type when nothing more is known.
    async fn summary(&self) -> String {
        self.0.summary()
    }

    /// When it expires, in UTC: the end of the card's last month; null for what does not expire.
    async fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.card.as_ref().and_then(domain::payment_method::Card::expires_at)
    }

    /// Whether invoices are charged to it unless a subscription says otherwise.
    async fn is_default(&self) -> bool {
        self.0.is_default
    }

    /// When it was detached, in UTC; a detached one cannot be charged.
    async fn detached_at(&self) -> Option<DateTime<Utc>> {
        self.0.detached_at
    }

    /// The id at Stripe, `pm_…`.
    async fn stripe_payment_method_id(&self) -> &str {
        self.0.stripe_payment_method_id.as_str()
    }

    /// When it was created, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

impl From<domain::payment_method::PaymentMethod> for PaymentMethod {
    fn from(row: domain::payment_method::PaymentMethod) -> Self {
        Self(row)
    }
}
