//! What was used is billed: on the renewal's invoice, on the next one, or on an invoice of its own; once.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use stripe_sandbox::{Sandbox, WebhookRetries};
use tollgate::domain::clock::{Clock, FixedClock};

use super::{event, record, recorded, recorder};
use crate::mutations::member::{done, refused};
use crate::support::database::TestDatabase;
use crate::support::{Client, TestApp, TestOptions, text};

/// A gateway and a Stripe that have one clock, which stands until it is moved; and an organization that pays 29 a month and
/// what it uses.
pub struct Billed {
    pub app: TestApp,
    pub clock: Arc<FixedClock>,
    pub organization: String,
    pub recorder: Client,
    pub plan: String,
    pub subscription: String,
}

/// A charge of so much for a unit of a meter, above what is included, in minor units.
pub fn per_unit(meter: &str, amount: &str, included: &str) -> Value {
    json!({ "meter": meter, "currency": "USD", "model": "PER_UNIT", "unitAmount": amount, "included": included })
}

pub async fn paid_plan(app: &TestApp, slug: &str, trial_days: i32, charges: Value) -> String {
    let price = |minor: &str, interval: &str| json!({ "unitAmount": { "minorUnits": minor, "currency": "USD" }, "billingInterval": interval });
    let input = json!({ "name": slug, "slug": slug, "trialDays": trial_days, "charges": charges,
        "prices": [price("2900", "MONTH"), price("29000", "YEAR")] });
    text(&done(&app.staff(), "planCreate", input, "plan { id }").await["plan"]["id"])
}

/// A gateway and a Stripe with one clock.
pub async fn at_one_time(moment: &str) -> (TestApp, Arc<FixedClock>) {
    let moment: DateTime<Utc> = moment.parse().expect("a time");
    let clock = Arc::new(FixedClock::new(moment));
    let shown = Arc::clone(&clock);
    let builder = Sandbox::builder().seed(7).webhook_retries(WebhookRetries::Quick);
    let sandbox = builder
        .clock(Arc::new(move || shown.now().timestamp()))
        .start("127.0.0.1:0".parse().expect("an address"))
        .await
        .expect("the sandbox starts");
    let options = TestOptions { clock: Arc::clone(&clock) as _, ..TestOptions::default() };
    (TestApp::start_on(TestDatabase::create().await, sandbox, options).await, clock)
}

impl Billed {
    /// With these charges, since a moment.
    pub async fn since(moment: &str, charges: Value) -> Self {
        Self::since_with(moment, 0, charges).await
    }

