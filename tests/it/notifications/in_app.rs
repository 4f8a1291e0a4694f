//! What people read in the application.

use serde_json::{Value, json};

use crate::live::{Socket, hear, say, signed_in};
use crate::mutations::member::{ask, done, member};
use crate::support::{Client, TestApp, TestOptions, eventually, text};

const LIST: &str = "query($id: ID!, $locale: String, $isUnread: Boolean! = false) {
  notifications(organizationId: $id, locale: $locale, isUnread: $isUnread) {
    totalCount nodes { id event title body subjectId url readAt }
  }
  notificationUnreadCount(organizationId: $id)
}";

async fn read(client: &Client, organization: &str, locale: Option<&str>) -> Value {
    client.send(LIST, json!({ "id": organization, "locale": locale })).await.data().clone()
}

/// The newest notification, once it is about `event`.
async fn newest(client: &Client, organization: &str, event: &str) -> Value {
    eventually(event, || async {
        let newest = read(client, organization, None).await["notifications"]["nodes"][0].clone();
        (newest["event"] == event).then_some(newest)
    })
    .await
}

async fn create_key(client: &Client, organization: &str, name: &str) -> String {
    let input = json!({ "organizationId": organization, "name": name, "scopes": [] });
    text(&done(client, "apiKeyCreate", input, "apiKey { id }").await["apiKey"]["id"])
}

#[tokio::test]
async fn what_happens_is_read_once_in_the_language_that_is_asked_for() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let key = create_key(&owner, &acme, "Deploys").await;
    let told = newest(&owner, &acme, "API_KEY_CREATED").await;
    assert_eq!(told["title"], "A new API key in The acme company: Deploys");
    assert_eq!(told["subjectId"], json!(key));
    assert_eq!(told["readAt"], json!(null));
    let chinese = read(&owner, &acme, Some("zh-CN")).await;
    assert_eq!(chinese["notifications"]["nodes"][0]["title"], "The acme company 新建了 API 密钥：Deploys");
    assert_eq!(chinese["notificationUnreadCount"], 1);

    let mark = json!({ "notificationId": told["id"] });
    let marked = done(&owner, "notificationMarkRead", mark.clone(), "notification { readAt }").await;
    assert!(marked["notification"]["readAt"].is_string());
    let again = ask(&owner, "notificationMarkRead", mark, "").await;
    assert_eq!(again.user_error("notificationMarkRead").0, "CONFLICT");
    assert_eq!(read(&owner, &acme, None).await["notificationUnreadCount"], 0);
    let back = json!({ "notificationId": told["id"], "isRead": false });
    done(&owner, "notificationMarkRead", back, "notification { readAt }").await;
    create_key(&owner, &acme, "Another").await;
    eventually("both to be there", || async {
        (read(&owner, &acme, None).await["notificationUnreadCount"] == 2).then_some(())
    })
    .await;
    let all = json!({ "organizationId": acme });
    let marked = done(&owner, "notificationsMarkAllRead", all, "markedCount unreadCount").await;
    assert_eq!((&marked["markedCount"], &marked["unreadCount"]), (&json!(2), &json!(0)));
    let unread = owner.send(LIST, json!({ "id": acme, "isUnread": true })).await;
    assert_eq!(unread.data()["notifications"]["totalCount"], 0);
    assert_eq!(read(&owner, &acme, None).await["notifications"]["totalCount"], 2);
}

#[tokio::test]
async fn nobody_reads_or_marks_what_is_anothers() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let adam = app.member_as(&acme, "adam", tollgate::domain::membership::Role::Admin).await;
    create_key(&owner, &acme, "Deploys").await;
    let told = newest(&owner, &acme, "API_KEY_CREATED").await;
    newest(&adam, &acme, "API_KEY_CREATED").await;
    let mark = json!({ "notificationId": told["id"] });
    let refused = ask(&adam, "notificationMarkRead", mark, "").await;
    let (code, path, _) = refused.user_error("notificationMarkRead");
    assert_eq!((code.as_str(), path.as_str()), ("NOT_FOUND", "notificationId"));
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(adam.send(node, json!({ "id": told["id"] })).await.code(), "NOT_FOUND");
    assert_eq!(owner.send(node, json!({ "id": told["id"] })).await.data()["node"]["id"], told["id"]);

    // Who is no member any more reads nothing of it, their own neither.
    let own = newest(&adam, &acme, "API_KEY_CREATED").await;
    let membership = member(&owner, &acme, "adam").await;
    done(&owner, "memberRemove", json!({ "memberId": membership["id"] }), "memberId").await;
    let list = "query($id: ID!) { notifications(organizationId: $id) { totalCount } }";
    assert_eq!(adam.send(list, json!({ "id": acme })).await.code(), "NOT_FOUND");
    assert_eq!(adam.send(node, json!({ "id": own["id"] })).await.code(), "NOT_FOUND");
    let refused = ask(&adam, "notificationMarkRead", json!({ "notificationId": own["id"] }), "").await;
    assert_eq!(refused.user_error("notificationMarkRead").0, "NOT_FOUND");
}

