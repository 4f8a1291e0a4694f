//! Rows to write: row `n` of every table has a value in every column, refers to the rows `n` of
//! other tables, and differs from row `n + 1` in every column.

use sea_orm::prelude::{ChronoDate, DateTimeUtc, Json, Uuid};
use sea_orm::{DatabaseConnection, EntityTrait, IntoActiveModel};
use serde_json::json;

use entity::{
    api_key, audit_log, billing_drift, billing_operation, billing_policy, credit_note, deleted_customer,
    dispute, dunning_reminder, email_delivery, entitlement_override, idempotency_key, invitation, invoice,
    job, membership, membership_end, meter, notification, organization, organization_refund_limit,
    organization_session, organization_setting, outbox_message, payment, payment_attempt, payment_method,
    plan, plan_charge, price, refund, refund_limit, role, seat_release, setting_version, stripe_event,
    subscription, subscription_record, sync_cursor, trial_mark, usage_alert, usage_alert_state, usage_charge,
    usage_counter, usage_day, usage_day_key, usage_event, usage_event_key, usage_hour, usage_notice,
    usage_period, user, webhook_delivery, webhook_endpoint,
};

/// A model of which numbered rows can be made.
pub trait Row {
    /// Row `n`.
    fn row(n: u8) -> Self;
}

/// Writes row `n` of every table.
pub async fn insert_all(db: &DatabaseConnection, n: u8) {
    for_each_entity!(insert(db, n));
}

async fn insert<E: EntityTrait>(db: &DatabaseConnection, n: u8)
where
    E::Model: Row + PartialEq + IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: Send,
{
    let returned = E::insert(E::Model::row(n).into_active_model()).exec_with_returning(db).await.unwrap();
    assert_eq!(returned, E::Model::row(n));
}

fn id(n: u8) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | u128::from(n))
}

fn text(column: &str, n: u8) -> String {
    format!("{column} {n} •••• \"'\\")
}

fn currency(n: u8) -> String {
    ["USD", "JPY", "KWD"][usize::from(n) % 3].to_owned()
}

/// Another moment for each column, to the microsecond, and later for a larger `n`.
fn moment(column: &str, n: u8) -> DateTimeUtc {
    let offset: i64 = column.bytes().map(i64::from).sum();
    let micros = 1_767_225_600_000_001 + i64::from(n) * 86_400_000_000 + offset * 1_000;
    DateTimeUtc::from_timestamp_micros(micros).unwrap()
}

fn day(n: u8) -> ChronoDate {
    ChronoDate::from_ymd_opt(2026, 2, u32::from(n)).unwrap()
}

fn document(n: u8) -> Json {
    json!({
        "n": n,
        "text": "ß \u{1f600} \"",
        "large": i64::MAX,
        "empty": {},
        "list": [null, true, {"deep": ["x"]}],
    })
}

impl Row for organization::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            name: text("name", n),
            slug: text("slug", n),
            stripe_customer_id: Some(text("stripe_customer_id", n)),
            currency: Some(currency(n)),
            stripe_synced_at: Some(moment("stripe_synced_at", n)),
            is_demo: n % 2 == 1,
            seat_release: text("seat_release", n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for user::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            issuer: text("issuer", n),
            subject: text("subject", n),
            email: Some(text("email", n)),
            name: Some(text("name", n)),
            locale: Some(text("locale", n)),
            time_zone: Some(text("time_zone", n)),
            is_platform_staff: n % 2 == 1,
            told_at: Some(moment("told_at", n)),
            sessions_revoked_at: Some(moment("sessions_revoked_at", n)),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for membership::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            user_id: id(n),
            role: text("role", n),
            role_id: Some(id(n)),
            status: text("status", n),
            version: i64::from(n),
            sessions_revoked_at: Some(moment("sessions_revoked_at", n)),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for organization_setting::Model {
    fn row(n: u8) -> Self {
        Self {
            organization_id: id(n),
            section: text("section", n),
            version: i64::from(n),
            document: document(n),
            updated_by: Some(id(n)),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for plan::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: Some(id(n)),
            name: text("name", n),
            slug: text("slug", n),
            description: text("description", n),
            price_minor: i64::from(n),
            currency: currency(n),
            billing_interval: text("billing_interval", n),
            features: document(n),
            trial_days: i32::from(n),
            seats_included: Some(i32::from(n)),
            sort_order: i32::from(n),
            is_public: n % 2 == 1,
            is_active: n % 2 == 1,
            stripe_product_id: Some(text("stripe_product_id", n)),
            stripe_price_id: Some(text("stripe_price_id", n)),
            version: i64::from(n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
            archived_at: Some(moment("archived_at", n)),
        }
    }
}

impl Row for price::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            plan_id: id(n),
            currency: currency(n),
            unit_amount_minor: i64::from(n),
            billing_interval: text("billing_interval", n),
            stripe_price_id: Some(text("stripe_price_id", n)),
            is_active: n % 2 == 1,
            created_at: moment("created_at", n),
            archived_at: Some(moment("archived_at", n)),
        }
    }
}

