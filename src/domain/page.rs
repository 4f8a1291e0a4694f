//! Pages by keyset: a place in an order, not a count of rows, so that a page stays right while rows are added.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A place in a list that is ordered by time and, for equal times, by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The row's time.
    pub at: DateTime<Utc>,
    /// The row's id.
    pub id: Uuid,
}

/// Which way a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `first`: from the list's start.
    Forward,
    /// `last`: from the list's end.
    Backward,
}

/// What is asked of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// How many rows, 1 to 100.
    pub size: u32,
    /// From which end.
    pub direction: Direction,
    /// Only rows after this place.
    pub after: Option<Place>,
    /// Only rows before this place.
    pub before: Option<Place>,
}

impl PageRequest {
    /// The first `size` rows.
    pub const fn first(size: u32) -> Self {
        Self { size, direction: Direction::Forward, after: None, before: None }
    }
}

/// A page of a list, in the list's order whichever way it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether the list goes on after them.
    pub has_next: bool,
    /// Whether the list has something before them.
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// The same page of other things.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}
