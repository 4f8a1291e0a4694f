//! The "enterprise settings" half of the product in one go: who comes, what they may do, what they may not, and how they go,
//! each with its mail and its record.

use serde_json::json;

use crate::mutations::member::{ask, done, member};
use crate::support::receivers::Receiver;
use crate::support::{Client, TestApp, TestOptions, eventually, text};

#[tokio::test]
async fn members_come_act_and_go_each_step_with_its_mail_and_its_record() {
    let server = Receiver::mail();
    let app =
        TestApp::start_with(TestOptions { outgoing: server.outgoing(), ..TestOptions::default() }).await;
    let owner = app.client("olivia");
    let acme = app.organization(&owner, "acme").await;

    // Invited, with a link that holds the token.
    let input = json!({ "organizationId": acme, "email": "peter@example.com", "role": "MEMBER" });
    done(&owner, "memberInvite", input, "invitation { id }").await;
    let mail = server.mail_to("peter@example.com").await;
    let link = text(&mail["text"]).split_whitespace().find(|it| it.contains("#token=")).map(str::to_owned);
    let token = link.expect("a link").rsplit_once('=').expect("a token").1.to_owned();

    // Accepted, with what the mail brought.
    let peter = app.client("peter");
    done(&peter, "invitationAccept", json!({ "token": token }), "member { id }").await;
    server.mail_about("olivia@example.com", "peter joined The acme company").await;

    // A role of the organization's own, given to him.
    let role = json!({ "organizationId": acme, "name": "Key keeper",
        "permissions": ["ORGANIZATION_READ", "KEYS_READ", "KEYS_WRITE"] });
    let role = done(&owner, "roleCreate", role, "role { id }").await["role"]["id"].clone();
    server.mail_about("olivia@example.com", "A new role in The acme company: Key keeper").await;
    let seat = member(&owner, &acme, "peter").await["id"].clone();
    let given = json!({ "memberId": seat, "role": "CUSTOM", "roleId": role, "expectedVersion": "1" });
    done(&owner, "memberRoleChange", given, "member { role }").await;
    let mail = server.mail_about("olivia@example.com", "another role").await;
    assert!(text(&mail["text"]).contains("peter is “Key keeper” of The acme company now."), "{mail:#}");

    // A key of his.
    let key = json!({ "organizationId": acme, "name": "Deploys", "scopes": ["ORGANIZATION_READ"] });
    let key = done(&peter, "apiKeyCreate", key, "secret apiKey { id }").await;
    server.mail_about("olivia@example.com", "A new API key").await;
    let program = Client::new(app.address, Some(text(&key["secret"])));
    let read = "query($id: ID!) { organization(id: $id) { slug } }";
    assert_eq!(program.send(read, json!({ "id": acme })).await.data()["organization"]["slug"], "acme");

    // What he may not: it is refused, recorded, and nobody is told of what did not happen.
    let forbidden = json!({ "organizationId": acme, "email": "mallory@example.com", "role": "MEMBER" });
    let refused = ask(&peter, "memberInvite", forbidden, "invitation { id }").await;
    assert_eq!(refused.code(), "FORBIDDEN");
    let by_program = json!({ "organizationId": acme, "name": "More", "scopes": [] });
    assert_eq!(ask(&program, "apiKeyCreate", by_program, "apiKey { id }").await.code(), "FORBIDDEN");

    // Removed: he and his program are nobody there from then on.
    done(&owner, "memberRemove", json!({ "memberId": seat }), "memberId").await;
    server.mail_about("olivia@example.com", "peter left The acme company").await;
    assert_eq!(peter.send(read, json!({ "id": acme })).await.code(), "NOT_FOUND");
    assert_eq!(program.send(read, json!({ "id": acme })).await.status, 401);
    // Each step had its mail, and what was refused had none: it did not happen, and stands in the audit log alone.
    let mut subjects: Vec<String> =
        server.mails_to("olivia@example.com").iter().map(|mail| text(&mail["subject"])).collect();
    subjects.sort();
    assert_eq!(
        subjects,
        [
            "A new API key in The acme company: Deploys",
            "A new role in The acme company: Key keeper",
            "peter has another role in The acme company",
            "peter joined The acme company",
            "peter left The acme company",
        ]
    );
    assert!(server.mails_to("mallory@example.com").is_empty());

    let log = "query($id: ID!) { auditLogs(organizationId: $id, first: 50) { nodes {
        action outcome resourceId user { name } apiKey { name } newValues } } }";
    let log = eventually("the records", || async {
        let answer = owner.send(log, json!({ "id": acme })).await;
        let nodes = answer.data()["auditLogs"]["nodes"].as_array().cloned().unwrap_or_default();
        nodes.iter().any(|it| it["action"] == "member.remove").then_some(nodes)
    })
    .await;
    let about = |action: &str| -> Vec<&serde_json::Value> {
        log.iter().filter(|it| it["action"] == action).collect()
    };
    for (action, who) in [
        ("member.invite", "olivia"),
        ("invitation.accept", "peter"),
        ("role.create", "olivia"),
        ("member.role_change", "olivia"),
        ("api_key.create", "peter"),
        ("member.remove", "olivia"),
    ] {
        let records = about(action);
        assert_eq!(records.len(), 1, "{action}: {log:#?}");
        assert_eq!(records[0]["user"]["name"], who, "{action}");
        assert_eq!(records[0]["outcome"], "SUCCESS", "{action}");
    }
    // Newest first.
    let refusals = about("access.refuse");
    assert_eq!(refusals.len(), 2, "{log:#?}");
    assert_eq!(
        (&refusals[1]["resourceId"], &refusals[1]["outcome"]),
        (&json!("memberInvite"), &json!("FAILURE"))
    );
    assert_eq!(refusals[1]["user"]["name"], "peter");
    assert_eq!(refusals[1]["newValues"], json!({ "reason": "members:write" }));
    assert_eq!(refusals[0]["resourceId"], "apiKeyCreate");
    assert_eq!(refusals[0]["apiKey"]["name"], "Deploys");
}