/// The next notification that a socket hears of.
async fn heard(socket: &mut Socket) -> Value {
    let message = hear(socket).await.expect("no close");
    assert_eq!(message["type"], "next", "{message:#}");
    message["payload"]["data"]["notificationAdded"].clone()
}

/// On PostgreSQL the follower hangs on another process than the one that is asked; SQLite has one process.
#[tokio::test]
async fn a_follower_hears_each_notification_of_theirs_once_wherever_it_was_made() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let globex = app.organization(&owner, "globex").await;
    let other = if app.store().backend() == tollgate::store::Backend::Postgres {
        Some(app.another_process(TestOptions::default()).await)
    } else {
        None
    };
    let mut socket = signed_in(other.as_ref().unwrap_or(&app), &owner).await;
    let query =
        "subscription($id: ID!) { notificationAdded(organizationId: $id, locale: \"zh\") { id title } }";
    let payload = json!({ "query": query, "variables": { "id": acme } });
    say(&mut socket, json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
    // Once this is answered, the subscription before it has begun to listen.
    say(&mut socket, json!({ "id": "2", "type": "subscribe", "payload": { "query": "{ __typename }" } }))
        .await;
    assert_eq!(hear(&mut socket).await.expect("an answer")["id"], "2");
    assert_eq!(hear(&mut socket).await.expect("its end")["type"], "complete");
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;

    create_key(&owner, &globex, "Not here").await;
    create_key(&owner, &acme, "Deploys").await;
    let first = heard(&mut socket).await;
    assert_eq!(first["title"], "The acme company 新建了 API 密钥：Deploys");
    // Marking it is nothing new.
    let mark = json!({ "notificationId": first["id"] });
    done(&owner, "notificationMarkRead", mark, "notification { id }").await;
    create_key(&owner, &acme, "Second").await;
    let second = heard(&mut socket).await;
    assert_eq!(second["title"], "The acme company 新建了 API 密钥：Second");
    drop(other);
}

#[tokio::test]
async fn a_stranger_follows_no_notifications() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let mut socket = signed_in(&app, &app.client("mallory")).await;
    let query = "subscription($id: ID!) { notificationAdded(organizationId: $id) { id } }";
    let payload = json!({ "query": query, "variables": { "id": acme } });
    say(&mut socket, json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
    let message = hear(&mut socket).await.expect("an answer").to_string();
    assert!(message.contains("NOT_FOUND"), "{message}");
}

#[tokio::test]
async fn a_program_reads_and_marks_nothing_of_what_its_person_is_told() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let input = json!({ "organizationId": acme, "name": "Deploys", "scopes": ["ORGANIZATION_READ"] });
    let key = done(&owner, "apiKeyCreate", input, "secret").await;
    let told = newest(&owner, &acme, "API_KEY_CREATED").await;
    let program = Client::new(app.address, Some(text(&key["secret"])));
    for query in [
        "query($id: ID!) { notifications(organizationId: $id) { totalCount } }",
        "query($id: ID!) { notificationUnreadCount(organizationId: $id) }",
    ] {
        assert_eq!(program.send(query, json!({ "id": acme })).await.code(), "FORBIDDEN", "{query}");
    }
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(program.send(node, json!({ "id": told["id"] })).await.code(), "NOT_FOUND");
    let mark = json!({ "notificationId": told["id"] });
    assert_eq!(ask(&program, "notificationMarkRead", mark, "").await.code(), "FORBIDDEN");
    let all = json!({ "organizationId": acme });
    assert_eq!(ask(&program, "notificationsMarkAllRead", all, "markedCount").await.code(), "FORBIDDEN");
}

#[tokio::test]
async fn who_lost_a_role_does_not_read_on_what_it_showed() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let adam = app.member_as(&acme, "adam", tollgate::domain::membership::Role::Admin).await;
    create_key(&owner, &acme, "Deploys").await;
    let told = newest(&adam, &acme, "API_KEY_CREATED").await;
    let membership = member(&owner, &acme, "adam").await["id"].clone();
    let change = json!({ "memberId": membership, "role": "MEMBER", "expectedVersion": "1" });
    done(&owner, "memberRoleChange", change, "member { id }").await;
    let shown = read(&adam, &acme, None).await;
    assert_eq!(
        (&shown["notifications"]["totalCount"], &shown["notificationUnreadCount"]),
        (&json!(0), &json!(0)),
        "a mere member sees no keys: {shown:#}"
    );
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(adam.send(node, json!({ "id": told["id"] })).await.code(), "NOT_FOUND");
    let refused = ask(&adam, "notificationMarkRead", json!({ "notificationId": told["id"] }), "").await;
    assert_eq!(refused.user_error("notificationMarkRead").0, "NOT_FOUND");
    let all = json!({ "organizationId": acme });
    let marked = done(&adam, "notificationsMarkAllRead", all, "markedCount").await;
    assert_eq!(marked["markedCount"], 0);
}

