import Form from 'next/form';
import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { Button } from '@/components/ui/button';
import { buttonClass } from '@/components/ui/button-class';
import { SelectField, TextField } from '@/components/ui/field';

const STATUSES = ['DRAFT', 'OPEN', 'PAID', 'UNCOLLECTIBLE', 'VOID'] as const;

/** What narrows the list down stands in the address: it can be kept and sent. */
export function InvoiceFilter({
  path,
  values,
}: {
  path: string;
  values: { status?: string; number?: string; since?: string; until?: string };
}) {
  const t = useTranslations('invoices');
  const enums = useTranslations('enums');
  return (
    <Form
      action={path}
      // With other values come other defaults.
      key={JSON.stringify(values)}
      aria-label={t('filter')}
      className="grid items-end gap-3 rounded-xl border border-line bg-surface p-4 sm:grid-cols-2 lg:grid-cols-[1fr_1fr_1fr_1fr_auto]"
    >
      <SelectField label={t('status')} name="status" defaultValue={values.status ?? ''}>
        <option value="">{t('anyStatus')}</option>
        {STATUSES.map((status) => (
          <option key={status} value={status}>
            {enums(`InvoiceStatus.${status}`)}
          </option>
        ))}
      </SelectField>
      <TextField label={t('number')} name="number" defaultValue={values.number} />
      <TextField label={t('from')} name="since" type="date" defaultValue={values.since} />
      <TextField label={t('to')} name="until" type="date" defaultValue={values.until} />
      <div className="flex gap-2">
        <Button type="submit" look="primary">
          {t('apply')}
        </Button>
        {Object.values(values).some(Boolean) && (
          <Link href={path} className={buttonClass('plain')} prefetch={false}>
            {t('clear')}
          </Link>
        )}
      </div>
    </Form>
  );
}
