import { useFormatter, useLocale } from 'next-intl';
import { formatMoney, type MoneyValue } from '@/lib/money';

export function Money({ value }: { value: MoneyValue }) {
  const locale = useLocale();
  return <span className="tabular-nums">{formatMoney(value, locale)}</span>;
}

/** A moment, in the viewer's time zone; `day` leaves the hour out. */
export function Time({ value, style = 'minute' }: { value: string; style?: 'minute' | 'day' }) {
  const format = useFormatter();
  const date = new Date(value);
  const text =
    style === 'day'
      ? format.dateTime(date, { dateStyle: 'medium' })
      : format.dateTime(date, { dateStyle: 'medium', timeStyle: 'short' });
  return (
    <time dateTime={value} className="sm:whitespace-nowrap">
      {text}
    </time>
  );
}

export function Count({ value }: { value: number | bigint | string }) {
  const locale = useLocale();
  const number = typeof value === 'string' ? BigInt(value) : value;
  return <span className="tabular-nums">{new Intl.NumberFormat(locale).format(number)}</span>;
}