    pub async fn since_with(moment: &str, trial_days: i32, charges: Value) -> Self {
        let (app, clock) = at_one_time(moment).await;
        let owner = app.client("olivia");
        let organization = app.organization(&owner, "acme").await;
        let plan = paid_plan(&app, "metered", trial_days, charges).await;
        app.card(&owner, &organization, "pm_card_visa").await;
        let recorder = recorder(&app, &owner, &organization).await;
        let payload = app.subscribe(&owner, &organization, &plan).await;
        assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
        app.settled().await;
        let subscription = text(&payload["subscription"]["id"]);
        Self { app, clock, organization, recorder, plan, subscription }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Moves both clocks, and lets what fell due arrive.
    pub async fn move_to(&self, moment: DateTime<Utc>) {
        self.clock.advance(moment - self.clock.now());
        self.app.sandbox.set_now(moment.timestamp());
        self.settled().await;
    }

    /// Waits until all that Stripe said is applied. What is to be tried again in a moment is waited for by the clock that
    /// stands: it is moved a little.
    pub async fn settled(&self) {
        let patience = std::time::Duration::from_secs(4);
        while tokio::time::timeout(patience, self.app.settled()).await.is_err() {
            self.clock.advance(Duration::seconds(1));
        }
    }

    pub async fn pass(&self, time: Duration) {
        self.move_to(self.now() + time).await;
    }

    /// What the worker does every minute.
    pub async fn close(&self) -> usize {
        let billed = self.app.service.close_usage_periods().await.expect("periods are looked at");
        self.settled().await;
        billed
    }

    /// Over the end of the running period, and ten minutes more: it is closed, and its invoice a draft.
    pub async fn renew(&self) -> usize {
        let end = self.period_end().await;
        self.move_to(end + Duration::seconds(5)).await;
        self.pass(Duration::minutes(11)).await;
        self.close().await
    }

    /// The owner, with a token of now.
    pub fn owner(&self) -> Client {
        self.app.client("olivia")
    }

    pub async fn period_end(&self) -> DateTime<Utc> {
        let query = "query($id: ID!) { organization(id: $id) { subscription { currentPeriodEnd } } }";
        let answer = self.owner().send(query, json!({ "id": self.organization })).await;
        text(&answer.data()["organization"]["subscription"]["currentPeriodEnd"]).parse().expect("a time")
    }

    pub async fn use_up(&self, meter: &str, id: &str, quantity: &str) {
        recorded(&self.recorder, &self.organization, json!([event(meter, id, quantity)])).await;
    }

    pub async fn use_at(&self, meter: &str, id: &str, quantity: &str, at: DateTime<Utc>) {
        let event = json!({ "meter": meter, "eventId": id, "quantity": quantity, "occurredAt": at });
        recorded(&self.recorder, &self.organization, json!([event])).await;
    }

    /// The invoices, oldest first, each with its usage lines as description, amount, start and end.
    pub async fn bills(&self) -> Vec<Bill> {
        let query = "query($id: ID!) { invoices(organizationId: $id, first: 100) { nodes {
            status billingReason periodEnd subtotal { minorUnits } total { minorUnits }
            lines { description amount { minorUnits } periodStart periodEnd } } } }";
        let answer = self.owner().send(query, json!({ "id": self.organization })).await;
        let mut bills: Vec<Bill> =
            answer.data()["invoices"]["nodes"].as_array().expect("invoices").iter().map(Bill::of).collect();
        bills.reverse();
        bills
    }

    /// What was billed of usage, or is to be, oldest period first.
    pub async fn charges(&self) -> Vec<Value> {
        let query = "query($id: ID!) { usageCharges(organizationId: $id) {
            meter { name } periodStart periodEnd isLate quantity amount { minorUnits } place stripeInvoiceId billedAt
            lines { kind tier quantity packages unitAmount amount { minorUnits } } } }";
        let answer = self.owner().send(query, json!({ "id": self.organization })).await;
        let mut charges = answer.data()["usageCharges"].as_array().expect("charges").clone();
        charges.reverse();
        charges
    }
}

/// An invoice, as far as these tests look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bill {
    pub status: String,
    pub reason: String,
    pub total: i64,
    pub period_end: String,
    pub usage: Vec<(String, i64, String, String)>,
}

fn minor(value: &Value) -> i64 {
    text(&value["minorUnits"]).parse().expect("a number")
}

impl Bill {
    fn of(node: &Value) -> Self {
        let lines = node["lines"].as_array().expect("lines").iter();
        let is_usage = |line: &&Value| {
            let description = line["description"].as_str().unwrap_or_default();
            ["api_calls: ", "storage_gb: ", "seats: ", "active_users: "]
                .iter()
                .any(|meter| description.starts_with(meter))
        };
        let usage = lines.filter(is_usage).map(|line| {
            let (start, end) = (text(&line["periodStart"]), text(&line["periodEnd"]));
            (text(&line["description"]), minor(&line["amount"]), start, end)
        });
        Self {
            status: text(&node["status"]),
            reason: text(&node["billingReason"]),
            total: minor(&node["total"]),
            period_end: text(&node["periodEnd"]),
            usage: usage.collect(),
        }
    }

    /// The usage lines' amounts.
    pub fn amounts(&self) -> Vec<i64> {
        self.usage.iter().map(|(_, amount, ..)| *amount).collect()
    }
}