#[tokio::test]
async fn a_follower_that_many_are_told_at_once_hears_all_of_them() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    let mut socket = signed_in(&app, &owner).await;
    let query = "subscription($id: ID!) { notificationAdded(organizationId: $id) { id title } }";
    let payload = json!({ "query": query, "variables": { "id": acme } });
    say(&mut socket, json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
    say(&mut socket, json!({ "id": "2", "type": "subscribe", "payload": { "query": "{ __typename }" } }))
        .await;
    assert_eq!(hear(&mut socket).await.expect("an answer")["id"], "2");
    assert_eq!(hear(&mut socket).await.expect("its end")["type"], "complete");
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    // More than a page, behind the API, and one notice for all of it.
    let organization = tollgate::domain::ids::OrganizationId(crate::support::uuid_of(&acme));
    let actor = tollgate::domain::audit::Actor::system();
    let transaction = app.store().begin().await.expect("a transaction");
    for number in 0..120 {
        let fact = tollgate::domain::notification::Fact::MemberJoined {
            membership_id: tollgate::domain::ids::MembershipId(uuid::Uuid::from_u128(number)),
            name: format!("guest {number}"),
        };
        let id = tollgate::domain::ids::OutboxMessageId(transaction.next_id());
        transaction.write_outbox(id, organization, &fact, None).await.expect("a row");
    }
    let entry = tollgate::domain::audit::AuditEntry::new(Some(organization), "test", "test", "test");
    transaction.commit(&actor, entry).await.expect("a commit");
    let mut titles = std::collections::BTreeSet::new();
    while titles.len() < 120 {
        assert!(titles.insert(text(&heard(&mut socket).await["title"])), "each once");
    }
}

/// More than a reader is told one by one: it is told to read the list, and nothing is kept for it without bound.
#[tokio::test]
async fn a_follower_whom_more_than_a_thousand_wait_for_is_told_to_read_the_list() {
    let app = TestApp::start().await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;
    create_key(&owner, &acme, "Deploys").await;
    newest(&owner, &acme, "API_KEY_CREATED").await;
    let mut socket = signed_in(&app, &owner).await;
    let query = "subscription($id: ID!) { notificationAdded(organizationId: $id) { title } }";
    let payload = json!({ "query": query, "variables": { "id": acme } });
    say(&mut socket, json!({ "id": "1", "type": "subscribe", "payload": payload })).await;
    say(&mut socket, json!({ "id": "2", "type": "subscribe", "payload": { "query": "{ __typename }" } }))
        .await;
    assert_eq!(hear(&mut socket).await.expect("an answer")["id"], "2");
    assert_eq!(hear(&mut socket).await.expect("its end")["type"], "complete");
    create_key(&owner, &acme, "Followed").await;
    assert_eq!(heard(&mut socket).await["title"], "A new API key in The acme company: Followed");
    // Behind the API, and nobody is told yet.
    let (numbers, id) = if app.store().backend() == tollgate::store::Backend::Sqlite {
        (
            "WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 1100)",
            "randomblob(16)",
        )
    } else {
        ("WITH numbers(number) AS (SELECT generate_series(1, 1100))", "gen_random_uuid()")
    };
    let one = "SELECT id FROM outbox_messages WHERE event = 'api_key_created' LIMIT 1";
    app.disturb(&format!(
        "{numbers} INSERT INTO outbox_messages
           (id, organization_id, event, subject, fact, state, attempts, next_attempt_at, created_at)
         SELECT {id}, organization_id, event, 'made up ' || number, fact, 'done', 1, created_at, created_at
         FROM numbers CROSS JOIN outbox_messages WHERE id = ({one})"
    ))
    .await;
    app.disturb(&format!(
        "INSERT INTO notifications (id, organization_id, user_id, outbox_message_id, permission, created_at)
         SELECT {id}, made.organization_id, one.user_id, made.id, one.permission, made.created_at
         FROM outbox_messages AS made CROSS JOIN (SELECT * FROM notifications LIMIT 1) AS one
         WHERE made.subject LIKE 'made up %'"
    ))
    .await;
    create_key(&owner, &acme, "One more").await;
    let message = hear(&mut socket).await.expect("no close");
    let error = &message["payload"]["errors"][0];
    assert_eq!(error["extensions"]["code"], "RATE_LIMITED", "{message:#}");
    assert_eq!(hear(&mut socket).await.expect("its end")["type"], "complete");
}
