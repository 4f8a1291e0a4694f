type Record = {
  id: string;
  createdAt: string;
  action: string;
  outcome: string;
  actorKind: string;
  user: { id: string; name: string | null; email: string | null } | null;
  apiKey?: { id: string; name: string } | null;
  resourceType: string;
  resourceId: string;
  ipAddress: string | null;
  userAgent: string | null;
  requestId: string | null;
  oldValues: unknown;
  newValues: unknown;
};

export const CSV_COLUMNS = [
  'id',
  'createdAt',
  'action',
  'outcome',
  'actorKind',
  'actorId',
  'actor',
  'resourceType',
  'resourceId',
  'ipAddress',
  'userAgent',
  'requestId',
  'oldValues',
  'newValues',
] as const;

/** One record as a line of CSV (RFC 4180). */
export function toCsvLine(record: Record): string {
  const { user, apiKey, oldValues, newValues } = record;
  const values: { [column in (typeof CSV_COLUMNS)[number]]: string | null } = {
    ...record,
    actorId: user?.id ?? apiKey?.id ?? null,
    actor: user?.name ?? user?.email ?? apiKey?.name ?? null,
    oldValues: oldValues === null ? null : JSON.stringify(oldValues),
    newValues: newValues === null ? null : JSON.stringify(newValues),
  };
  return `${CSV_COLUMNS.map((column) => csvField(values[column])).join(',')}\r\n`;
}

/**
 * A field in quotes where it needs them. What a spreadsheet would take for a formula gets an apostrophe before it: a
 * user agent is written by whoever sends it.
 */
function csvField(value: string | null): string {
  if (value === null) return '';
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

export function toJsonLine(record: Record): string {
  return `${JSON.stringify(record)}\n`;
}