const BEGIN: &str = "2027-03-10T09:30:07Z";

#[tokio::test]
async fn what_a_plan_charges_is_written_with_it_and_refused_by_field() {
    let app = TestApp::start().await;
    let charges = json!([
        { "meter": "api_calls", "currency": "USD", "model": "GRADUATED", "tiers": [
            { "upTo": "1000", "unitAmount": "0.5" }, { "unitAmount": "0.125", "flatAmount": "50" }] },
        { "meter": "seats", "currency": "USD", "model": "VOLUME", "included": "2", "tiers": [{ "unitAmount": "300" }] },
        { "meter": "storage_gb", "currency": "USD", "model": "PACKAGE", "unitAmount": "90", "packageSize": 10,
          "minimumMinorUnits": "100", "maximumMinorUnits": "5000" },
    ]);
    let price =
        json!({ "unitAmount": { "minorUnits": "2900", "currency": "USD" }, "billingInterval": "MONTH" });
    let input = |charges: Value| {
        json!({ "name": "Metered", "slug": "metered", "prices": [price], "charges": charges,
        "features": { "calls": { "meter": "api_calls", "included": 100 } } })
    };
    let selection = "plan { id version charges { meter currency model unitAmount packageSize included
        minimum { minorUnits } maximum { minorUnits } tiers { upTo unitAmount flatAmount } } }";
    let made = done(&app.staff(), "planCreate", input(charges), selection).await;
    let shown = &made["plan"]["charges"];
    assert_eq!(
        shown[0],
        json!({ "meter": "api_calls", "currency": "USD", "model": "GRADUATED", "unitAmount": null, "packageSize": null,
            "included": "100", "minimum": null, "maximum": null, "tiers": [
                { "upTo": "1000", "unitAmount": "0.5", "flatAmount": "0" },
                { "upTo": null, "unitAmount": "0.125", "flatAmount": "50" }] })
    );
    assert_eq!(
        shown[2],
        json!({ "meter": "storage_gb", "currency": "USD", "model": "PACKAGE", "unitAmount": "90", "packageSize": "10",
            "included": "0", "minimum": { "minorUnits": "100" }, "maximum": { "minorUnits": "5000" }, "tiers": [] })
    );
    let of = |change: Value| {
        let mut charge =
            json!({ "meter": "seats", "currency": "USD", "model": "PER_UNIT", "unitAmount": "1" });
        for (name, value) in change.as_object().expect("an object") {
            charge[name.as_str()] = value.clone();
        }
        json!([per_unit("api_calls", "1", "100"), charge])
    };
    for (charges, path) in [
        (of(json!({ "meter": "nothing" })), "charges.1.meter"),
        (of(json!({ "meter": "api_calls" })), "charges.1"),
        (of(json!({ "currency": "EUR" })), "charges.1.currency"),
        (of(json!({ "unitAmount": null })), "charges.1.unitAmount"),
        (of(json!({ "unitAmount": "-1" })), "charges.1.unitAmount"),
        (of(json!({ "included": "-1" })), "charges.1.included"),
        (of(json!({ "packageSize": 5 })), "charges.1.packageSize"),
        (of(json!({ "model": "PACKAGE", "packageSize": 0 })), "charges.1.packageSize"),
        (of(json!({ "model": "VOLUME", "unitAmount": null })), "charges.1.tiers"),
        (
            of(
                json!({ "model": "VOLUME", "unitAmount": null, "tiers": [{ "upTo": "5" }, { "upTo": "4" }, {}] }),
            ),
            "charges.1.tiers.1.upTo",
        ),
        (of(json!({ "minimumMinorUnits": "5", "maximumMinorUnits": "4" })), "charges.1.minimum"),
        (json!([per_unit("api_calls", "1", "99")]), "charges.0.included"),
    ] {
        let mut input = input(charges.clone());
        input["slug"] = json!("another");
        let expected = ("BAD_USER_INPUT".to_owned(), path.to_owned());
        assert_eq!(refused(&app.staff(), "planCreate", input).await, expected, "{charges}");
    }
    let free = json!({ "unitAmount": { "minorUnits": "0", "currency": "USD" }, "billingInterval": "MONTH" });
    let input =
        json!({ "name": "Free", "slug": "free", "prices": [free], "charges": [per_unit("seats", "1", "0")] });
    let expected = ("BAD_USER_INPUT".to_owned(), "charges".to_owned());
    assert_eq!(
        refused(&app.staff(), "planCreate", input).await,
        expected,
        "nobody is billed for a free plan"
    );
    // What is included is said once: features that say something else than the charges that stay are refused.
    let update = json!({ "planId": made["plan"]["id"], "expectedVersion": made["plan"]["version"],
        "features": { "calls": { "meter": "api_calls", "included": 200 } } });
    assert_eq!(refused(&app.staff(), "planUpdate", update).await, expected);
}

