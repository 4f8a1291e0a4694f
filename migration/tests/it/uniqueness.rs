//! Uniqueness holds, and forbids no more than it should.

use entity::prelude::{
    ApiKey, BillingDrift, BillingOperation, BillingPolicy, CreditNote, DeletedCustomer, Dispute,
    DunningReminder, EmailDelivery, EntitlementOverride, IdempotencyKey, Invitation, Invoice, Membership,
    MembershipEnd, Meter, Notification, Organization, OrganizationSession, OrganizationSetting,
    OutboxMessage, Payment, PaymentAttempt, PaymentMethod, Plan, PlanCharge, Price, Refund, RefundLimit,
    Role, SettingVersion, StripeEvent, Subscription, SubscriptionRecord, UsageAlert, UsageAlertState,
    UsageCharge, UsageCounter, UsageDay, UsageDayKey, UsageEventKey, UsageHour, UsageNotice, UsagePeriod,
    User, WebhookDelivery,
};
use entity::{
    api_key, billing_drift, billing_operation, billing_policy, credit_note, deleted_customer, dispute,
    dunning_reminder, email_delivery, entitlement_override, idempotency_key, invitation, invoice, membership,
    membership_end, meter, notification, organization, organization_session, organization_setting,
    outbox_message, payment, payment_attempt, payment_method, plan, plan_charge, price, refund, refund_limit,
    role, setting_version, stripe_event, subscription, subscription_record, usage_alert, usage_alert_state,
    usage_charge, usage_counter, usage_day, usage_day_key, usage_event_key, usage_hour, usage_notice,
    usage_period, user, webhook_delivery,
};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    IntoActiveModel, Iterable as _, PrimaryKeyToColumn as _, QueryFilter as _, SqlErr, TransactionTrait as _,
    UpdateResult, Value,
};

use crate::database::on_each_database;
use crate::rows::{self, Row};

