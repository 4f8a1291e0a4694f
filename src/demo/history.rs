//! A year of history: begun at the sandbox, read back from it.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use stripe_sandbox::Sandbox;
use uuid::Uuid;

use super::people::{PEOPLE, email};
use super::{DAYS_OF_HISTORY, DemoError};
use crate::domain::audit::{ActorKind, AuditLog, AuditOutcome};
use crate::domain::ids::{
    AuditLogId, BillingOperationId, IdGenerator, InvoiceId, MembershipId, OrganizationId, PaymentId,
    PaymentMethodId, PlanId, PriceId, StripeCustomerId, StripePriceId, StripeProductId, SubscriptionId,
    SystemIds, UserId,
};
use crate::domain::invoice::Invoice;
use crate::domain::membership::{Membership, MembershipStatus};
use crate::domain::mirror::MirrorObject;
use crate::domain::money::{Currency, Money};
use crate::domain::organization::Organization;
use crate::domain::payment::Payment;
use crate::domain::payment_method::PaymentMethod;
use crate::domain::plan::{BillingInterval, Plan, Price};
use crate::domain::setting::{SettingDocument, SettingSection};
use crate::domain::setting_content::Content;
use crate::domain::subscription::{Subscription, SubscriptionStatus};
use crate::domain::user::User;
use crate::payments::{
    IdempotencyKey, MissingPaymentMethod, NewCustomer, NewPrice, NewProduct, NewSubscription, ObjectKind,
    PaymentBehavior, Stripe, object_in_our_words,
};
use crate::store::DemoRows;

struct PlanSketch {
    slug: &'static str,
    name: &'static str,
    description: &'static str,
    month_minor: i64,
    year_minor: i64,
    trial_days: i32,
    api_calls: i64,
    storage_gb: i64,
}

/// The specification's default plans. The Custom plan is sold by hand, so there is none before there is a customer.
const PLANS: [PlanSketch; 3] = [
    PlanSketch {
        slug: "free",
        name: "Free",
        description: "To try it out",
        month_minor: 0,
        year_minor: 0,
        trial_days: 0,
        api_calls: 10_000,
        storage_gb: 1,
    },
    PlanSketch {
        slug: "pro",
        name: "Pro",
        description: "For teams that ship",
        month_minor: 2_900,
        year_minor: 29_000,
        trial_days: 14,
        api_calls: 1_000_000,
        storage_gb: 100,
    },
    PlanSketch {
        slug: "enterprise",
        name: "Enterprise",
        description: "For companies with auditors",
        month_minor: 9_900,
        year_minor: 99_000,
        trial_days: 30,
        api_calls: 10_000_000,
        storage_gb: 1_000,
    },
];

struct OrganizationSketch {
    slug: &'static str,
    name: &'static str,
    plan: &'static str,
    seats: u64,
    card: &'static str,
    /// The calls of an ordinary weekday.
    daily_calls: i64,
}

const ORGANIZATIONS: [OrganizationSketch; 3] = [
    OrganizationSketch {
        slug: "acme",
        name: "Acme Corporation",
        plan: "pro",
        seats: 5,
        card: "pm_card_visa",
        daily_calls: 24_000,
    },
    OrganizationSketch {
        slug: "globex",
        name: "Globex",
        plan: "enterprise",
        seats: 3,
        card: "pm_card_mastercard",
        daily_calls: 190_000,
    },
    OrganizationSketch {
        slug: "initech",
        name: "Initech",
        plan: "free",
        seats: 1,
        card: "",
        daily_calls: 240,
    },
];

/// What was begun at the sandbox.
pub(super) struct Cast {
    plans: Vec<(Plan, Vec<Price>)>,
    organizations: Vec<Organization>,
}

fn next() -> Uuid {
    SystemIds.next()
}

