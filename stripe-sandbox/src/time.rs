//! What happens by itself: renewals, trial ends, retries, cancellations, in the order in which they fall due.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::json::Fields;
use crate::sandbox::Shared;
use crate::state::{HIDDEN, State};
use crate::subscription_lifecycle::{self, Ending};
use crate::{
    bank_accounts, checkout_sessions, disputes, invoice_items, invoice_previews, invoices, pending_updates,
    refunds, schedule_lifecycle, subscription_items, subscription_resume, test_clocks,
};

const HOUR: Timestamp = 3600;
const DAY: Timestamp = 24 * HOUR;
/// How long a first invoice may stay unpaid.
const INCOMPLETE: Timestamp = 23 * HOUR;

/// Work that falls due. Of what falls due together, the one named first comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Cancel(String),
    Expire(String),
    WarnOfTrialEnd(String),
    ExpirePendingUpdate(String),
    /// The invoice of a resumption that nobody tried to pay.
    ExpireResumption(String),
    ResumeCollection(String),
    WarnOfScheduleEnd(String),
    SendUpcoming(String),
    /// A schedule begins, enters its next phase or ends. Before the period ends, because a renewal is one of the new phase.
    MoveSchedule(String),
    EndPeriod(String),
    Finalize(String),
    Retry(String),
    SayDueSoon(String),
    Overdue(String),
    GiveUp(String),
    SettleDebit(String),
    SettleRefund(String),
    DecideDispute(String),
    DeleteClock(String),
    ExpireCheckout(String),
}

/// Moves sandbox time forward to `to` and does what falls due on the way. False when `to` lies in the past.
pub(crate) fn travel(state: &mut State, to: Timestamp) -> bool {
    if to < state.now() {
        return false;
    }
    state.clock.set(to);
    catch_up(state);
    true
}

/// Does what fell due up to now, each thing at its own time. True when there was any.
pub(crate) fn catch_up(state: &mut State) -> bool {
    let now = state.clock.unpinned();
    if now == state.worked_until {
        return false;
    }
    let worked = work_until(state, None, now);
    state.worked_until = now;
    state.deliveries.release_due(now);
    state.forget_old_events();
    worked
}

/// Does what falls due up to a moment: what lives by a test clock, or what lives by none.
pub(crate) fn work_until(state: &mut State, test_clock: Option<&str>, until: Timestamp) -> bool {
    let mut worked = false;
    state.store.test_clock = test_clock.map(str::to_owned);
    let mut agenda = Agenda::new(state, test_clock);
    state.store.watch(true);
    while let Some((at, due)) = agenda.next(until) {
        state.clock.pin(Some(at));
        perform(state, due);
        for (kind, id) in state.store.touched() {
            agenda.look_again(state, &kind, &id);
        }
        worked = true;
    }
    state.store.watch(false);
    state.store.test_clock = None;
    state.clock.pin(None);
    worked
}

/// What falls due next of an object, and when.
type Next = fn(&State, &Value) -> Option<(Timestamp, Due)>;

/// The kinds of objects of which something falls due.
const KINDS: [(&str, Next); 8] = [
    ("subscription", of_subscription),
    ("subscription_schedule", of_schedule),
    ("invoice", of_invoice),
    ("checkout.session", |_, session| of_checkout(session)),
    ("charge", |_, charge| {
        Some((bank_accounts::settlement(charge)?, Due::SettleDebit(charge.id().to_owned())))
    }),
    ("refund", |_, refund| Some((refunds::settlement(refund)?, Due::SettleRefund(refund.id().to_owned())))),
    ("dispute", |_, dispute| {
        Some((disputes::decision(dispute)?, Due::DecideDispute(dispute.id().to_owned())))
    }),
    (test_clocks::KIND, |_, clock| {
        Some((test_clocks::expiry(clock)?, Due::DeleteClock(clock.id().to_owned())))
    }),
];

