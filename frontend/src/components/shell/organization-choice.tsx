'use client';

import { useTranslations } from 'next-intl';
import { useId, useTransition } from 'react';
import { chooseOrganization } from '@/app/actions';

export function OrganizationChoice({
  organizations,
  current,
}: {
  organizations: { id: string; name: string }[];
  current: string | undefined;
}) {
  const t = useTranslations('navigation');
  const [busy, start] = useTransition();
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="sr-only">
        {t('organization')}
      </label>
      <select
        id={id}
        className="field font-medium"
        value={current ?? ''}
        disabled={busy}
        onChange={({ target }) => start(() => chooseOrganization(target.value))}
      >
        {!current && <option value="">{t('noOrganization')}</option>}
        {organizations.map((organization) => (
          <option key={organization.id} value={organization.id}>
            {organization.name}
          </option>
        ))}
      </select>
    </div>
  );
}
