//! Settings: part by part, on the version that was read, with a history that brings back.

use serde_json::{Value, json};
use stripe_sandbox::{Fault, FaultKind};
use tollgate::domain::membership::Role;
use tollgate::domain::notification_event::NotificationEvent;

use super::customer::billing_settings;
use super::member::{ask, done};
use crate::support::{Client, TestApp, eventually, text};

/// The mutation's input for an organization at a version.
pub fn at(organization: &str, version: i64, mut fields: Value) -> Value {
    fields["organizationId"] = json!(organization);
    fields["expectedVersion"] = json!(version.to_string());
    fields
}

/// Code, path and message of each user error.
async fn errors(client: &Client, mutation: &str, input: Value) -> Vec<(String, String, String)> {
    let answer = ask(client, mutation, input, "settings { version }").await;
    let payload = answer.data()[mutation].clone();
    assert_eq!(payload["settings"], Value::Null, "{payload:#}");
    let errors = payload["userErrors"].as_array().expect("errors");
    errors
        .iter()
        .map(|error| {
            let path: Vec<&str> =
                error["path"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            (text(&error["code"]), path.join("."), text(&error["message"]))
        })
        .collect()
}

async fn read(client: &Client, query: &str, organization: &str, selection: &str) -> Value {
    let query = format!("query($id: ID!) {{ it: {query} {{ {selection} }} }}");
    client.send(&query, json!({ "id": organization })).await.data()["it"].clone()
}

async fn history(client: &Client, organization: &str, section: &str) -> Vec<Value> {
    let query = format!("settingsHistory(organizationId: $id, section: {section})");
    let selection = "totalCount nodes { version restoredVersion author { name } document
        changes { path oldValue newValue } }";
    let shown = read(client, &query, organization, selection).await;
    let nodes = shown["nodes"].as_array().expect("versions").clone();
    assert_eq!(shown["totalCount"], nodes.len());
    nodes
}

#[tokio::test]
async fn each_part_is_written_and_read_by_itself() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let general = json!({ "name": "Acme plc", "slug": "acme-plc", "logoUrl": "https://cdn.acme.example/a.png",
        "locale": "en-gb", "timeZone": "Europe/London",
        "contacts": [{ "kind": "SECURITY", "name": "Ada", "email": "Security@acme.example" }] });
    let selection = "settings { version name slug logoUrl locale timeZone contacts { kind name email }
        updatedBy { name } updatedAt }";
    let written = done(&owner, "settingsGeneralUpdate", at(&acme, 0, general), selection).await;
    let settings = &written["settings"];
    assert_eq!(
        (&settings["version"], &settings["locale"], &settings["slug"], &settings["updatedBy"]["name"]),
        (&json!("1"), &json!("en-GB"), &json!("acme-plc"), &json!("olivia"))
    );
    assert_eq!(
        settings["contacts"],
        json!([{ "kind": "SECURITY", "name": "Ada", "email": "security@acme.example" }])
    );
    // Name and slug are the organization's own.
    let shown =
        read(&owner, "organization(id: $id)", &acme, "name slug settings { general { name version } }").await;
    assert_eq!((&shown["name"], &shown["slug"]), (&json!("Acme plc"), &json!("acme-plc")));
    assert_eq!(shown["settings"]["general"], json!({ "name": "Acme plc", "version": "1" }));

    let rule = json!({ "events": [{ "event": "INVOICE_PAID", "channels": ["EMAIL"], "addresses": ["ap@acme.example"] }] });
    let selection = "settings { version events { event channels roles addresses } }";
    let written = done(&owner, "settingsNotificationsUpdate", at(&acme, 0, rule), selection).await;
    let events = written["settings"]["events"].as_array().expect("events").clone();
    assert_eq!(events.len(), NotificationEvent::ALL.len());
    let paid = events.iter().find(|it| it["event"] == "INVOICE_PAID").expect("the event");
    assert_eq!((&paid["channels"], &paid["addresses"]), (&json!(["EMAIL"]), &json!(["ap@acme.example"])));
    assert_eq!(paid["roles"], json!(["OWNER", "ADMIN", "BILLING_MANAGER"]), "what was left out is as usual");
    let others = read(&owner, "settingsBilling(organizationId: $id)", &acme, "version").await;
    assert_eq!(others["version"], "0");
}

