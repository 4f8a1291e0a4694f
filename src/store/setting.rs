//! Settings: one versioned document for each part.

use std::collections::HashMap;

use entity::organization_setting::{ActiveModel, Column, Entity};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::error::known;
use super::transaction::was_inserted;
use super::{Store, StoreError, WriteTransaction};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::setting::{SettingDocument, SettingSection};

impl WriteTransaction {
    /// Writes a part of the settings. `Changed` when it is not at version `expected` any more; zero is a part that was
    /// never written.
    pub async fn write_setting(
        &self,
        organization: OrganizationId,
        section: SettingSection,
        expected: i64,
        document: serde_json::Value,
        by: Option<UserId>,
    ) -> Result<SettingDocument, StoreError> {
        let written = SettingDocument {
            organization_id: organization,
            section,
            version: expected + 1,
            document,
            updated_by: by,
            updated_at: Some(self.now),
        };
        let is_written = if expected == 0 {
            let row = ActiveModel {
                organization_id: Set(organization.0),
                section: Set(section.as_str().to_owned()),
                version: Set(written.version),
                document: Set(written.document.clone()),
                updated_by: Set(by.map(|id| id.0)),
                created_at: Set(self.now),
                updated_at: Set(self.now),
            };
            let inserted = Entity::insert(row)
                .on_conflict(
                    OnConflict::columns([Column::OrganizationId, Column::Section]).do_nothing().to_owned(),
                )
                .try_insert()
                .exec_without_returning(&self.tx)
                .await?;
            was_inserted(&inserted)
        } else {
            let updated = Entity::update_many()
                .col_expr(Column::Version, Expr::value(written.version))
                .col_expr(Column::Document, Expr::value(written.document.clone()))
                .col_expr(Column::UpdatedBy, Expr::value(by.map(|id| id.0)))
                .col_expr(Column::UpdatedAt, Expr::value(self.now))
                .filter(Column::OrganizationId.eq(organization.0))
                .filter(Column::Section.eq(section.as_str()))
                .filter(Column::Version.eq(expected))
                .exec(&self.tx)
                .await?;
            updated.rows_affected == 1
        };
        if is_written { Ok(written) } else { Err(StoreError::Changed("setting")) }
    }
}

impl Store {
    /// The parts of each organization's settings that were ever written.
    pub async fn settings_of(
        &self,
        organizations: &[OrganizationId],
    ) -> Result<HashMap<OrganizationId, Vec<SettingDocument>>, StoreError> {
        let rows = Entity::find()
            .filter(Column::OrganizationId.is_in(organizations.iter().map(|id| id.0)))
            .all(&self.db)
            .await?;
        let mut settings: HashMap<OrganizationId, Vec<SettingDocument>> = HashMap::new();
        for row in rows {
            let section =
                known("organization_settings.section", &row.section, SettingSection::parse(&row.section))?;
            let document = SettingDocument {
                organization_id: OrganizationId(row.organization_id),
                section,
                version: row.version,
                document: row.document,
                updated_by: row.updated_by.map(UserId),
                updated_at: Some(row.updated_at),
            };
            settings.entry(document.organization_id).or_default().push(document);
        }
        Ok(settings)
    }
}
