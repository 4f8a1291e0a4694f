use std::time::Duration;

use stripe_sandbox::Sandbox;

use crate::support::{Client, anywhere, builder, id, world_of};

#[tokio::test]
async fn a_restarted_sandbox_has_its_objects_keys_and_events_and_repeats_no_id() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/stripe.json");
    let first = world_of(builder().snapshot(path.clone())).await;
    let (customer, price) =
        (first.client.customer(Some("pm_card_visa")).await, first.client.monthly("Pro", 2900).await);
    let subscription = first.client.subscribe(&customer, &price, &[]).await.ok();
    let keyed = first.client.post_keyed("kept", "/v1/products", &[("name", "X")]).await.ok();
    let events = first.sandbox.events();
    first.sandbox.shutdown().await;

    let second = world_of(builder().snapshot(path)).await;
    let same = second.client.get(&format!("/v1/subscriptions/{}", id(&subscription)), &[]).await.ok();
    assert_eq!(same, subscription);
    assert_eq!(second.sandbox.events(), events);
    let replay = second.client.post_keyed("kept", "/v1/products", &[("name", "X")]).await;
    assert_eq!((replay.header("idempotent-replayed"), &replay.body), (Some("true"), &keyed));
    let fresh = second.client.post_keyed("fresh", "/v1/customers", &[]).await.ok();
    assert_ne!(id(&fresh), customer);
    assert_eq!(second.sandbox.objects("customer").len(), 2);
    second.sandbox.shutdown().await;
}

#[tokio::test]
async fn changes_are_written_without_a_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stripe.json");
    let world = world_of(builder().snapshot(path.clone())).await;
    let customer = world.client.customer(None).await;
    for _ in 0..100 {
        if std::fs::read_to_string(&path).is_ok_and(|text| text.contains(&customer)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the snapshot never held the customer");
}

#[tokio::test]
async fn a_file_that_is_no_snapshot_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stripe.json");
    std::fs::write(&path, "precious").unwrap();
    let refused = builder().snapshot(path.clone()).start(anywhere()).await;
    assert_eq!(refused.err().map(|error| error.kind()), Some(std::io::ErrorKind::InvalidData));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn links_lead_to_where_the_restarted_sandbox_listens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stripe.json");
    let first = world_of(builder().snapshot(path.clone())).await;
    let (customer, price) =
        (first.client.customer(Some("pm_card_visa")).await, first.client.monthly("Pro", 2900).await);
    first.client.subscribe(&customer, &price, &[]).await.ok();
    first.sandbox.shutdown().await;
    let sandbox = Sandbox::builder().snapshot(path).start(anywhere()).await.unwrap();
    let client = Client::new(sandbox.base_url());
    let invoices = client.get("/v1/invoices", &[]).await.ok();
    let link = invoices["data"][0]["hosted_invoice_url"].as_str().unwrap();
    assert!(link.starts_with(&sandbox.base_url()));
    assert_eq!(client.http.get(link).send().await.unwrap().status(), 200);
}