/// What looks like a secret or like a card is left out of records, and neither an event's word nor a tax id is one.
#[tokio::test]
async fn records_tell_what_was_changed() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let rule = json!({ "events": [{ "event": "API_KEY_CREATED", "channels": ["EMAIL"] }] });
    done(&owner, "settingsNotificationsUpdate", at(&acme, 0, rule), "").await;
    // Its digits pass for those of a card.
    let tax_id = json!({ "taxIds": [{ "type": "jp_cn", "value": "4222222222222" }] });
    done(&owner, "settingsBillingUpdate", at(&acme, 0, tax_id.clone()), "").await;
    let records = app.audit_records().await;
    let of = |action: &str| records.iter().find(|it| it.action == action).expect("a record").clone();
    let rule = |channels: Value| {
        json!({ "rules": [{ "event": "api_key_created", "channels": channels, "roles": ["owner", "admin"],
            "addresses": [] }] })
    };
    let told = of("settings.notifications_update");
    assert_eq!(told.old_values, Some(rule(json!(["email", "in_app", "webhook"]))), "{told:#?}");
    assert_eq!(told.new_values, Some(rule(json!(["email"]))));
    assert_eq!(of("settings.billing_update").new_values, Some(tax_id));
}

#[tokio::test]
async fn what_is_left_out_stays_and_null_clears() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let both = json!({ "locale": "de-DE", "timeZone": "Europe/Berlin" });
    done(&owner, "settingsGeneralUpdate", at(&acme, 0, both), "").await;
    let selection = "settings { locale timeZone version }";
    let cleared = at(&acme, 1, json!({ "locale": null }));
    let written = done(&owner, "settingsGeneralUpdate", cleared, selection).await;
    assert_eq!(written["settings"], json!({ "locale": null, "timeZone": "Europe/Berlin", "version": "2" }));
    // The same again changes nothing, and is no version.
    let same = at(&acme, 2, json!({ "locale": null }));
    let written = done(&owner, "settingsGeneralUpdate", same, selection).await;
    assert_eq!(written["settings"]["version"], "2");
    assert_eq!(history(&owner, &acme, "GENERAL").await.len(), 2);
    let answer = errors(&owner, "settingsGeneralUpdate", at(&acme, 2, json!({ "name": null }))).await;
    assert_eq!((answer[0].0.as_str(), answer[0].1.as_str()), ("BAD_USER_INPUT", "name"));
}

#[tokio::test]
async fn a_stale_change_names_what_somebody_else_changed_and_loses_nothing() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let admin = app.member_as(&acme, "adam", Role::Admin).await;
    let first =
        json!({ "legalName": "Acme", "address": { "city": "Bonn", "country": "DE" }, "netTerms": 14 });
    done(&owner, "settingsBillingUpdate", at(&acme, 0, first), "").await;
    let second = json!({ "address": { "city": "Berlin", "country": "DE" }, "netTerms": 30 });
    done(&admin, "settingsBillingUpdate", at(&acme, 1, second), "").await;
    let stale = at(&acme, 1, json!({ "legalName": "Acme GmbH" }));
    let told = errors(&owner, "settingsBillingUpdate", stale).await;
    let places: Vec<(&str, &str)> =
        told.iter().map(|(code, path, _)| (code.as_str(), path.as_str())).collect();
    assert_eq!(places, [("CONFLICT", "address.city"), ("CONFLICT", "netTerms")]);
    assert!(told[0].2.contains("version 2"), "{}", told[0].2);
    let shown =
        read(&owner, "settingsBilling(organizationId: $id)", &acme, "legalName netTerms address { city }")
            .await;
    assert_eq!(shown, json!({ "legalName": "Acme", "netTerms": 30, "address": { "city": "Berlin" } }));
    // Ahead of what there is, it is a conflict all the same.
    let ahead = errors(&owner, "settingsBillingUpdate", at(&acme, 7, json!({ "netTerms": 0 }))).await;
    assert_eq!((ahead[0].0.as_str(), ahead[0].1.as_str()), ("CONFLICT", "expectedVersion"));
    // From before there was anything, all that was written since is named.
    let told = errors(&owner, "settingsBillingUpdate", at(&acme, 0, json!({ "netTerms": 0 }))).await;
    let places: Vec<&str> = told.iter().map(|(_, path, _)| path.as_str()).collect();
    assert_eq!(places, ["address.city", "address.country", "legalName", "netTerms"]);
}

