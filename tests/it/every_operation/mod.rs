//! Every kind of operation, with what an organization has before it: killed at each of its steps (`kill.rs`, and those that
//! only some ways have in `further_steps.rs`; `passed.rs` looks that none is left out), and looked up after its keys are forgotten (`comparison.rs`).

mod check;
mod comparison;
mod further_steps;
pub mod kill;
mod overtaken;
mod passed;
mod plan_restore;
mod put_back;
mod recovery;
mod transactions;
mod usage_bill;

use reqwest::Method;
use serde_json::{Value, json};
use tollgate::domain::billing_operation::OperationKind;
use tollgate::domain::ids::OrganizationId;

use check::check_against_stripe;

use crate::mutations::customer::billing_settings;
use crate::mutations::subscription_change::seat_plan;
use crate::support::{Client, SUBSCRIBE, TestApp, TestOptions, text, uuid_of};

/// What there is before the operation.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Card,
    TwoCards,
    Subscribed,
    Discounted,
    Ending,
    Paused,
    Trial,
    Downgrading,
    Owing,
    Invoiced,
    Charged,
    Uncharged,
    Deleted,
    Plan,
}

/// An operation, where its process is killed, and the request at Stripe that completes it.
struct Scenario {
    kind: OperationKind,
    before: Before,
    mutation: &'static str,
    input: fn(&Case) -> Value,
    /// The places at which a process is killed.
    places: &'static [&'static str],
    /// The last change at Stripe, as the sandbox's faults name requests.
    request: &'static str,
    /// What it comes to.
    state: &'static str,
    /// Charges of the organization when all is done.
    charges: usize,
    /// What is made at Stripe, once.
    makes: Option<&'static str>,
}

/// An organization, or a plan, of its own.
struct Case {
    scenario: &'static Scenario,
    place: &'static str,
    organization: String,
    subscription: String,
    invoice: String,
    payment: String,
    method: String,
    pro: String,
    top: String,
    plan: String,
    slug: String,
}

const CONFIRMED: &str = "CONFIRMED";
/// In place of a place: the operation was given up, and asked for again.
const ASKED_AGAIN: &str = "asked again";

const fn scenario(
    kind: OperationKind,
    before: Before,
    mutation: &'static str,
    input: fn(&Case) -> Value,
) -> Scenario {
    Scenario {
        kind,
        before,
        mutation,
        input,
        places: &[],
        request: "",
        state: CONFIRMED,
        charges: 0,
        makes: None,
    }
}

impl Scenario {
    const fn killed_at(self, places: &'static [&'static str]) -> Self {
        Self { places, ..self }
    }

    const fn by(self, request: &'static str) -> Self {
        Self { request, ..self }
    }

    const fn charged(self, charges: usize) -> Self {
        Self { charges, ..self }
    }

    const fn makes(self, kind: &'static str) -> Self {
        Self { makes: Some(kind), ..self }
    }
}

fn of_subscription(case: &Case) -> Value {
    json!({ "subscriptionId": case.subscription })
}

fn of_invoice(case: &Case) -> Value {
    json!({ "invoiceId": case.invoice })
}

fn of_organization(case: &Case) -> Value {
    json!({ "organizationId": case.organization })
}

fn of_method(case: &Case) -> Value {
    json!({ "paymentMethodId": case.method })
}

fn of_payment(case: &Case) -> Value {
    json!({ "paymentId": case.payment })
}

fn price(minor: &str) -> Value {
    json!({ "unitAmount": { "minorUnits": minor, "currency": "USD" }, "billingInterval": "MONTH" })
}

const PAGE: &str = "https://app.example.com/billing";

