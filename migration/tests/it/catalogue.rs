//! What a database says of its own shape, read from its system catalogue.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};

/// An index as it stands in the database; primary keys and partial indexes included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Index {
    pub table: String,
    pub columns: Vec<String>,
    pub is_unique: bool,
}

/// A column as it stands in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub declared_type: String,
    pub is_nullable: bool,
}

/// Rows of text; null and other types are the query's to convert.
pub async fn rows(db: &DatabaseConnection, sql: &str) -> Vec<Vec<String>> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| (0..row.column_names().len()).map(|index| row.try_get_by_index(index).unwrap()).collect())
        .collect()
}

/// The names of all tables but the list of applied migrations; a table and its partitions are one.
pub async fn tables(db: &DatabaseConnection) -> BTreeSet<String> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'seaql_migrations'"
        }
        _ => {
            "SELECT t.relname::text FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
             WHERE n.nspname = 'public' AND t.relkind IN ('r', 'p') AND NOT t.relispartition
                   AND t.relname <> 'seaql_migrations'"
        }
    };
    rows(db, sql).await.into_iter().flatten().collect()
}

/// A table's columns by name.
pub async fn columns(db: &DatabaseConnection, table: &str) -> BTreeMap<String, Column> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => format!(
            "SELECT name, type, CASE \"notnull\" WHEN 0 THEN 'YES' ELSE 'NO' END
             FROM pragma_table_info('{table}')"
        ),
        _ => format!(
            "SELECT column_name::text, udt_name::text, is_nullable::text
             FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = '{table}'"
        ),
    };
    let named = rows(db, &sql).await.into_iter().map(|row| {
        let column = Column { declared_type: row[1].clone(), is_nullable: row[2] == "YES" };
        (row[0].clone(), column)
    });
    named.collect()
}

/// Every index of every table; those of its partitions are the table's.
pub async fn indexes(db: &DatabaseConnection) -> BTreeSet<Index> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT t.name, CASE i.\"unique\" WHEN 1 THEN 'YES' ELSE 'NO' END,
                    (SELECT group_concat(c.name, ',' ORDER BY c.seqno)
                     FROM pragma_index_info(i.name) c)
             FROM sqlite_master t JOIN pragma_index_list(t.name) i
             WHERE t.type = 'table' AND t.name <> 'seaql_migrations'"
        }
        _ => {
            "SELECT t.relname::text, CASE WHEN i.indisunique THEN 'YES' ELSE 'NO' END,
                    (SELECT string_agg(a.attname::text, ',' ORDER BY a.attnum)
                     FROM pg_attribute a WHERE a.attrelid = i.indexrelid)
             FROM pg_index i
             JOIN pg_class t ON t.oid = i.indrelid
             JOIN pg_namespace n ON n.oid = t.relnamespace
             WHERE n.nspname = 'public' AND NOT t.relispartition AND t.relname <> 'seaql_migrations'"
        }
    };
    let indexes = rows(db, sql).await.into_iter().map(|row| Index {
        table: row[0].clone(),
        is_unique: row[1] == "YES",
        columns: row[2].split(',').map(str::to_owned).collect(),
    });
    indexes.collect()
}

/// Every foreign key as table, column, target, what deleting the target's row does; on
/// PostgreSQL with its name, of which SQLite keeps none.
pub async fn foreign_keys(db: &DatabaseConnection) -> BTreeSet<Vec<String>> {
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT t.name, f.\"from\", f.\"table\", f.on_delete
             FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) f
             WHERE t.type = 'table'"
        }
        _ => {
            "SELECT t.relname::text, a.attname::text, r.relname::text,
                    CASE f.confdeltype WHEN 'a' THEN 'NO ACTION' ELSE f.confdeltype::text END,
                    f.conname::text
             FROM pg_constraint f
             JOIN pg_class t ON t.oid = f.conrelid
             JOIN pg_class r ON r.oid = f.confrelid
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = f.conkey[1]
             WHERE f.contype = 'f'"
        }
    };
    rows(db, sql).await.into_iter().collect()
}

/// Everything that the database says of its shape: two equal shapes are the same schema.
pub async fn shape(db: &DatabaseConnection) -> BTreeSet<Vec<String>> {
    let statements: &[&str] = match db.get_database_backend() {
        DbBackend::Sqlite => &["SELECT type, name, coalesce(sql, '') FROM sqlite_master"],
        _ => &[
            "SELECT table_name::text, column_name::text, ordinal_position::text,
                    udt_name::text, is_nullable::text, coalesce(column_default, '')::text,
                    coalesce(character_maximum_length::text, '')
             FROM information_schema.columns WHERE table_schema = 'public'",
            "SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public'",
            "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint
             WHERE connamespace = 'public'::regnamespace",
        ],
    };
    let mut shape = BTreeSet::new();
    for sql in statements {
        shape.extend(rows(db, sql).await);
    }
    shape
}
