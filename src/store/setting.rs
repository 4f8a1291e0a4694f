//! Settings: one versioned document for each part.

use std::collections::HashMap;

use entity::organization_setting::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::error::known;
use super::{Store, StoreError};
use crate::domain::ids::{OrganizationId, UserId};
use crate::domain::setting::{SettingDocument, SettingSection};

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
