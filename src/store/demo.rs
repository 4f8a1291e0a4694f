//! The demo's rows: inserted in bulk, once, into an empty database.

use chrono::NaiveDate;
use entity::{
    audit_log, membership, organization, organization_setting, price, setting_version, usage_day, user,
};
use sea_orm::{ActiveValue::Set, EntityTrait, PaginatorTrait};

use super::payment::PaymentLinks;
use super::setting::version_row;
use super::usage_total::day_row;
use super::{Store, StoreError};
use crate::domain::audit::{Actor, AuditEntry, AuditLog};
use crate::domain::ids::{OrganizationId, StripeCustomerId};
use crate::domain::invoice::Invoice;
use crate::domain::membership::Membership;
use crate::domain::organization::Organization;
use crate::domain::payment::Payment;
use crate::domain::payment_method::PaymentMethod;
use crate::domain::plan::{Plan, Price};
use crate::domain::quantity::Quantity;
use crate::domain::setting::SettingDocument;
use crate::domain::subscription::Subscription;
use crate::domain::usage::UsageTotals;
use crate::domain::user::User;

/// Everything the demo starts with.
#[derive(Debug, Default)]
pub struct DemoRows {
    /// The catalogue.
    pub plans: Vec<Plan>,
    /// Its prices.
    pub prices: Vec<Price>,
    /// The tenants.
    pub organizations: Vec<Organization>,
    /// The people.
    pub users: Vec<User>,
    /// Who belongs where.
    pub memberships: Vec<Membership>,
    /// One for each tenant.
    pub subscriptions: Vec<Subscription>,
    /// With the customer each belongs to.
    pub payment_methods: Vec<(PaymentMethod, StripeCustomerId)>,
    /// A year of them.
    pub invoices: Vec<Invoice>,
    /// One for each paid invoice.
    pub payments: Vec<Payment>,
    /// By organization, day and the name of a meter that there is.
    pub usage: Vec<(OrganizationId, NaiveDate, &'static str, i64)>,
    /// What happened.
    pub audit_logs: Vec<AuditLog>,
    /// Settings that were written.
    pub settings: Vec<SettingDocument>,
}

/// SQLite takes 32,766 values in a statement; the widest of these rows has under forty columns.
const ROWS_A_STATEMENT: usize = 500;

impl Store {
    /// Whether there is anything at all: the demo is only put into an empty database.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(organization::Entity::find().count(&self.db).await? == 0
            && entity::plan::Entity::find().count(&self.db).await? == 0)
    }

    /// Inserts the demo in one transaction, with a record of its own.
    pub async fn insert_demo(&self, rows: DemoRows) -> Result<(), StoreError> {
        macro_rules! insert {
            ($tx:expr, $entity:path, $rows:expr) => {
                let models: Vec<_> = $rows.collect();
                for chunk in models.chunks(ROWS_A_STATEMENT) {
                    <$entity>::insert_many(chunk.to_vec()).exec_without_returning(&$tx.tx).await?;
                }
            };
        }
        let transaction = self.begin().await?;
        let now = transaction.now();
        let meters = if rows.usage.is_empty() { Vec::new() } else { transaction.list_meters().await? };
        insert!(
            transaction,
            organization::Entity,
            rows.organizations.iter().map(|row| organization::ActiveModel {
                id: Set(row.id.0),
                name: Set(row.name.clone()),
                slug: Set(row.slug.clone()),
                stripe_customer_id: Set(row.stripe_customer_id.as_ref().map(|id| id.0.clone())),
                currency: Set(row.currency.map(|currency| currency.code().to_owned())),
                stripe_synced_at: Set(row.stripe_synced_at),
                is_demo: Set(true),
                seat_release: Set(row.seat_release.as_str().to_owned()),
                created_at: Set(row.created_at),
                updated_at: Set(row.updated_at),
            })
        );
        insert!(
            transaction,
            user::Entity,
            rows.users.iter().map(|row| user::ActiveModel {
                id: Set(row.id.0),
                issuer: Set(row.issuer.clone()),
                subject: Set(row.subject.clone()),
                email: Set(row.email.clone()),
                name: Set(row.name.clone()),
                locale: Set(row.locale.clone()),
                time_zone: Set(row.time_zone.clone()),
                is_platform_staff: Set(row.is_platform_staff),
                told_at: Set(row.told_at),
                sessions_revoked_at: Set(None),
                created_at: Set(row.created_at),
                updated_at: Set(row.updated_at),
            })
        );
        insert!(
            transaction,
            membership::Entity,
            rows.memberships.iter().map(|row| membership::ActiveModel {
                id: Set(row.id.0),
                organization_id: Set(row.organization_id.0),
                user_id: Set(row.user_id.0),
                role: Set(row.role.role.as_str().to_owned()),
                role_id: Set(row.role.role_id.map(|id| id.0)),
                status: Set(row.status.as_str().to_owned()),
                version: Set(row.version),
                sessions_revoked_at: Set(None),
                created_at: Set(row.created_at),
                updated_at: Set(row.updated_at),
            })
        );
        insert!(transaction, entity::plan::Entity, rows.plans.iter().map(super::plan::active_model));
        insert!(
            transaction,
            price::Entity,
            rows.prices.iter().map(|row| price::ActiveModel {
                id: Set(row.id.0),
                plan_id: Set(row.plan_id.0),
                currency: Set(row.unit_amount.currency.code().to_owned()),
                unit_amount_minor: Set(row.unit_amount.minor),
                billing_interval: Set(row.billing_interval.as_str().to_owned()),
                stripe_price_id: Set(row.stripe_price_id.as_ref().map(|id| id.0.clone())),
                is_active: Set(row.is_active),
                created_at: Set(row.created_at),
                archived_at: Set(row.archived_at),
            })
        );
        insert!(
            transaction,
            entity::subscription::Entity,
            rows.subscriptions.iter().map(super::subscription::active_model)
        );
        insert!(
            transaction,
            entity::payment_method::Entity,
            rows.payment_methods
                .iter()
                .map(|(row, customer)| super::payment_method::active_model(row, customer))
        );
        insert!(transaction, entity::invoice::Entity, rows.invoices.iter().map(super::invoice::active_model));
        insert!(
            transaction,
            entity::payment::Entity,
            rows.payments.iter().map(|row| {
                let stripe_invoice_id = rows
                    .invoices
                    .iter()
                    .find(|invoice| Some(invoice.id) == row.invoice_id)
                    .map(|invoice| invoice.stripe_invoice_id.0.clone());
                let stripe_customer_id = rows
                    .organizations
                    .iter()
                    .find(|organization| organization.id == row.organization_id)
                    .and_then(|organization| organization.stripe_customer_id.as_ref())
                    .map(|id| id.0.clone());
                let links = PaymentLinks { stripe_customer_id, stripe_invoice_id, stripe_charge_id: None };
                super::payment::active_model(row, links)
            })
        );
        insert!(
            transaction,
            usage_day::Entity,
            rows.usage.iter().filter_map(|&(organization, day, name, quantity)| {
                let meter = meters.iter().find(|meter| meter.meter.name == name)?;
                let quantity = Quantity::try_from(quantity).ok()?;
                let totals = UsageTotals {
                    events: 1,
                    sum: quantity,
                    max: quantity,
                    last_at: day.and_time(chrono::NaiveTime::MIN).and_utc(),
                    last_event_id: String::new(),
                    last: quantity,
                };
                Some(day_row(organization.0, meter.id.0, day, &totals, now))
            })
        );
        insert!(
            transaction,
            organization_setting::Entity,
            rows.settings.iter().map(|row| organization_setting::ActiveModel {
                organization_id: Set(row.organization_id.0),
                section: Set(row.section.as_str().to_owned()),
                version: Set(row.version),
                document: Set(row.document.clone()),
                updated_by: Set(row.updated_by.map(|id| id.0)),
                created_at: Set(now),
                updated_at: Set(row.updated_at.unwrap_or(now)),
            })
        );
        insert!(
            transaction,
            setting_version::Entity,
            rows.settings.iter().map(|row| version_row(self.ids.next(), row, row.updated_at.unwrap_or(now)))
        );
        insert!(
            transaction,
            audit_log::Entity,
            rows.audit_logs.iter().map(|row| {
                let actor = Actor {
                    kind: row.actor_kind,
                    user_id: row.user_id,
                    api_key_id: row.api_key_id,
                    ip_address: row.ip_address.clone(),
                    user_agent: row.user_agent.clone(),
                    request_id: row.request_id.clone(),
                    session: None,
                    is_staff: false,
                };
                let entry = AuditEntry {
                    organization_id: row.organization_id,
                    action: row.action.clone().into(),
                    resource_type: row.resource_type.clone().into(),
                    resource_id: row.resource_id.clone(),
                    outcome: row.outcome,
                    old_values: row.old_values.clone(),
                    new_values: row.new_values.clone(),
                };
                super::audit::audit_row(row.id.0, row.created_at, &actor, entry)
            })
        );
        let entry = AuditEntry::new(None, "demo.create", "demo", "demo")
            .created(serde_json::json!({ "organizations": rows.organizations.len() }));
        transaction.commit(&Actor::system(), entry).await
    }
}
