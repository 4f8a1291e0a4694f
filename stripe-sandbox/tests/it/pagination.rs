//! Every list, from page to page.

use serde_json::Value;

use crate::support::scenario::drive;
use crate::support::{Client, DAY, START, World, id, world};

/// What a list of an operation needs beside its page, and the ids in its address; none when the walk made no such thing.
fn call(world: &World, operation: &str) -> Option<(String, Vec<(&'static str, String)>)> {
    let newest = |kind: &str, keep: &dyn Fn(&Value) -> bool| {
        world.sandbox.objects(kind).into_iter().find(|object| keep(object)).map(|object| id(&object))
    };
    let any = |_: &Value| true;
    let full = |field: &'static str| {
        move |object: &Value| object[field]["data"].as_array().is_some_and(|rows| rows.len() > 1)
    };
    let path = operation.strip_prefix("GET ")?;
    let owner = |kind: &str| world.sandbox.objects(kind)[0]["customer"].as_str().map(str::to_owned);
    let (holder, more) = match path {
        "/v1/customers/{}/payment_methods" => (owner("payment_method"), vec![]),
        "/v1/customers/{}/balance_transactions" => (owner("customer_balance_transaction"), vec![]),
        "/v1/customers/{}/tax_ids" => (owner("tax_id"), vec![]),
        "/v1/invoices/{}/lines" => (newest("invoice", &full("lines")), vec![]),
        "/v1/credit_notes/{}/lines" => (newest("credit_note", &full("lines")), vec![]),
        "/v1/credit_notes/preview/lines" => {
            let paid = newest("invoice", &|invoice| invoice["status"] == "paid" && full("lines")(invoice))?;
            let invoice = world.sandbox.objects("invoice").into_iter().find(|invoice| id(invoice) == paid)?;
            let lines =
                invoice["lines"]["data"].as_array()?.iter().filter(|line| line["amount"].as_i64() > Some(0));
            let mut more = vec![("invoice", paid), ("credit_amount", String::new())];
            let (mut total, names) = (
                0,
                [
                    ["lines[0][type]", "lines[0][invoice_line_item]", "lines[0][amount]"],
                    ["lines[1][type]", "lines[1][invoice_line_item]", "lines[1][amount]"],
                ],
            );
            for (line, [kind, of, amount]) in lines.zip(names) {
                more.extend([
                    (kind, "invoice_line_item".to_owned()),
                    (of, id(line)),
                    (amount, "1".to_owned()),
                ]);
                total += 1;
            }
            more[1].1 = total.to_string();
            (None, more)
        }
        "/v1/checkout/sessions/{}/line_items" => (newest("checkout.session", &any), vec![]),
        "/v1/billing/meters/{}/event_summaries" => {
            let meter = newest("billing.meter", &any);
            let start = START - START % DAY;
            let customer =
                world.sandbox.objects("billing.meter_event")[0]["payload"]["stripe_customer_id"].clone();
            let range = vec![
                ("customer", customer.as_str()?.to_owned()),
                ("start_time", start.to_string()),
                ("end_time", (start + 60 * DAY).to_string()),
                ("value_grouping_window", "day".to_owned()),
            ];
            (meter, range)
        }
        "/v1/subscription_items" => {
            let subscription = newest("subscription", &any)?;
            (None, vec![("subscription", subscription)])
        }
        "/v1/subscriptions" => (None, vec![("status", "all".to_owned())]),
        _ => (None, vec![]),
    };
    match (path.contains("{}"), holder) {
        (true, None) => None,
        (_, holder) => Some((path.replace("{}", &holder.unwrap_or_default()), more)),
    }
}

async fn page(client: &Client, path: &str, more: &[(&'static str, String)], own: &[(&str, &str)]) -> Value {
    let mut params: Vec<(&str, &str)> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
    params.extend_from_slice(own);
    client.get(path, &params).await.ok()
}

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_walked_forward_and_back_without_gap_or_repetition() {
    let world = world().await;
    drive(&world, &world.client).await;
    let client = &world.client;
    // What the walk deletes behind it.
    for _ in 0..5 {
        client.post("/v1/test_helpers/test_clocks", &[("frozen_time", "1800000000")]).await.ok();
        let endpoint = [("url", "http://127.0.0.1:9/hook"), ("enabled_events[]", "account.updated")];
        client.post("/v1/webhook_endpoints", &endpoint).await.ok();
    }
    let operations: Value = serde_json::from_str(include_str!("../../spec/parameters.json")).unwrap();
    let (mut walked, mut long) = (0, 0);
    for (operation, node) in operations.as_object().unwrap() {
        if node["o"].get("starting_after").is_none() {
            continue;
        }
        let (path, more) =
            call(&world, operation).unwrap_or_else(|| panic!("nothing to list for {operation}"));
        let whole = page(client, &path, &more, &[("limit", "100")]).await;
        let all = ids(&whole);
        assert!(!all.is_empty(), "{operation} lists nothing");
        assert_eq!(whole["has_more"], all.len() == 100 && whole["has_more"] == true, "{operation}");
        // A preview's lines have other ids each time, and cannot be walked.
        if operation.contains("/preview/") {
            continue;
        }
        let mut forward: Vec<String> = Vec::new();
        while forward.len() < all.len() {
            let last = forward.last().cloned();
            let mut own = vec![("limit", "3")];
            own.extend(last.as_deref().map(|last| ("starting_after", last)));
            let next = page(client, &path, &more, &own).await;
            assert_eq!(
                next["has_more"] == true || whole["has_more"] == true,
                forward.len() + 3 < all.len() || whole["has_more"] == true,
                "{operation}"
            );
            assert!(!ids(&next).is_empty(), "{operation} ends early");
            forward.extend(ids(&next));
        }
        forward.truncate(all.len());
        assert_eq!(forward, all, "{operation}");
        let back =
            page(client, &path, &more, &[("limit", "2"), ("ending_before", all.last().unwrap())]).await;
        let end = all.len() - 1;
        assert_eq!(ids(&back), all[end.saturating_sub(2)..end], "{operation}");
        assert_eq!(back["has_more"], end > 2, "{operation}");
        let nowhere = [("starting_after", "nothing_of_that_id")];
        let mut params: Vec<(&str, &str)> =
            more.iter().map(|(name, value)| (*name, value.as_str())).collect();
        params.extend_from_slice(&nowhere);
        assert_eq!(
            client.get(&path, &params).await.refusal(),
            (400, "resource_missing", "starting_after"),
            "{operation}"
        );
        walked += 1;
        long += usize::from(all.len() > 3);
    }
    assert!(walked > 30 && long > 15, "{walked} lists were walked, {long} of more than a page");
}