#[tokio::test]
async fn a_stale_change_of_any_other_part_names_its_fields_too() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let paid = |channels: Value| json!({ "events": [{ "event": "INVOICE_PAID", "channels": channels }] });
    for (mutation, first, stale, expected) in [
        (
            "settingsGeneralUpdate",
            json!({ "locale": "de-DE", "timeZone": "Europe/Berlin" }),
            json!({ "locale": "fr-FR" }),
            vec!["locale", "timeZone"],
        ),
        (
            "settingsNotificationsUpdate",
            paid(json!(["EMAIL"])),
            paid(json!([])),
            vec!["events.invoice_paid.channels"],
        ),
        (
            "settingsSecurityUpdate",
            json!({ "sessionLifetimeMinutes": 600, "keyPolicy": { "longestLifeDays": 30 } }),
            json!({ "mfaRequired": false }),
            vec!["keyPolicy.longestLifeDays", "sessionLifetimeMinutes"],
        ),
    ] {
        done(&owner, mutation, at(&acme, 0, first), "").await;
        let told = errors(&owner, mutation, at(&acme, 0, stale)).await;
        let places: Vec<&str> = told.iter().map(|(_, path, _)| path.as_str()).collect();
        assert_eq!(places, expected, "{mutation}");
        assert!(told.iter().all(|(code, ..)| code == "CONFLICT"), "{told:#?}");
    }
}

#[tokio::test]
async fn rules_for_notifications_are_brought_back_too() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let rule = |addresses: Value| json!({ "events": [{ "event": "INVOICE_PAID", "addresses": addresses }] });
    let written = |addresses: Value, version: i64| at(&acme, version, rule(addresses));
    done(&owner, "settingsNotificationsUpdate", written(json!(["ap@acme.example"]), 0), "").await;
    done(&owner, "settingsNotificationsUpdate", written(json!([]), 1), "").await;
    let back = at(&acme, 2, json!({ "section": "NOTIFICATIONS", "version": "1" }));
    let selection = "organization { settings { notifications { version events { event addresses } } } }";
    let brought = done(&owner, "settingsRollback", back, selection).await;
    let notifications = &brought["organization"]["settings"]["notifications"];
    assert_eq!(notifications["version"], "3");
    let events = notifications["events"].as_array().expect("events");
    let paid = events.iter().find(|it| it["event"] == "INVOICE_PAID").expect("the event");
    assert_eq!(paid["addresses"], json!(["ap@acme.example"]));
}

#[tokio::test]
async fn of_two_at_once_one_is_written() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let write = |terms: i64| {
        let input = at(&acme, 0, json!({ "netTerms": terms }));
        ask(&owner, "settingsBillingUpdate", input, "settings { netTerms }")
    };
    let answers = futures::future::join_all((1..=4).map(write)).await;
    let written =
        answers.iter().filter(|it| !it.data()["settingsBillingUpdate"]["settings"].is_null()).count();
    assert_eq!(written, 1, "{answers:#?}");
    assert_eq!(history(&owner, &acme, "BILLING").await.len(), 1);
}