impl Row for subscription::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            plan_id: Some(id(n)),
            price_id: Some(id(n)),
            stripe_subscription_id: Some(text("stripe_subscription_id", n)),
            stripe_customer_id: Some(text("stripe_customer_id", n)),
            plan_type: text("plan_type", n),
            status: text("status", n),
            quantity: i64::MAX - i64::from(n),
            current_period_start: Some(moment("current_period_start", n)),
            current_period_end: Some(moment("current_period_end", n)),
            trial_start: Some(moment("trial_start", n)),
            trial_end: Some(moment("trial_end", n)),
            cancel_at: Some(moment("cancel_at", n)),
            cancel_at_period_end: n % 2 == 1,
            canceled_at: Some(moment("canceled_at", n)),
            ended_at: Some(moment("ended_at", n)),
            cancellation_reason: Some(text("cancellation_reason", n)),
            cancellation_feedback: Some(text("cancellation_feedback", n)),
            collection_paused: n % 2 == 1,
            collection_pause_behavior: Some(text("collection_pause_behavior", n)),
            collection_resumes_at: Some(moment("collection_resumes_at", n)),
            pending_update_expires_at: Some(moment("pending_update_expires_at", n)),
            discounts: Some(document(n)),
            stripe_schedule_id: Some(text("stripe_schedule_id", n)),
            scheduled_stripe_price_id: Some(text("scheduled_stripe_price_id", n)),
            scheduled_quantity: Some(i64::from(n)),
            scheduled_at: Some(moment("scheduled_at", n)),
            next_plan_id: Some(id(n)),
            next_quantity: Some(i64::from(n)),
            default_payment_method: Some(text("default_payment_method", n)),
            latest_stripe_invoice_id: Some(text("latest_stripe_invoice_id", n)),
            stripe_synced_at: Some(moment("stripe_synced_at", n)),
            started_at: Some(moment("started_at", n)),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for billing_policy::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: Some(id(n)),
            scope: text("scope", n),
            document: document(n),
            version: i64::from(n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for dunning_reminder::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            subscription_id: id(n),
            stripe_invoice_id: text("stripe_invoice_id", n),
            step: i32::from(n),
            after_days: i32::from(n) + 1,
            kind: text("kind", n),
            access: text("access", n),
            due_at: moment("due_at", n),
            delivered_at: Some(moment("delivered_at", n)),
            created_at: moment("created_at", n),
        }
    }
}