#[tokio::test]
async fn a_renewal_bills_what_was_used_before_it() {
    let it =
        Billed::since(BEGIN, json!([per_unit("api_calls", "2", "100"), per_unit("seats", "300", "2")])).await;
    it.use_up("api_calls", "a", "250.5").await;
    it.use_up("seats", "b", "5").await;
    it.pass(Duration::days(10)).await;
    it.use_up("api_calls", "c", "50").await;
    it.use_up("seats", "d", "4").await;
    let (start, end) = (it.now() - Duration::days(10), it.period_end().await);
    assert_eq!(it.renew().await, 1);
    let bill = it.bills().await.pop().expect("the renewal's");
    assert_eq!((bill.status.as_str(), bill.reason.as_str()), ("DRAFT", "subscription_cycle"));
    // (250.5 + 50 - 100) calls at 2; and from the 20th on four seats, two of them included.
    assert_eq!(bill.amounts(), [401, 600], "{bill:#?}");
    assert_eq!(bill.usage[0].0, "api_calls: 300.5 call, 100 included (2027-03-10 to 2027-04-10)");
    let shown: (DateTime<Utc>, DateTime<Utc>) =
        (bill.usage[0].2.parse().expect("a time"), bill.usage[0].3.parse().expect("a time"));
    assert_eq!(shown, (start, end));
    assert_eq!(it.close().await, 0, "once");
    // An hour later Stripe finalises it, and charges it with what was used.
    it.pass(Duration::hours(1)).await;
    let bill = it.bills().await.pop().expect("the renewal's");
    assert_eq!((bill.status.as_str(), bill.total), ("PAID", 2_900 + 401 + 600));
    let charges = it.charges().await;
    assert_eq!(charges.len(), 2, "{charges:#?}");
    assert!(charges.iter().all(|charge| charge["place"] == "RENEWAL" && charge["billedAt"].is_string()));
    let calls = charges.iter().find(|charge| charge["meter"]["name"] == "api_calls").expect("the calls");
    assert_eq!(
        calls["lines"],
        json!([
            { "kind": "INCLUDED", "tier": null, "quantity": "100", "packages": null, "unitAmount": "0", "amount": { "minorUnits": "0" } },
            { "kind": "USAGE", "tier": null, "quantity": "200.5", "packages": null, "unitAmount": "2", "amount": { "minorUnits": "401" } },
        ])
    );
}