#[tokio::test]
async fn the_history_tells_who_changed_what_and_brings_it_back() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let admin = app.member_as(&acme, "adam", Role::Admin).await;
    done(&owner, "settingsGeneralUpdate", at(&acme, 0, json!({ "locale": "de-DE", "slug": "acme-de" })), "")
        .await;
    done(&admin, "settingsGeneralUpdate", at(&acme, 1, json!({ "locale": "fr-FR" })), "").await;
    let seen = history(&owner, &acme, "GENERAL").await;
    assert_eq!((&seen[0]["version"], &seen[0]["author"]["name"]), (&json!("2"), &json!("adam")));
    assert_eq!(seen[0]["changes"], json!([{ "path": ["locale"], "oldValue": "de-DE", "newValue": "fr-FR" }]));
    assert_eq!(
        seen[1]["changes"],
        json!([{ "path": ["locale"], "oldValue": null, "newValue": "de-DE" },
               { "path": ["slug"], "oldValue": "acme", "newValue": "acme-de" }])
    );
    let back = |version: i64, expected: i64| {
        at(&acme, expected, json!({ "section": "GENERAL", "version": version.to_string() }))
    };
    let selection = "organization { slug settings { general { locale version } } }";
    let brought = done(&owner, "settingsRollback", back(1, 2), selection).await;
    assert_eq!(brought["organization"]["settings"]["general"], json!({ "locale": "de-DE", "version": "3" }));
    // Up to the beginning, before anybody wrote.
    let brought = done(&owner, "settingsRollback", back(0, 3), selection).await;
    assert_eq!(brought["organization"]["slug"], "acme");
    assert_eq!(brought["organization"]["settings"]["general"], json!({ "locale": null, "version": "4" }));
    let seen = history(&owner, &acme, "GENERAL").await;
    assert_eq!(
        (seen.len(), &seen[0]["restoredVersion"], &seen[1]["restoredVersion"]),
        (4, &json!("0"), &json!("1"))
    );
    let missing = ask(&owner, "settingsRollback", back(9, 4), "").await.user_error("settingsRollback");
    assert_eq!((missing.0.as_str(), missing.1.as_str()), ("NOT_FOUND", "version"));
    let stale = ask(&owner, "settingsRollback", back(1, 2), "").await;
    let stale = stale.data()["settingsRollback"]["userErrors"].clone();
    let paths: Vec<&Value> = stale.as_array().into_iter().flatten().map(|error| &error["path"]).collect();
    assert_eq!(paths, [&json!(["locale"]), &json!(["slug"])], "{stale:#}");
    let records = app.audit_records().await;
    let record = records.iter().rfind(|it| it.action == "settings.rollback").expect("a record");
    assert_eq!(record.old_values, Some(json!({ "locale": "fr-FR" })), "{record:#?}");
    assert_eq!(record.new_values, Some(json!({ "locale": "de-DE" })));
}

/// Documents of other times may hold what is refused today, and what nobody can read.
#[tokio::test]
async fn a_version_of_before_comes_back_by_the_rules_of_today() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let old =
        json!({ "legalName": "Acme", "netTerms": 9_999, "taxIds": [{ "type": "eu_vat", "value": "?" }] });
    billing_settings(&app, &acme, 0, old).await;
    billing_settings(&app, &acme, 1, json!({ "legalName": ["Acme"] })).await;
    let update = at(&acme, 2, json!({ "netTerms": 14 }));
    // What cannot be read is not written over in part: its other fields would be lost.
    let refused = ask(&owner, "settingsBillingUpdate", update, "").await.user_error("settingsBillingUpdate");
    assert_eq!(refused.0, "CONFLICT");
    let back = |version: i64, expected: i64| {
        at(&acme, expected, json!({ "section": "BILLING", "version": version.to_string() }))
    };
    let told = ask(&owner, "settingsRollback", back(1, 2), "").await.data()["settingsRollback"].clone();
    let places: Vec<(&Value, &Value)> =
        told["userErrors"].as_array().into_iter().flatten().map(|it| (&it["code"], &it["path"])).collect();
    let bad = json!("BAD_USER_INPUT");
    assert_eq!(places, [(&bad, &json!(["netTerms"])), (&bad, &json!(["taxIds", "0"]))], "{told:#}");
    let told = ask(&owner, "settingsRollback", back(2, 2), "").await.user_error("settingsRollback");
    assert_eq!((told.0.as_str(), told.1.as_str()), ("BAD_USER_INPUT", "version"));
    // The way out.
    done(&owner, "settingsRollback", back(0, 2), "").await;
    let shown = read(&owner, "settingsBilling(organizationId: $id)", &acme, "version legalName").await;
    assert_eq!(shown, json!({ "version": "3", "legalName": null }));
}