impl Row for payment_method::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            stripe_payment_method_id: text("stripe_payment_method_id", n),
            stripe_customer_id: text("stripe_customer_id", n),
            kind: text("kind", n),
            card_brand: Some(text("card_brand", n)),
            card_last4: Some(text("card_last4", n)),
            card_exp_month: Some(i32::from(n)),
            card_exp_year: Some(i32::from(n)),
            card_country: Some(text("card_country", n)),
            card_fingerprint: Some(text("card_fingerprint", n)),
            bank_name: Some(text("bank_name", n)),
            bank_last4: Some(text("bank_last4", n)),
            is_default: n % 2 == 1,
            detached_at: Some(moment("detached_at", n)),
            stripe_synced_at: moment("stripe_synced_at", n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for invoice::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            subscription_id: Some(id(n)),
            stripe_invoice_id: text("stripe_invoice_id", n),
            number: Some(text("number", n)),
            status: text("status", n),
            billing_reason: Some(text("billing_reason", n)),
            currency: currency(n),
            subtotal_minor: i64::from(n),
            tax_minor: i64::from(n),
            total_minor: i64::MAX - i64::from(n),
            amount_due_minor: i64::from(n),
            amount_paid_minor: i64::from(n),
            amount_remaining_minor: i64::from(n),
            due_date: Some(moment("due_date", n)),
            period_start: moment("period_start", n),
            period_end: moment("period_end", n),
            line_items: document(n),
            pdf_url: Some(text("pdf_url", n)),
            hosted_url: Some(text("hosted_url", n)),
            attempt_count: i32::from(n),
            next_payment_attempt_at: Some(moment("next_payment_attempt_at", n)),
            finalized_at: Some(moment("finalized_at", n)),
            paid_at: Some(moment("paid_at", n)),
            voided_at: Some(moment("voided_at", n)),
            stripe_synced_at: moment("stripe_synced_at", n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
            collection_method: Some(text("collection_method", n)),
        }
    }
}

impl Row for payment::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            invoice_id: Some(id(n)),
            stripe_payment_intent_id: text("stripe_payment_intent_id", n),
            stripe_customer_id: Some(text("stripe_customer_id", n)),
            stripe_invoice_id: Some(text("stripe_invoice_id", n)),
            amount_minor: i64::from(n),
            amount_received_minor: i64::from(n),
            amount_refunded_minor: i64::from(n),
            currency: currency(n),
            status: text("status", n),
            payment_method: Some(text("payment_method", n)),
            payment_method_summary: Some(text("payment_method_summary", n)),
            description: Some(text("description", n)),
            metadata: document(n),
            failure_code: Some(text("failure_code", n)),
            decline_code: Some(text("decline_code", n)),
            failure_message: Some(text("failure_message", n)),
            stripe_charge_id: Some(text("stripe_charge_id", n)),
            stripe_synced_at: moment("stripe_synced_at", n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for meter::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            name: text("name", n),
            unit: text("unit", n),
            description: text("description", n),
            aggregation: text("aggregation", n),
            reset_period: text("reset_period", n),
            key_property: Some(text("key_property", n)),
            version: i64::from(n),
            archived_at: Some(moment("archived_at", n)),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for entitlement_override::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            feature: text("feature", n),
            value: document(n),
            reason: text("reason", n),
            expires_at: Some(moment("expires_at", n)),
            updated_by: Some(id(n)),
            version: i64::from(n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for plan_charge::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            plan_id: id(n),
            since: moment("since", n),
            charges: document(n),
            created_at: moment("created_at", n),
        }
    }
}

impl Row for usage_period::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            subscription_id: id(n),
            period_start: moment("period_start", n),
            period_end: moment("period_end", n),
            ended_at: Some(moment("ended_at", n)),
            is_last: n % 2 == 1,
            segments: document(n),
            seen_ended_at: Some(moment("seen_ended_at", n)),
            closed_at: Some(moment("closed_at", n)),
            rated_at: Some(moment("rated_at", n)),
            terms: Some(document(n)),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for usage_charge::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            subscription_id: id(n),
            usage_period_id: id(n),
            meter_id: id(n),
            period_start: moment("period_start", n),
            period_end: moment("period_end", n),
            part: i32::from(n),
            quantity: text("quantity", n),
            currency: currency(n),
            amount_minor: i64::MAX - i64::from(n),
            lines: document(n),
            rated: document(n),
            place: text("place", n),
            stripe_invoice_id: Some(text("stripe_invoice_id", n)),
            stripe_invoice_item_id: Some(text("stripe_invoice_item_id", n)),
            operation_id: Some(id(n)),
            billed_at: Some(moment("billed_at", n)),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for usage_event_key::Model {
    fn row(n: u8) -> Self {
        Self {
            organization_id: id(n),
            meter_id: id(n),
            event_id: text("event_id", n),
            received_at: moment("received_at", n),
        }
    }
}