#[tokio::test]
async fn keys_refuse_equal_rows_and_only_those() {
    on_each_database(async |db| {
        rows::insert_all(db, 1).await;
        rows::insert_all(db, 2).await;
        assert_unique::<Organization>(db, &[organization::Column::Slug]).await;
        assert_unique::<Organization>(db, &[organization::Column::StripeCustomerId]).await;
        assert_unique::<User>(db, &[user::Column::Issuer, user::Column::Subject]).await;
        assert_unique::<Membership>(db, &[membership::Column::OrganizationId, membership::Column::UserId])
            .await;
        assert_unique::<Role>(db, &[role::Column::OrganizationId, role::Column::Name]).await;
        assert_unique::<Invitation>(db, &[invitation::Column::TokenHash]).await;
        // One invitation of an address is open at a time.
        assert_unique::<Invitation>(db, &[invitation::Column::OrganizationId, invitation::Column::OpenEmail])
            .await;
        assert_unique::<ApiKey>(db, &[api_key::Column::SecretHash]).await;
        assert_unique::<ApiKey>(db, &[api_key::Column::PreviousHash]).await;
        assert_unique::<OrganizationSetting>(
            db,
            &[organization_setting::Column::OrganizationId, organization_setting::Column::Section],
        )
        .await;
        assert_unique::<SettingVersion>(
            db,
            &[
                setting_version::Column::OrganizationId,
                setting_version::Column::Section,
                setting_version::Column::Version,
            ],
        )
        .await;
        assert_unique::<OrganizationSession>(
            db,
            &[
                organization_session::Column::OrganizationId,
                organization_session::Column::UserId,
                organization_session::Column::SessionKey,
            ],
        )
        .await;
        assert_unique::<MembershipEnd>(
            db,
            &[membership_end::Column::OrganizationId, membership_end::Column::UserId],
        )
        .await;
        assert_unique::<Plan>(db, &[plan::Column::Slug]).await;
        assert_unique::<Plan>(db, &[plan::Column::StripeProductId]).await;
        assert_unique::<Price>(db, &[price::Column::StripePriceId]).await;
        assert_unique::<Subscription>(db, &[subscription::Column::StripeSubscriptionId]).await;
        assert_unique::<PaymentMethod>(db, &[payment_method::Column::StripePaymentMethodId]).await;
        assert_unique::<Invoice>(db, &[invoice::Column::StripeInvoiceId]).await;
        assert_unique::<Invoice>(db, &[invoice::Column::Number]).await;
        assert_unique::<Payment>(db, &[payment::Column::StripePaymentIntentId]).await;
        assert_unique::<PaymentAttempt>(db, &[payment_attempt::Column::StripeChargeId]).await;
        assert_unique::<Refund>(db, &[refund::Column::StripeRefundId]).await;
        assert_unique::<RefundLimit>(db, &[refund_limit::Column::Role, refund_limit::Column::Currency]).await;
        assert_unique::<DeletedCustomer>(db, &[deleted_customer::Column::StripeCustomerId]).await;
        assert_unique::<Dispute>(db, &[dispute::Column::StripeDisputeId]).await;
        assert_unique::<CreditNote>(db, &[credit_note::Column::StripeCreditNoteId]).await;
        assert_unique::<Meter>(db, &[meter::Column::Name]).await;
        assert_unique::<EntitlementOverride>(
            db,
            &[entitlement_override::Column::OrganizationId, entitlement_override::Column::Feature],
        )
        .await;
        // What a meter came to in a period is written once, and each of what came late.
        assert_unique::<UsageCharge>(
            db,
            &[
                usage_charge::Column::SubscriptionId,
                usage_charge::Column::PeriodStart,
                usage_charge::Column::MeterId,
                usage_charge::Column::Part,
            ],
        )
        .await;
        assert_unique::<UsagePeriod>(
            db,
            &[usage_period::Column::SubscriptionId, usage_period::Column::PeriodStart],
        )
        .await;
        assert_unique::<PlanCharge>(db, &[plan_charge::Column::PlanId, plan_charge::Column::Since]).await;
        // An event counts once, whatever its time.
        assert_unique::<UsageEventKey>(
            db,
            &[
                usage_event_key::Column::OrganizationId,
                usage_event_key::Column::MeterId,
                usage_event_key::Column::EventId,
            ],
        )
        .await;
        assert_unique::<UsageHour>(
            db,
            &[usage_hour::Column::OrganizationId, usage_hour::Column::MeterId, usage_hour::Column::HourStart],
        )
        .await;
        assert_unique::<UsageDay>(
            db,
            &[usage_day::Column::OrganizationId, usage_day::Column::MeterId, usage_day::Column::Day],
        )
        .await;
        assert_unique::<UsageDayKey>(
            db,
            &[
                usage_day_key::Column::OrganizationId,
                usage_day_key::Column::MeterId,
                usage_day_key::Column::Day,
                usage_day_key::Column::KeyValue,
            ],
        )
        .await;
        assert_unique::<UsageCounter>(
            db,
            &[
                usage_counter::Column::OrganizationId,
                usage_counter::Column::MeterId,
                usage_counter::Column::PeriodStart,
            ],
        )
        .await;
        assert_unique::<SubscriptionRecord>(
            db,
            &[subscription_record::Column::SubscriptionId, subscription_record::Column::RecordedAt],
        )
        .await;
        assert_unique::<UsageAlert>(db, &[usage_alert::Column::OrganizationId, usage_alert::Column::MeterId])
            .await;
        assert_unique::<UsageAlertState>(
            db,
            &[usage_alert_state::Column::OrganizationId, usage_alert_state::Column::MeterId],
        )
        .await;
        // A threshold is told of once in a period.
        assert_unique::<UsageNotice>(
            db,
            &[
                usage_notice::Column::OrganizationId,
                usage_notice::Column::MeterId,
                usage_notice::Column::PeriodStart,
                usage_notice::Column::ThresholdKey,
                usage_notice::Column::Kind,
            ],
        )
        .await;
        assert_unique::<StripeEvent>(
            db,
            &[stripe_event::Column::Account, stripe_event::Column::Livemode, stripe_event::Column::EventId],
        )
        .await;
        assert_unique::<BillingDrift>(
            db,
            &[
                billing_drift::Column::OrganizationId,
                billing_drift::Column::StripeObjectId,
                billing_drift::Column::Field,
            ],
        )
        .await;
        // A fact is told once, to each once.
        assert_unique::<OutboxMessage>(
            db,
            &[
                outbox_message::Column::OrganizationId,
                outbox_message::Column::Event,
                outbox_message::Column::Subject,
            ],
        )
        .await;
        assert_unique::<EmailDelivery>(
            db,
            &[email_delivery::Column::OutboxMessageId, email_delivery::Column::Recipient],
        )
        .await;
        assert_unique::<Notification>(
            db,
            &[notification::Column::OutboxMessageId, notification::Column::UserId],
        )
        .await;
        assert_unique::<WebhookDelivery>(
            db,
            &[webhook_delivery::Column::WebhookEndpointId, webhook_delivery::Column::OutboxMessageId],
        )
        .await;
        assert_unique::<BillingOperation>(db, &[billing_operation::Column::StripeIdempotencyKey]).await;
        assert_unique::<BillingOperation>(db, &[billing_operation::Column::OpenScope]).await;
        assert_unique::<BillingPolicy>(db, &[billing_policy::Column::Scope]).await;
        assert_unique::<DunningReminder>(
            db,
            &[
                dunning_reminder::Column::OrganizationId,
                dunning_reminder::Column::StripeInvoiceId,
                dunning_reminder::Column::AfterDays,
                dunning_reminder::Column::Kind,
            ],
        )
        .await;
        assert_unique::<IdempotencyKey>(db, &[idempotency_key::Column::ScopeHash]).await;
    })
    .await;
}