#[tokio::test]
async fn what_is_used_shows_before_it_is_billed() {
    let it = Billed::since(BEGIN, json!([per_unit("api_calls", "2", "100")])).await;
    let query = "query($id: ID!) { usageBill(organizationId: $id) { periodStart periodEnd total { minorUnits }
        meters { meter { name } quantity amount { minorUnits } } }
        upcomingInvoice(organizationId: $id) { total { minorUnits } lines { description amount { minorUnits } } } }";
    let look = async || it.owner().send(query, json!({ "id": it.organization })).await.data().clone();
    let before = look().await;
    assert_eq!(before["usageBill"]["total"]["minorUnits"], "0");
    assert_eq!(before["upcomingInvoice"]["total"]["minorUnits"], "2900");
    it.use_up("api_calls", "a", "300").await;
    let after = look().await;
    assert_eq!(after["usageBill"]["total"]["minorUnits"], "400");
    assert_eq!(
        after["usageBill"]["meters"],
        json!([{ "meter": { "name": "api_calls" }, "quantity": "300", "amount": { "minorUnits": "400" } }])
    );
    assert_eq!(after["upcomingInvoice"]["total"]["minorUnits"], "3300");
    let lines = after["upcomingInvoice"]["lines"].as_array().expect("lines");
    let of_usage = lines.iter().find(|line| text(&line["description"]).starts_with("api_calls: 300 call"));
    assert_eq!(of_usage.expect("the calls")["amount"]["minorUnits"], "400");
    assert!(it.app.sandbox.objects("invoiceitem").is_empty(), "it was only shown");
}

#[tokio::test]
async fn case_70_what_comes_late_is_billed_of_its_period_and_never_dropped() {
    let it = Billed::since(BEGIN, json!([per_unit("api_calls", "2", "100")])).await;
    it.use_up("api_calls", "a", "150").await;
    let end = it.period_end().await;
    it.move_to(end + Duration::minutes(5)).await;
    // The period is over and not closed yet: it is of that period.
    it.use_at("api_calls", "b", "10", end - Duration::minutes(1)).await;
    // And this of the next.
    it.use_at("api_calls", "c", "7", end).await;
    it.pass(Duration::minutes(11)).await;
    assert_eq!(it.close().await, 1);
    assert_eq!(it.bills().await.pop().expect("the renewal's").amounts(), [120]);
    // Closed: the next bill has a line of its own for it.
    it.pass(Duration::days(3)).await;
    it.use_at("api_calls", "d", "40", end - Duration::days(2)).await;
    assert_eq!(it.close().await, 1);
    assert_eq!(it.close().await, 0, "once");
    // Older than is taken at all: it is refused, and said.
    let ancient =
        json!([{ "meter": "api_calls", "eventId": "e", "occurredAt": it.now() - Duration::days(36) }]);
    let refusal = ("BAD_USER_INPUT".to_owned(), "events.0.occurredAt".to_owned());
    assert_eq!(record(&it.recorder, &it.organization, ancient).await, (0, json!([]), vec![refusal]));
    assert_eq!(it.renew().await, 0, "seven calls are included");
    let bill = it.bills().await.pop().expect("the second renewal's");
    assert_eq!(bill.amounts(), [80], "{bill:#?}");
    assert_eq!(bill.usage[0].0, "api_calls: 40 call (2027-03-10 to 2027-04-10), recorded late");
    let late = it.charges().await.into_iter().find(|charge| charge["isLate"] == true).expect("the late one");
    assert_eq!((&late["place"], &late["quantity"]), (&json!("NEXT_BILL"), &json!("40")));
    // The last period of a subscription that has ended: an invoice of its own, and another for what comes late.
    it.use_up("api_calls", "f", "130").await;
    let input = json!({ "subscriptionId": it.subscription, "when": "NOW" });
    done(&it.owner(), "subscriptionCancel", input, "subscription { status }").await;
    it.settled().await;
    let ended = it.now();
    it.pass(Duration::minutes(11)).await;
    assert_eq!(it.close().await, 1);
    let last = it.bills().await.pop().expect("the last");
    assert_eq!((last.status.as_str(), last.reason.as_str(), last.total), ("PAID", "manual", 60));
    it.pass(Duration::days(20)).await;
    it.use_at("api_calls", "g", "5", ended - Duration::seconds(1)).await;
    assert_eq!(it.close().await, 1);
    let later = it.bills().await.pop().expect("the very last");
    assert_eq!((later.reason.as_str(), later.amounts()), ("manual", vec![10]));
    assert_eq!(it.bills().await.len(), 5);
}

