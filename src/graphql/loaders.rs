//! Dataloaders: what a list needs of each of its rows comes in one statement for all of them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader};
use chrono::NaiveDate;

use crate::domain::api_key::ApiKey;
use crate::domain::audit::AuditLog;
use crate::domain::credit_note::CreditNote;
use crate::domain::dispute::Dispute;
use crate::domain::ids::{
    ApiKeyId, InvoiceId, OrganizationId, PaymentId, PlanId, RoleId, StripeEventId, StripeInvoiceId,
    StripePriceId, SubscriptionId, UserId,
};
use crate::domain::invoice::Invoice;
use crate::domain::page::{Page, PageRequest};
use crate::domain::payment::Payment;
use crate::domain::payment_attempt::PaymentAttempt;
use crate::domain::payment_method::PaymentMethod;
use crate::domain::plan::{Plan, Price};
use crate::domain::plan_charge::PlanCharge;
use crate::domain::refund::Refund;
use crate::domain::role::CustomRole;
use crate::domain::setting::SettingDocument;
use crate::domain::subscription::Subscription;
use crate::domain::usage::UsageDay;
use crate::domain::user::User;
use crate::store::{
    AccessRows, AuditLogFilter, DisputeFilter, InvoiceFilter, Member, PaymentFilter, RefundFilter, Store,
    StoreError, SubscriptionView,
};

/// A failure that all waiting resolvers share.
pub type SharedError = Arc<StoreError>;

/// What is asked of each organization of a list: the same for all of one field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageKey<F> {
    pub organization: OrganizationId,
    pub filter: F,
    pub page: PageIdentity,
}

/// A page request as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageIdentity(pub PageRequest);

impl Hash for PageIdentity {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let place = |place: Option<crate::domain::page::Place>| place.map(|place| (place.at, place.id));
        (self.0.size, place(self.0.after), place(self.0.before)).hash(state);
    }
}

/// Splits keys by what is asked, since one statement asks one thing of many organizations.
fn by_question<F: Clone + Eq + Hash>(keys: &[PageKey<F>]) -> HashMap<(F, PageIdentity), Vec<OrganizationId>> {
    let mut questions: HashMap<(F, PageIdentity), Vec<OrganizationId>> = HashMap::new();
    for key in keys {
        questions.entry((key.filter.clone(), key.page)).or_default().push(key.organization);
    }
    questions
}

macro_rules! page_loader {
    ($name:ident, $filter:ty, $row:ty, |$store:ident, $organizations:ident, $asked:ident, $page:ident| $list:expr) => {
        /// Pages of a list of each organization.
        pub struct $name(Store);

        impl Loader<PageKey<$filter>> for $name {
            type Value = Page<$row>;
            type Error = SharedError;

            async fn load(
                &self,
                keys: &[PageKey<$filter>],
            ) -> Result<HashMap<PageKey<$filter>, Self::Value>, Self::Error> {
                let $store = &self.0;
                let mut loaded = HashMap::new();
                for ((filter, page), organizations) in by_question(keys) {
                    let ($organizations, $asked, $page) = (&organizations[..], &filter, &page.0);
                    for (organization, rows) in $list.await? {
                        loaded.insert(PageKey { organization, filter: filter.clone(), page }, rows);
                    }
                }
                Ok(loaded)
            }
        }
    };
}

page_loader!(Members, (), Member, |store, organizations, _filter, page| store
    .list_members(organizations, page));
page_loader!(Subscriptions, (), Subscription, |store, organizations, _filter, page| store
    .list_subscriptions(organizations, page));
page_loader!(Invoices, InvoiceFilter, Invoice, |store, organizations, filter, page| store.list_invoices(
    organizations,
    filter,
    page
));
page_loader!(Payments, PaymentFilter, Payment, |store, organizations, filter, page| store.list_payments(
    organizations,
    *filter,
    page
));
page_loader!(Refunds, RefundFilter, Refund, |store, organizations, filter, page| store.list_refunds(
    organizations,
    *filter,
    page
));
page_loader!(Disputes, DisputeFilter, Dispute, |store, organizations, filter, page| store.list_disputes(
    organizations,
    *filter,
    page
));
page_loader!(AuditLogs, AuditLogFilter, AuditLog, |store, organizations, filter, page| store
    .list_audit_logs(organizations, filter, page));