/// Publishes the plans, and lets the paying organizations subscribe. The sandbox stands a year ago.
pub(super) async fn begin(stripe: &Stripe) -> Result<Cast, DemoError> {
    let key = |step: &str| IdempotencyKey::for_operation(BillingOperationId(next()), step);
    let mut plans = Vec::new();
    for (order, sketch) in PLANS.iter().enumerate() {
        plans.push(publish(stripe, sketch, i32::try_from(order).unwrap_or(0), &key).await?);
    }
    let mut organizations = Vec::new();
    for sketch in &ORGANIZATIONS {
        let id = OrganizationId(next());
        let mut organization = Organization {
            id,
            name: sketch.name.to_owned(),
            slug: sketch.slug.to_owned(),
            stripe_customer_id: None,
            currency: None,
            seat_release: crate::domain::seat::SeatRelease::PeriodEnd,
            stripe_synced_at: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        };
        if !sketch.card.is_empty() {
            let new = NewCustomer {
                name: sketch.name.to_owned(),
                details: crate::domain::billing_details::BillingDetails::default(),
                metadata: [("tollgate_organization_id".to_owned(), id.to_string())].into(),
            };
            let customer = stripe.create_customer(&new, &IdempotencyKey::for_customer(id)).await?.id;
            let method = stripe.attach_payment_method(&sketch.card.into(), &customer, &key("attach")).await?;
            stripe.set_default_payment_method(&customer, &method.id, &key("default")).await?;
            let price = plans
                .iter()
                .find(|(plan, _)| plan.slug == sketch.plan)
                .and_then(|(plan, _)| plan.stripe_price_id.clone())
                .expect("the demo's paid plans are published");
            stripe
                .create_subscription(
                    NewSubscription {
                        promotion_code: None,
                        customer: customer.clone(),
                        price,
                        quantity: sketch.seats,
                        default_payment_method: Some(method.id),
                        trial_days: None,
                        missing_payment_method: MissingPaymentMethod::Cancel,
                        days_until_due: None,
                        payment_behavior: PaymentBehavior::AllowIncomplete,
                        metadata: [("tollgate_organization_id".to_owned(), id.to_string())].into(),
                    },
                    &key("subscribe"),
                )
                .await?;
            organization.stripe_customer_id = Some(customer);
            organization.currency = Some(Currency::USD);
        }
        organizations.push(organization);
    }
    Ok(Cast { plans, organizations })
}

async fn publish(
    stripe: &Stripe,
    sketch: &PlanSketch,
    sort_order: i32,
    key: &impl Fn(&str) -> IdempotencyKey,
) -> Result<(Plan, Vec<Price>), DemoError> {
    let id = PlanId(next());
    let metadata = || [("tollgate_plan_id".to_owned(), id.to_string())].into();
    let product: Option<StripeProductId> = if sketch.month_minor > 0 {
        let new = NewProduct {
            name: sketch.name.to_owned(),
            description: Some(sketch.description.to_owned()),
            metadata: metadata(),
        };
        Some(stripe.create_product(new, &key("product")).await?.id)
    } else {
        None
    };
    let mut prices = Vec::new();
    for (interval, minor) in
        [(BillingInterval::Month, sketch.month_minor), (BillingInterval::Year, sketch.year_minor)]
    {
        let unit_amount = Money::new(minor, Currency::USD);
        let stripe_price_id: Option<StripePriceId> = match &product {
            Some(product) => {
                let new = NewPrice { product: product.clone(), unit_amount, interval, metadata: metadata() };
                Some(stripe.create_price(new, &key("price")).await?.id)
            }
            None => None,
        };
        prices.push(Price {
            id: PriceId(next()),
            plan_id: id,
            unit_amount,
            billing_interval: interval,
            stripe_price_id,
            is_active: true,
            created_at: DateTime::UNIX_EPOCH,
            archived_at: None,
        });
    }
    let plan = Plan {
        id,
        organization_id: None,
        name: sketch.name.to_owned(),
        slug: sketch.slug.to_owned(),
        description: sketch.description.to_owned(),
        price: prices[0].unit_amount,
        billing_interval: BillingInterval::Month,
        features: json!({ "api_calls": sketch.api_calls, "storage_gb": sketch.storage_gb, "sso": sketch.slug == "enterprise" }),
        trial_days: sketch.trial_days,
        seats_included: None,
        sort_order,
        is_public: true,
        is_active: true,
        stripe_product_id: product,
        stripe_price_id: prices[0].stripe_price_id.clone(),
        version: 1,
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
        archived_at: None,
    };
    Ok((plan, prices))
}