impl Row for usage_event::Model {
    fn row(n: u8) -> Self {
        Self {
            organization_id: id(n),
            meter_id: id(n),
            event_id: text("event_id", n),
            occurred_at: moment("occurred_at", n),
            quantity_units: i64::MAX - i64::from(n),
            quantity_fraction: i64::from(n),
            key_value: Some(text("key_value", n)),
            properties: Some(document(n)),
            received_at: moment("received_at", n),
        }
    }
}

impl Row for usage_hour::Model {
    fn row(n: u8) -> Self {
        Self {
            organization_id: id(n),
            meter_id: id(n),
            hour_start: moment("hour_start", n),
            events: i64::from(n),
            sum_units: i64::MAX - i64::from(n),
            sum_fraction: i64::from(n),
            max_units: i64::MIN + i64::from(n),
            max_fraction: 999_999_999_999 - i64::from(n),
            last_at: moment("last_at", n),
            last_event_id: text("last_event_id", n),
            last_units: -i64::from(n),
            last_fraction: i64::from(n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for usage_day::Model {
    fn row(n: u8) -> Self {
        Self {
            organization_id: id(n),
            meter_id: id(n),
            day: day(n),
            events: i64::from(n),
            sum_units: i64::MAX - i64::from(n),
            sum_fraction: i64::from(n),
            max_units: i64::MIN + i64::from(n),
            max_fraction: 999_999_999_999 - i64::from(n),
            last_at: moment("last_at", n),
            last_event_id: text("last_event_id", n),
            last_units: -i64::from(n),
            last_fraction: i64::from(n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for usage_day_key::Model {
    fn row(n: u8) -> Self {
        Self { organization_id: id(n), meter_id: id(n), day: day(n), key_value: text("key_value", n) }
    }
}

impl Row for usage_counter::Model {
    fn row(n: u8) -> Self {
        Self {
            organization_id: id(n),
            meter_id: id(n),
            period_start: moment("period_start", n),
            events: i64::from(n),
            sum_units: i64::MAX - i64::from(n),
            sum_fraction: i64::from(n),
            max_units: i64::MIN + i64::from(n),
            max_fraction: 999_999_999_999 - i64::from(n),
            last_at: moment("last_at", n),
            last_event_id: text("last_event_id", n),
            last_units: -i64::from(n),
            last_fraction: i64::from(n),
            updated_at: moment("updated_at", n),
            seen_events: Some(i64::from(n)),
        }
    }
}

impl Row for subscription_record::Model {
    fn row(n: u8) -> Self {
        Self {
            subscription_id: id(n),
            recorded_at: moment("recorded_at", n),
            organization_id: id(n),
            status: text("status", n),
            plan_id: Some(id(n)),
            currency: Some(currency(n)),
            monthly_minor: i64::from(n),
            quantity: i64::from(n),
        }
    }
}

impl Row for usage_alert::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            meter_id: id(n),
            thresholds: document(n),
            spend_limit_minor: Some(i64::from(n)),
            spend_limit_currency: Some(currency(n)),
            updated_by: Some(id(n)),
            version: i64::from(n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for usage_alert_state::Model {
    fn row(n: u8) -> Self {
        Self {
            organization_id: id(n),
            meter_id: id(n),
            state: document(n),
            used_up_since: Some(moment("used_up_since", n)),
            used_up_until: Some(moment("used_up_until", n)),
            look_again_at: Some(moment("look_again_at", n)),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for usage_notice::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            meter_id: id(n),
            period_start: moment("period_start", n),
            threshold_key: text("threshold_key", n),
            kind: text("kind", n),
            threshold: document(n),
            reading: document(n),
            created_at: moment("created_at", n),
        }
    }
}

impl Row for audit_log::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: Some(id(n)),
            actor_kind: text("actor_kind", n),
            user_id: Some(id(n)),
            api_key_id: Some(id(n)),
            action: text("action", n),
            resource_type: text("resource_type", n),
            resource_id: text("resource_id", n),
            outcome: text("outcome", n),
            old_values: Some(document(n)),
            new_values: Some(document(n)),
            ip_address: Some(text("ip_address", n)),
            user_agent: Some(text("user_agent", n)),
            request_id: Some(text("request_id", n)),
            created_at: moment("created_at", n),
        }
    }
}

impl Row for stripe_event::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            account: text("account", n),
            livemode: n % 2 == 1,
            event_id: text("event_id", n),
            event_type: text("event_type", n),
            api_version: Some(text("api_version", n)),
            object_id: Some(text("object_id", n)),
            stripe_customer_id: Some(text("stripe_customer_id", n)),
            source: Some(text("source", n)),
            organization_id: Some(id(n)),
            stripe_created_at: moment("stripe_created_at", n),
            payload: text("payload", n),
            state: text("state", n),
            attempts: i32::from(n),
            next_attempt_at: moment("next_attempt_at", n),
            lease_until: Some(moment("lease_until", n)),
            lease_token: Some(id(n)),
            last_error: Some(text("last_error", n)),
            received_at: moment("received_at", n),
            applied_at: Some(moment("applied_at", n)),
        }
    }
}

impl Row for sync_cursor::Model {
    fn row(n: u8) -> Self {
        Self { name: text("name", n), value: text("value", n), updated_at: moment("updated_at", n) }
    }
}

impl Row for job::Model {
    fn row(n: u8) -> Self {
        Self {
            name: text("name", n),
            lease_token: Some(id(n)),
            lease_until: Some(moment("lease_until", n)),
            started_at: Some(moment("started_at", n)),
            finished_at: Some(moment("finished_at", n)),
            error: Some(text("error", n)),
            report: Some(document(n)),
        }
    }
}

impl Row for billing_drift::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            resource_type: text("resource_type", n),
            stripe_object_id: text("stripe_object_id", n),
            field: text("field", n),
            local_value: Some(document(n)),
            stripe_value: Some(document(n)),
            cause: text("cause", n),
            found_at: moment("found_at", n),
            seen_at: moment("seen_at", n),
            mended_at: Some(moment("mended_at", n)),
            mended_by: Some(text("mended_by", n)),
        }
    }
}

