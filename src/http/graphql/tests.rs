//! The endpoint over its routes: status codes, media types, errors.

#![expect(clippy::unused_async, reason = "the schema macro wants resolvers to be async")]

use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::{Context, EmptySubscription, Error, ErrorExtensions, Object, Value};
use axum::Router;
use axum::http::Request as HttpRequest;
use axum::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;
use tower::ServiceExt;

use super::*;

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

/// What the executor found in the HTTP request's extensions.
struct Caller(String);

#[derive(Default)]
struct Counters {
    started: AtomicUsize,
    finished: AtomicUsize,
}

struct Query;

#[Object]
impl Query {
    async fn greeting(&self, name: Option<String>) -> String {
        format!("Hello {}", name.as_deref().unwrap_or("you"))
    }
    async fn caller(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        Ok(ctx.data::<Caller>()?.0.clone())
    }
    async fn small(&self, number: u8) -> u8 {
        number
    }
    async fn refused(&self) -> async_graphql::Result<i32> {
        Err(Error::new("There is no such thing.").extend_with(|_, it| it.set("code", "NOT_FOUND")))
    }
    async fn broken(&self) -> async_graphql::Result<i32> {
        Err("the password of the database is hunter2".into())
    }
    async fn panics(&self) -> i32 {
        let none = [0; 0];
        none.iter().copied().max().expect("on purpose")
    }
    async fn slow(&self, ctx: &Context<'_>) -> i32 {
        linger(ctx).await
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn pay(&self, amount: i32) -> i32 {
        amount
    }
    async fn slow(&self, ctx: &Context<'_>) -> i32 {
        linger(ctx).await
    }
}

async fn linger(ctx: &Context<'_>) -> i32 {
    let counters = ctx.data_unchecked::<Arc<Counters>>();
    counters.started.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(300)).await;
    counters.finished.fetch_add(1, Ordering::SeqCst);
    1
}

struct Executor(Schema<Query, Mutation, EmptySubscription>);

#[async_trait]
impl GraphqlExecutor for Executor {
    async fn execute(&self, request: Request, context: &Extensions) -> Response {
        let request = match context.get::<RequestId>() {
            Some(id) => request.data(Caller(id.0.clone())),
            None => request,
        };
        self.0.execute(request).await
    }

    fn execute_stream(&self, request: Request, _context: &Extensions) -> BoxStream<'static, Response> {
        self.0.execute_stream(request).boxed()
    }
}

struct App {
    endpoint: Arc<GraphqlEndpoint>,
    counters: Arc<Counters>,
}

fn app_with(config: GraphqlHttpConfig) -> App {
    let counters = Arc::new(Counters::default());
    let schema = Schema::build(Query, Mutation, EmptySubscription).data(Arc::clone(&counters)).finish();
    let sdl = schema.sdl();
    let endpoint = Arc::new(GraphqlEndpoint::new(Arc::new(Executor(schema)), &sdl, config).unwrap());
    App { endpoint, counters }
}

fn app() -> App {
    app_with(GraphqlHttpConfig::default())
}

struct Reply {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    json: serde_json::Value,
}

impl Reply {
    /// The code of the only error.
    #[track_caller]
    fn code(&self) -> &str {
        assert_eq!(self.json["errors"].as_array().map(Vec::len), Some(1), "{}", self.json);
        self.json["errors"][0]["extensions"]["code"].as_str().unwrap()
    }

    #[track_caller]
    fn message(&self) -> &str {
        self.json["errors"][0]["message"].as_str().unwrap()
    }
}

impl App {
    async fn send(&self, mut request: HttpRequest<HttpBody>) -> Reply {
        request.extensions_mut().insert(RequestId("req-7".into()));
        let router = Router::new().route("/graphql", route(Arc::clone(&self.endpoint)));
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(serde_json::Value::Null);
        Reply { status: parts.status, headers: parts.headers, json }
    }

    async fn post_as(&self, accept: &str, body: serde_json::Value) -> Reply {
        self.post_bytes(JSON, accept, body.to_string()).await
    }

    async fn post_bytes(&self, content_type: &str, accept: &str, body: impl Into<HttpBody>) -> Reply {
        let request = HttpRequest::post("/graphql").header(CONTENT_TYPE, content_type).header(ACCEPT, accept);
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn post(&self, query: &str) -> Reply {
        self.post_as(GRAPHQL, json!({ "query": query })).await
    }

    async fn get(&self, query_string: &str) -> Reply {
        let request = HttpRequest::get(format!("/graphql?{query_string}")).header(ACCEPT, GRAPHQL);
        self.send(request.body(HttpBody::empty()).unwrap()).await
    }
}

#[tokio::test]
async fn a_query_is_answered_by_post_and_get() {
    let app = app();
    let body = json!({
        "query": "query G($n: String) { greeting(name: $n) }",
        "variables": { "n": "Ada" },
        "operationName": "G",
    });
    let reply = app.post_as(GRAPHQL, body).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.json, json!({ "data": { "greeting": "Hello Ada" } }));
    assert_eq!(reply.headers[CONTENT_TYPE], "application/graphql-response+json; charset=utf-8");
    assert_eq!(reply.headers[CACHE_CONTROL], "no-store");
    let reply = app
        .get("query=query%20G(%24n%3AString)%7Bgreeting(name%3A%24n)%7D&variables=%7B%22n%22%3A%22Ada%22%7D")
        .await;
    assert_eq!(reply.json, json!({ "data": { "greeting": "Hello Ada" } }));
}

