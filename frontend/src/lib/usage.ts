import type { UsageGranularity } from '@/gql/graphql';

/** A quantity in the way of a language. The decimal text goes to Intl as it is, and stays exact. */
export function formatQuantity(quantity: string, locale: string): string {
  const format = new Intl.NumberFormat(locale, { maximumFractionDigits: 3 });
  return format.format(quantity as Intl.StringNumericLiteral);
}

/** How far back a chart goes, and how fine it is then. */
export const SPANS = {
  day: { granularity: 'HOUR', hours: 23 },
  week: { granularity: 'DAY', hours: 6 * 24 },
  month: { granularity: 'DAY', hours: 29 * 24 },
  quarter: { granularity: 'DAY', hours: 89 * 24 },
  year: { granularity: 'MONTH', hours: 335 * 24 },
} as const satisfies Record<string, { granularity: UsageGranularity; hours: number }>;

export type Span = keyof typeof SPANS;

export function spanOf(value: string | undefined): Span {
  return Object.keys(SPANS).find((span): span is Span => span === value) ?? 'month';
}

/** A time in the first hour, day or month of a span that ends now. */
export function startOf(span: Span, now: Date): string {
  return new Date(now.getTime() - SPANS[span].hours * 3_600_000).toISOString();
}
