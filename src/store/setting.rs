//! Settings: one versioned document for each part, and all that it ever was.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::organization_setting::{ActiveModel, Column, Entity, Model};
use entity::setting_version;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, OnConflict, Query, SelectStatement};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, QueryResult,
};
use uuid::Uuid;

use super::error::known;
use super::organization::select_columns;
use super::page::{Keyset, ListOrder, page_of};
use super::transaction::was_inserted;
use super::{Changed, ChangedKind, Store, StoreError, WriteTransaction};
use crate::domain::ids::{ApiKeyId, OrganizationId, UserId};
use crate::domain::page::{Page, PageRequest, Place};
use crate::domain::security_settings::SecuritySettings;
use crate::domain::setting::{SettingDocument, SettingSection, SettingVersion};

/// A part to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSetting {
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Which part.
    pub section: SettingSection,
    /// The version that it is written over; zero is a part that was never written.
    pub expected: i64,
    /// What there was when nobody had written it: kept as the history's beginning.
    pub unwritten: serde_json::Value,
    /// The part itself.
    pub document: serde_json::Value,
    /// Who writes it.
    pub by: Option<UserId>,
    /// With which API key.
    pub api_key_id: Option<ApiKeyId>,
    /// The version that is brought back by it.
    pub restored_version: Option<i64>,
}

fn section(word: &str) -> Result<SettingSection, StoreError> {
    known("organization_settings.section", word, SettingSection::parse(word))
}

fn document(row: Model) -> Result<SettingDocument, StoreError> {
    Ok(SettingDocument {
        organization_id: OrganizationId(row.organization_id),
        section: section(&row.section)?,
        version: row.version,
        document: row.document,
        updated_by: row.updated_by.map(UserId),
        updated_at: Some(row.updated_at),
    })
}

fn version(row: &QueryResult) -> Result<SettingVersion, StoreError> {
    let previous: Option<serde_json::Value> = row.try_get("", "previous")?;
    let row = setting_version::Model::from_query_result(row, "v_")?;
    Ok(SettingVersion {
        id: row.id,
        organization_id: OrganizationId(row.organization_id),
        section: section(&row.section)?,
        version: row.version,
        document: row.document,
        previous,
        changed_by: row.changed_by.map(UserId),
        api_key_id: row.api_key_id.map(ApiKeyId),
        restored_version: row.restored_version,
        created_at: row.created_at,
    })
}

/// What is asked of whoever acts, by a stored document. What cannot be read lets nobody in, and keeps nobody out of another
/// organization.
pub(super) fn asked(document: Option<&serde_json::Value>) -> SecuritySettings {
    let Some(document) = document else { return SecuritySettings::default() };
    SecuritySettings::read(document).unwrap_or_else(|error| {
        tracing::error!(%error, "an organization's security settings cannot be read: nobody is let in");
        SecuritySettings::closed()
    })
}

/// The security settings of a stored document.
fn security(document: &serde_json::Value) -> Result<SecuritySettings, StoreError> {
    SecuritySettings::read(document).map_err(|error| StoreError::UnknownValue {
        column: "organization_settings.document",
        value: error.to_string(),
    })
}

/// Versions of a part, each with the one before.
fn versions(organization: OrganizationId, part: SettingSection) -> SelectStatement {
    let (v, p) = (Alias::new("v"), Alias::new("p"));
    let column = |table: &Alias, column: setting_version::Column| Expr::col((table.clone(), column));
    let mut select = Query::select();
    select_columns::<setting_version::Entity>(&mut select, "v", "v_");
    select
        .expr_as(column(&p, setting_version::Column::Document), Alias::new("previous"))
        .from_as(setting_version::Entity, v.clone())
        .join_as(
            JoinType::LeftJoin,
            setting_version::Entity,
            p.clone(),
            column(&p, setting_version::Column::OrganizationId)
                .equals((v.clone(), setting_version::Column::OrganizationId))
                .and(
                    column(&p, setting_version::Column::Section)
                        .equals((v.clone(), setting_version::Column::Section)),
                )
                .and(
                    column(&p, setting_version::Column::Version).eq(column(
                        &v,
                        setting_version::Column::Version,
                    )
                    .sub(1)),
                ),
        )
        .and_where(column(&v, setting_version::Column::OrganizationId).eq(organization.0))
        .and_where(column(&v, setting_version::Column::Section).eq(part.as_str()));
    select
}

async fn find(
    conn: &impl ConnectionTrait,
    organization: OrganizationId,
    part: SettingSection,
) -> Result<SettingDocument, StoreError> {
    let row = Entity::find_by_id((organization.0, part.as_str().to_owned())).one(conn).await?;
    Ok(row.map(document).transpose()?.unwrap_or_else(|| SettingDocument::unwritten(organization, part)))
}

async fn find_version(
    conn: &impl ConnectionTrait,
    organization: OrganizationId,
    part: SettingSection,
    number: i64,
) -> Result<Option<SettingVersion>, StoreError> {
    let mut select = versions(organization, part);
    select.and_where(Expr::col((Alias::new("v"), setting_version::Column::Version)).eq(number));
    conn.query_one(&select).await?.as_ref().map(version).transpose()
}

impl WriteTransaction {
    /// A part of the settings as it is now; empty at version zero when it was never written.
    pub async fn setting(
        &self,
        organization: OrganizationId,
        part: SettingSection,
    ) -> Result<SettingDocument, StoreError> {
        find(&self.tx, organization, part).await
    }

    /// The security settings as they are now.
    pub async fn security_settings(
        &self,
        organization: OrganizationId,
    ) -> Result<SecuritySettings, StoreError> {
        security(&self.setting(organization, SettingSection::Security).await?.document)
    }