/// Our rows, made of what the sandbox shows after the year.
pub(super) fn rows(
    cast: &Cast,
    sandbox: &Sandbox,
    now: DateTime<Utc>,
    issuer: &str,
) -> Result<DemoRows, DemoError> {
    let began = now - Duration::days(DAYS_OF_HISTORY);
    let mut rows = DemoRows::default();
    for (plan, prices) in &cast.plans {
        rows.plans.push(Plan { created_at: began, updated_at: began, ..plan.clone() });
        rows.prices.extend(prices.iter().map(|price| Price { created_at: began, ..price.clone() }));
    }
    for (order, organization) in (0i64..).zip(&cast.organizations) {
        let created_at = began + Duration::minutes(order);
        rows.organizations.push(Organization {
            stripe_synced_at: organization.stripe_customer_id.as_ref().map(|_| now),
            created_at,
            updated_at: created_at,
            ..organization.clone()
        });
    }
    people(&mut rows, began, issuer);
    mirrored(&mut rows, sandbox, now)?;
    free_subscriptions(&mut rows, began);
    usage(&mut rows, now);
    records(&mut rows, began);
    settings(&mut rows, began);
    Ok(rows)
}

fn people(rows: &mut DemoRows, began: DateTime<Utc>, issuer: &str) {
    for (order, person) in (0i64..).zip(&PEOPLE) {
        let user = User {
            id: UserId(next()),
            issuer: issuer.to_owned(),
            subject: person.subject.to_owned(),
            email: Some(email(person)),
            name: Some(person.name.to_owned()),
            locale: None,
            time_zone: None,
            is_platform_staff: person.is_staff,
            told_at: None,
            created_at: began,
            updated_at: began,
        };
        for (slug, role) in person.roles {
            let organization = rows
                .organizations
                .iter()
                .find(|row| row.slug == *slug)
                .expect("the demo's people belong to its organizations");
            let created_at = organization.created_at + Duration::hours(order);
            rows.memberships.push(Membership {
                id: MembershipId(next()),
                organization_id: organization.id,
                user_id: user.id,
                role: (*role).into(),
                status: MembershipStatus::Active,
                version: 1,
                created_at,
                updated_at: created_at,
            });
        }
        rows.users.push(user);
    }
}

/// Every object of a kind, in our words.
fn objects(sandbox: &Sandbox, kind: ObjectKind, name: &'static str) -> Result<Vec<MirrorObject>, DemoError> {
    let mut read = Vec::new();
    for object in sandbox.objects(name) {
        read.push(object_in_our_words(kind, object).ok_or(DemoError::Unreadable(name))?);
    }
    Ok(read)
}

/// What Stripe knows, through the same conversion as events.
fn mirrored(rows: &mut DemoRows, sandbox: &Sandbox, now: DateTime<Utc>) -> Result<(), DemoError> {
    let owners: HashMap<StripeCustomerId, OrganizationId> =
        rows.organizations.iter().filter_map(|row| Some((row.stripe_customer_id.clone()?, row.id))).collect();
    let mut defaults = Vec::new();
    for object in objects(sandbox, ObjectKind::Customer, "customer")? {
        if let MirrorObject::Customer(customer) = object {
            defaults.extend(customer.default_payment_method);
        }
    }
    for object in objects(sandbox, ObjectKind::PaymentMethod, "payment_method")? {
        let MirrorObject::PaymentMethod(mirror) = object else { continue };
        let Some((customer, owner)) =
            mirror.customer.as_ref().and_then(|customer| Some((customer.clone(), *owners.get(customer)?)))
        else {
            continue;
        };
        let row = PaymentMethod {
            id: PaymentMethodId(next()),
            organization_id: owner,
            is_default: defaults.contains(&mirror.id),
            stripe_payment_method_id: mirror.id,
            kind: mirror.kind,
            card: mirror.card,
            bank_account: mirror.bank_account,
            detached_at: None,
            stripe_synced_at: now,
            created_at: mirror.created_at,
            updated_at: now,
        };
        rows.payment_methods.push((row, customer));
    }
    for object in objects(sandbox, ObjectKind::Subscription, "subscription")? {
        let MirrorObject::Subscription(mirror) = object else { continue };
        let Some(&owner) = owners.get(&mirror.customer) else { continue };
        let price = rows.prices.iter().find(|price| price.stripe_price_id == mirror.price);
        let plan = price.and_then(|price| rows.plans.iter().find(|plan| plan.id == price.plan_id));
        let row =
            Subscription::from_mirror(SubscriptionId(next()), owner, &mirror, price.zip(plan), now, now);
        rows.subscriptions.push(row);
    }
    for object in objects(sandbox, ObjectKind::Invoice, "invoice")? {
        let MirrorObject::Invoice(mirror) = object else { continue };
        let Some(&owner) = owners.get(&mirror.customer) else { continue };
        let subscription =
            rows.subscriptions.iter().find(|row| row.stripe_subscription_id == mirror.subscription);
        let subscription = mirror.subscription.as_ref().and(subscription).map(|row| row.id);
        rows.invoices.push(Invoice::from_mirror(InvoiceId(next()), owner, subscription, &mirror, now, now));
    }
    payments(rows, sandbox, &owners, now)
}