/// Row 2 with row 1's values in `columns` is refused; with all of them but one, or with nulls in
/// both rows, it is not.
async fn assert_unique<E>(db: &DatabaseConnection, columns: &[E::Column])
where
    E: EntityTrait,
    E::Model: Row + IntoActiveModel<E::ActiveModel>,
{
    let first = E::Model::row(1).into_active_model();
    let value = |column: &E::Column| (*column, first.get(*column).unwrap());
    let table = E::default().table_name().to_owned();

    let equal: Vec<_> = columns.iter().map(value).collect();
    let transaction = db.begin().await.unwrap();
    let error = update::<E>(&transaction, 2, &equal).await.unwrap_err();
    assert!(
        matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))),
        "{table} {columns:?}: {error}"
    );
    transaction.rollback().await.unwrap();

    for different in 0..columns.len() {
        let mut most = equal.clone();
        most.remove(different);
        if most.is_empty() {
            continue;
        }
        let transaction = db.begin().await.unwrap();
        update::<E>(&transaction, 2, &most).await.unwrap();
        transaction.rollback().await.unwrap();
    }

    for column in columns.iter().filter(|column| column.def().is_null()) {
        let null = [(*column, value(column).1.as_null())];
        let transaction = db.begin().await.unwrap();
        update::<E>(&transaction, 1, &null).await.unwrap();
        update::<E>(&transaction, 2, &null).await.unwrap();
        transaction.rollback().await.unwrap();
    }
}

/// Writes the values into row `n`, which must be there.
async fn update<E>(
    db: &DatabaseTransaction,
    n: u8,
    values: &[(E::Column, Value)],
) -> Result<UpdateResult, DbErr>
where
    E: EntityTrait,
    E::Model: Row + IntoActiveModel<E::ActiveModel>,
{
    let row = E::Model::row(n).into_active_model();
    let mut update = E::update_many();
    for (column, value) in values {
        update = update.col_expr(*column, Expr::value(value.clone()));
    }
    for key in E::PrimaryKey::iter() {
        let column = key.into_column();
        update = update.filter(column.eq(row.get(column).unwrap()));
    }
    let result = update.exec(db).await?;
    assert_eq!(result.rows_affected, 1);
    Ok(result)
}

#[tokio::test]
async fn one_price_of_a_plan_currency_and_interval_is_active() {
    on_each_database(async |db| {
        rows::insert_all(db, 1).await;
        let first = price::Model { is_active: false, ..price::Model::row(1) };
        Price::update(first.clone().into_active_model().reset_all()).exec(db).await.unwrap();
        let like_first = |n: u8, is_active| price::Model {
            plan_id: first.plan_id,
            currency: first.currency.clone(),
            billing_interval: first.billing_interval.clone(),
            is_active,
            ..price::Model::row(n)
        };
        let insert = async |row: price::Model| row.into_active_model().insert(db).await;

        insert(like_first(2, false)).await.unwrap();
        insert(like_first(3, true)).await.unwrap();
        insert(like_first(4, false)).await.unwrap();
        let error = insert(like_first(5, true)).await.unwrap_err();
        assert!(matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))), "{error}");

        let elsewhere = price::Model { currency: "EUR".to_owned(), ..like_first(6, true) };
        insert(elsewhere).await.unwrap();
        let yearly = price::Model { billing_interval: "year".to_owned(), ..like_first(7, true) };
        insert(yearly).await.unwrap();
    })
    .await;
}