macro_rules! loader {
    ($(#[$meta:meta])* $name:ident, $key:ty, $value:ty, |$store:ident, $keys:ident| $load:expr) => {
        $(#[$meta])*
        pub struct $name(Store);

        impl Loader<$key> for $name {
            type Value = $value;
            type Error = SharedError;

            async fn load(&self, $keys: &[$key]) -> Result<HashMap<$key, Self::Value>, Self::Error> {
                let $store = &self.0;
                $load
            }
        }
    };
}

loader!(
    /// The current subscription of each organization.
    CurrentSubscriptions, OrganizationId, SubscriptionView,
    |store, keys| Ok(store.current_subscriptions(keys).await?)
);
loader!(
    /// The bodies of Stripe's events.
    StripeEventPayloads, StripeEventId, String,
    |store, keys| Ok(store.stripe_event_payloads(keys).await?)
);
loader!(
    /// What decides the access of each organization.
    Access, OrganizationId, AccessRows,
    |store, keys| Ok(store.access_rows(keys).await?)
);
loader!(
    /// The newest invoice of each organization.
    LatestInvoices, OrganizationId, Invoice,
    |store, keys| Ok(store.latest_invoices(keys).await?)
);
loader!(
    /// The payment methods of each organization.
    PaymentMethods, OrganizationId, Vec<PaymentMethod>,
    |store, keys| Ok(store.payment_methods_of(keys).await?)
);
loader!(
    /// The settings of each organization.
    Settings, OrganizationId, Vec<SettingDocument>,
    |store, keys| Ok(store.settings_of(keys).await?)
);
loader!(
    /// People by id.
    Users, UserId, User,
    |store, keys| Ok(store.users(keys).await?.into_iter().map(|user| (user.id, user)).collect())
);
loader!(
    /// Roles that organizations put together, by id.
    Roles, RoleId, CustomRole,
    |store, keys| Ok(store.roles(keys).await?.into_iter().map(|role| (role.id, role)).collect())
);
loader!(
    /// API keys by id.
    ApiKeys, ApiKeyId, ApiKey,
    |store, keys| Ok(store.api_keys(keys).await?.into_iter().map(|key| (key.id, key)).collect())
);
loader!(
    /// Plans by id.
    Plans, PlanId, Plan,
    |store, keys| Ok(store.plans(keys).await?.into_iter().map(|plan| (plan.id, plan)).collect())
);
loader!(
    /// The prices of each plan.
    Prices, PlanId, Vec<Price>,
    |store, keys| Ok(store.prices_of(keys).await?)
);
loader!(
    /// What each plan charges for usage now.
    PlanCharges, PlanId, Vec<PlanCharge>,
    |store, keys| {
        let history = store.plan_charges(keys).await?;
        Ok(keys.iter().map(|id| (*id, history.latest(*id).to_vec())).collect())
    }
);
loader!(
    /// Subscriptions by id.
    SubscriptionsById, SubscriptionId, Subscription,
    |store, keys| Ok(store.subscriptions(keys).await?.into_iter().map(|row| (row.id, row)).collect())
);
loader!(
    /// Invoices by id.
    InvoicesById, InvoiceId, Invoice,
    |store, keys| Ok(store.invoices(keys).await?.into_iter().map(|row| (row.id, row)).collect())
);

loader!(
    /// Invoices by Stripe's id.
    InvoicesAtStripe, StripeInvoiceId, Invoice,
    |store, keys| {
        let rows = store.invoices_at_stripe(keys).await?;
        Ok(rows.into_iter().map(|row| (row.stripe_invoice_id.clone(), row)).collect())
    }
);
loader!(
    /// Prices by Stripe's id, each with its plan.
    PricesAtStripe, StripePriceId, (Price, Plan),
    |store, keys| Ok(store.prices_at_stripe(keys).await?)
);

/// What is counted of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    Members,
    Invitations,
    ApiKeys,
    Subscriptions,
    Invoices(InvoiceFilter),
    Payments(PaymentFilter),
    Refunds(RefundFilter),
    Disputes(DisputeFilter),
    AuditLogs(AuditLogFilter),
}

/// How many rows of each organization's lists there are.
pub struct Totals(Store);

impl Loader<(OrganizationId, Counted)> for Totals {
    type Value = u64;
    type Error = SharedError;

    async fn load(
        &self,
        keys: &[(OrganizationId, Counted)],
    ) -> Result<HashMap<(OrganizationId, Counted), u64>, Self::Error> {
        let mut questions: HashMap<&Counted, Vec<OrganizationId>> = HashMap::new();
        for (organization, counted) in keys {
            questions.entry(counted).or_default().push(*organization);
        }
        let store = &self.0;
        let mut totals = HashMap::new();
        for (counted, organizations) in questions {
            let rows = match counted {
                Counted::Members => store.count_members_of(&organizations).await,
                Counted::Invitations => store.count_invitations_of(&organizations).await,
                Counted::ApiKeys => store.count_api_keys_of(&organizations).await,
                Counted::Subscriptions => store.count_subscriptions(&organizations).await,
                Counted::Invoices(filter) => store.count_invoices(&organizations, filter).await,
                Counted::Payments(filter) => store.count_payments(&organizations, *filter).await,
                Counted::Refunds(filter) => store.count_refunds(&organizations, *filter).await,
                Counted::Disputes(filter) => store.count_disputes(&organizations, *filter).await,
                Counted::AuditLogs(filter) => store.count_audit_logs(&organizations, filter).await,
            }?;
            for organization in organizations {
                let total = rows.get(&organization).copied().unwrap_or_default();
                totals.insert((organization, counted.clone()), total);
            }
        }
        Ok(totals)
    }
}

loader!(
    /// Payments by id.
    PaymentsById, PaymentId, Payment,
    |store, keys| Ok(store.payments(keys).await?.into_iter().map(|row| (row.id, row)).collect())
);

/// A payment, within its organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PaymentKey {
    pub organization: OrganizationId,
    pub payment: PaymentId,
}

