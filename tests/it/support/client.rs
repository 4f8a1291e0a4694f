//! A GraphQL client as a front end would have one.

use std::net::SocketAddr;

use serde_json::{Value, json};

/// A client with or without a token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    pub token: Option<String>,
    /// Where a proxy says that it comes from.
    pub comes_from: Option<String>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Client {
    pub fn new(address: SocketAddr, token: Option<String>) -> Self {
        Self {
            http: reqwest::Client::new(),
            url: format!("http://{address}/graphql"),
            token,
            comes_from: None,
        }
    }

    /// Sends an operation.
    pub async fn send(&self, query: &str, variables: Value) -> Answer {
        self.post(&json!({ "query": query, "variables": variables })).await
    }

    /// Sends an operation to a gateway that may die over it.
    pub async fn try_send(&self, query: &str, variables: Value) -> Result<String, reqwest::Error> {
        let mut request = self.http.post(&self.url).json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().await?.text().await
    }

    /// Sends any JSON as the request.
    pub async fn post(&self, body: &Value) -> Answer {
        self.post_raw(body.to_string()).await
    }

    /// Sends any bytes as the request.
    pub async fn post_raw(&self, body: impl Into<reqwest::Body>) -> Answer {
        let mut request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "application/graphql-response+json, application/json;q=0.9")
            .body(body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(address) = &self.comes_from {
            request = request.header("x-forwarded-for", address);
        }
        let response = request.send().await.expect("the gateway answers");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("JSON, not {status} {text}"));
        Answer { status, body }
    }
}

impl Answer {
    /// The data, when there are no errors.
    #[track_caller]
    pub fn data(&self) -> &Value {
        assert!(self.body.get("errors").is_none(), "errors: {:#}", self.body);
        &self.body["data"]
    }

    /// The code of the only top-level error.
    #[track_caller]
    pub fn code(&self) -> &str {
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("no errors: {:#}", self.body));
        assert_eq!(errors.len(), 1, "{:#}", self.body);
        errors[0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("no code: {:#}", self.body))
    }

    /// The message of the only top-level error.
    #[track_caller]
    pub fn message(&self) -> &str {
        self.code();
        self.body["errors"][0]["message"].as_str().expect("a message")
    }

    /// The code and path of the only user error of a mutation.
    #[track_caller]
    pub fn user_error(&self, mutation: &str) -> (String, String, String) {
        let errors = self.data()[mutation]["userErrors"].as_array().expect("userErrors were asked for");
        assert_eq!(errors.len(), 1, "{:#}", self.body);
        let path: Vec<&str> = errors[0]["path"]
            .as_array()
            .map_or_else(Vec::new, |path| path.iter().filter_map(Value::as_str).collect());
        let word = |name: &str| errors[0][name].as_str().unwrap_or_default().to_owned();
        (word("code"), path.join("."), word("message"))
    }
}
