//! The pages that links in Stripe's objects lead to: invoices, their PDF, receipts, the cardholder's bank.

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use serde_json::Value;

use crate::control;
use crate::currency;
use crate::http::page;
use crate::json::Fields;
use crate::sandbox::Shared;

const HTML: &str = "text/html; charset=utf-8";

/// Answers a request to `/_pages/...`.
pub(crate) fn answer(shared: &Shared, path: &str) -> Response<Full<Bytes>> {
    let parts: Vec<&str> = path.trim_start_matches("/_pages/").split('/').collect();
    let found = |kind: &str, id: &str| shared.lock().store.find(kind, id).cloned();
    let shown = match parts.as_slice() {
        ["invoices", id] => {
            found("invoice", id).map(|invoice| (HTML, html(&title(&invoice), &lines(&invoice))))
        }
        ["invoices", id, "pdf"] => found("invoice", id).map(|invoice| {
            let mut text = vec![title(&invoice)];
            text.extend(lines(&invoice));
            ("application/pdf", pdf(&text))
        }),
        ["credit_notes", id, "pdf"] => found("credit_note", id).map(|note| {
            let number = note.text("number").unwrap_or_default();
            let text = [format!("Credit note {number}"), format!("Total: {}", money(&note, "total"))];
            ("application/pdf", pdf(&text))
        }),
        ["receipts", id] => found("charge", id).map(|charge| {
            let text = format!(
                "{} paid with {} •••• {}",
                money(&charge, "amount"),
                card(&charge, "brand"),
                card(&charge, "last4")
            );
            (HTML, html(&format!("Receipt for {id}"), &[text]))
        }),
        ["authenticate", id] => Some((HTML, choice(id))),
        ["authenticate", id, outcome @ ("succeed" | "fail")] => {
            let kind = if id.starts_with("seti_") { "setup_intents" } else { "payment_intents" };
            let answer = control::authenticate(shared, kind, id, *outcome == "succeed");
            let text = match answer {
                Ok(intent) => format!(
                    "The intent is now {}. You may close this page.",
                    intent.text("status").unwrap_or_default()
                ),
                Err(error) => error.message,
            };
            Some((HTML, html("Your bank", &[text])))
        }
        _ => None,
    };
    match shown {
        Some((kind, body)) => page(200, kind, body),
        None => page(404, HTML, html("Not found", &[])),
    }
}

fn card<'a>(charge: &'a Value, field: &str) -> &'a str {
    charge.at("payment_method_details.card").text(field).unwrap_or_default()
}

fn money(object: &Value, field: &str) -> String {
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn html(title: &str, paragraphs: &[String]) -> Vec<u8> {
    let paragraphs: Vec<String> = paragraphs.iter().map(|text| format!("<p>{}</p>", escaped(text))).collect();
    document(title, &paragraphs.concat())
}

fn document(title: &str, body: &str) -> Vec<u8> {
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
