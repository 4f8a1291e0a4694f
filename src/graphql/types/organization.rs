//! Organizations.

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Duration, Utc};

use super::super::connection::{
    AuditLogConnection, DisputeConnection, InvoiceConnection, MemberConnection, PageArguments,
    PaymentConnection, RefundConnection, SubscriptionConnection, Total, connection,
};
use super::super::context::{authorize_in, loaders, service, store, viewer};
use super::super::error::{bad_input, failed, internal, not_found, store as store_error};
use super::super::loaders::{Counted, PageIdentity, PageKey, UsageKey};
use super::super::node::NodeKind;
use super::super::scalars::{CurrencyCode, Date};
use super::access::AccessState;
use super::audit::{AuditLog, AuditLogFilter};
use super::dispute::Dispute;
use super::enums;
use super::invoice::{Invoice, InvoiceFilter, InvoicePreview};
use super::member::Member;
use super::payment::Payment;
use super::payment_method::PaymentMethod;
use super::refund::Refund;
use super::setting::OrganizationSettings;
use super::subscription::Subscription;
use super::usage::UsageDay;
use crate::domain;
use crate::domain::page::Page;
use crate::domain::usage::MAXIMUM_DAYS;
use crate::store::{DisputeFilter, OrganizationView, PaymentFilter, RefundFilter, SubscriptionView};

/// A tenant: everything billed and set belongs to one.
#[derive(Clone)]
pub struct Organization {
    row: domain::organization::Organization,
    /// `None` when it was not joined in.
    subscription: Option<Option<SubscriptionView>>,
    /// Whether there may be others in the same answer, so that what is asked of it is asked of all at once. One alone is
    /// asked directly: a dataloader would only make it wait.
    has_siblings: bool,
}

impl Organization {
    /// One that was asked for by itself.
    pub fn single(view: OrganizationView) -> Self {
        Self { row: view.organization, subscription: view.subscription, has_siblings: false }
    }

    /// One of a list.
    pub fn listed(view: OrganizationView) -> Self {
        Self { row: view.organization, subscription: view.subscription, has_siblings: true }
    }
}

/// Runs a page for one organization, or through the loader for one of many.
macro_rules! page_of_organization {
    ($self:ident, $ctx:ident, $loader:ident, $filter:expr, $page:expr, $direct:expr) => {{
        let organization = $self.row.id;
        let page = if $self.has_siblings {
            let key = PageKey { organization, filter: $filter, page: PageIdentity($page) };
            let loaded = loaders($ctx).$loader.load_one(key).await;
            loaded.map_err(|error| internal($ctx, error.as_ref()))?
        } else {
            $direct.await.map_err(store_error($ctx))?.remove(&organization)
        };
        page.unwrap_or(Page { items: Vec::new(), has_next: false, has_previous: false })
    }};
}

/// A tenant: everything billed and set belongs to one.
#[Object]
impl Organization {
    /// The opaque global id.
    pub async fn id(&self) -> ID {
        NodeKind::Organization.encode(self.row.id.0)
    }

    /// The name people read.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// The name in addresses, unique.
    async fn slug(&self) -> &str {
        &self.row.slug
    }

    /// The currency that Stripe fixed with the first charge; null before.
    async fn currency(&self) -> Option<CurrencyCode> {
        self.row.currency.map(CurrencyCode)
    }

    /// The caller's own role here; null for platform staff who are no members.
    async fn viewer_role(&self, ctx: &Context<'_>) -> Option<enums::Role> {
        viewer(ctx).role_in(self.row.id).map(Into::into)
    }

