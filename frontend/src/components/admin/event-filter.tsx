import Form from 'next/form';
import Link from 'next/link';
import { useTranslations } from 'next-intl';
import { Button } from '@/components/ui/button';
import { buttonClass } from '@/components/ui/button-class';
import { SelectField, TextField } from '@/components/ui/field';

const STATES = ['RECEIVED', 'PROCESSING', 'APPLIED', 'IGNORED', 'DEAD'] as const;

export function EventFilter({
  path,
  values,
}: {
  path: string;
  values: { state?: string; type?: string; objectId?: string };
}) {
  const t = useTranslations('admin');
  const enums = useTranslations('enums');
  return (
    <Form
      action={path}
      key={JSON.stringify(values)}
      aria-label={t('filter')}
      className="grid items-end gap-3 sm:grid-cols-2 lg:grid-cols-[1fr_1fr_1fr_auto]"
    >
      <SelectField label={t('state')} name="state" defaultValue={values.state ?? ''}>
        <option value="">{t('anyState')}</option>
        {STATES.map((state) => (
          <option key={state} value={state}>
            {enums(`StripeEventState.${state}`)}
          </option>
        ))}
      </SelectField>
      <TextField label={t('type')} name="type" placeholder="invoice.paid" defaultValue={values.type} />
      <TextField label={t('object')} name="objectId" placeholder="in_…" defaultValue={values.objectId} />
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