/// Every kind but those that nobody asks for, which `recovery.rs` has.
static SCENARIOS: &[Scenario] = {
    use Before::*;
    use OperationKind as K;
    &[
        scenario(K::SubscriptionCreate, Card, "subscriptionCreate", |case| {
            json!({ "organizationId": case.organization, "planId": case.pro })
        })
        .killed_at(&["opened", "before-create", "answered", "settling", "settled"])
        .by("POST /v1/subscriptions$")
        .charged(1),
        scenario(K::SubscriptionChange, Subscribed, "subscriptionChange", |case| {
            json!({ "subscriptionId": case.subscription, "planId": case.top })
        })
        .killed_at(&["opened", "before-change", "answered", "settling", "settled"])
        .by("POST /v1/subscriptions/*")
        .charged(2),
        scenario(K::SubscriptionChange, Subscribed, "subscriptionChange", |case| {
            json!({ "subscriptionId": case.subscription, "planId": case.top, "timing": "PERIOD_END" })
        })
        .killed_at(&["before-schedule", "before-phases", "answered"])
        .by("POST /v1/subscription_schedules/*")
        .charged(1),
        scenario(K::SubscriptionChange, Downgrading, "subscriptionChange", |case| {
            json!({ "subscriptionId": case.subscription, "billingInterval": "YEAR" })
        })
        .killed_at(&["before-release", "before-change"])
        .by("POST /v1/subscriptions/*")
        .charged(2),
        scenario(
            K::SubscriptionScheduledChangeRevoke,
            Downgrading,
            "subscriptionScheduledChangeRevoke",
            of_subscription,
        )
        .killed_at(&["opened", "before-release", "answered", "settling", "settled"])
        .by("POST /v1/subscription_schedules/*/release")
        .charged(1),
        scenario(K::SubscriptionCancel, Subscribed, "subscriptionCancel", |case| {
            json!({ "subscriptionId": case.subscription, "when": "NOW", "feedback": "UNUSED" })
        })
        .killed_at(&["opened", "before-cancel", "answered", "settling", "settled"])
        .by("DELETE /v1/subscriptions/*")
        .charged(1),
        scenario(K::SubscriptionCancel, Downgrading, "subscriptionCancel", of_subscription)
            .killed_at(&["before-release", "before-cancel"])
            .by("POST /v1/subscriptions/*")
            .charged(1),
        scenario(K::SubscriptionResume, Ending, "subscriptionResume", of_subscription)
            .killed_at(&["opened", "before-resume", "answered", "settling", "settled"])
            .by("POST /v1/subscriptions/*")
            .charged(1),
        scenario(K::SubscriptionCollectionPause, Subscribed, "subscriptionCollectionPause", of_subscription)
            .killed_at(&["opened", "before-pause", "answered", "settling", "settled"])
            .by("POST /v1/subscriptions/*")
            .charged(1),
        scenario(K::SubscriptionCollectionResume, Paused, "subscriptionCollectionResume", of_subscription)
            .killed_at(&["opened", "before-resume-collection", "answered", "settling", "settled"])
            .by("POST /v1/subscriptions/*")
            .charged(1),
        scenario(K::SubscriptionTrialEnd, Trial, "subscriptionTrialEnd", of_subscription)
            .killed_at(&["opened", "before-trial", "answered", "settling", "settled"])
            .by("POST /v1/subscriptions/*")
            .charged(1),
        scenario(K::SubscriptionTrialExtend, Trial, "subscriptionTrialExtend", |case| {
            // The same, whoever asks: an operation is asked for again with what it was asked for first.
            let until = chrono::DateTime::from_timestamp(1_830_000_000, 0).expect("a time");
            json!({ "subscriptionId": case.subscription, "until": until })
        })
        .killed_at(&["opened", "before-trial-unpaid", "answered", "settling", "settled"])
        .by("POST /v1/subscriptions/*"),
        scenario(K::SubscriptionDiscountApply, Subscribed, "subscriptionDiscountApply", |case| {
            json!({ "subscriptionId": case.subscription, "promotionCode": "HALF" })
        })
        .killed_at(&["opened", "before-discount", "answered", "settling", "settled"])
        .by("POST /v1/subscriptions/*")
        .charged(1),
        scenario(K::SubscriptionDiscountApply, Discounted, "subscriptionCouponApply", |case| {
            json!({ "subscriptionId": case.subscription, "stripeCouponId": "GOODWILL" })
        })
        .killed_at(&["before-discount", "answered"])
        .by("POST /v1/subscriptions/*")
        .charged(1),
        scenario(K::SubscriptionDiscountRemove, Discounted, "subscriptionDiscountRemove", of_subscription)
            .killed_at(&["opened", "before-discount", "answered", "settling", "settled"])
            .by("POST /v1/subscriptions/*")
            .charged(1),
        scenario(K::CustomerSync, Card, "customerSync", of_organization)
            .killed_at(&["opened", "before-details", "before-tax-gb_vat-GB123456789", "answered", "settling", "settled"])
            .by("POST /v1/customers/*/tax_ids"),
        scenario(K::CustomerRecreate, Deleted, "customerRecreate", of_organization)
            .killed_at(&["opened", "before-create", "settling", "settled"])
            .by("POST /v1/customers$"),
        scenario(K::InvoicePay, Owing, "invoicePay", of_invoice)
            .killed_at(&["opened", "before-pay", "answered", "settling", "settled"])
            .by("POST /v1/invoices/*/pay")
            .charged(1),
        scenario(K::InvoiceSend, Invoiced, "invoiceSend", of_invoice)
            .killed_at(&["opened", "before-change", "answered", "settling", "settled"])
            .by("POST /v1/invoices/*/send"),
        scenario(K::InvoiceVoid, Owing, "invoiceVoid", of_invoice)
            .killed_at(&["opened", "before-change", "answered", "settling", "settled"])
            .by("POST /v1/invoices/*/void"),
        scenario(K::InvoiceMarkUncollectible, Owing, "invoiceMarkUncollectible", of_invoice)
            .killed_at(&["opened", "before-change", "answered", "settling", "settled"])
            .by("POST /v1/invoices/*/mark_uncollectible"),
        scenario(K::CreditNoteCreate, Owing, "creditNoteCreate", |case| {
            json!({ "invoiceId": case.invoice, "amount": { "minorUnits": "500", "currency": "USD" } })
        })
        .killed_at(&["opened", "before-create", "answered", "settling", "settled"])
        .by("POST /v1/credit_notes")
        .makes("credit_note"),
        scenario(K::PaymentMethodSetup, Card, "paymentMethodSetup", of_organization)
            .killed_at(&["opened", "before-create", "answered", "settling", "settled"])
            .by("POST /v1/setup_intents")
            .makes("setup_intent"),
        scenario(K::PaymentMethodAttach, Card, "paymentMethodAttach", |case| {
            json!({ "organizationId": case.organization, "stripePaymentMethodId": case.method })
        })
        .killed_at(&["opened", "before-attach", "before-default", "answered", "settling", "settled"])
        .by("POST /v1/customers/*"),
        scenario(K::PaymentMethodSetDefault, TwoCards, "paymentMethodSetDefault", of_method)
            .killed_at(&["opened", "before-default", "answered", "settling", "settled"])
            .by("POST /v1/customers/*"),
        scenario(K::PaymentMethodDetach, TwoCards, "paymentMethodDetach", of_method)
            .killed_at(&["opened", "before-detach", "answered", "settling", "settled"])
            .by("POST /v1/payment_methods/*/detach"),
        scenario(K::PaymentIntentCreate, Card, "paymentIntentCreate", |case| {
            json!({ "organizationId": case.organization, "confirm": true,
                "amount": { "minorUnits": "1500", "currency": "USD" } })
        })
        .killed_at(&["opened", "before-create", "answered", "settling", "settled"])
        .by("POST /v1/payment_intents$")
        .charged(1)
        .makes("payment_intent"),
        scenario(K::PaymentIntentConfirm, Uncharged, "paymentIntentConfirm", of_payment)
            .killed_at(&["opened", "before-confirm", "answered", "settling", "settled"])
            .by("POST /v1/payment_intents/*/confirm")
            .charged(1),
        scenario(K::PaymentIntentCancel, Uncharged, "paymentIntentCancel", of_payment)
            .killed_at(&["opened", "before-cancel", "answered", "settling", "settled"])
            .by("POST /v1/payment_intents/*/cancel"),
        scenario(K::PaymentRefund, Charged, "paymentRefund", |case| {
            json!({ "paymentId": case.payment, "amount": { "minorUnits": "900", "currency": "USD" } })
        })
        .killed_at(&["opened", "before-refund", "answered", "settling", "settled"])
        .by("POST /v1/refunds")
        .charged(1)
        .makes("refund"),
        scenario(K::CheckoutSessionCreate, Card, "checkoutSessionCreate", |case| {
            json!({ "organizationId": case.organization, "planId": case.pro, "successUrl": PAGE, "cancelUrl": PAGE })
        })
        .killed_at(&["opened", "before-create", "answered", "settling", "settled"])
        .by("POST /v1/checkout/sessions")
        .makes("checkout.session"),
        scenario(K::PortalSessionCreate, Card, "portalSessionCreate", |case| {
            json!({ "organizationId": case.organization, "returnUrl": PAGE })
        })
        .killed_at(&["opened", "before-create", "answered", "settling", "settled"])
        .by("POST /v1/billing_portal/sessions"),
        scenario(K::PlanCreate, Plan, "planCreate", |case| {
            json!({ "name": case.slug, "slug": case.slug, "prices": [price("1900")] })
        })
        .killed_at(&["opened", "before-product", "before-price-0", "settling", "settled"])
        .by("POST /v1/prices$"),
        scenario(K::PlanUpdate, Plan, "planUpdate", |case| {
            json!({ "planId": case.plan, "expectedVersion": "1", "description": "Cheaper", "price": price("900") })
        })
        .killed_at(&["opened", "before-product", "before-price", "before-archive-price", "settling", "settled"])
        .by("POST /v1/prices/*"),
        scenario(K::PlanArchive, Plan, "planArchive", |case| json!({ "planId": case.plan }))
            .killed_at(&["opened", "before-price-0", "before-product", "settling", "settled"])
            .by("POST /v1/products/*"),
    ]
};

