//! Credit notes: what takes back a finalised invoice, or a part of it, before or after it was paid.

use serde_json::{Value, json};

use crate::credit_note_lines::{self, Credit};
use crate::customer_balance::Movement;
use crate::errors::{Answer, ApiError};
use crate::http::Call;
use crate::json::{Fields, merge_metadata, patch, whole_list};
use crate::state::State;
use crate::{bank_accounts, currency, customer_balance, invoice_payments, invoices, list, refunds};

/// A credit note as a request describes it, checked against its invoice.
struct Plan {
    invoice: Value,
    credit: Credit,
    /// The invoice is still open: the note lowers what is due. Otherwise money goes back.
    pre_payment: bool,
    /// To be refunded to the card.
    refund: i64,
    /// To the customer's balance.
    balance: i64,
    out_of_band: i64,
    /// Refunds that were made before, with the part of them that belongs to this note.
    linked: Vec<(String, i64)>,
}

fn plan(state: &mut State, params: &Value) -> Result<Plan, ApiError> {
    let id = params.text("invoice").unwrap_or_default();
    let invoice = state.named("invoice", "invoice", id, "invoice")?.clone();
    let pre_payment = match invoice.text("status") {
        Some("open") => true,
        Some("paid") => false,
        status => {
            return Err(ApiError::invalid(format!(
                "You can only create a credit note for an open or paid invoice. This invoice is {}.",
                status.unwrap_or_default()
            ))
            .param("invoice"));
        }
    };
    let credit = credit_note_lines::read(state, &invoice, params)?;
    let code = invoice.text("currency").unwrap_or_default().to_owned();
    let amount = |name: &str| match params.int(name) {
        Some(amount) if amount < 0 => Err(ApiError::parameter(
            "parameter_invalid_integer",
            name,
            "This value must be greater than or equal to 0.",
        )),
        amount => Ok(amount.unwrap_or_default()),
    };
    let (refund, balance, out_of_band) =
        (amount("refund_amount")?, amount("credit_amount")?, amount("out_of_band_amount")?);
    let linked = linked_refunds(state, &invoice, params)?;
    let creditable = creditable(&invoice);
    if credit.total > creditable {
        return Err(ApiError::invalid(format!(
            "The credit note's total ({}) is greater than what can still be credited on the invoice ({}).",
            currency::display(credit.total, &code),
            currency::display(creditable, &code)
        ))
        .param(if params.at("amount").is_null() { "lines" } else { "amount" }));
    }
    let back = refund + balance + out_of_band + linked.iter().map(|(_, amount)| amount).sum::<i64>();
    if pre_payment && back > 0 {
        let message = "You cannot refund, credit or settle outside of Stripe what has not been paid: the credit note of an open invoice lowers its amount due.";
        return Err(ApiError::invalid(message));
    }
    if !pre_payment && back != credit.total {
        return Err(ApiError::invalid(format!(
            "The sum of the credit amount, the refund amount and the amount outside of Stripe ({}) must equal the credit note's total ({}).",
            currency::display(back, &code),
            currency::display(credit.total, &code)
        )));
    }
    Ok(Plan { invoice, credit, pre_payment, refund, balance, out_of_band, linked })
}

/// What of an invoice can still be credited.
fn creditable(invoice: &Value) -> i64 {
    let amount = |name: &str| invoice.int(name).unwrap_or_default();
    if invoice.text("status") == Some("open") {
        return amount("amount_remaining");
    }
    amount("total") - amount("pre_payment_credit_notes_amount") - amount("post_payment_credit_notes_amount")
}

