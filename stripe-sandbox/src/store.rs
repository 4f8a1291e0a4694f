//! The objects, by kind and id.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json::Fields;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Store {
    /// Counts insertions: objects of one second keep the order in which they came.
    sequence: u64,
    tables: BTreeMap<String, BTreeMap<String, Row>>,
    /// The test clock by which things are happening: what is made meanwhile is marked as the clock's.
    #[serde(skip)]
    pub(crate) test_clock: Option<String>,
    /// The kinds and ids of what was changed, while somebody wants to know.
    #[serde(skip)]
    touched: Option<Vec<(String, String)>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    sequence: u64,
    object: Value,
}

impl Store {
    /// Stores an object under its own `object` and `id`, in place of one of the same id.
    pub(crate) fn insert(&mut self, mut object: Value) {
        if let (Some(clock), Some(Value::Null)) = (&self.test_clock, object.get("test_clock")) {
            object.put("test_clock", clock.as_str());
        }
        let (Some(kind), id) = (object.text("object"), object.id()) else { return };
        let (kind, id) = (kind.to_owned(), id.to_owned());
        self.touch(&kind, &id);
        self.sequence += 1;
        let sequence = self.sequence;
        let table = self.tables.entry(kind).or_default();
        match table.get_mut(&id) {
            Some(row) => row.object = object,
            None => drop(table.insert(id, Row { sequence, object })),
        }
    }

    pub(crate) fn find(&self, kind: &str, id: &str) -> Option<&Value> {
        self.tables.get(kind)?.get(id).map(|row| &row.object)
    }

    pub(crate) fn find_mut(&mut self, kind: &str, id: &str) -> Option<&mut Value> {
        self.touch(kind, id);
        self.tables.get_mut(kind)?.get_mut(id).map(|row| &mut row.object)
    }

    /// The object of that id, whatever its kind.
    pub(crate) fn find_any(&self, id: &str) -> Option<&Value> {
        self.tables.values().find_map(|table| table.get(id)).map(|row| &row.object)
    }

    pub(crate) fn remove(&mut self, kind: &str, id: &str) -> Option<Value> {
        self.touch(kind, id);
        self.tables.get_mut(kind)?.remove(id).map(|row| row.object)
    }

    fn touch(&mut self, kind: &str, id: &str) {
        if let Some(touched) = &mut self.touched {
            touched.push((kind.to_owned(), id.to_owned()));
        }
    }

    /// Notes from now on what is changed, or no longer.
    pub(crate) fn watch(&mut self, watch: bool) {
        self.touched = watch.then(Vec::new);
    }

    /// The kinds and ids of what was changed since the last time this was asked.
    pub(crate) fn touched(&mut self) -> Vec<(String, String)> {
        self.touched.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// All objects of a kind, in no particular order.
    pub(crate) fn all(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.tables.get(kind).into_iter().flat_map(BTreeMap::values).map(|row| &row.object)
    }

    /// The objects of a kind that pass `keep`, newest first, as Stripe lists them. Deleted ones are left out.
    pub(crate) fn newest_first(&self, kind: &str, keep: impl Fn(&Value) -> bool) -> Vec<&Value> {
        let rows = self.tables.get(kind).into_iter().flat_map(BTreeMap::values);
        let mut rows: Vec<&Row> =
            rows.filter(|row| row.object.flag("deleted") != Some(true) && keep(&row.object)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse((created(&row.object), row.sequence)));
        rows.into_iter().map(|row| &row.object).collect()
    }

    /// A copy of what concerns one customer, without the log and those who are told of it.
    pub(crate) fn about(&self, customer: &str) -> Self {
        let invoices = self.all("invoice").filter(|invoice| invoice.text("customer") == Some(customer));
        let invoices: BTreeSet<&str> = invoices.map(Fields::id).collect();
        let concerns = |kind: &str, row: &Row| match kind {
            "customer" => row.object.id() == customer,
            "invoice_payment" => row.object.text("invoice").is_some_and(|invoice| invoices.contains(invoice)),
            // A code for somebody else is refused as such.
            "promotion_code" => true,
            _ => row.object.text("customer").is_none_or(|owner| owner == customer),
        };
        let tables =
            self.tables.iter().filter(|(kind, _)| !matches!(kind.as_str(), "event" | "webhook_endpoint"));
        let copied = tables.map(|(kind, rows)| {
            let rows = rows.iter().filter(|(_, row)| concerns(kind, row));
            (kind.clone(), rows.map(|(id, row)| (id.clone(), row.clone())).collect())
        });
        Self {
            sequence: self.sequence,
            tables: copied.collect(),
            test_clock: self.test_clock.clone(),
            touched: None,
        }
    }

    /// Removes the objects of a kind that do not pass `keep`.
    pub(crate) fn retain(&mut self, kind: &str, keep: impl Fn(&Value) -> bool) {
        if let Some(table) = self.tables.get_mut(kind) {
            table.retain(|_, row| keep(&row.object));
        }
    }
}

fn created(object: &Value) -> i64 {
    object.int("created").or_else(|| object.int("date")).unwrap_or_default()
}