/// What falls due of all that lives by one test clock, or by none. Only what was changed is looked at again.
struct Agenda<'a> {
    test_clock: Option<&'a str>,
    queue: BTreeSet<(Timestamp, Due)>,
    /// By id, what of an object stands in the queue.
    entries: HashMap<String, (Timestamp, Due)>,
}

impl<'a> Agenda<'a> {
    fn new(state: &State, test_clock: Option<&'a str>) -> Self {
        let mut agenda = Self { test_clock, queue: BTreeSet::new(), entries: HashMap::new() };
        for (kind, next) in KINDS {
            for object in state.store.all(kind) {
                agenda.note(state, object, next);
            }
        }
        agenda
    }

    /// Takes out what falls due next, if it does before the time is up.
    fn next(&mut self, until: Timestamp) -> Option<(Timestamp, Due)> {
        self.queue.first().filter(|(at, _)| *at <= until)?;
        self.queue.pop_first()
    }

    fn look_again(&mut self, state: &State, kind: &str, id: &str) {
        let Some((_, next)) = KINDS.iter().find(|(known, _)| *known == kind) else { return };
        if let Some(entry) = self.entries.remove(id) {
            self.queue.remove(&entry);
        }
        if let Some(object) = state.store.find(kind, id) {
            self.note(state, object, *next);
        }
    }

    fn note(&mut self, state: &State, object: &Value, next: Next) {
        let Some(entry) = next(state, object) else { return };
        // A test clock itself lives by the sandbox's.
        let own = if matches!(entry.1, Due::DeleteClock(_)) { None } else { state.test_clock_of(object) };
        if own == self.test_clock {
            self.queue.insert(entry.clone());
            self.entries.insert(object.id().to_owned(), entry);
        }
    }
}

fn of_schedule(_: &State, schedule: &Value) -> Option<(Timestamp, Due)> {
    let id = schedule.id().to_owned();
    let warning = schedule_lifecycle::warning(schedule).map(|at| (at, Due::WarnOfScheduleEnd(id.clone())));
    let moves = schedule_lifecycle::next_move(schedule).map(|at| (at, Due::MoveSchedule(id)));
    warning.into_iter().chain(moves).min()
}

fn of_subscription(state: &State, subscription: &Value) -> Option<(Timestamp, Due)> {
    let id = subscription.id().to_owned();
    let canceled = || subscription.int("cancel_at").map(|at| (at, Due::Cancel(id.clone())));
    match subscription.text("status")? {
        "canceled" | "incomplete_expired" => None,
        "incomplete" => Some((subscription.int("created")? + INCOMPLETE, Due::Expire(id))),
        "paused" => {
            let unpaid = subscription_resume::expiry(state, subscription);
            canceled().into_iter().chain(unpaid.map(|at| (at, Due::ExpireResumption(id.clone())))).min()
        }
        status => {
            let warned = subscription.at(HIDDEN).flag("trial_warned") == Some(true);
            let trial_end = subscription.int("trial_end").filter(|_| status == "trialing" && !warned);
            let warning = trial_end.map(|end| (end - 3 * DAY, Due::WarnOfTrialEnd(id.clone())));
            // An imported one may have no items: without a period nothing ends, or it would end for ever.
            let has_period = !subscription.list("items.data").is_empty();
            let end = has_period
                .then(|| (subscription_items::period(subscription).end, Due::EndPeriod(id.clone())));
            let upcoming = upcoming(state, subscription).filter(|_| has_period);
            let upcoming = upcoming.map(|at| (at, Due::SendUpcoming(id.clone())));
            let expiry = pending_updates::expiry(state, subscription);
            let expiry = expiry.map(|at| (at, Due::ExpirePendingUpdate(id.clone())));
            let resumes = subscription.int("pause_collection.resumes_at");
            let resumes = resumes.map(|at| (at, Due::ResumeCollection(id.clone())));
            [canceled(), warning, expiry, resumes, upcoming, end].into_iter().flatten().min()
        }
    }
}