/// Kinds that nobody asks for.
const UNASKED: [OperationKind; 5] = [
    OperationKind::UsageBill,
    OperationKind::PlanRestore,
    OperationKind::SubscriptionRecover,
    OperationKind::SubscriptionCancelDuplicate,
    OperationKind::SubscriptionRestore,
];

#[test]
fn every_kind_is_killed_and_looked_up() {
    for kind in OperationKind::ALL {
        let has_scenario = SCENARIOS.iter().any(|scenario| {
            scenario.kind == *kind && !scenario.places.is_empty() && !scenario.request.is_empty()
        });
        assert!(has_scenario != UNASKED.contains(kind), "{kind} has no scenario");
    }
}

fn quiet() -> TestOptions {
    TestOptions { deliver_webhooks: false, ..TestOptions::default() }
}

/// Asks once, and settles nothing by itself: what a test lets grow old is not asked for again before.
fn patient(deliver_webhooks: bool) -> TestOptions {
    TestOptions { deliver_webhooks, ..TestOptions::patient() }
}

/// The plans that organizations subscribe to, a promotion code and a coupon.
struct Catalogue {
    pro: String,
    top: String,
    trial: String,
}

async fn catalogue(app: &TestApp) -> Catalogue {
    app.promotion_code("HALF", 50).await;
    let off = [("id", "GOODWILL"), ("percent_off", "10"), ("duration", "forever")];
    app.at_stripe(Method::POST, "coupons", &off).await;
    Catalogue {
        pro: seat_plan(app, "pro", 2_900).await,
        top: seat_plan(app, "top", 9_900).await,
        trial: app.paid_plan("trial", 1_900, 14).await,
    }
}