impl Row for billing_operation::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: Some(id(n)),
            user_id: Some(id(n)),
            api_key_id: Some(id(n)),
            kind: text("kind", n),
            resource_id: Some(text("resource_id", n)),
            parameters: document(n),
            stripe_idempotency_key: text("stripe_idempotency_key", n),
            state: text("state", n),
            attempts: i32::from(n),
            outcome: Some(document(n)),
            error_code: Some(text("error_code", n)),
            error_message: Some(text("error_message", n)),
            open_scope: Some(text("open_scope", n)),
            lease_until: moment("lease_until", n),
            fencing_token: i64::from(n),
            released_at: Some(moment("released_at", n)),
            heard_at: Some(moment("heard_at", n)),
            request_id: Some(text("request_id", n)),
            ip_address: Some(text("ip_address", n)),
            user_agent: Some(text("user_agent", n)),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
            settled_at: Some(moment("settled_at", n)),
        }
    }
}

impl Row for idempotency_key::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            user_id: id(n),
            organization_id: Some(id(n)),
            scope_hash: text("scope_hash", n),
            mutation: text("mutation", n),
            input_hash: text("input_hash", n),
            operation_id: Some(id(n)),
            answer: Some(document(n)),
            created_at: moment("created_at", n),
            expires_at: moment("expires_at", n),
        }
    }
}

