const ACRONYMS = new Set(['api', 'sso', 'scim', 'gb', 'mb', 'tb', 'sms', 'url']);

/** A meter's or feature's name as people write it: `api_calls` is `API calls`. */
export function meterName(meter: string): string {
  const words = meter
    .split('_')
    .map((word) => (ACRONYMS.has(word) ? word.toUpperCase() : word))
    .join(' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