/// What a scenario needs, made through the API.
async fn prepare(
    app: &TestApp,
    catalogue: &Catalogue,
    scenario: &'static Scenario,
    place: &'static str,
    slug: String,
) -> Case {
    let owner = app.client("olivia");
    let before = scenario.before;
    let mut case = Case {
        scenario,
        place,
        organization: app.organization(&owner, &slug).await,
        subscription: String::new(),
        invoice: String::new(),
        payment: String::new(),
        method: String::new(),
        pro: catalogue.pro.clone(),
        top: catalogue.top.clone(),
        plan: String::new(),
        slug,
    };
    if before == Before::Plan {
        if scenario.kind != OperationKind::PlanCreate {
            case.plan = app.paid_plan(&case.slug, 1_900, 0).await;
        }
        return case;
    }
    let card = if before == Before::Owing { "pm_card_chargeCustomerFail" } else { "pm_card_visa" };
    app.card(&owner, &case.organization, card).await;
    let plan = match before {
        Before::Trial => Some(&catalogue.trial),
        Before::Downgrading => Some(&catalogue.top),
        Before::Subscribed | Before::Discounted | Before::Ending | Before::Paused | Before::Owing => {
            Some(&catalogue.pro)
        }
        _ => None,
    };
    if before == Before::Trial {
        // The organizations of these scenarios have one owner and one card, and are to be strangers to each other.
        app.disturb("DELETE FROM trial_marks").await;
    }
    if let Some(plan) = plan {
        let input = json!({ "organizationId": case.organization, "planId": plan });
        let answer = owner.send(SUBSCRIBE, json!({ "input": input })).await;
        case.subscription = text(&answer.data()["subscriptionCreate"]["subscription"]["id"]);
    }
    let subscription = json!({ "subscriptionId": case.subscription });
    match before {
        Before::Ending => drop(mutate(&owner, "subscriptionCancel", subscription).await),
        Before::Paused => drop(mutate(&app.staff(), "subscriptionCollectionPause", subscription).await),
        Before::Discounted => {
            let half = json!({ "subscriptionId": case.subscription, "promotionCode": "HALF" });
            mutate(&owner, "subscriptionDiscountApply", half).await;
        }
        Before::Downgrading => {
            let down = json!({ "subscriptionId": case.subscription, "planId": case.pro });
            mutate(&owner, "subscriptionChange", down).await;
        }
        Before::Owing => {
            app.card(&owner, &case.organization, "pm_card_visa").await;
            case.invoice = first_invoice(&owner, &case.organization).await;
        }
        Before::Invoiced => {
            let customer = app.stripe_customer(&case.organization).await;
            let form = [
                ("customer", &customer[..]),
                ("collection_method", "send_invoice"),
                ("days_until_due", "30"),
            ];
            let made = app.at_stripe(Method::POST, "invoices", &form).await;
            let id = text(&made["id"]);
            let item =
                [("customer", &customer[..]), ("invoice", &id), ("amount", "2500"), ("currency", "usd")];
            app.at_stripe(Method::POST, "invoiceitems", &item).await;
            let id = OrganizationId(uuid_of(&case.organization));
            let row = app.store().find_organization(id).await.expect("a query").expect("it is there");
            app.service.compare_organization(&row, true).await.expect("a comparison");
            case.invoice = first_invoice(&owner, &case.organization).await;
        }
        Before::Charged | Before::Uncharged => {
            let query = "mutation($input: PaymentIntentCreateInput!) { paymentIntentCreate(input: $input) {
                payment { id } userErrors { message } } }";
            let input = json!({ "organizationId": case.organization, "confirm": before == Before::Charged,
                "amount": { "minorUnits": "1500", "currency": "USD" } });
            let answer = owner.send(query, json!({ "input": input })).await;
            case.payment = text(&answer.data()["paymentIntentCreate"]["payment"]["id"]);
        }
        Before::TwoCards => case.method = app.card(&owner, &case.organization, "pm_card_mastercard").await,
        Before::Deleted => {
            let customer = app.stripe_customer(&case.organization).await;
            app.at_stripe(Method::DELETE, &format!("customers/{customer}"), &[]).await;
        }
        Before::Card | Before::Subscribed | Before::Trial | Before::Plan => {}
    }
    match scenario.kind {
        OperationKind::CustomerSync => {
            let details = json!({ "legalName": "Acme Ltd", "billingEmails": ["ap@acme.example"],
                "address": { "line1": "1 High Street", "country": "GB" }, "purchaseOrderNumber": "PO-7",
                "taxIds": [{ "type": "gb_vat", "value": "GB123456789" }] });
            billing_settings(app, &case.organization, 0, details).await;
        }
        OperationKind::PaymentMethodAttach => {
            let form = [("type", "card"), ("card[token]", "tok_mastercard")];
            case.method = text(&app.at_stripe(Method::POST, "payment_methods", &form).await["id"]);
        }
        // The default is the second card; it is about the first one.
        OperationKind::PaymentMethodSetDefault | OperationKind::PaymentMethodDetach => {
            let query = "query($id: ID!) { paymentMethods(organizationId: $id) { id isDefault } }";
            let answer = owner.send(query, json!({ "id": case.organization })).await;
            let methods = answer.data()["paymentMethods"].as_array().expect("methods").clone();
            let other = methods.iter().find(|method| method["isDefault"] == false).expect("the first card");
            case.method = text(&other["id"]);
        }
        _ => {}
    }
    case
}