#[tokio::test]
async fn what_was_finalised_before_us_is_billed_with_the_next() {
    let it = Billed::since(BEGIN, json!([per_unit("api_calls", "2", "0")])).await;
    it.use_up("api_calls", "a", "50").await;
    // Nobody closes it for two hours.
    let end = it.period_end().await;
    it.move_to(end + Duration::seconds(5)).await;
    it.pass(Duration::hours(2)).await;
    assert_eq!(it.close().await, 1);
    let bill = it.bills().await.pop().expect("the renewal's");
    assert_eq!((bill.status.as_str(), bill.total), ("PAID", 2_900));
    assert_eq!(it.renew().await, 0);
    let bill = it.bills().await.pop().expect("the next");
    assert_eq!(bill.amounts(), [100]);
    assert_eq!(bill.usage[0].0, "api_calls: 50 call (2027-03-10 to 2027-04-10)");
    assert_eq!(bill.usage[0].3.parse::<DateTime<Utc>>().expect("a time"), end);
}

#[tokio::test]
async fn what_waits_for_a_next_bill_is_on_the_last_one() {
    let it = Billed::since(BEGIN, json!([per_unit("api_calls", "2", "0")])).await;
    it.use_up("api_calls", "a", "50").await;
    let end = it.period_end().await;
    it.move_to(end + Duration::seconds(5)).await;
    it.pass(Duration::hours(2)).await;
    assert_eq!(it.close().await, 1);
    let input = json!({ "subscriptionId": it.subscription, "when": "PERIOD_END" });
    done(&it.owner(), "subscriptionCancel", input, "subscription { status }").await;
    assert_eq!(it.renew().await, 1);
    let bill = it.bills().await.pop().expect("the last");
    assert_eq!((bill.status.as_str(), bill.reason.as_str(), bill.amounts()), ("PAID", "manual", vec![100]));
}

#[tokio::test]
async fn a_trial_is_not_billed_and_neither_is_a_free_plan() {
    let it = Billed::since_with(BEGIN, 14, json!([per_unit("api_calls", "2", "0")])).await;
    it.use_up("api_calls", "a", "50").await;
    assert_eq!(it.renew().await, 0);
    it.use_up("api_calls", "b", "3").await;
    assert_eq!(it.renew().await, 1);
    let usage: Vec<Vec<i64>> = it.bills().await.iter().map(Bill::amounts).collect();
    assert_eq!(usage, [vec![], vec![], vec![6]]);
    let (app, _) = super::app_at(BEGIN).await;
    let (owner, acme) = super::subscribed(&app, json!({})).await;
    recorded(&owner, &acme, json!([event("api_calls", "a", "50")])).await;
    assert_eq!(app.service.close_usage_periods().await.expect("a look"), 0);
    let answer = owner
        .send(
            "query($id: ID!) { usageBill(organizationId: $id) { total { amount } } }",
            json!({ "id": acme }),
        )
        .await;
    assert_eq!(answer.data()["usageBill"], Value::Null);
    assert!(app.sandbox.objects("invoice").is_empty());
}

#[tokio::test]
async fn charges_that_change_count_from_the_next_period() {
    let it = Billed::since(BEGIN, json!([per_unit("api_calls", "2", "0")])).await;
    it.pass(Duration::days(5)).await;
    let update =
        json!({ "planId": it.plan, "expectedVersion": "1", "charges": [per_unit("api_calls", "7", "0")] });
    done(&it.app.staff(), "planUpdate", update, "plan { version }").await;
    it.use_up("api_calls", "a", "10").await;
    assert_eq!(it.renew().await, 1);
    it.use_up("api_calls", "b", "10").await;
    assert_eq!(it.renew().await, 1);
    let usage: Vec<Vec<i64>> = it.bills().await.iter().map(Bill::amounts).collect();
    assert_eq!(usage, [vec![], vec![20], vec![70]]);
}