    /// The current subscription: a live one, else one whose first payment is due, else the last that ended.
    async fn subscription(&self, ctx: &Context<'_>) -> Result<Option<Subscription>> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        if let Some(joined) = &self.subscription {
            return Ok(joined.clone().map(Subscription::from));
        }
        let loaded = loaders(ctx).current_subscriptions.load_one(self.row.id).await;
        Ok(loaded.map_err(|error| internal(ctx, error.as_ref()))?.map(Subscription::from))
    }

    /// What the organization may use right now, and why: computed from subscription, payments and policy. Act on this
    /// instead of the subscription's status.
    async fn access_state(&self, ctx: &Context<'_>) -> Result<AccessState> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        let id = self.row.id;
        let rows = if self.has_siblings {
            loaders(ctx).access.load_one(id).await.map_err(|error| internal(ctx, error.as_ref()))?
        } else {
            store(ctx).access_rows(&[id]).await.map_err(store_error(ctx))?.remove(&id)
        };
        let rows = rows.ok_or_else(|| not_found("organization"))?;
        Ok(rows.state(service(ctx).clock().now()).into())
    }

    /// All subscriptions, ended ones included, newest first.
    async fn subscriptions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<SubscriptionConnection> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        self.subscriptions_page(ctx, PageArguments { first, after, last, before }).await
    }

    /// The members, oldest membership first.
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<MemberConnection> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        self.members_page(ctx, PageArguments { first, after, last, before }).await
    }

    /// What becomes of the seat that a member leaves.
    async fn seat_release(&self, ctx: &Context<'_>) -> Result<enums::SeatRelease> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        Ok(self.row.seat_release.into())
    }

    /// The invoices, newest first.
    async fn invoices(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that fit.")] filter: Option<InvoiceFilter>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<InvoiceConnection> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        self.invoices_page(ctx, filter, PageArguments { first, after, last, before }).await
    }

    /// The newest invoice.
    async fn latest_invoice(&self, ctx: &Context<'_>) -> Result<Option<Invoice>> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        let loaded = loaders(ctx).latest_invoices.load_one(self.row.id).await;
        Ok(loaded.map_err(|error| internal(ctx, error.as_ref()))?.map(Invoice))
    }

    /// The next bill as it would be now, line by line; null when there will be none: no paid subscription, or one that
    /// ends with its period. Stripe is asked for it.
    async fn upcoming_invoice(&self, ctx: &Context<'_>) -> Result<Option<InvoicePreview>> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        self.next_bill(ctx).await
    }

    /// The payments, newest first.
    async fn payments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those in this state.")] status: Option<enums::PaymentStatus>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<PaymentConnection> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        self.payments_page(ctx, status, PageArguments { first, after, last, before }).await
    }

    /// What was given back, or is to be, newest first.
    async fn refunds(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those in this state.")] status: Option<enums::RefundStatus>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<RefundConnection> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        self.refunds_page(ctx, status, PageArguments { first, after, last, before }).await
    }

    /// The disputes of its payments, newest first.
    async fn disputes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that are not decided, or only those that are.")] open: Option<bool>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<DisputeConnection> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        self.disputes_page(ctx, open, PageArguments { first, after, last, before }).await
    }

    /// The payment methods that can be charged, newest first.
    async fn payment_methods(&self, ctx: &Context<'_>) -> Result<Vec<PaymentMethod>> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        self.payment_method_list(ctx).await
    }

    /// Usage by day and meter, at most 400 days at once.
    async fn usage(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day; 29 days before the last when nothing is said.")] since: Option<Date>,
        #[graphql(desc = "The last day; today's in UTC when nothing is said.")] until: Option<Date>,
    ) -> Result<Vec<UsageDay>> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        self.usage_days(ctx, since, until).await
    }

    /// The audit log, newest first.
    async fn audit_logs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that fit.")] filter: Option<AuditLogFilter>,
        #[graphql(desc = "The first so many, 1 to 100; 20 when nothing is said.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "The last so many, 1 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<AuditLogConnection> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        self.audit_logs_page(ctx, filter, PageArguments { first, after, last, before }).await
    }

    /// The settings.
    async fn settings(&self, ctx: &Context<'_>) -> Result<OrganizationSettings> {
        authorize_in(ctx, "Organization", self.row.id, "organization")?;
        self.setting_documents(ctx).await
    }

    /// When it was created, in UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }
}

/// What the fields above and the root fields of the same names share. The caller has asked the policy.
impl Organization {
    pub async fn subscriptions_page(
        &self,
        ctx: &Context<'_>,
        page: PageArguments,
    ) -> Result<SubscriptionConnection> {
        let page = page.request()?;
        let rows = page_of_organization!(
            self,
            ctx,
            subscriptions,
            (),
            page,
            store(ctx).list_subscriptions(&[self.row.id], &page)
        );
        let total = Total::Of(self.row.id, Counted::Subscriptions);
        Ok(connection(rows, total, domain::subscription::Subscription::place, Subscription::from))
    }

    pub async fn members_page(&self, ctx: &Context<'_>, page: PageArguments) -> Result<MemberConnection> {
        let page = page.request()?;
        let rows = page_of_organization!(
            self,
            ctx,
            members,
            (),
            page,
            store(ctx).list_members(&[self.row.id], &page)
        );
        Ok(connection(rows, Total::Of(self.row.id, Counted::Members), crate::store::Member::place, Member))
    }

    pub async fn invoices_page(
        &self,
        ctx: &Context<'_>,
        filter: Option<InvoiceFilter>,
        page: PageArguments,
    ) -> Result<InvoiceConnection> {
        let page = page.request()?;
        let filter = filter.unwrap_or_default().decode()?;
        let rows = page_of_organization!(
            self,
            ctx,
            invoices,
            filter.clone(),
            page,
            store(ctx).list_invoices(&[self.row.id], &filter, &page)
        );
        let total = Total::Of(self.row.id, Counted::Invoices(filter));
        Ok(connection(rows, total, domain::invoice::Invoice::place, Invoice))
    }