/// What an older version, the demo or a migration left out goes without saying.
#[tokio::test]
async fn what_a_document_leaves_out_is_no_change() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    billing_settings(&app, &acme, 0, json!({ "legalName": "Acme" })).await;
    done(&owner, "settingsBillingUpdate", at(&acme, 1, json!({ "netTerms": 14 })), "").await;
    let seen = history(&owner, &acme, "BILLING").await;
    assert_eq!(seen[0]["changes"], json!([{ "path": ["netTerms"], "oldValue": 0, "newValue": 14 }]));
    assert_eq!(seen[1]["changes"], json!([{ "path": ["legalName"], "oldValue": null, "newValue": "Acme" }]));
    let stale = errors(&owner, "settingsBillingUpdate", at(&acme, 1, json!({ "legalName": "B" }))).await;
    let places: Vec<&str> = stale.iter().map(|(_, path, _)| path.as_str()).collect();
    assert_eq!(places, ["netTerms"]);
}

#[tokio::test]
async fn a_slug_that_is_taken_is_refused_also_by_way_of_the_past() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    done(&owner, "settingsGeneralUpdate", at(&acme, 0, json!({ "slug": "acme-2" })), "").await;
    app.organization(&owner, "acme").await;
    for (mutation, input) in [
        ("settingsGeneralUpdate", at(&acme, 1, json!({ "slug": "acme" }))),
        ("settingsRollback", at(&acme, 1, json!({ "section": "GENERAL", "version": "0" }))),
    ] {
        let (code, path, _) = ask(&owner, mutation, input, "").await.user_error(mutation);
        assert_eq!((code.as_str(), path.as_str()), ("CONFLICT", "slug"), "{mutation}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_mend() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let general = json!({ "name": " ", "slug": "A", "logoUrl": "http://acme.example/a.png", "locale": "xx-XX",
        "timeZone": "Europe/Berln", "contacts": [{ "kind": "LEGAL", "email": "nobody" }] });
    let told = errors(&owner, "settingsGeneralUpdate", at(&acme, 0, general)).await;
    let paths: Vec<&str> = told.iter().map(|(_, path, _)| path.as_str()).collect();
    assert_eq!(paths, ["name", "slug", "logoUrl", "locale", "timeZone", "contacts.0"]);
    assert!(told[4].2.contains("Did you mean Europe/Berlin?"), "{}", told[4].2);
    let billing = json!({ "legalName": "4242 4242 4242 4242", "address": { "country": "ZZ" },
        "taxIds": [{ "type": "de_vat", "value": "DE123456789" }, { "type": "eu_vat", "value": "DE1" }],
        "billingEmails": ["ap@acme"], "invoiceFooter": "Card 5555555555554444", "netTerms": 400 });
    let told = errors(&owner, "settingsBillingUpdate", at(&acme, 0, billing)).await;
    let paths: Vec<&str> = told.iter().map(|(_, path, _)| path.as_str()).collect();
    let expected = [
        "legalName",
        "invoiceFooter",
        "netTerms",
        "address.country",
        "taxIds.0",
        "taxIds.1",
        "billingEmails.0",
    ];
    assert_eq!(paths, expected);
    assert!(told.iter().all(|(code, ..)| code == "BAD_USER_INPUT"), "{told:#?}");
    let security = json!({ "allowedAddresses": ["10.0.0.1/8"], "allowedEmailDomains": ["acme"],
        "sessionLifetimeMinutes": 1, "ssoProviders": [{ "issuer": "acme" }], "keyPolicy": { "longestLifeDays": 0 } });
    let told = errors(&owner, "settingsSecurityUpdate", at(&acme, 0, security)).await;
    let paths: Vec<&str> = told.iter().map(|(_, path, _)| path.as_str()).collect();
    let expected = [
        "sessionLifetimeMinutes",
        "ssoProviders.0",
        "allowedAddresses.0",
        "allowedEmailDomains.0",
        "keyPolicy.longestLifeDays",
    ];
    assert_eq!(paths, expected);
    assert!(told[2].2.contains("Did you mean 10.0.0.0/8?"), "{}", told[2].2);
    assert!(history(&owner, &acme, "GENERAL").await.is_empty());
}