/// What belongs to each payment, in one statement for all.
macro_rules! of_payments {
    ($(#[$meta:meta])* $name:ident, $value:ty, $load:ident) => {
        loader!(
            $(#[$meta])*
            $name, PaymentKey, Vec<$value>,
            |store, keys| {
                let organizations: Vec<_> =
                    keys.iter().map(|key| key.organization).collect::<std::collections::HashSet<_>>().into_iter().collect();
                let payments: Vec<_> = keys.iter().map(|key| key.payment).collect();
                let mut rows = store.$load(&organizations, &payments).await?;
                Ok(keys.iter().map(|key| (*key, rows.remove(&key.payment).unwrap_or_default())).collect())
            }
        );
    };
}

of_payments!(
    /// The attempts of each payment.
    AttemptsOfPayments, PaymentAttempt, attempts_of_payments
);
of_payments!(
    /// The refunds of each payment.
    RefundsOfPayments, Refund, refunds_of_payments
);
of_payments!(
    /// The disputes of each payment.
    DisputesOfPayments, Dispute, disputes_of_payments
);

/// The payments of an invoice, within its organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvoiceKey {
    pub organization: OrganizationId,
    pub invoice: InvoiceId,
}

loader!(
    /// The payments of each invoice.
    PaymentsOfInvoices, InvoiceKey, Vec<Payment>,
    |store, keys| {
        let organizations: Vec<_> =
            keys.iter().map(|key| key.organization).collect::<std::collections::HashSet<_>>().into_iter().collect();
        let invoices: Vec<_> = keys.iter().map(|key| key.invoice).collect();
        let mut payments = store.payments_of_invoices(&organizations, &invoices).await?;
        Ok(keys.iter().map(|key| (*key, payments.remove(&key.invoice).unwrap_or_default())).collect())
    }
);

loader!(
    /// The credit notes of each invoice.
    CreditNotesOfInvoices, InvoiceKey, Vec<CreditNote>,
    |store, keys| {
        let organizations: Vec<_> =
            keys.iter().map(|key| key.organization).collect::<std::collections::HashSet<_>>().into_iter().collect();
        let invoices: Vec<_> = keys.iter().map(|key| key.invoice).collect();
        let mut notes = store.credit_notes_of_invoices(&organizations, &invoices).await?;
        Ok(keys.iter().map(|key| (*key, notes.remove(&key.invoice).unwrap_or_default())).collect())
    }
);

/// A range of days of an organization, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UsageKey {
    pub organization: OrganizationId,
    pub since: NaiveDate,
    pub until: NaiveDate,
}

/// The usage of each organization in a range of days.
pub struct Usage(Store);

impl Loader<UsageKey> for Usage {
    type Value = Vec<UsageDay>;
    type Error = SharedError;