    pub async fn next_bill(&self, ctx: &Context<'_>) -> Result<Option<InvoicePreview>> {
        let preview = service(ctx).upcoming_invoice(self.row.id).await.map_err(|error| failed(ctx, error))?;
        Ok(preview.map(InvoicePreview))
    }

    pub async fn payments_page(
        &self,
        ctx: &Context<'_>,
        status: Option<enums::PaymentStatus>,
        page: PageArguments,
    ) -> Result<PaymentConnection> {
        let page = page.request()?;
        let filter = PaymentFilter { status: status.map(Into::into) };
        let rows = page_of_organization!(
            self,
            ctx,
            payments,
            filter,
            page,
            store(ctx).list_payments(&[self.row.id], filter, &page)
        );
        let total = Total::Of(self.row.id, Counted::Payments(filter));
        Ok(connection(rows, total, domain::payment::Payment::place, Payment))
    }

    pub async fn refunds_page(
        &self,
        ctx: &Context<'_>,
        status: Option<enums::RefundStatus>,
        page: PageArguments,
    ) -> Result<RefundConnection> {
        let page = page.request()?;
        let filter = RefundFilter { status: status.map(Into::into) };
        let rows = page_of_organization!(
            self,
            ctx,
            refunds,
            filter,
            page,
            store(ctx).list_refunds(&[self.row.id], filter, &page)
        );
        let total = Total::Of(self.row.id, Counted::Refunds(filter));
        Ok(connection(rows, total, domain::refund::Refund::place, Refund))
    }

    pub async fn disputes_page(
        &self,
        ctx: &Context<'_>,
        is_open: Option<bool>,
        page: PageArguments,
    ) -> Result<DisputeConnection> {
        let page = page.request()?;
        let filter = DisputeFilter { is_open };
        let rows = page_of_organization!(
            self,
            ctx,
            disputes,
            filter,
            page,
            store(ctx).list_disputes(&[self.row.id], filter, &page)
        );
        let total = Total::Of(self.row.id, Counted::Disputes(filter));
        Ok(connection(rows, total, domain::dispute::Dispute::place, Dispute))
    }

    pub async fn payment_method_list(&self, ctx: &Context<'_>) -> Result<Vec<PaymentMethod>> {
        let loaded = loaders(ctx).payment_methods.load_one(self.row.id).await;
        let methods = loaded.map_err(|error| internal(ctx, error.as_ref()))?.unwrap_or_default();
        Ok(methods.into_iter().map(PaymentMethod).collect())
    }

    pub async fn usage_days(
        &self,
        ctx: &Context<'_>,
        since: Option<Date>,
        until: Option<Date>,
    ) -> Result<Vec<UsageDay>> {
        let until = until.map_or_else(|| service(ctx).clock().now().date_naive(), |day| day.0);
        let since = since.map_or_else(|| until - Duration::days(29), |day| day.0);
        let days = (until - since).num_days();
        if !(0..MAXIMUM_DAYS).contains(&days) {
            return Err(bad_input(format!(
                "since and until: since comes first, and there are at most {MAXIMUM_DAYS} days between them."
            )));
        }
        let organization = self.row.id;
        let usage = if self.has_siblings {
            let loaded = loaders(ctx).usage.load_one(UsageKey { organization, since, until }).await;
            loaded.map_err(|error| internal(ctx, error.as_ref()))?
        } else {
            let mut usage =
                store(ctx).usage_of(&[organization], since, until).await.map_err(store_error(ctx))?;
            usage.remove(&organization)
        };
        Ok(usage.unwrap_or_default().into_iter().map(UsageDay::from).collect())
    }

    pub async fn audit_logs_page(
        &self,
        ctx: &Context<'_>,
        filter: Option<AuditLogFilter>,
        page: PageArguments,
    ) -> Result<AuditLogConnection> {
        let page = page.request()?;
        let filter = AuditLogFilter::decode(filter)?;
        let rows = page_of_organization!(
            self,
            ctx,
            audit_logs,
            filter.clone(),
            page,
            store(ctx).list_audit_logs(&[self.row.id], &filter, &page)
        );
        let total = Total::Of(self.row.id, Counted::AuditLogs(filter));
        Ok(connection(rows, total, domain::audit::AuditLog::place, AuditLog))
    }

    pub async fn setting_documents(&self, ctx: &Context<'_>) -> Result<OrganizationSettings> {
        let loaded = loaders(ctx).settings.load_one(self.row.id).await;
        let written = loaded.map_err(|error| internal(ctx, error.as_ref()))?.unwrap_or_default();
        OrganizationSettings::new(ctx, &self.row, &written)
    }
}

impl From<OrganizationView> for Organization {
    fn from(view: OrganizationView) -> Self {
        Self::single(view)
    }
}