#[tokio::test]
async fn billing_details_flow_to_the_stripe_customer_in_one_step() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let selection = "settings { version legalName } operation { kind state }";
    // Without a customer there is nobody to tell.
    let first = at(&acme, 0, json!({ "legalName": "Acme" }));
    let written = done(&owner, "settingsBillingUpdate", first, selection).await;
    assert_eq!((&written["operation"], &written["settings"]["version"]), (&Value::Null, &json!("1")));
    app.card(&owner, &acme, "pm_card_visa").await;
    let details = json!({ "legalName": "Acme GmbH", "billingEmails": ["ap@acme.example"],
        "address": { "line1": "Am Markt 1", "city": "Bonn", "country": "de" },
        "taxIds": [{ "type": "eu_vat", "value": "de 123456789" }], "idempotencyKey": "details-1" });
    let written = done(&owner, "settingsBillingUpdate", at(&acme, 1, details.clone()), selection).await;
    assert_eq!(written["operation"]["state"], "CONFIRMED", "{written:#}");
    let customer = app.sandbox.objects("customer")[0].clone();
    assert_eq!((&customer["name"], &customer["email"]), (&json!("Acme GmbH"), &json!("ap@acme.example")));
    assert_eq!(customer["address"]["country"], "DE");
    assert_eq!(app.sandbox.objects("tax_id")[0]["value"], "DE123456789");
    // The same key gives the same answer, and asks nothing of Stripe.
    app.settled().await;
    let asked = app.sandbox.requests().len();
    let again = done(&owner, "settingsBillingUpdate", at(&acme, 1, details), selection).await;
    assert_eq!(
        (&again["operation"]["state"], &again["settings"]["version"]),
        (&json!("CONFIRMED"), &json!("2"))
    );
    assert_eq!(app.sandbox.requests().len(), asked);
    // The time to pay is nothing that the customer has.
    let terms = at(&acme, 2, json!({ "netTerms": 30 }));
    let written = done(&owner, "settingsBillingUpdate", terms, selection).await;
    assert_eq!(written["operation"], Value::Null);
    // Brought back, it is brought back there too.
    let back = at(&acme, 3, json!({ "section": "BILLING", "version": "1" }));
    let brought = done(&owner, "settingsRollback", back, "operation { state }").await;
    assert_eq!(brought["operation"]["state"], "CONFIRMED");
    assert_eq!(app.sandbox.objects("customer")[0]["name"], "Acme");
    assert_eq!(app.sandbox.objects("tax_id").len(), 0);
}

#[tokio::test]
async fn what_is_cleared_is_gone_at_stripe_too() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.card(&owner, &acme, "pm_card_visa").await;
    let all = json!({ "legalName": "Acme GmbH", "billingEmails": ["ap@acme.example"], "invoiceFooter": "Thank you",
        "purchaseOrderNumber": "PO-7", "address": { "line1": "Am Markt 1", "line2": "3rd floor", "country": "DE" } });
    let state = "operation { state }";
    done(&owner, "settingsBillingUpdate", at(&acme, 0, all), state).await;
    let customer = || app.sandbox.objects("customer")[0].clone();
    assert_eq!(customer()["invoice_settings"]["footer"], "Thank you");
    // A part of an address, then all there is.
    let less = json!({ "billingEmails": [], "address": { "line1": "Am Markt 1", "country": "DE" } });
    let written = done(&owner, "settingsBillingUpdate", at(&acme, 1, less), state).await;
    assert_eq!(written["operation"]["state"], "CONFIRMED");
    let left = customer();
    assert_eq!((&left["email"], &left["address"]["line2"]), (&Value::Null, &Value::Null), "{left:#}");
    assert_eq!((&left["name"], &left["address"]["line1"]), (&json!("Acme GmbH"), &json!("Am Markt 1")));
    let none =
        json!({ "legalName": null, "invoiceFooter": null, "purchaseOrderNumber": null, "address": null });
    let written = done(&owner, "settingsBillingUpdate", at(&acme, 2, none), state).await;
    assert_eq!(written["operation"]["state"], "CONFIRMED");
    let left = customer();
    assert_eq!((&left["name"], &left["address"]), (&json!("The acme company"), &Value::Null), "{left:#}");
    let settings = &left["invoice_settings"];
    assert_eq!((&settings["footer"], &settings["custom_fields"]), (&Value::Null, &Value::Null), "{left:#}");
}