fn payments(
    rows: &mut DemoRows,
    sandbox: &Sandbox,
    owners: &HashMap<StripeCustomerId, OrganizationId>,
    now: DateTime<Utc>,
) -> Result<(), DemoError> {
    let mut paid = HashMap::new();
    for object in objects(sandbox, ObjectKind::InvoicePayment, "invoice_payment")? {
        if let MirrorObject::InvoicePayment(link) = object
            && let Some(intent) = link.payment_intent
        {
            paid.insert(intent, link.invoice);
        }
    }
    let charges: HashMap<String, Value> = sandbox
        .objects("charge")
        .into_iter()
        .filter_map(|charge| Some((charge["id"].as_str()?.to_owned(), charge)))
        .collect();
    for mut object in sandbox.objects("payment_intent") {
        // As `expand[]=latest_charge` would show it: the card's brand and digits stand on the charge.
        if let Some(charge) = object["latest_charge"].as_str().and_then(|id| charges.get(id)) {
            object["latest_charge"] = charge.clone();
        }
        let Some(MirrorObject::PaymentIntent(mirror)) =
            object_in_our_words(ObjectKind::PaymentIntent, object)
        else {
            return Err(DemoError::Unreadable("payment_intent"));
        };
        let Some(&owner) = mirror.customer.as_ref().and_then(|customer| owners.get(customer)) else {
            continue;
        };
        let invoice = paid
            .get(&mirror.id)
            .and_then(|id| rows.invoices.iter().find(|row| row.stripe_invoice_id == *id))
            .map(|row| row.id);
        rows.payments.push(Payment::from_mirror(PaymentId(next()), owner, invoice, &mirror, None, now));
    }
    Ok(())
}

/// Those on a plan that costs nothing.
fn free_subscriptions(rows: &mut DemoRows, began: DateTime<Utc>) {
    for sketch in ORGANIZATIONS.iter().filter(|sketch| sketch.card.is_empty()) {
        let organization =
            rows.organizations.iter().find(|row| row.slug == sketch.slug).expect("it was made");
        let plan = rows.plans.iter().find(|plan| plan.slug == sketch.plan).expect("it was made");
        rows.subscriptions.push(Subscription {
            id: SubscriptionId(next()),
            organization_id: organization.id,
            plan_id: Some(plan.id),
            price_id: None,
            stripe_subscription_id: None,
            stripe_customer_id: None,
            plan_type: plan.slug.clone(),
            status: SubscriptionStatus::Active,
            quantity: 1,
            current_period_start: None,
            current_period_end: None,
            trial_start: None,
            trial_end: None,
            cancel_at: None,
            cancel_at_period_end: false,
            canceled_at: None,
            ended_at: None,
            cancellation_reason: None,
            cancellation_feedback: None,
            collection_paused: false,
            collection_pause_behavior: None,
            collection_resumes_at: None,
            pending_update_expires_at: None,
            discounts: Vec::new(),
            stripe_schedule_id: None,
            scheduled_change: None,
            next_plan: None,
            default_payment_method: None,
            latest_stripe_invoice_id: None,
            stripe_synced_at: None,
            started_at: Some(began),
            created_at: began,
            updated_at: began,
        });
    }
}

