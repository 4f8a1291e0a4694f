//! GraphiQL: the page where people try operations. Its files are bundled by `build.rs` and carried by the binary; it
//! loads nothing from elsewhere.

use std::fmt;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Names and contents of the bundle; none when GraphiQL was left out of the build. Scripts and styles are gzipped.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/graphiql_files.rs"));

/// What the page may load. The editor adds `style` elements of its own while it runs, and its styles carry their fonts.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; \
    style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is served when the bundle is missing.
const MISSING: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>GraphiQL is not in this build</title>
<h1>GraphiQL is not in this build</h1>
<p>It is bundled while the gateway is built, and that needs Node.js 20 or newer with npm, and once the npm registry.
The build said what was missing. Install it, then, where the source is:</p>
<pre>touch build.rs
cargo run</pre>
<p>Without <code>TOLLGATE_SKIP_GRAPHIQL</code> in the environment. Meanwhile every GraphQL client can use
<code>/graphql</code>.</p>
</html>
";

/// A token that the page offers, in development only.
#[derive(Clone, Serialize)]
pub struct OfferedToken {
    /// Whose it is, for people.
    pub label: String,
    /// The access token.
    pub token: String,
}

impl fmt::Debug for OfferedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfferedToken").field("label", &self.label).finish_non_exhaustive()
    }
}

/// What the page asks for when it starts.
#[derive(Serialize)]
struct PageConfig {
    tokens: Vec<OfferedToken>,
}

/// Whether the build carries GraphiQL.
pub fn is_bundled() -> bool {
    !FILES.is_empty()
}

/// `/graphiql` and its files. The page speaks to `/graphql` beside it, with one of the offered tokens or one that is
/// pasted into it.
pub fn routes<S>(tokens: Vec<OfferedToken>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let config = Arc::new(PageConfig { tokens });
    Router::new()
        .route("/graphiql", get(page))
        .route("/graphiql/", get(|| async { Redirect::permanent("../graphiql") }))
        .route("/graphiql/config.json", get(page_config).with_state(config))
        .route("/graphiql/{name}", get(file))
}

async fn page(headers: HeaderMap) -> Response {
    match find("index.html") {
        Some(asset) => asset.response(&headers),
        None => (
            StatusCode::NOT_FOUND,
            secure("default-src 'none'; frame-ancestors 'none'"),
            [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")],
            MISSING,
        )
            .into_response(),
    }
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match find(&name).filter(|asset| asset.name != "index.html") {
        Some(asset) => asset.response(&headers),
        None => {
            (StatusCode::NOT_FOUND, secure("default-src 'none'"), "There is no such file.").into_response()
        }
    }
}

async fn page_config(State(config): State<Arc<PageConfig>>) -> Response {
    (secure("default-src 'none'"), [(CACHE_CONTROL, "no-store")], Json(&*config)).into_response()
}

/// A file of the bundle, ready to be served.
struct Asset {
    name: &'static str,
    content: &'static [u8],
    content_type: &'static str,
    is_gzipped: bool,
    etag: HeaderValue,
}

static ASSETS: LazyLock<Vec<Asset>> =
    LazyLock::new(|| FILES.iter().map(|(name, content)| Asset::new(name, content)).collect());

fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

impl Asset {
    fn new(file: &'static str, content: &'static [u8]) -> Self {
        let name = file.strip_suffix(".gz").unwrap_or(file);
        let content_type = match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("ttf") => "font/ttf",
            _ => "application/octet-stream",
        };
        let etag = format!("\"{}\"", hex::encode(&Sha256::digest(content)[..16]));
        let etag = HeaderValue::from_str(&etag).expect("hexadecimal digits in quotes are a header value");
        Self { name, content, content_type, is_gzipped: name != file, etag }
    }

    fn response(&self, request: &HeaderMap) -> Response {
        let mut headers = secure(PAGE_POLICY);
        headers.insert(ETAG, self.etag.clone());
        // Kept, and asked about each time: the names stay the same when the gateway is upgraded.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if self.is_known_to(request) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if self.is_gzipped {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        (headers, Body::from(self.content)).into_response()
    }

    fn is_known_to(&self, request: &HeaderMap) -> bool {
        let etag = self.etag.to_str().unwrap_or_default();
        request
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
    }
}

fn secure(policy: &'static str) -> HeaderMap {
    const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
    HeaderMap::from_iter([
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    ])
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn get_with(
        path: &str,
        header: Option<(HeaderName, HeaderValue)>,
    ) -> (StatusCode, HeaderMap, Vec<u8>) {
        let tokens = vec![OfferedToken { label: "Ada, owner of Acme".into(), token: "secret.token".into() }];
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        request.headers_mut().extend(header);
        let (parts, body) = routes::<()>(tokens).oneshot(request).await.unwrap().into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }

    /// Files as the build would have them, whether or not this build has any.
    fn script() -> Asset {
        Asset::new("main.js.gz", b"not really gzipped")
    }

    #[tokio::test]
    async fn the_page_is_served_or_says_how_to_get_it() {
        let (status, headers, body) = get_with("/graphiql", None).await;
        let text = String::from_utf8(body).unwrap();
        assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("frame-ancestors 'none'"));
        if is_bundled() {
            assert_eq!(status, StatusCode::OK);
            assert!(text.contains("graphiql/main.js"), "{text}");
        } else {
            assert_eq!(status, StatusCode::NOT_FOUND);
            assert!(text.contains("npm"), "{text}");
        }
    }

    #[tokio::test]
    async fn every_file_of_the_bundle_is_served_with_its_type() {
        for asset in ASSETS.iter().filter(|asset| asset.name != "index.html") {
            let (status, headers, body) = get_with(&format!("/graphiql/{}", asset.name), None).await;
            assert_eq!(status, StatusCode::OK, "{}", asset.name);
            assert_eq!(body, asset.content);
            assert_ne!(headers[CONTENT_TYPE], "application/octet-stream", "{}", asset.name);
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
    }

    #[tokio::test]
    async fn the_offered_tokens_are_listed_and_not_cached() {
        let (status, headers, body) = get_with("/graphiql/config.json", None).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let expected =
            serde_json::json!({ "tokens": [{ "label": "Ada, owner of Acme", "token": "secret.token" }] });
        assert_eq!(json, expected);
    }

    #[tokio::test]
    async fn what_is_not_of_the_bundle_is_not_found() {
        for path in ["/graphiql/nothing.js", "/graphiql/..%2FCargo.toml", "/graphiql/index.html"] {
            assert_eq!(get_with(path, None).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn a_file_that_the_browser_has_is_not_sent_again() {
        let asset = script();
        let known = |value: &str| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(value).unwrap())]);
            asset.response(&headers).status() == StatusCode::NOT_MODIFIED
        };
        let etag = asset.etag.to_str().unwrap();
        assert!(known(etag));
        assert!(known(&format!("\"other\", W/{etag}")));
        assert!(known("*"));
        assert!(!known("\"other\""));
        assert_eq!(asset.response(&HeaderMap::new()).status(), StatusCode::OK);
    }

    #[test]
    fn scripts_are_served_under_their_own_name_as_gzip() {
        let asset = script();
        assert_eq!(asset.name, "main.js");
        let response = asset.response(&HeaderMap::new());
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        assert_eq!(response.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
    }

    #[test]
    fn a_token_is_not_written_to_logs() {
        let token = OfferedToken { label: "Ada".into(), token: "secret.token".into() };
        assert!(!format!("{token:?}").contains("secret"));
    }
}
