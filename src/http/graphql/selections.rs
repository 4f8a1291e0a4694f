//! The stored queries of webhooks: within the same limits as everybody's documents, and run by the same schema.

use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response, ServerError, Variables};
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::auth::Viewer;
use crate::domain::audit::Actor;
use crate::graphql::{NodeKind, TollgateSchema, kind_of_subject};
use crate::http::document::{DocumentGuard, DocumentLimits, TypeMapError};
use crate::service::{ErrorCode, SelectionAnswer, SelectionRequest, Selections, Service};

/// How long a stored query may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The field with which somebody goes on with Stripe. It is never kept, and what is sent is. A field is named by its own name
/// in a document, whatever it is called in the answer.
const CLIENT_SECRET: &str = "clientSecret";
/// The variables that a stored query is given.
const VARIABLES: [&str; 2] = ["organizationId", "subjectId"];

/// Checks and runs the stored queries of webhooks.
pub struct StoredSelections {
    schema: TollgateSchema,
    /// Nobody waits for a webhook: what a query asks of Stripe gives way to interactive calls, and is within the budget of events
    /// and comparisons.
    service: Service,
    documents: DocumentGuard,
}

impl StoredSelections {
    /// Over this schema, within these limits. Fails when the SDL cannot be parsed.
    pub fn new(
        schema: TollgateSchema,
        service: &Service,
        limits: DocumentLimits,
    ) -> Result<Self, TypeMapError> {
        let documents = DocumentGuard::new(&crate::graphql::sdl(), limits)?;
        Ok(Self { schema, service: service.in_background(), documents })
    }

    /// The request of a query that is within the limits, or why it is not.
    fn prepare(&self, asked: &SelectionRequest) -> Result<Request, String> {
        if asked.selection.contains(CLIENT_SECRET) {
            return Err("A webhook carries no client secret: what is sent is kept, too.".to_owned());
        }
        let organization = NodeKind::Organization.encode(asked.organization_id.0).0;
        let subject = asked.subject.map(|(subject, id)| kind_of_subject(subject).encode(id).0);
        let variables = Variables::from_json(json!({
            "organizationId": organization,
            "subjectId": subject.unwrap_or_else(|| organization.clone()),
        }));
        let document = self.documents.check(&asked.selection, None, &variables);
        let document = document.map_err(|refusal| refusal.to_string())?;
        if document.operation_type() != OperationType::Query {
            return Err(
                "A webhook carries the answer of a query: it changes nothing and follows nothing.".to_owned()
            );
        }
        let executable = document.to_executable();
        for (_, operation) in executable.operations.iter() {
            for definition in &operation.node.variable_definitions {
                let name = definition.node.name.node.as_str();
                if !VARIABLES.contains(&name) {
                    return Err(format!(
                        "A stored query is given $organizationId and $subjectId, both of type ID!, and no ${name}."
                    ));
                }
            }
        }
        let mut request = Request::new(asked.selection.as_str()).variables(variables);
        request.set_parsed_query(executable);
        Ok(request)
    }

    async fn answer(&self, request: Request, asked: SelectionRequest) -> Option<Response> {
        // As the person, in this organization alone, and never as platform staff.
        let mut user = asked.viewer.user;
        user.is_platform_staff = false;
        let grants = asked.viewer.grant.map(|grant| (asked.organization_id, grant)).into_iter().collect();
        let viewer = Viewer::signed_in(user, None, grants, Actor::system());
        let executed =
            crate::graphql::execute_with(&self.schema, self.service.clone(), request, viewer, false);
        tokio::time::timeout(TIMEOUT, executed).await.ok()
    }
}

#[async_trait]
impl Selections for StoredSelections {
    async fn check(&self, asked: SelectionRequest) -> Result<(), String> {
        let request = self.prepare(&asked)?;
        let Some(response) = self.answer(request, asked).await else {
            return Err("The query takes too long. Ask for less.".to_owned());
        };
        // What is wrong with the query itself has no place in the answer; what its viewer may not see, or is not there, has.
        match response.errors.into_iter().find(|error| error.path.is_empty()) {
            Some(error) => Err(format!("The query cannot be run: {}", error.message)),
            None => Ok(()),
        }
    }

    async fn run(&self, asked: SelectionRequest) -> SelectionAnswer {
        let request = match self.prepare(&asked) {
            Ok(request) => request,
            // It was stored by an older version, whose schema had what this one lacks. The next attempt meets the same.
            Err(why) => {
                let errors = Some(json!([{ "message": why }]));
                return SelectionAnswer { data: Value::Null, errors, fault: None };
            }
        };
        let fault =
            |why: &str| SelectionAnswer { data: Value::Null, errors: None, fault: Some(why.to_owned()) };
        let Some(response) = self.answer(request, asked).await else {
            return fault("the query took too long");
        };
        let code = response.errors.iter().filter_map(code_of).find(|code| code.may_pass());
        let Ok(mut answer) = serde_json::to_value(&response) else { return fault("the answer is no JSON") };
        let errors = answer.get_mut("errors").map(Value::take).filter(|errors| !errors.is_null());
        SelectionAnswer {
            data: answer["data"].take(),
            errors,
            fault: code.map(|code| format!("the query met {}", code.as_str())),
        }
    }
}

/// What kind of error it is, where the schema says so.
fn code_of(error: &ServerError) -> Option<ErrorCode> {
    match error.extensions.as_ref()?.get("code")? {
        async_graphql::Value::String(code) => ErrorCode::parse(code),
        _ => None,
    }
}