/// When a subscription's next invoice is announced, if that moment is still to come.
fn upcoming(state: &State, subscription: &Value) -> Option<Timestamp> {
    let days = Some(Timestamp::from(state.settings.upcoming_days)).filter(|days| *days > 0)?;
    let period = subscription_items::period(subscription);
    let ends = subscription.int("cancel_at").is_some_and(|at| at <= period.end);
    let announced = subscription.at(HIDDEN).int("upcoming_for") == Some(period.end);
    if ends || announced || subscription.text("status") == Some("unpaid") {
        return None;
    }
    let clock = subscription.text("test_clock").and_then(|clock| state.store.find(test_clocks::KIND, clock));
    let past = clock.and_then(|clock| clock.int("frozen_time")).unwrap_or(state.worked_until);
    Some(period.end - days * DAY).filter(|at| *at > period.start && *at > past)
}

fn send_upcoming(state: &mut State, id: &str) {
    state.change("subscription", id, |subscription| {
        let end = subscription_items::period(subscription).end;
        subscription.put(&format!("{HIDDEN}.upcoming_for"), end);
    });
    if let Some(invoice) = invoice_previews::upcoming(state, id) {
        state.emit_gone("invoice.upcoming", &invoice);
    }
}

fn of_invoice(state: &State, invoice: &Value) -> Option<(Timestamp, Due)> {
    let id = invoice.id().to_owned();
    let advances = invoice.flag("auto_advance") == Some(true);
    let step = match invoice.text("status")? {
        "draft" if advances => {
            invoice.int("automatically_finalizes_at").map(|at| (at, Due::Finalize(id.clone())))
        }
        "open" if advances => invoice.int("next_payment_attempt").map(|at| (at, Due::Retry(id.clone()))),
        _ => None,
    };
    let overdue = invoice.int("due_date").filter(|_| invoice.text("status") == Some("open"));
    let overdue = overdue.and_then(|at| match invoice.at(HIDDEN).text("overdue") {
        None => Some(match due_soon(state, invoice, at) {
            Some(soon) => (soon, Due::SayDueSoon(id)),
            None => (at, Due::Overdue(id)),
        }),
        Some("announced") => Some((at + Timestamp::from(state.settings.overdue_days) * DAY, Due::GiveUp(id))),
        Some(_) => None,
    });
    step.into_iter().chain(overdue).min()
}

/// When it is said that an invoice will be due, if that moment was still to come when it was finalised.
fn due_soon(state: &State, invoice: &Value, due: Timestamp) -> Option<Timestamp> {
    let days = Some(Timestamp::from(state.settings.due_soon_days)).filter(|days| *days > 0)?;
    let at = due - days * DAY;
    let announced = invoice.at(HIDDEN).flag("due_soon") == Some(true);
    let ahead = invoice.int("status_transitions.finalized_at").is_some_and(|finalized| finalized < at);
    (ahead && !announced).then_some(at)
}

fn of_checkout(session: &Value) -> Option<(Timestamp, Due)> {
    let open = session.text("status") == Some("open");
    Some((session.int("expires_at")?, Due::ExpireCheckout(session.id().to_owned()))).filter(|_| open)
}

/// Does the next thing that becomes of a subscription by itself, at its time. False when there is none.
pub(crate) fn advance(state: &mut State, subscription: &str) -> bool {
    let Some(subscription) = state.store.find("subscription", subscription) else { return false };
    let schedule = subscription.text("schedule").and_then(|id| state.store.find("subscription_schedule", id));
    let next = of_subscription(state, subscription)
        .into_iter()
        .chain(schedule.and_then(|schedule| of_schedule(state, schedule)))
        .min();
    let Some((at, due)) = next else { return false };
    state.clock.pin(Some(at.max(state.now())));
    perform(state, due);
    true
}

/// Does the next thing that becomes of a schedule by itself, at its time. False when there is none.
pub(crate) fn advance_schedule(state: &mut State, schedule: &str) -> bool {
    let found = state.store.find("subscription_schedule", schedule);
    let next = found.and_then(|schedule| of_schedule(state, schedule));
    let Some((at, due)) = next else { return false };
    state.clock.pin(Some(at.max(state.now())));
    perform(state, due);
    true
}