#[tokio::test]
async fn the_executor_sees_what_middleware_left_in_the_request() {
    assert_eq!(app().post("{ caller }").await.json, json!({ "data": { "caller": "req-7" } }));
}

#[tokio::test]
async fn mutations_are_run_by_post_only() {
    let app = app();
    let reply = app.get("query=mutation%7Bpay(amount%3A1)%7D").await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(reply.headers[ALLOW], "POST");
    assert_eq!(reply.code(), "BAD_USER_INPUT");
    assert_eq!(app.post("mutation { pay(amount: 1) }").await.json, json!({ "data": { "pay": 1 } }));
}

#[tokio::test]
async fn a_get_cannot_smuggle_a_mutation_past_by_naming_a_query_first() {
    let app = app();
    let reply =
        app.get("query=query%20A%7Bgreeting%7D%20mutation%20B%7Bpay(amount%3A1)%7D&operationName=B").await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn other_methods_are_refused() {
    let app = app();
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = HttpRequest::builder().method(method).uri("/graphql").body(HttpBody::empty()).unwrap();
        let reply = app.send(request).await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(reply.headers[ALLOW], "GET, HEAD, POST");
    }
}

#[tokio::test]
async fn what_browsers_send_across_sites_unasked_is_not_read() {
    let app = app();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
    ] {
        let reply = app.post_bytes(content_type, JSON, r#"{"query":"mutation{pay(amount:1)}"}"#).await;
        assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
        assert_eq!(reply.code(), "BAD_USER_INPUT");
    }
    let request = HttpRequest::post("/graphql").body(HttpBody::from(r#"{"query":"{greeting}"}"#)).unwrap();
    assert_eq!(app.send(request).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn an_answer_in_another_type_is_not_to_be_had() {
    let reply = app().post_as("text/html", json!({ "query": "{ greeting }" })).await;
    assert_eq!(reply.status, StatusCode::NOT_ACCEPTABLE);
    assert_eq!(reply.headers[CONTENT_TYPE], "application/json; charset=utf-8");
}

#[tokio::test]
async fn a_refused_document_has_the_status_that_its_media_type_asks_for() {
    let app = app();
    let documents = [
        "{",
        "{ nothing }",
        "{ greeting { deeper } }",
        "query Q($n: Int!) { greeting }",
        "subscription { x }",
    ];
    for document in documents {
        for (accept, status) in [(GRAPHQL, StatusCode::BAD_REQUEST), (JSON, StatusCode::OK)] {
            let reply = app.post_as(accept, json!({ "query": document })).await;
            assert_eq!(reply.status, status, "{document} as {accept}: {}", reply.json);
            assert!(reply.json.get("data").is_none(), "{document}: {}", reply.json);
            for error in reply.json["errors"].as_array().unwrap() {
                assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT");
                assert_eq!(error["extensions"]["requestId"], "req-7");
            }
        }
    }
}

#[tokio::test]
async fn a_document_over_a_limit_says_which() {
    let reply = app().post(&format!("{{ {} }}", "greeting ".repeat(21))).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(reply.code(), "QUERY_TOO_COMPLEX");
    assert_eq!(
        reply.message(),
        "The operation is too complex: its number of root fields, fragments written out, reaches 21, and the limit is 20."
    );
}

#[tokio::test]
async fn malformed_json_is_explained() {
    for accept in [GRAPHQL, JSON] {
        let reply = app().post_bytes(JSON, accept, "{\"a\"; 1}").await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert_eq!(reply.code(), "BAD_USER_INPUT");
        assert_eq!(reply.message(), "The request body is not valid JSON: expected `:`, line 1 column 5.");
        assert_eq!(reply.json["errors"][0]["extensions"]["requestId"], "req-7");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_said_beforehand_or_not() {
    let app = app_with(GraphqlHttpConfig { max_body_bytes: 100, ..GraphqlHttpConfig::default() });
    let fits = format!("{:<100}", r#"{"query":"{greeting}"}"#);
    assert_eq!(app.post_bytes(JSON, JSON, fits.clone()).await.status, StatusCode::OK);
    assert_eq!(app.post_bytes(JSON, JSON, fits.clone() + " ").await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let chunks = [fits, " ".into()].map(Ok::<_, std::io::Error>);
    let streamed = HttpBody::from_stream(futures::stream::iter(chunks));
    let reply = app.post_bytes(JSON, JSON, streamed).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(reply.message(), "The request body is too large: at most 100 bytes are read.");
}

#[tokio::test]
async fn errors_of_fields_come_with_data_and_status_200() {
    let reply = app().post("{ refused }").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.json["data"], json!(null));
    assert_eq!(reply.code(), "NOT_FOUND");
    assert_eq!(reply.message(), "There is no such thing.");
    assert_eq!(reply.json["errors"][0]["extensions"]["requestId"], "req-7");
}

#[tokio::test]
async fn an_error_without_a_code_is_not_shown() {
    let reply = app().post("{ broken }").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.code(), "INTERNAL");
    assert!(!reply.json.to_string().contains("hunter2"));
}

#[tokio::test]
async fn an_argument_that_a_resolver_cannot_read_is_the_callers_mistake() {
    let reply = app().post("{ small(number: 300) }").await;
    assert_eq!(reply.code(), "BAD_USER_INPUT", "{}", reply.json);
}

#[tokio::test]
async fn a_panic_ends_the_operation_and_nothing_else() {
    let app = app();
    let reply = app.post("{ panics }").await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(reply.code(), "INTERNAL");
    assert!(!reply.json.to_string().contains("on purpose"));
    assert_eq!(app.post("{ greeting }").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_slow_query_is_ended_and_a_slow_mutation_goes_on() {
    let app = app_with(GraphqlHttpConfig {
        execution_timeout: Duration::from_millis(50),
        ..GraphqlHttpConfig::default()
    });
    let reply = app.post("{ slow }").await;
    assert_eq!(reply.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(reply.code(), "QUERY_TOO_COMPLEX");
    let reply = app.post("mutation { slow }").await;
    assert_eq!(reply.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(reply.code(), "INTERNAL");
    app.endpoint.drain().await;
    assert_eq!(app.counters.started.load(Ordering::SeqCst), 2);
    assert_eq!(app.counters.finished.load(Ordering::SeqCst), 1, "the mutation, and not the query");
}

#[tokio::test]
async fn a_mutation_is_finished_although_its_client_goes_away() {
    let app = app();
    let impatient = tokio::time::timeout(Duration::from_millis(50), app.post("mutation { slow }")).await;
    assert!(impatient.is_err());
    app.endpoint.drain().await;
    assert_eq!(app.counters.finished.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_query_ends_with_its_client() {
    let app = app();
    let impatient = tokio::time::timeout(Duration::from_millis(50), app.post("{ slow }")).await;
    assert!(impatient.is_err());
    app.endpoint.drain().await;
    assert_eq!(app.counters.started.load(Ordering::SeqCst), 1);
    assert_eq!(app.counters.finished.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn batches_are_off_unless_allowed() {
    let batch = json!([{ "query": "{ greeting }" }, { "query": "{ nothing }" }]);
    let reply = app().post_as(GRAPHQL, batch.clone()).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(reply.message().contains("Batches are not allowed"));
    let app = app_with(GraphqlHttpConfig { max_batch: 2, ..GraphqlHttpConfig::default() });
    let reply = app.post_as(GRAPHQL, batch).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.json[0], json!({ "data": { "greeting": "Hello you" } }));
    assert_eq!(reply.json[1]["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_batch_is_limited_as_one_operation_would_be() {
    let limits = DocumentLimits {
        cost: 3,
        money_mutation_names: ["pay".to_owned()].into(),
        ..DocumentLimits::default()
    };
    let app = app_with(GraphqlHttpConfig { max_batch: 9, limits, ..GraphqlHttpConfig::default() });
    let query = json!({ "query": "{ greeting }" });
    assert!(app.post_as(GRAPHQL, json!([query, query, query])).await.json.is_array());
    let reply = app.post_as(GRAPHQL, json!([query, query, query, query])).await;
    assert_eq!(reply.code(), "QUERY_TOO_COMPLEX");
    assert_eq!(reply.message(), "The batch is too complex: its cost is 4, and the limit is 3.");
    let payment = json!({ "query": "mutation { pay(amount: 1) }" });
    let reply = app.post_as(GRAPHQL, json!([payment, payment])).await;
    assert_eq!(reply.code(), "QUERY_TOO_COMPLEX");
    assert!(reply.message().contains("2 mutations that move money"), "{}", reply.message());
}

#[tokio::test]
async fn an_invalid_document_lists_only_its_first_errors() {
    let fields = (0..100).fold(String::new(), |text, _| text + "greeting(name: 1) ");
    let limits = DocumentLimits { root_fields: 1000, ..DocumentLimits::default() };
    let app = app_with(GraphqlHttpConfig { limits, ..GraphqlHttpConfig::default() });
    let reply = app.post(&format!("{{ {fields} }}")).await;
    let errors = reply.json["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 21);
    assert_eq!(errors[20]["message"], "There are 80 more errors like these.");
}

#[tokio::test]
async fn headers_that_resolvers_set_are_sent() {
    let mut response = Response::new(Value::Null);
    response.http_headers.insert("x-answer", "42".parse().unwrap());
    let reply = Answer::One(Outcome::of(response)).into_http(ResponseType::Json, None);
    assert_eq!(reply.headers()["x-answer"], "42");
}
