//! Pages by keyset, one statement for any number of organizations.

use std::collections::HashMap;
use std::hash::Hash;

use sea_orm::sea_query::{Alias, Asterisk, Expr, ExprTrait, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryResult, QuerySelect, Select,
};

use super::StoreError;
use crate::domain::ids::OrganizationId;
use crate::domain::page::{Direction, Page, PageRequest, Place};

/// How a list is ordered: newest first, or oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListOrder {
    NewestFirst,
    OldestFirst,
}

/// The columns that order a list, as expressions of its statement.
pub(super) struct Keyset {
    pub at: SimpleExpr,
    pub id: SimpleExpr,
    pub order: ListOrder,
}

impl Keyset {
    /// Adds the bounds, the order and the limit of `page` to `select`. One row more than asked is read, to know
    /// whether the list goes on.
    pub(super) fn apply(&self, select: &mut SelectStatement, page: &PageRequest) {
        let descending = self.order == ListOrder::NewestFirst;
        if let Some(place) = page.after {
            select.and_where(self.beyond(place, descending));
        }
        if let Some(place) = page.before {
            select.and_where(self.beyond(place, !descending));
        }
        let order =
            if descending == (page.direction == Direction::Forward) { Order::Desc } else { Order::Asc };
        select
            .order_by_expr(self.at.clone(), order.clone())
            .order_by_expr(self.id.clone(), order)
            .limit(u64::from(page.size) + 1);
    }

    /// Rows on the far side of `place`. Written out instead of as a row comparison: both databases use the index for
    /// the first term.
    fn beyond(&self, place: Place, lower: bool) -> SimpleExpr {
        let (at, id) = (self.at.clone(), self.id.clone());
        if lower {
            at.clone().lte(place.at).and(at.lt(place.at).or(id.lt(place.id)))
        } else {
            at.clone().gte(place.at).and(at.gt(place.at).or(id.gt(place.id)))
        }
    }
}

/// The rows of a page that can be read here. One that cannot, of a newer version for instance, is passed over with a warning:
/// nobody is kept from the others by it.
pub(super) fn readable<T>(page: Page<Result<T, StoreError>>, table: &'static str) -> Page<T> {
    let items = page.items.into_iter().filter_map(|row| readable_row(row, table)).collect();
    Page { items, has_next: page.has_next, has_previous: page.has_previous }
}

/// A row that can be read here.
pub(super) fn readable_row<T>(row: Result<T, StoreError>, table: &'static str) -> Option<T> {
    row.inspect_err(|error| tracing::warn!(table, %error, "a row cannot be read here, and is passed over"))
        .ok()
}

/// Turns the rows of a statement made by [`Keyset::apply`] into a page.
pub(super) fn page_of<T>(mut items: Vec<T>, page: &PageRequest) -> Page<T> {
    let size = usize::try_from(page.size).expect("a page size fits");
    let more = items.len() > size;
    items.truncate(size);
    match page.direction {
        Direction::Forward => Page { items, has_next: more, has_previous: page.after.is_some() },
        Direction::Backward => {
            items.reverse();
            Page { items, has_next: page.before.is_some(), has_previous: more }
        }
    }
}

/// Runs the same page for each of `scopes` in one statement: the selects are joined by UNION ALL, so that each stops at
/// its own limit on its own index range. `read` gives a row's scope and value.
pub(super) async fn pages_by<S, T>(
    conn: &impl ConnectionTrait,
    scopes: &[S],
    keyset: &Keyset,
    page: &PageRequest,
    select: impl Fn(&S) -> SelectStatement,
    read: impl Fn(&QueryResult) -> Result<(S, T), StoreError>,
) -> Result<HashMap<S, Page<T>>, StoreError>
where
    S: Eq + Hash + Copy,
{
    let mut pages: HashMap<S, Vec<T>> = scopes.iter().map(|&scope| (scope, Vec::new())).collect();
    let mut statement: Option<SelectStatement> = None;
    for scope in pages.keys() {
        let mut part = select(scope);
        keyset.apply(&mut part, page);
        if scopes.len() > 1 {
            // SQLite takes no ORDER BY or LIMIT in a part of a UNION unless it is a subquery.
            let mut wrapped = Query::select();
            wrapped.column(Asterisk).from_subquery(part, Alias::new("part"));
            part = wrapped;
        }
        match &mut statement {
            None => statement = Some(part),
            Some(statement) => {
                statement.union(UnionType::All, part);
            }
        }
    }
    let Some(statement) = statement else { return Ok(HashMap::new()) };
    for row in conn.query_all(&statement).await? {
        let (scope, item) = read(&row)?;
        pages.entry(scope).or_default().push(item);
    }
    Ok(pages.into_iter().map(|(scope, items)| (scope, page_of(items, page))).collect())
}

/// How many rows of `select` each organization has, in one statement for all. One without rows is not in the answer.
pub(super) async fn counts_by<E: EntityTrait>(
    conn: &impl ConnectionTrait,
    organizations: &[OrganizationId],
    organization: E::Column,
    select: Select<E>,
) -> Result<HashMap<OrganizationId, u64>, StoreError> {
    let rows: Vec<(uuid::Uuid, i64)> = select
        .filter(organization.is_in(organizations.iter().map(|id| id.0)))
        .select_only()
        .column(organization)
        .column_as(Expr::col(Asterisk).count(), "rows")
        .group_by(organization)
        .into_tuple()
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|(id, rows)| (OrganizationId(id), rows.unsigned_abs())).collect())
}

/// `column IN (values)`, for ids.
pub(super) fn is_any_of(column: SimpleExpr, ids: impl IntoIterator<Item = uuid::Uuid>) -> SimpleExpr {
    Expr::expr(column).is_in(ids)
}
