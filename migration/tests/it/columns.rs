//! Entities and tables agree: by declaration, and by writing rows and reading them back.

use std::collections::BTreeSet;

use sea_orm::sea_query::{ColumnType, Iden as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DatabaseConnection, DbBackend, EntityTrait, IntoActiveModel,
    Iterable as _, TryIntoModel,
};

use crate::catalogue::{columns, tables};
use crate::database::on_each_database;
use crate::rows::{self, Row};

#[tokio::test]
async fn every_table_has_an_entity_and_every_entity_its_table() {
    async fn collect<E: EntityTrait + Default>(names: &mut BTreeSet<String>) {
        names.insert(E::default().table_name().to_owned());
    }
    let mut expected = BTreeSet::new();
    for_each_entity!(collect(&mut expected));
    on_each_database(async |db| assert_eq!(tables(db).await, expected)).await;
}

#[tokio::test]
async fn columns_have_the_types_and_nulls_that_the_entities_declare() {
    on_each_database(async |db| for_each_entity!(assert_columns_agree(db))).await;
}

async fn assert_columns_agree<E: EntityTrait + Default>(db: &DatabaseConnection) {
    let table = E::default().table_name().to_owned();
    let actual = columns(db, &table).await;
    let declared: BTreeSet<_> = E::Column::iter().map(|column| column.unquoted().to_owned()).collect();
    assert_eq!(actual.keys().cloned().collect::<BTreeSet<_>>(), declared, "columns of {table}");

    for column in E::Column::iter() {
        let name = column.unquoted();
        let definition = column.def();
        let actual = &actual[name];
        assert_eq!(actual.is_nullable, definition.is_null(), "null in {table}.{name}");
        let expected = match definition.get_column_type() {
            ColumnType::Uuid => ["uuid_text", "uuid"],
            ColumnType::String(_) if name == "currency" => ["varchar(3)", "varchar"],
            ColumnType::String(_) => ["varchar", "varchar"],
            ColumnType::Text => ["text", "text"],
            ColumnType::Integer => ["integer", "int4"],
            // SQLite knows one integer, of 64 bits.
            ColumnType::BigInteger => ["integer", "int8"],
            ColumnType::Boolean => ["boolean", "bool"],
            ColumnType::TimestampWithTimeZone => ["timestamp_with_timezone_text", "timestamptz"],
            ColumnType::Date => ["date_text", "date"],
            ColumnType::JsonBinary => ["jsonb_text", "jsonb"],
            other => panic!("{table}.{name} has a type that the house does not use: {other:?}"),
        };
        let expected = expected[usize::from(db.get_database_backend() != DbBackend::Sqlite)];
        assert_eq!(actual.declared_type.to_lowercase(), expected, "type of {table}.{name}");
    }
}

#[tokio::test]
async fn a_row_is_read_back_as_it_was_written() {
    on_each_database(async |db| {
        rows::insert_all(db, 1).await;
        rows::insert_all(db, 2).await;
        for_each_entity!(assert_read_back(db, 1));
        for_each_entity!(assert_read_back(db, 2));
    })
    .await;
}

async fn assert_read_back<E: EntityTrait>(db: &DatabaseConnection, n: u8)
where
    E::Model: Row + Clone + PartialEq,
{
    let found = E::find().all(db).await.unwrap();
    let written = E::Model::row(n);
    assert!(found.contains(&written), "{written:?} is not among {found:?}");
}

#[tokio::test]
async fn a_row_of_nulls_is_read_back_as_it_was_written() {
    on_each_database(async |db| {
        rows::insert_all(db, 1).await;
        for_each_entity!(assert_nulls_read_back(db));
    })
    .await;
}

/// Sets every column of row 1 to null where that is allowed.
async fn assert_nulls_read_back<E>(db: &DatabaseConnection)
where
    E: EntityTrait,
    E::Model: Row + PartialEq + IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: TryIntoModel<E::Model> + Send,
{
    let mut row = E::Model::row(1).into_active_model();
    for column in E::Column::iter().filter(|column| column.def().is_null()) {
        let null = row.get(column).unwrap().as_null();
        row.set(column, null);
    }
    let expected = row.clone().try_into_model().unwrap();
    let is_changed = row.is_changed();
    if is_changed {
        assert_eq!(row.update(db).await.unwrap(), expected);
    }
    let found = E::find().all(db).await.unwrap();
    assert!(found.contains(&expected), "{expected:?} is not among {found:?}");
}