fn perform(state: &mut State, due: Due) {
    match due {
        Due::ExpireCheckout(id) => checkout_sessions::run_out(state, &id),
        Due::Cancel(id) => {
            // What was settled on the way to the end is invoiced with it.
            let invoice_now = invoice_items::waits_for_subscription(state, &id);
            subscription_lifecycle::cancel(state, &id, &Ending { invoice_now, ..Ending::default() });
        }
        Due::ExpirePendingUpdate(id) => pending_updates::expire(state, &id),
        Due::ExpireResumption(id) => subscription_resume::expire(state, &id),
        Due::ResumeCollection(id) => subscription_lifecycle::resume_collection(state, &id),
        Due::Expire(id) => subscription_lifecycle::expire(state, &id),
        Due::WarnOfTrialEnd(id) => subscription_lifecycle::warn_of_trial_end(state, &id),
        Due::WarnOfScheduleEnd(id) => schedule_lifecycle::warn_of_end(state, &id),
        Due::SendUpcoming(id) => send_upcoming(state, &id),
        Due::MoveSchedule(id) => schedule_lifecycle::advance(state, &id),
        Due::EndPeriod(id) => {
            if let Some(before) = state.store.find("subscription", &id).cloned() {
                end_period(state, &before);
            }
        }
        Due::Finalize(id) => {
            subscription_lifecycle::advance_invoice(state, &id, true);
            let sent = state.store.find("invoice", &id).is_some_and(|invoice| {
                invoice.text("collection_method") == Some("send_invoice")
                    && invoice.text("status") == Some("open")
            });
            if sent {
                state.emit("invoice.sent", "invoice", &id);
            }
        }
        Due::Retry(id) => invoices::collect_automatically(state, &id),
        Due::SayDueSoon(id) => invoices::due_soon(state, &id),
        Due::Overdue(id) => invoices::overdue(state, &id),
        Due::GiveUp(id) => invoices::give_up(state, &id),
        Due::SettleDebit(id) => bank_accounts::settle(state, &id),
        Due::SettleRefund(id) => refunds::settle(state, &id),
        Due::DecideDispute(id) => disputes::decide(state, &id),
        Due::DeleteClock(id) => test_clocks::remove(state, &id),
    }
}

/// A trial or a paid period is over: the next one begins with a draft invoice, unless the trial's setting says otherwise.
/// `before` is the subscription as it was when the period ended.
pub(crate) fn end_period(state: &mut State, before: &Value) {
    let (id, now) = (before.id(), state.now());
    let trial_over = before.text("status") == Some("trialing");
    let charged = before.text("collection_method") == Some("charge_automatically");
    if trial_over && charged && subscription_lifecycle::method_of(state, before).is_none() {
        match before.text("trial_settings.end_behavior.missing_payment_method") {
            Some("cancel") => return subscription_lifecycle::cancel(state, id, &Ending::default()),
            Some("pause") => {
                state.update("subscription", id, "customer.subscription.updated", |subscription| {
                    subscription.put("status", "paused");
                });
                return state.emit("customer.subscription.paused", "subscription", id);
            }
            _ => {}
        }
    }
    state.change("subscription", id, |subscription| {
        if trial_over {
            subscription.put("status", "active");
        }
        subscription_items::set_period(subscription, now);
        if trial_over && subscription.at(HIDDEN).flag("free_until_anchor") == Some(true) {
            let end = subscription_items::period(subscription).end;
            subscription.put(&format!("{HIDDEN}.free_until"), end);
        }
    });
    let invoice = subscription_lifecycle::invoice_period(state, id, "subscription_cycle");
    if before.text("status") == Some("unpaid") {
        invoices::hold_back(state, &invoice);
    }
    state.emit_updated("customer.subscription.updated", "subscription", id, before);
    state.emit("invoice.created", "invoice", &invoice);
}

/// Lets due work happen while nobody asks for anything, until the sandbox stops.
pub(crate) async fn keep_up(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        if catch_up(&mut shared.lock()) {
            shared.changed.notify_one();
        }
    }
}
