//! Indexes and foreign keys named by one scheme. Released migrations build on these names: the
//! scheme must not change.

use sea_orm_migration::prelude::*;

/// `idx_<table>_<columns>`: an index that makes reads fast.
pub(crate) fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    named_index("idx", table, columns)
}

/// `uq_<table>_<columns>`: an index that forbids equal rows. Nulls are not equal to each other.
pub(crate) fn unique_index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    named_index("uq", table, columns).unique().take()
}

/// `fk_<table>_<column>`: the column holds the id of a row of `target`, which cannot be deleted
/// while it does. SQLite enforces it but keeps no name. The rule is NO ACTION: SQLite reports a
/// breach of RESTRICT as a trigger's, which sea-orm does not know for a foreign key's.
pub(crate) fn foreign_key(
    table: &'static str,
    column: &'static str,
    target: &'static str,
) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .name(format!("fk_{table}_{column}"))
        .from(table, column)
        .to(target, "id")
        .on_delete(ForeignKeyAction::NoAction)
        .take()
}

fn named_index(prefix: &str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index =
        Index::create().name(format!("{prefix}_{table}_{}", columns.join("_"))).table(table).take();
    for column in columns {
        index.col(*column);
    }
    index
}