#[tokio::test]
async fn a_plan_that_changes_in_mid_period_is_charged_for_its_part() {
    let it = Billed::since(
        "2027-04-01T00:00:00Z",
        json!([per_unit("api_calls", "2", "300"), per_unit("seats", "300", "0")]),
    )
    .await;
    let dearer = {
        let price =
            json!({ "unitAmount": { "minorUnits": "9900", "currency": "USD" }, "billingInterval": "MONTH" });
        let input = json!({ "name": "Top", "slug": "top", "prices": [price],
            "charges": [per_unit("api_calls", "1", "600"), per_unit("seats", "600", "0")] });
        text(&done(&it.app.staff(), "planCreate", input, "plan { id }").await["plan"]["id"])
    };
    it.use_up("seats", "s", "3").await;
    it.pass(Duration::days(9)).await;
    it.use_up("api_calls", "a", "500").await;
    it.pass(Duration::days(1)).await;
    let input = json!({ "subscriptionId": it.subscription, "planId": dearer });
    done(&it.owner(), "subscriptionChange", input, "subscription { plan { slug } }").await;
    it.settled().await;
    it.pass(Duration::hours(1)).await;
    it.use_up("api_calls", "b", "500").await;
    assert_eq!(it.renew().await, 1);
    let bill = it
        .bills()
        .await
        .into_iter()
        .rfind(|bill| bill.reason == "subscription_cycle")
        .expect("the renewal's");
    // A third of April under the old plan: 100 calls included, 400 at 2. Two thirds under the new: 400 included, 100 at 1.
    // Three seats for a third of the month at 300, and for two thirds at 600.
    assert_eq!(bill.amounts(), [800 + 100, 300 + 1_200], "{bill:#?}");
}

#[tokio::test]
async fn what_an_organization_has_included_of_its_own_is_not_billed() {
    let it = Billed::since(BEGIN, json!([per_unit("api_calls", "2", "100")])).await;
    let own = json!({ "organizationId": it.organization, "feature": "calls", "reason": "Ticket 4711",
        "value": { "meter": "api_calls", "included": 280 } });
    done(&it.app.staff(), "entitlementOverrideSet", own, "entitlementOverride { version }").await;
    it.use_up("api_calls", "a", "300").await;
    assert_eq!(it.renew().await, 1);
    assert_eq!(it.bills().await.pop().expect("the renewal's").amounts(), [40]);
}

/// A currency without minor units, and one with three decimals: what Stripe charges is rounded to tens.
#[tokio::test]
async fn every_currency_is_billed_in_its_own_units() {
    for (currency, price, unit, amount) in [("JPY", "4000", "0.5", 51), ("KWD", "9000", "0.7", 70)] {
        let (app, clock) = at_one_time(BEGIN).await;
        let owner = app.client("olivia");
        let organization = app.organization(&owner, "acme").await;
        let input = json!({ "name": "Metered", "slug": "metered",
            "prices": [{ "unitAmount": { "minorUnits": price, "currency": currency }, "billingInterval": "MONTH" }],
            "charges": [{ "meter": "api_calls", "currency": currency, "model": "PER_UNIT", "unitAmount": unit }] });
        let plan = text(&done(&app.staff(), "planCreate", input, "plan { id }").await["plan"]["id"]);
        app.card(&owner, &organization, "pm_card_visa").await;
        let recorder = recorder(&app, &owner, &organization).await;
        let payload = app.subscribe(&owner, &organization, &plan).await;
        app.settled().await;
        let subscription = text(&payload["subscription"]["id"]);
        let it = Billed { app, clock, organization, recorder, plan, subscription };
        it.use_up("api_calls", "a", "101").await;
        assert_eq!(it.renew().await, 1, "{currency}");
        let item = &it.app.sandbox.objects("invoiceitem")[0];
        assert_eq!((&item["amount"], &item["currency"]), (&json!(amount), &json!(currency.to_lowercase())));
    }
}

