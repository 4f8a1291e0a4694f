import Form from 'next/form';
import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { Button } from '@/components/ui/button';
import { buttonClass } from '@/components/ui/button-class';
import { SelectField, TextField } from '@/components/ui/field';
import type { AuditSearch } from '@/lib/audit-filter';

/** What the log is narrowed down by. It stands in the address, and can be kept and sent. */
export function AuditLogFilter({
  path,
  values,
  people,
}: {
  path: string;
  values: AuditSearch;
  people: { id: string; name: string }[];
}) {
  const t = useTranslations('audit');
  return (
    <Form
      action={path}
      // With other values come other defaults.
      key={JSON.stringify(values)}
      aria-label={t('filter')}
      className="grid items-end gap-3 rounded-xl border border-line bg-surface p-4 sm:grid-cols-2 lg:grid-cols-3"
    >
      <TextField
        label={t('action')}
        name="action"
        placeholder="settings.billing.update"
        defaultValue={values.action}
      />
      <TextField label={t('resourceType')} name="resourceType" defaultValue={values.resourceType} />
      <TextField label={t('resourceId')} name="resourceId" defaultValue={values.resourceId} />
      <SelectField label={t('person')} name="userId" defaultValue={values.userId ?? ''}>
        <option value="">{t('anybody')}</option>
        {people.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </SelectField>
      <TextField label={t('from')} name="since" type="date" defaultValue={values.since} />
      <TextField label={t('to')} name="until" type="date" defaultValue={values.until} />
      <div className="flex gap-2 sm:col-span-2 lg:col-span-3">
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
