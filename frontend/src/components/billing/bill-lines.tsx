import { useTranslations } from 'next-intl';
import { Money } from '@/components/ui/format';
import type { InvoiceLinePartsFragment, MoneyPartsFragment } from '@/gql/graphql';
import { isZero } from '@/lib/money';

type Bill = {
  lines: InvoiceLinePartsFragment[];
  hasMoreLines?: boolean;
  subtotal: MoneyPartsFragment;
  discount?: MoneyPartsFragment;
  tax: MoneyPartsFragment;
  total: MoneyPartsFragment;
  amountDue?: MoneyPartsFragment;
};

/** A bill line by line, with what is taken off, tax, and what it comes to. */
export function BillLines({ caption, bill }: { caption: string; bill: Bill }) {
  const t = useTranslations('bill');
  const { lines, subtotal, discount, tax, total, amountDue } = bill;
  const sums: { label: string; value: MoneyPartsFragment; strong?: boolean }[] = [
    { label: t('subtotal'), value: subtotal },
    ...(discount && !isZero(discount) ? [{ label: t('discount'), value: discount }] : []),
    ...(isZero(tax) ? [] : [{ label: t('tax'), value: tax }]),
    { label: t('total'), value: total, strong: true },
    ...(amountDue && amountDue.amount !== total.amount
      ? [{ label: t('amountDue'), value: amountDue, strong: true }]
      : []),
  ];
  return (
    <table className="w-full border-collapse">
      <caption className="mb-1 text-left font-semibold">{caption}</caption>
      <thead className="sr-only">
        <tr>
          <th scope="col">{t('description')}</th>
          <th scope="col">{t('amount')}</th>
        </tr>
      </thead>
      <tbody>
        {lines.length === 0 && (
          <tr className="border-b border-line">
            <td colSpan={2} className="py-2 text-soft">
              {t('noLines')}
            </td>
          </tr>
        )}
        {lines.map((line, index) => (
          // Lines have no id, and do not move.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <tr key={index} className="border-b border-line">
            <td className="py-2 pr-4 break-words">
              {line.description ?? '–'}
              {line.proration && <span className="text-sm text-soft"> · {t('proration')}</span>}
            </td>
            <td className="py-2 text-right whitespace-nowrap">
              <Money value={line.amount} />
            </td>
          </tr>
        ))}
        {bill.hasMoreLines && (
          <tr className="border-b border-line">
            <td colSpan={2} className="py-2 text-soft">
              {t('moreLines')}
            </td>
          </tr>
        )}
      </tbody>
      <tfoot>
        {sums.map(({ label, value, strong }) => (
          <tr key={label} className={strong ? 'font-semibold' : 'font-normal text-soft'}>
            <th scope="row" className="py-1 pr-4 text-right" style={{ fontWeight: 'inherit' }}>
              {label}
            </th>
            <td className="py-1 text-right whitespace-nowrap">
              <Money value={value} />
            </td>
          </tr>
        ))}
      </tfoot>
    </table>
  );
}
