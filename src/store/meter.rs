//! Meters: the catalogue of what is measured.

use entity::meter::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder,
};

use super::error::known;
use super::{Changed, ChangedKind, Store, StoreError, WriteTransaction};
use crate::domain::ids::MeterId;
use crate::domain::meter::{Aggregation, Meter, MeterReset};
use crate::domain::meter_definition::MeterDefinition;

pub(super) fn meter(row: Model) -> Result<MeterDefinition, StoreError> {
    Ok(MeterDefinition {
        id: MeterId(row.id),
        meter: Meter {
            aggregation: known("meters.aggregation", &row.aggregation, Aggregation::parse(&row.aggregation))?,
            reset: known("meters.reset_period", &row.reset_period, MeterReset::parse(&row.reset_period))?,
            name: row.name,
            unit: row.unit,
        },
        description: row.description,
        key_property: row.key_property,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
        archived_at: row.archived_at,
    })
}

async fn all(conn: &impl ConnectionTrait) -> Result<Vec<MeterDefinition>, StoreError> {
    Entity::find().order_by_asc(Column::Name).all(conn).await?.into_iter().map(meter).collect()
}

impl Store {
    /// All meters by name, those out of use too: there are few.
    pub async fn list_meters(&self) -> Result<Vec<MeterDefinition>, StoreError> {
        all(&self.db).await
    }

    /// Meters by id.
    pub async fn meters(&self, ids: &[MeterId]) -> Result<Vec<MeterDefinition>, StoreError> {
        let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(&self.db).await?;
        rows.into_iter().map(meter).collect()
    }
}

impl WriteTransaction {
    /// All meters, those out of use too.
    pub(super) async fn list_meters(&self) -> Result<Vec<MeterDefinition>, StoreError> {
        all(&self.tx).await
    }

    /// A meter.
    pub async fn find_meter(&self, id: MeterId) -> Result<Option<MeterDefinition>, StoreError> {
        Entity::find_by_id(id.0).one(&self.tx).await?.map(meter).transpose()
    }

    /// How many meters there are.
    pub async fn count_meters(&self) -> Result<u64, StoreError> {
        Ok(Entity::find().count(&self.tx).await?)
    }

    /// Writes a new meter. `Duplicate` of `name` when the name is taken.
    pub async fn create_meter(&self, new: &MeterDefinition) -> Result<(), StoreError> {
        active_model(new).insert(&self.tx).await?;
        self.will_tell_of_meter(new.id);
        Ok(())
    }

    /// Writes what became of a meter; `new` is of the version after `old`. `Changed` when it is not as it was read.
    pub async fn write_meter(&self, old: &MeterDefinition, new: &MeterDefinition) -> Result<(), StoreError> {
        let written = Entity::update_many()
            .set(active_model(new))
            .filter(Column::Id.eq(old.id.0))
            .filter(Column::Version.eq(old.version))
            .exec(&self.tx)
            .await?;
        if written.rows_affected != 1 {
            return Err(StoreError::Changed("meter"));
        }
        self.will_tell_of_meter(new.id);
        Ok(())
    }

    fn will_tell_of_meter(&self, id: MeterId) {
        self.will_tell(Changed { organization_id: None, kind: ChangedKind::Meter, id: id.0 });
    }
}

fn active_model(it: &MeterDefinition) -> ActiveModel {
    ActiveModel {
        id: Set(it.id.0),
        name: Set(it.meter.name.clone()),
        unit: Set(it.meter.unit.clone()),
        description: Set(it.description.clone()),
        aggregation: Set(it.meter.aggregation.as_str().to_owned()),
        reset_period: Set(it.meter.reset.as_str().to_owned()),
        key_property: Set(it.key_property.clone()),
        version: Set(it.version),
        archived_at: Set(it.archived_at),
        created_at: Set(it.created_at),
        updated_at: Set(it.updated_at),
    }
}