/// The refunds of the invoice's charge that the request names, as far as no other note has named them.
fn linked_refunds(state: &State, invoice: &Value, params: &Value) -> Result<Vec<(String, i64)>, ApiError> {
    let charge = charge_of(state, invoice.id());
    let mut linked = Vec::new();
    for (index, sent) in params.list("refunds").iter().enumerate() {
        let param = format!("refunds[{index}][refund]");
        if sent.text("type").is_some_and(|kind| kind != "refund") {
            return Err(ApiError::unsupported(&format!("refunds[{index}][type]")));
        }
        let id = sent.text("refund").ok_or_else(|| ApiError::missing(&param))?;
        let refund = state.named("refund", "refund", id, &param)?;
        if refund.text("charge").is_none() || refund.text("charge") != charge.as_deref() {
            let message = format!("The refund {id} does not belong to the invoice {}.", invoice.id());
            return Err(ApiError::invalid(message).param(&param));
        }
        let used: i64 = state
            .store
            .all("credit_note")
            .flat_map(|note| note.list("refunds"))
            .filter(|used| used.text("refund") == Some(id))
            .filter_map(|used| used.int("amount_refunded"))
            .sum();
        let left = refund.int("amount").unwrap_or_default() - used;
        let amount = sent.int("amount_refunded").unwrap_or(left);
        if !(1..=left).contains(&amount) {
            let message = format!("The refund {id} has only {left} left that no credit note names.");
            return Err(ApiError::invalid(message).param(&param));
        }
        linked.push((id.to_owned(), amount));
    }
    Ok(linked)
}

/// The successful charge of an invoice, if it was paid with one.
fn charge_of(state: &State, invoice: &str) -> Option<String> {
    let payment = invoice_payments::default_of(state, invoice)?;
    let intent = state.store.find("payment_intent", payment.text("payment.payment_intent")?)?;
    (intent.text("status") == Some("succeeded")).then(|| intent.text("latest_charge").map(str::to_owned))?
}

fn build(state: &mut State, plan: &Plan, params: &Value) -> Value {
    let (id, now, invoice, credit) = (state.id("cn"), state.now(), &plan.invoice, &plan.credit);
    let count =
        state.store.all("credit_note").filter(|note| note.text("invoice") == Some(invoice.id())).count();
    let linked: Vec<Value> = plan
        .linked
        .iter()
        .map(|(refund, amount)| {
            json!({ "amount_refunded": amount, "payment_record_refund": null, "refund": refund, "type": "refund" })
        })
        .collect();
    let (pre, post) = if plan.pre_payment { (credit.total, 0) } else { (0, credit.total) };
    let mut lines = credit.lines.clone();
    for line in &mut lines {
        line.put("id", state.id("cnli"));
    }
    let mut note = json!({
        "id": id, "object": "credit_note", "amount": credit.total, "amount_shipping": 0, "created": now, "currency": invoice.at("currency"),
        "customer": invoice.at("customer"), "customer_account": null, "customer_balance_transaction": null,
        "discount_amount": credit.discount, "discount_amounts": credit.discounts, "effective_at": params.int("effective_at").unwrap_or(now),
        "invoice": invoice.id(), "lines": whole_list(&format!("/v1/credit_notes/{id}/lines"), lines), "livemode": false,
        "memo": params.at("memo"), "metadata": {},
        "number": format!("{}-CN-{:02}", invoice.text("number").unwrap_or_default(), count + 1),
        "out_of_band_amount": if plan.out_of_band > 0 { json!(plan.out_of_band) } else { Value::Null },
        "pdf": format!("/_pages/credit_notes/{id}/pdf"), "post_payment_amount": post, "pre_payment_amount": pre, "pretax_credit_amounts": [],
        "reason": params.at("reason"), "refunds": linked, "shipping_cost": null, "status": "issued", "subtotal": credit.subtotal,
        "subtotal_excluding_tax": credit.subtotal_excluding_tax, "total": credit.total,
        "total_excluding_tax": credit.subtotal_excluding_tax - credit.discount, "total_taxes": credit.taxes,
        "type": if plan.pre_payment { "pre_payment" } else { "post_payment" }, "voided_at": null,
    });
    merge_metadata(&mut note, params);
    note
}