/// A year of usage: busy weekdays, quiet weekends, slow growth; the same each time.
fn usage(rows: &mut DemoRows, now: DateTime<Utc>) {
    use chrono::Datelike;
    let today = now.date_naive();
    for sketch in &ORGANIZATIONS {
        let organization =
            rows.organizations.iter().find(|row| row.slug == sketch.slug).expect("it was made").id;
        for age in (0..DAYS_OF_HISTORY).rev() {
            let day = today - Duration::days(age);
            let grown = sketch.daily_calls * (2 * DAYS_OF_HISTORY - age) / (2 * DAYS_OF_HISTORY);
            let weekday = if day.weekday().number_from_monday() > 5 { 4 } else { 10 };
            // Ups and downs of up to a tenth, from the day's number alone.
            let wave = 90 + (i64::from(day.num_days_from_ce()) * 7_919) % 21;
            let calls = grown * weekday * wave / 1_000;
            rows.usage.push((organization, day, "api_calls", calls));
            rows.usage.push((organization, day, "storage_gb", calls / 4_000 + (DAYS_OF_HISTORY - age) / 20));
        }
    }
}

/// Who did what: one record for each thing that is there, at the time when it came to be.
fn records(rows: &mut DemoRows, began: DateTime<Utc>) {
    let owner = rows.users.first().map(|user| user.id);
    let mut logs: Vec<AuditLog> = Vec::new();
    let mut record = |organization: Option<OrganizationId>,
                      kind: ActorKind,
                      action: &str,
                      resource: (&str, String),
                      new: Value,
                      at| {
        logs.push(AuditLog {
            id: AuditLogId(next()),
            organization_id: organization,
            actor_kind: kind,
            user_id: owner.filter(|_| kind == ActorKind::User),
            api_key_id: None,
            action: action.to_owned(),
            resource_type: resource.0.to_owned(),
            resource_id: resource.1,
            outcome: AuditOutcome::Success,
            old_values: None,
            new_values: Some(new),
            ip_address: (kind == ActorKind::User).then(|| "203.0.113.7".to_owned()),
            user_agent: (kind == ActorKind::User).then(|| "Demo".to_owned()),
            request_id: None,
            created_at: at,
        });
    };
    for plan in &rows.plans {
        record(
            None,
            ActorKind::System,
            "plan.create",
            ("plan", plan.id.to_string()),
            plan.audit_values(),
            began,
        );
    }
    for row in &rows.organizations {
        let new = row.audit_values();
        record(
            Some(row.id),
            ActorKind::User,
            "organization.create",
            ("organization", row.id.to_string()),
            new,
            row.created_at,
        );
    }
    for row in &rows.memberships {
        let new = row.audit_values();
        record(
            Some(row.organization_id),
            ActorKind::User,
            "membership.create",
            ("membership", row.id.to_string()),
            new,
            row.created_at,
        );
    }
    for (row, _) in &rows.payment_methods {
        let new = row.audit_values();
        record(
            Some(row.organization_id),
            ActorKind::User,
            "payment_method.attach",
            ("payment_method", row.id.to_string()),
            new,
            row.created_at,
        );
    }
    for row in &rows.subscriptions {
        let new = row.audit_values();
        record(
            Some(row.organization_id),
            ActorKind::User,
            "subscription.create",
            ("subscription", row.id.to_string()),
            new,
            row.created_at,
        );
    }
    for row in &rows.invoices {
        if let Some(paid_at) = row.paid_at {
            let new = row.audit_values();
            record(
                Some(row.organization_id),
                ActorKind::Stripe,
                "stripe.invoice.paid",
                ("invoice", row.id.to_string()),
                new,
                paid_at,
            );
        }
    }
    rows.audit_logs = logs;
}

fn settings(rows: &mut DemoRows, began: DateTime<Utc>) {
    let by = rows.users.first().map(|user| user.id);
    for row in &rows.organizations {
        let mut write = |section: SettingSection, document: Value| {
            // Whole, as the gateway writes them.
            let document = Content::read(section, &document, &row.name, &row.slug)
                .and_then(|content| content.document())
                .expect("the demo's settings are well formed");
            rows.settings.push(SettingDocument {
                organization_id: row.id,
                section,
                version: 1,
                document,
                updated_by: by,
                updated_at: Some(began),
            });
        };
        write(
            SettingSection::General,
            json!({ "locale": "en-US", "timeZone": "Europe/Berlin", "logoUrl": null }),
        );
        write(
            SettingSection::Billing,
            json!({ "legalName": row.name, "billingEmails": [format!("billing@{}.example", row.slug)], "netTerms": 0 }),
        );
    }
}