/// What cannot be billed of one subscriber keeps nobody else's bill from being made, and is known.
#[tokio::test]
async fn case_72_one_bill_that_cannot_be_made_stops_no_other() {
    let it = Billed::since(BEGIN, json!([per_unit("api_calls", "2", "0")])).await;
    let other = it.app.organization(&it.owner(), "beta").await;
    it.app.card(&it.owner(), &other, "pm_card_visa").await;
    let payload = it.app.subscribe(&it.owner(), &other, &it.plan).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload:#}");
    it.settled().await;
    let others = recorder(&it.app, &it.owner(), &other).await;
    it.use_up("api_calls", "a", "5").await;
    recorded(&others, &other, json!([event("api_calls", "a", "6")])).await;
    let end = it.period_end().await;
    it.move_to(end + Duration::seconds(5)).await;
    // Somebody deletes the first one's customer at Stripe, and with it its subscription.
    let customer = it.app.stripe_customer(&it.organization).await;
    it.app.at_stripe(reqwest::Method::DELETE, &format!("customers/{customer}"), &[]).await;
    it.settled().await;
    it.pass(Duration::minutes(11)).await;
    it.close().await;
    let charges = it.charges().await;
    assert_eq!((charges.len(), &charges[0]["billedAt"]), (1, &Value::Null), "it is known: {charges:#?}");
    let items = it.app.sandbox.objects("invoiceitem");
    assert_eq!((items.len(), &items[0]["amount"]), (1, &json!(12)), "the other's: {items:#?}");
    // It is tried again, and nothing else is.
    it.pass(Duration::hours(2)).await;
    it.close().await;
    assert_eq!(it.app.sandbox.objects("invoiceitem").len(), 1);
}

/// What is included is granted with the period, and what is used at the very moment in which one ends and the next begins is
/// counted once, in the next.
#[tokio::test]
async fn case_74_what_is_used_at_the_moment_of_a_reset_counts_once() {
    let it = Billed::since(BEGIN, json!([per_unit("api_calls", "2", "10")])).await;
    let start = it.now();
    it.use_at("api_calls", "first", "12", start).await;
    let end = it.period_end().await;
    it.move_to(end).await;
    it.use_at("api_calls", "last", "3", end - Duration::microseconds(1)).await;
    it.use_at("api_calls", "reset", "14", end).await;
    let query = "query($id: ID!) { usageBill(organizationId: $id) { periodStart meters { quantity } total { minorUnits } } }";
    let shown = it.owner().send(query, json!({ "id": it.organization })).await.data()["usageBill"].clone();
    assert_eq!(shown["meters"][0]["quantity"], "14", "{shown:#}");
    assert_eq!(shown["total"]["minorUnits"], "8");
    it.pass(Duration::minutes(11)).await;
    assert_eq!(it.close().await, 1);
    assert_eq!(it.renew().await, 1);
    let amounts: Vec<Vec<i64>> = it.bills().await.iter().map(Bill::amounts).collect();
    assert_eq!(amounts, [vec![], vec![10], vec![8]]);
}

/// Several processes that look at the same moment bill a period once.
#[tokio::test]
async fn several_processes_bill_a_period_once() {
    let it = Billed::since(BEGIN, json!([per_unit("api_calls", "2", "0")])).await;
    it.use_up("api_calls", "a", "50").await;
    let end = it.period_end().await;
    it.move_to(end + Duration::seconds(5)).await;
    it.pass(Duration::minutes(11)).await;
    let looks = (0..4).map(|_| {
        let service = it.app.service.clone();
        tokio::spawn(async move { service.close_usage_periods().await.expect("a look") })
    });
    let mut billed = 0;
    for look in looks.collect::<Vec<_>>() {
        billed += look.await.expect("it does not panic");
    }
    assert_eq!(billed, 1);
    it.settled().await;
    assert_eq!(it.app.sandbox.objects("invoiceitem").len(), 1);
    assert_eq!(it.bills().await.pop().expect("the renewal's").amounts(), [100]);
}