pub(crate) fn create(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let plan = plan(state, params)?;
    if plan.pre_payment {
        bank_accounts::check_stoppable(state, plan.invoice.id(), "update")?;
    }
    let mut note = build(state, &plan, params);
    let id = note.id().to_owned();
    let invoice = plan.invoice.id().to_owned();
    if plan.refund > 0 {
        let charge = charge_of(state, &invoice).ok_or_else(|| {
            ApiError::invalid("The invoice was not paid with a charge that can be refunded.")
                .param("refund_amount")
        })?;
        let reason = match params.text("reason") {
            Some(reason @ ("duplicate" | "fraudulent")) => json!(reason),
            _ => Value::Null,
        };
        let refund = refunds::make(state, &charge, Some(plan.refund), &reason, &json!({}))?;
        let mut all = note.list("refunds").to_vec();
        all.push(json!({ "amount_refunded": plan.refund, "payment_record_refund": null, "refund": refund, "type": "refund" }));
        note.put("refunds", all);
    }
    let customer = plan.invoice.text("customer").unwrap_or_default();
    let balance = state.store.find("customer", customer).and_then(|customer| customer.int("balance"));
    let ending = balance.unwrap_or_default() - plan.balance;
    let movement = Movement {
        customer,
        amount: -plan.balance,
        currency: plan.invoice.text("currency").unwrap_or_default(),
        kind: "credit_note",
        invoice: Some(&invoice),
    };
    let credit = customer_balance::note(state, &movement, ending);
    if let Some(credit) = &credit {
        note.put("customer_balance_transaction", credit.id());
        state.change("customer_balance_transaction", credit.id(), |credit| {
            credit.put("credit_note", id.as_str());
        });
    }
    state.create(note, "credit_note.created");
    if credit.is_some() {
        state.update("customer", customer, "customer.updated", |customer| customer.put("balance", ending));
    }
    if plan.pre_payment {
        invoices::lower(state, &invoice, plan.credit.total);
    } else {
        state.update("invoice", &invoice, "invoice.updated", |invoice| {
            let credited = invoice.int("post_payment_credit_notes_amount").unwrap_or_default();
            invoice.put("post_payment_credit_notes_amount", credited + plan.credit.total);
        });
    }
    state.load("credit_note", "credit_note", &id).cloned()
}

pub(crate) fn preview(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let plan = plan(state, params)?;
    Ok(build(state, &plan, params))
}

pub(crate) fn preview_lines(call: &mut Call<'_>) -> Answer {
    let Call { state, params, .. } = call;
    let plan = plan(state, params)?;
    let note = build(state, &plan, params);
    let rows: Vec<&Value> = note.list("lines.data").iter().collect();
    list::page("/v1/credit_notes/preview/lines", "credit_note_line_item", &rows, params)
}

pub(crate) fn retrieve(call: &mut Call<'_>) -> Answer {
    call.state.load("credit_note", "credit_note", call.id(0)).cloned()
}

pub(crate) fn update(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let Call { state, params, .. } = call;
    state.load("credit_note", "credit_note", &id)?;
    state.update("credit_note", &id, "credit_note.updated", |note| {
        patch(note, params, &["memo"]);
        merge_metadata(note, params);
    });
    state.load("credit_note", "credit_note", &id).cloned()
}

pub(crate) fn void(call: &mut Call<'_>) -> Answer {
    let id = call.id(0).to_owned();
    let state = &mut *call.state;
    let note = state.load("credit_note", "credit_note", &id)?.clone();
    if note.text("status") != Some("issued") {
        return Err(ApiError::invalid("This credit note has already been voided."));
    }
    let invoice = note.text("invoice").unwrap_or_default();
    let open =
        state.store.find("invoice", invoice).and_then(|invoice| invoice.text("status")) == Some("open");
    if !open {
        return Err(ApiError::invalid("You can only void a credit note whose invoice is open."));
    }
    bank_accounts::check_stoppable(state, invoice, "update")?;
    let now = state.now();
    state.change("credit_note", &id, |note| {
        note.put("status", "void");
        note.put("voided_at", now);
    });
    state.emit("credit_note.voided", "credit_note", &id);
    invoices::lower(state, invoice, -note.int("total").unwrap_or_default());
    state.load("credit_note", "credit_note", &id).cloned()
}

pub(crate) fn lines(call: &mut Call<'_>) -> Answer {
    let id = call.id(0);
    let note = call.state.load("credit_note", "credit_note", id)?;
    let rows: Vec<&Value> = note.list("lines.data").iter().collect();
    list::page(&format!("/v1/credit_notes/{id}/lines"), "credit_note_line_item", &rows, &call.params)
}

pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let params = &call.params;
    let rows = call.state.store.newest_first("credit_note", |note| {
        ["customer", "invoice"].iter().all(|name| list::same(params, name, note))
            && list::in_range(params, "created", note.int("created"))
    });
    list::page("/v1/credit_notes", "credit_note", &rows, params)
}