impl Row for payment_attempt::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            payment_id: id(n),
            stripe_charge_id: text("stripe_charge_id", n),
            status: text("status", n),
            amount_minor: i64::from(n),
            currency: currency(n),
            payment_method: Some(text("payment_method", n)),
            payment_method_summary: Some(text("payment_method_summary", n)),
            failure_code: Some(text("failure_code", n)),
            decline_code: Some(text("decline_code", n)),
            failure_message: Some(text("failure_message", n)),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for refund::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            payment_id: id(n),
            stripe_refund_id: Some(text("stripe_refund_id", n)),
            amount_minor: i64::from(n),
            currency: currency(n),
            status: text("status", n),
            reason: Some(text("reason", n)),
            failure_reason: Some(text("failure_reason", n)),
            note: Some(text("note", n)),
            requested_by: Some(id(n)),
            decided_by: Some(id(n)),
            decided_at: Some(moment("decided_at", n)),
            stripe_synced_at: Some(moment("stripe_synced_at", n)),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for refund_limit::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            role: text("role", n),
            currency: currency(n),
            daily_minor: i64::from(n),
            approval_above_minor: i64::from(n),
            updated_by: Some(id(n)),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for dispute::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            payment_id: id(n),
            stripe_dispute_id: text("stripe_dispute_id", n),
            stripe_charge_id: text("stripe_charge_id", n),
            amount_minor: i64::from(n),
            currency: currency(n),
            status: text("status", n),
            reason: text("reason", n),
            evidence_due_by: Some(moment("evidence_due_by", n)),
            has_evidence: n % 2 == 1,
            is_refundable: n % 2 == 1,
            stripe_synced_at: moment("stripe_synced_at", n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for credit_note::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            invoice_id: id(n),
            stripe_credit_note_id: text("stripe_credit_note_id", n),
            number: text("number", n),
            status: text("status", n),
            amount_minor: i64::from(n),
            pre_payment_minor: i64::from(n),
            post_payment_minor: i64::from(n),
            refunded_minor: i64::from(n) + 2,
            currency: currency(n),
            reason: Some(text("reason", n)),
            memo: Some(text("memo", n)),
            pdf_url: Some(text("pdf_url", n)),
            voided_at: Some(moment("voided_at", n)),
            stripe_synced_at: moment("stripe_synced_at", n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for deleted_customer::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            stripe_customer_id: text("stripe_customer_id", n),
            created_at: moment("created_at", n),
        }
    }
}

impl Row for trial_mark::Model {
    fn row(n: u8) -> Self {
        Self {
            kind: text("kind", n),
            value: text("value", n),
            organization_id: id(n),
            claimed_at: moment("claimed_at", n),
            consumed_at: Some(moment("consumed_at", n)),
        }
    }
}

impl Row for organization_refund_limit::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            role: text("role", n),
            currency: currency(n),
            daily_minor: i64::from(n),
            approval_above_minor: i64::from(n),
            updated_by: Some(id(n)),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for role::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            name: text("name", n),
            description: text("description", n),
            permissions: document(n),
            version: i64::from(n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for invitation::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            email: text("email", n),
            open_email: Some(text("open_email", n)),
            role: text("role", n),
            role_id: Some(id(n)),
            token_hash: text("token_hash", n),
            state: text("state", n),
            invited_by: id(n),
            accepted_by: Some(id(n)),
            expires_at: moment("expires_at", n),
            closed_at: Some(moment("closed_at", n)),
            version: i64::from(n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for seat_release::Model {
    fn row(n: u8) -> Self {
        Self { id: id(n), organization_id: id(n), created_at: moment("created_at", n) }
    }
}

impl Row for setting_version::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            section: text("section", n),
            version: i64::from(n),
            document: document(n),
            changed_by: Some(id(n)),
            api_key_id: Some(id(n)),
            restored_version: Some(i64::from(n)),
            created_at: moment("created_at", n),
        }
    }
}

