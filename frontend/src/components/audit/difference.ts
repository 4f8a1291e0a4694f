export type Difference = { path: string; before: unknown; after: unknown };

/** What changed between two documents, each leaf by its path. A side that is missing altogether has no values. */
export function differencesOf(before: unknown, after: unknown, path = ''): Difference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (isRecord(before) || isRecord(after)) {
    const one = isRecord(before) ? before : {};
    const other = isRecord(after) ? after : {};
    const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
    const inner = names.flatMap((name) =>
      differencesOf(one[name], other[name], path ? `${path}.${name}` : name),
    );
    if (inner.length > 0) return inner;
  }
  return [{ path, before, after }];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
