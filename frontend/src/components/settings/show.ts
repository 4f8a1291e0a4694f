/** A value of a form as a person reads it: lists line by line, parts of a whole one after the other. */
export function showPlainly(_field: string, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map((entry) => showPlainly(_field, entry)).join('\n');
  if (typeof value === 'object') {
    return Object.values(value)
      .map((entry) => showPlainly(_field, entry))
      .filter(Boolean)
      .join(', ');
  }
  return String(value);
}