async fn first_invoice(owner: &Client, organization: &str) -> String {
    let query = "query($id: ID!) { invoices(organizationId: $id) { nodes { id } } }";
    let answer = owner.send(query, json!({ "id": organization })).await;
    text(&answer.data()["invoices"]["nodes"][0]["id"])
}

/// Who asks for an operation: what gives money up is platform staff's.
fn is_by_staff(scenario: &Scenario) -> bool {
    use OperationKind as K;
    // The same kind for two: a code is the customer's to redeem, and a coupon the seller's to give.
    scenario.mutation == "subscriptionCouponApply"
        || matches!(
            scenario.kind,
            K::InvoiceVoid
                | K::InvoiceMarkUncollectible
                | K::CreditNoteCreate
                | K::PaymentRefund
                | K::SubscriptionCollectionPause
                | K::SubscriptionCollectionResume
                | K::SubscriptionTrialExtend
                | K::PlanCreate
                | K::PlanUpdate
                | K::PlanArchive
        )
}

async fn ask(client: &Client, mutation: &str, input: Value) -> Value {
    let answer = client.send(&query_of(mutation), json!({ "input": input })).await;
    answer.data()[mutation].clone()
}

async fn mutate(client: &Client, mutation: &str, input: Value) -> Value {
    let payload = ask(client, mutation, input).await;
    assert_eq!(payload["userErrors"], json!([]), "{mutation}: {payload:#}");
    payload
}

pub fn query_of(mutation: &str) -> String {
    let mut letters = mutation.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    format!(
        "mutation($input: {capital}Input!) {{ {mutation}(input: $input) {{ operation {{ id state }} userErrors {{ code message }} }} }}"
    )
}