    /// A part as it was at one version.
    pub async fn find_setting_version(
        &self,
        organization: OrganizationId,
        part: SettingSection,
        number: i64,
    ) -> Result<Option<SettingVersion>, StoreError> {
        find_version(&self.tx, organization, part, number).await
    }

    /// Writes a part of the settings, and the version of it that stays. `Changed` when it is not at the expected version
    /// any more.
    pub async fn write_setting(&self, new: NewSetting) -> Result<SettingDocument, StoreError> {
        let written = SettingDocument {
            organization_id: new.organization_id,
            section: new.section,
            version: new.expected + 1,
            document: new.document.clone(),
            updated_by: new.by,
            updated_at: Some(self.now),
        };
        let by = new.by.map(|id| id.0);
        let is_written = if new.expected == 0 {
            let row = ActiveModel {
                organization_id: Set(new.organization_id.0),
                section: Set(new.section.as_str().to_owned()),
                version: Set(written.version),
                document: Set(new.document.clone()),
                updated_by: Set(by),
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
                .col_expr(Column::Document, Expr::value(new.document.clone()))
                .col_expr(Column::UpdatedBy, Expr::value(by))
                .col_expr(Column::UpdatedAt, Expr::value(self.now))
                .filter(Column::OrganizationId.eq(new.organization_id.0))
                .filter(Column::Section.eq(new.section.as_str()))
                .filter(Column::Version.eq(new.expected))
                .exec(&self.tx)
                .await?;
            updated.rows_affected == 1
        };
        if !is_written {
            return Err(StoreError::Changed("setting"));
        }
        if new.expected == 0 {
            let beginning = NewSetting { by: None, api_key_id: None, restored_version: None, ..new.clone() };
            self.keep_version(0, new.unwritten.clone(), beginning).await?;
        }
        let (section, organization) = (new.section, new.organization_id);
        self.keep_version(written.version, new.document.clone(), new).await?;
        let told = match section {
            SettingSection::Security => Some(ChangedKind::SecuritySettings),
            SettingSection::General => Some(ChangedKind::GeneralSettings),
            SettingSection::Billing | SettingSection::Notifications => None,
        };
        if let Some(kind) = told {
            self.will_tell(Changed { organization_id: Some(organization), kind, id: organization.0 });
        }
        Ok(written)
    }

    async fn keep_version(
        &self,
        number: i64,
        document: serde_json::Value,
        new: NewSetting,
    ) -> Result<(), StoreError> {
        let row = setting_version::ActiveModel {
            id: Set(self.next_id()),
            organization_id: Set(new.organization_id.0),
            section: Set(new.section.as_str().to_owned()),
            version: Set(number),
            document: Set(document),
            changed_by: Set(new.by.map(|id| id.0)),
            api_key_id: Set(new.api_key_id.map(|id| id.0)),
            restored_version: Set(new.restored_version),
            created_at: Set(self.now),
        };
        setting_version::Entity::insert(row).exec_without_returning(&self.tx).await?;
        Ok(())
    }
}

impl Store {
    /// A part of the settings; empty at version zero when it was never written.
    pub async fn setting(
        &self,
        organization: OrganizationId,
        part: SettingSection,
    ) -> Result<SettingDocument, StoreError> {
        find(&self.db, organization, part).await
    }

    /// A page of what a part was, newest first, each version with the one before it. Its beginning, version zero, is left
    /// out: nobody wrote it.
    pub async fn list_setting_versions(
        &self,
        organization: OrganizationId,
        part: SettingSection,
        page: &PageRequest,
    ) -> Result<Page<SettingVersion>, StoreError> {
        let v = Alias::new("v");
        let keyset = Keyset {
            at: Expr::col((v.clone(), setting_version::Column::CreatedAt)),
            id: Expr::col((v.clone(), setting_version::Column::Id)),
            order: ListOrder::NewestFirst,
        };
        let mut select = versions(organization, part);
        select.and_where(Expr::col((v, setting_version::Column::Version)).gt(0));
        keyset.apply(&mut select, page);
        let rows = self.db.query_all(&select).await?;
        Ok(page_of(rows.iter().map(version).collect::<Result<_, _>>()?, page))
    }

    /// How many versions of a part there are.
    pub async fn count_setting_versions(
        &self,
        organization: OrganizationId,
        part: SettingSection,
    ) -> Result<u64, StoreError> {
        let versions = setting_version::Entity::find()
            .filter(setting_version::Column::OrganizationId.eq(organization.0))
            .filter(setting_version::Column::Section.eq(part.as_str()))
            .filter(setting_version::Column::Version.gt(0));
        Ok(versions.count(&self.db).await?)
    }

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
            let document = document(row)?;
            settings.entry(document.organization_id).or_default().push(document);
        }
        Ok(settings)
    }
}

impl SettingVersion {
    /// Where the version stands in a list.
    pub const fn place(&self) -> Place {
        Place { at: self.created_at, id: self.id }
    }
}

/// The version of a part that was written with others at once.
pub(super) fn version_row(
    id: Uuid,
    row: &SettingDocument,
    at: DateTime<Utc>,
) -> setting_version::ActiveModel {
    setting_version::ActiveModel {
        id: Set(id),
        organization_id: Set(row.organization_id.0),
        section: Set(row.section.as_str().to_owned()),
        version: Set(row.version),
        document: Set(row.document.clone()),
        changed_by: Set(row.updated_by.map(|id| id.0)),
        api_key_id: Set(None),
        restored_version: Set(None),
        created_at: Set(at),
    }
}