impl Row for membership_end::Model {
    fn row(n: u8) -> Self {
        Self { id: id(n), organization_id: id(n), user_id: id(n), ended_at: moment("ended_at", n) }
    }
}

impl Row for organization_session::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            user_id: id(n),
            session_key: text("session_key", n),
            last_seen_at: moment("last_seen_at", n),
            created_at: moment("created_at", n),
        }
    }
}

impl Row for api_key::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            user_id: id(n),
            name: text("name", n),
            prefix: text("prefix", n),
            secret_hash: text("secret_hash", n),
            previous_hash: Some(text("previous_hash", n)),
            previous_until: Some(moment("previous_until", n)),
            scopes: document(n),
            allowed_addresses: document(n + 1),
            expires_at: Some(moment("expires_at", n)),
            last_used_at: Some(moment("last_used_at", n)),
            revoked_at: Some(moment("revoked_at", n)),
            version: i64::from(n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for outbox_message::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            event: text("event", n),
            subject: text("subject", n),
            fact: document(n),
            address: Some(text("address", n)),
            sealed_secret: Some(text("sealed_secret", n)),
            state: text("state", n),
            attempts: i32::from(n),
            next_attempt_at: moment("next_attempt_at", n),
            lease_token: Some(id(n)),
            last_error: Some(text("last_error", n)),
            created_at: moment("created_at", n),
            done_at: Some(moment("done_at", n)),
        }
    }
}

impl Row for email_delivery::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            outbox_message_id: id(n),
            recipient: text("recipient", n),
            user_id: Some(id(n)),
            locale: text("locale", n),
            time_zone: text("time_zone", n),
            state: text("state", n),
            attempts: i32::from(n),
            next_attempt_at: moment("next_attempt_at", n),
            lease_token: Some(id(n)),
            last_error: Some(text("last_error", n)),
            created_at: moment("created_at", n),
            finished_at: Some(moment("finished_at", n)),
        }
    }
}

impl Row for notification::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            user_id: id(n),
            outbox_message_id: id(n),
            permission: text("permission", n),
            read_at: Some(moment("read_at", n)),
            created_at: moment("created_at", n),
        }
    }
}

impl Row for webhook_endpoint::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            url: text("url", n),
            description: text("description", n),
            events: document(n),
            selection: text("selection", n),
            selection_version: i64::from(n),
            acts_for: id(n),
            sealed_secret: Some(text("sealed_secret", n)),
            sealed_previous: Some(text("sealed_previous", n)),
            previous_until: Some(moment("previous_until", n)),
            state: text("state", n),
            disabled_reason: Some(text("disabled_reason", n)),
            failing_since: Some(moment("failing_since", n)),
            warned_at: Some(moment("warned_at", n)),
            failures: i32::from(n),
            backoff_until: Some(moment("backoff_until", n)),
            claimed_at: moment("claimed_at", n),
            deleted_at: Some(moment("deleted_at", n)),
            version: i64::from(n),
            created_at: moment("created_at", n),
            updated_at: moment("updated_at", n),
        }
    }
}

impl Row for webhook_delivery::Model {
    fn row(n: u8) -> Self {
        Self {
            id: id(n),
            organization_id: id(n),
            webhook_endpoint_id: id(n),
            outbox_message_id: id(n),
            payload: Some(text("payload", n)),
            payload_acts_for: Some(id(n)),
            payload_url: Some(text("payload_url", n)),
            payload_selection_version: Some(i64::from(n)),
            payload_has_errors: true,
            waiting_since: moment("waiting_since", n),
            state: text("state", n),
            attempts: i32::from(n),
            next_attempt_at: moment("next_attempt_at", n),
            lease_token: Some(id(n)),
            last_error: Some(text("last_error", n)),
            response_status: Some(i32::from(n)),
            response_body: Some(text("response_body", n)),
            created_at: moment("created_at", n),
            finished_at: Some(moment("finished_at", n)),
        }
    }
}
