import type { AuditLogFilter } from '@/gql/graphql';
import { one, type Search } from './paging';

/** What the audit log is narrowed down by, as it stands in the address. */
export type AuditSearch = {
  action?: string;
  resourceType?: string;
  resourceId?: string;
  userId?: string;
  since?: string;
  until?: string;
};

const FIELDS = ['action', 'resourceType', 'resourceId', 'userId', 'since', 'until'] as const;

export function auditSearch(address: Search): AuditSearch {
  return Object.fromEntries(FIELDS.map((field) => [field, one(address[field])]));
}

/** The gateway's filter. Days are whole, in UTC; the day named by `until` belongs to it. */
export function auditFilter({ since, until, ...exact }: AuditSearch): AuditLogFilter {
  const filter: AuditLogFilter = {};
  for (const [field, value] of Object.entries(exact)) if (value) filter[field as keyof typeof exact] = value;
  if (isDay(since)) filter.since = `${since}T00:00:00Z`;
  if (isDay(until)) {
    const next = new Date(`${until}T00:00:00Z`);
    next.setUTCDate(next.getUTCDate() + 1);
    filter.until = next.toISOString();
  }
  return filter;
}

export function isDay(text: string | undefined): text is string {
  return text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}
