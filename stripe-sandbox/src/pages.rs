//! The pages that links in Stripe's objects lead to: invoices, their PDF, receipts, the cardholder's bank, checkout, the
//! billing portal.

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use serde_json::Value;

use crate::control;
use crate::currency;
use crate::http::{Received, page, redirect};
use crate::json::Fields;
use crate::sandbox::Shared;
use crate::{checkout_pages, payment_methods, portal_pages, time};

const HTML: &str = "text/html; charset=utf-8";

/// What a page's address leads to.
pub(crate) enum Shown {
    /// A status and HTML.
    Page(u16, Vec<u8>),
    Pdf(Vec<u8>),
    /// Somewhere else.
    Redirect(String),
}

/// Answers a request to `/_pages/...`.
pub(crate) fn answer(shared: &Shared, received: &Received) -> Response<Full<Bytes>> {
    let parts: Vec<&str> = received.path.trim_start_matches("/_pages/").split('/').collect();
    let found = |kind: &str, id: &str| shared.lock().store.find(kind, id).cloned();
    let shown = match parts.as_slice() {
        ["invoices", id] => {
            found("invoice", id).map(|invoice| Shown::Page(200, html(&title(&invoice), &lines(&invoice))))
        }
        ["invoices", id, "pdf"] => found("invoice", id).map(|invoice| {
            let mut text = vec![title(&invoice)];
            text.extend(lines(&invoice));
            Shown::Pdf(pdf(&text))
        }),
        ["credit_notes", id, "pdf"] => found("credit_note", id).map(|note| {
            let number = note.text("number").unwrap_or_default();
            let text = [format!("Credit note {number}"), format!("Total: {}", money(&note, "total"))];
            Shown::Pdf(pdf(&text))
        }),
        ["receipts", id] => found("charge", id).map(|charge| {
            let method = payment_methods::label(charge.at("payment_method_details"));
            let text = format!("{} paid with {method}", money(&charge, "amount"));
            Shown::Page(200, html(&format!("Receipt for {id}"), &[text]))
        }),
        ["authenticate", id] => Some(Shown::Page(200, choice(id))),
        ["authenticate", id, outcome @ ("succeed" | "fail")] => {
            let kind = if id.starts_with("seti_") { "setup_intent" } else { "payment_intent" };
            let back = found(kind, id)
                .and_then(|intent| intent.text("next_action.redirect_to_url.return_url").map(str::to_owned));
            let answer = control::authenticate(shared, &format!("{kind}s"), id, *outcome == "succeed");
            Some(match (answer, back) {
                (Ok(intent), Some(back)) => Shown::Redirect(returning(&back, kind, &intent)),
                (Ok(intent), None) => {
                    let status = intent.text("status").unwrap_or_default();
                    let text = format!("The intent is now {status}. You may close this page.");
                    Shown::Page(200, html("Your bank", &[text]))
                }
                (Err(error), _) => Shown::Page(200, html("Your bank", &[error.message])),
            })
        }
        [page @ ("checkout" | "portal"), rest @ ..] => {
            let state = &mut *shared.lock();
            time::catch_up(state);
            let id = rest.first().map(|id| (*id).to_owned());
            let test_clock = state.test_clock_of_request(id.as_slice(), &Value::Null);
            let shown = state.within(test_clock.as_deref(), |state| match *page {
                "checkout" => checkout_pages::answer(state, received, rest),
                _ => portal_pages::answer(state, received, rest),
            });
            shared.changed.notify_one();
            shown
        }
        _ => None,
    };
    match shown {
        Some(Shown::Page(status, body)) => page(status, HTML, body),
        Some(Shown::Pdf(body)) => page(200, "application/pdf", body),
        Some(Shown::Redirect(location)) => redirect(location),
        None => page(404, HTML, html("Not found", &[])),
    }
}

/// Where the bank sends the cardholder back to, told how it ended as Stripe tells it.
fn returning(back: &str, kind: &str, intent: &Value) -> String {
    if back.starts_with("/_pages/") {
        return back.to_owned();
    }
    let outcome = if matches!(intent.text("status"), Some("succeeded" | "requires_capture")) {
        "succeeded"
    } else {
        "failed"
    };
    let told = url::form_urlencoded::Serializer::new(String::new())
        .append_pair(kind, intent.id())
        .append_pair(&format!("{kind}_client_secret"), intent.text("client_secret").unwrap_or_default())
        .append_pair("redirect_status", outcome)
        .finish();
    format!("{back}{}{told}", if back.contains('?') { '&' } else { '?' })
}

pub(crate) fn money(object: &Value, field: &str) -> String {
    currency::display(object.int(field).unwrap_or_default(), object.text("currency").unwrap_or_default())
}

fn title(invoice: &Value) -> String {
    format!("Invoice {}", invoice.text("number").unwrap_or("(draft)"))
}

fn lines(invoice: &Value) -> Vec<String> {
    let line =
        |line: &Value| format!("{}: {}", line.text("description").unwrap_or("Item"), money(line, "amount"));
    let mut text: Vec<String> = invoice.list("lines.data").iter().map(line).collect();
    text.push(format!("Total: {}", money(invoice, "total")));
    text.push(format!("Amount due: {}", money(invoice, "amount_remaining")));
    text.push(format!("Status: {}", invoice.text("status").unwrap_or_default()));
    text
}

/// Text as HTML, within elements and quoted attributes.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

pub(crate) fn html(title: &str, paragraphs: &[String]) -> Vec<u8> {
    let paragraphs: Vec<String> = paragraphs.iter().map(|text| format!("<p>{}</p>", escaped(text))).collect();
    document(title, &paragraphs.concat())
}

/// A page with this title; `body` is HTML.
pub(crate) fn document(title: &str, body: &str) -> Vec<u8> {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1>{body}<p><small>Stripe sandbox: nothing here \
         is real.</small></p></html>"
    )
    .into_bytes()
}

fn choice(id: &str) -> Vec<u8> {
    let id = escaped(id);
    let link = |outcome: &str, label: &str| {
        format!("<p><a href=\"/_pages/authenticate/{id}/{outcome}\">{label}</a></p>")
    };
    document(
        "Your bank asks: is it you?",
        &(link("succeed", "Yes, let it pass") + &link("fail", "No, refuse it")),
    )
}

/// One page of text as a PDF.
fn pdf(text: &[String]) -> Vec<u8> {
    let plain = |line: &String| -> String {
        // The built-in font knows Latin-1; what else there is becomes a question mark.
        let shown: String =
            line.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        shown.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)")
    };
    let shown: Vec<String> = text.iter().map(|line| format!("({}) Tj 0 -18 Td ", plain(line))).collect();
    let content = format!("BT /F1 12 Tf 56 780 Td {}ET", shown.concat());
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>".to_owned(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
    ];
    let mut file = String::from("%PDF-1.4\n");
    let mut entries = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        entries.push(format!("{:010} 00000 n \n", file.len()));
        file = file + &(index + 1).to_string() + " 0 obj\n" + object + "\nendobj\n";
    }
    let (start, count, entries) = (file.len(), objects.len() + 1, entries.concat());
    let end = format!(
        "xref\n0 {count}\n0000000000 65535 f \n{entries}trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    (file + &end).into_bytes()
}