#[tokio::test]
async fn settings_that_stripe_did_not_hear_of_reach_it_later() {
    let options = crate::support::TestOptions {
        stripe_timeout: std::time::Duration::from_millis(300),
        stripe_attempts: 1,
        ..crate::support::TestOptions::default()
    };
    let app = TestApp::start_with(options).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.card(&owner, &acme, "pm_card_visa").await;
    app.sandbox.fault(Fault::new("POST /v1/customers", FaultKind::FailBefore).times(1));
    let input = at(&acme, 0, json!({ "legalName": "Acme GmbH" }));
    let answer =
        ask(&owner, "settingsBillingUpdate", input, "settings { version } operation { state }").await;
    let payload = &answer.data()["settingsBillingUpdate"];
    assert_eq!(
        (&payload["settings"]["version"], &payload["operation"]["state"]),
        (&json!("1"), &json!("UNKNOWN"))
    );
    assert_eq!(payload["userErrors"][0]["code"], "STRIPE_UNAVAILABLE", "{payload:#}");
    eventually("the customer to be in step", || async {
        (app.sandbox.objects("customer")[0]["name"] == "Acme GmbH").then_some(())
    })
    .await;
}

#[tokio::test]
async fn another_operation_under_way_is_named_and_nothing_is_written() {
    let options = crate::support::TestOptions {
        stripe_timeout: std::time::Duration::from_millis(300),
        stripe_attempts: 1,
        deliver_webhooks: false,
        ..crate::support::TestOptions::default()
    };
    let app = TestApp::start_with(options).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    app.card(&owner, &acme, "pm_card_visa").await;
    app.sandbox.fault(Fault::new("POST /v1/payment_intents", FaultKind::FailBefore).times(1_000));
    let charge = json!({ "organizationId": acme, "confirm": true, "amount": { "minorUnits": "1500", "currency": "USD" } });
    ask(&owner, "paymentIntentCreate", charge, "operation { state }").await;
    let told =
        errors(&owner, "settingsBillingUpdate", at(&acme, 0, json!({ "legalName": "Acme GmbH" }))).await;
    assert_eq!(told[0].0, "CONFLICT", "{told:#?}");
    assert!(history(&owner, &acme, "BILLING").await.is_empty());
}

#[tokio::test]
async fn billing_settings_are_changed_by_whom_billing_is_for() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let manager = app.member_as(&acme, "mona", Role::BillingManager).await;
    done(&manager, "settingsBillingUpdate", at(&acme, 0, json!({ "netTerms": 30 })), "").await;
    let general = ask(&manager, "settingsGeneralUpdate", at(&acme, 0, json!({ "locale": "en" })), "").await;
    assert_eq!(general.code(), "FORBIDDEN");
    // A role that changes settings changes those of billing by no way of the past either.
    let role =
        json!({ "organizationId": acme, "name": "Ops", "permissions": ["SETTINGS_READ", "SETTINGS_WRITE"] });
    let role = done(&owner, "roleCreate", role, "role { id }").await["role"]["id"].clone();
    let ops = app.member(&acme, "otto").await;
    let id = super::member::member(&owner, &acme, "otto").await["id"].clone();
    let give = json!({ "memberId": id, "role": "CUSTOM", "roleId": role, "expectedVersion": "1" });
    done(&owner, "memberRoleChange", give, "").await;
    done(&ops, "settingsGeneralUpdate", at(&acme, 0, json!({ "locale": "en" })), "").await;
    let back = |section: &str| at(&acme, 1, json!({ "section": section, "version": "0" }));
    assert_eq!(ask(&ops, "settingsRollback", back("BILLING"), "").await.code(), "FORBIDDEN");
    assert_eq!(ask(&manager, "settingsRollback", back("GENERAL"), "").await.code(), "FORBIDDEN");
    done(&manager, "settingsRollback", back("BILLING"), "").await;
    done(&ops, "settingsRollback", back("GENERAL"), "").await;
}
