import type { Client } from 'urql';
import {
  BillingSettingsDocument,
  GeneralSettingsDocument,
  NotificationSettingsDocument,
  SecuritySettingsDocument,
} from '@/gql/graphql';
import { hashed } from '@/lib/hashed';

// Loaded when somebody else was faster: what the settings are by now.

export async function currentGeneral(client: Client, organizationId: string) {
  const { data } = await client
    .query(hashed(GeneralSettingsDocument), { organizationId, mayKeys: false })
    .toPromise();
  return data?.settingsGeneral;
}

export async function currentBilling(client: Client, organizationId: string) {
  const { data } = await client
    .query(hashed(BillingSettingsDocument), { organizationId, mayKeys: false })
    .toPromise();
  return data?.settingsBilling;
}

export async function currentNotifications(client: Client, organizationId: string) {
  const { data } = await client
    .query(hashed(NotificationSettingsDocument), { organizationId, mayKeys: false })
    .toPromise();
  return data?.settingsNotifications;
}

export async function currentSecurity(client: Client, organizationId: string) {
  const { data } = await client
    .query(hashed(SecuritySettingsDocument), { organizationId, mayKeys: false })
    .toPromise();
  return data?.settingsSecurity;
}