    async fn load(&self, keys: &[UsageKey]) -> Result<HashMap<UsageKey, Self::Value>, Self::Error> {
        let mut ranges: HashMap<(NaiveDate, NaiveDate), Vec<OrganizationId>> = HashMap::new();
        for key in keys {
            ranges.entry((key.since, key.until)).or_default().push(key.organization);
        }
        let mut loaded = HashMap::new();
        for ((since, until), organizations) in ranges {
            let mut usage = self.0.usage_of(&organizations, since, until).await?;
            for organization in organizations {
                let days = usage.remove(&organization).unwrap_or_default();
                loaded.insert(UsageKey { organization, since, until }, days);
            }
        }
        Ok(loaded)
    }
}

/// The dataloaders of one request.
pub struct Loaders {
    pub members: DataLoader<Members>,
    pub subscriptions: DataLoader<Subscriptions>,
    pub invoices: DataLoader<Invoices>,
    pub payments: DataLoader<Payments>,
    pub audit_logs: DataLoader<AuditLogs>,
    pub current_subscriptions: DataLoader<CurrentSubscriptions>,
    pub access: DataLoader<Access>,
    pub latest_invoices: DataLoader<LatestInvoices>,
    pub invoices_at_stripe: DataLoader<InvoicesAtStripe>,
    pub prices_at_stripe: DataLoader<PricesAtStripe>,
    pub totals: DataLoader<Totals>,
    pub payment_methods: DataLoader<PaymentMethods>,
    pub settings: DataLoader<Settings>,
    pub users: DataLoader<Users>,
    pub roles: DataLoader<Roles>,
    pub api_keys: DataLoader<ApiKeys>,
    pub plans: DataLoader<Plans>,
    pub prices: DataLoader<Prices>,
    pub plan_charges: DataLoader<PlanCharges>,
    pub subscriptions_by_id: DataLoader<SubscriptionsById>,
    pub invoices_by_id: DataLoader<InvoicesById>,
    pub payments_of_invoices: DataLoader<PaymentsOfInvoices>,
    pub credit_notes_of_invoices: DataLoader<CreditNotesOfInvoices>,
    pub payments_by_id: DataLoader<PaymentsById>,
    pub attempts_of_payments: DataLoader<AttemptsOfPayments>,
    pub refunds_of_payments: DataLoader<RefundsOfPayments>,
    pub disputes_of_payments: DataLoader<DisputesOfPayments>,
    pub refunds: DataLoader<Refunds>,
    pub disputes: DataLoader<Disputes>,
    pub usage: DataLoader<Usage>,
    pub stripe_event_payloads: DataLoader<StripeEventPayloads>,
}

impl Loaders {
    /// Fresh loaders: nothing is kept from one request to the next.
    pub fn new(store: Store) -> Self {
        macro_rules! start {
            ($loader:ident) => {
                DataLoader::new($loader(store.clone()), tokio::spawn)
            };
        }
        Self {
            members: start!(Members),
            subscriptions: start!(Subscriptions),
            invoices: start!(Invoices),
            payments: start!(Payments),
            audit_logs: start!(AuditLogs),
            current_subscriptions: start!(CurrentSubscriptions),
            access: start!(Access),
            latest_invoices: start!(LatestInvoices),
            invoices_at_stripe: start!(InvoicesAtStripe),
            prices_at_stripe: start!(PricesAtStripe),
            totals: start!(Totals),
            payment_methods: start!(PaymentMethods),
            settings: start!(Settings),
            users: start!(Users),
            roles: start!(Roles),
            api_keys: start!(ApiKeys),
            plans: start!(Plans),
            prices: start!(Prices),
            plan_charges: start!(PlanCharges),
            subscriptions_by_id: start!(SubscriptionsById),
            invoices_by_id: start!(InvoicesById),
            payments_of_invoices: start!(PaymentsOfInvoices),
            credit_notes_of_invoices: start!(CreditNotesOfInvoices),
            payments_by_id: start!(PaymentsById),
            attempts_of_payments: start!(AttemptsOfPayments),
            refunds_of_payments: start!(RefundsOfPayments),
            disputes_of_payments: start!(DisputesOfPayments),
            refunds: start!(Refunds),
            disputes: start!(Disputes),
            usage: start!(Usage),
            stripe_event_payloads: start!(StripeEventPayloads),
        }
    }
}
