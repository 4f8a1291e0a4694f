import 'server-only';

import { cookies, headers } from 'next/headers';
import { cache } from 'react';
import { type Permission, ShellDocument, type ShellQuery } from '@/gql/graphql';
import { load, type Refusal } from './gateway';

export const ORGANIZATION_COOKIE = 'tollgate_organization';
/** Set by the proxy from the address of a page below an organization. */
export const ORGANIZATION_HEADER = 'x-tollgate-organization';

type ShellOrganization = ShellQuery['organizations']['nodes'][number];

export type Shell = {
  viewer: NonNullable<ShellQuery['viewer']>;
  organizations: ShellOrganization[];
  /** The organization that the pages are about; none for staff who belong to none. */
  organization: ShellOrganization | undefined;
  unread: number;
  can: (permission: Permission) => boolean;
};

export type LoadedShell = { shell: Shell; refusal?: undefined } | { shell?: undefined; refusal: Refusal };

/** Who is looking, at which organization, and what they may do there. Asked once a request. */
export const loadShell = cache(async (): Promise<LoadedShell> => {
  const wanted = await wantedOrganization();
  let loaded = await shellOf(wanted);
  if (loaded.refusal?.code === 'NOT_FOUND' || loaded.refusal?.code === 'BAD_USER_INPUT') {
    loaded = await shellOf(undefined);
  }
  if (loaded.shell && !loaded.shell.organization && loaded.shell.organizations[0]) {
    return shellOf(loaded.shell.organizations[0].id);
  }
  return loaded;
});

async function wantedOrganization(): Promise<string | undefined> {
  const fromAddress = (await headers()).get(ORGANIZATION_HEADER);
  return fromAddress ?? (await cookies()).get(ORGANIZATION_COOKIE)?.value;
}

async function shellOf(organizationId: string | undefined): Promise<LoadedShell> {
  const { data, refusal } = await load(ShellDocument, {
    organizationId: organizationId ?? '',
    withOrganization: organizationId !== undefined,
  });
  if (refusal) return { refusal };
  if (!data.viewer) return { refusal: { code: 'UNAUTHENTICATED', message: '' } };
  const { viewer, organizations, notificationUnreadCount } = data;
  const granted = new Set(viewer.permissions ?? []);
  return {
    shell: {
      viewer,
      organizations: organizations.nodes,
      organization: organizations.nodes.find(({ id }) => id === organizationId),
      unread: notificationUnreadCount ?? 0,
      can: (permission) => granted.has(permission),
    },
  };
}
