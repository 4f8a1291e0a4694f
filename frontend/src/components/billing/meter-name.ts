/** A meter's name as people write it: `api_calls` is `Api calls`. */
export function meterName(meter: string): string {
  const words = meter.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
