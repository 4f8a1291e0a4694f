'use client';

import { Plus, Trash2 } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useCallback, useMemo } from 'react';
import { useFieldArray } from 'react-hook-form';
import { useClient } from 'urql';
import * as v from 'valibot';
import { Button } from '@/components/ui/button';
import { Notice } from '@/components/ui/card';
import { CheckField, TextArea, TextField } from '@/components/ui/field';
import { type SecurityPartsFragment, SettingsSecurityUpdateDocument } from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { fromLines, orNull, toLines } from './lines';
import { SettingsForm } from './settings-form';
import { useSettingsForm } from './use-settings-form';

export function toValues(settings: SecurityPartsFragment) {
  const { keyPolicy, ssoProviders } = settings;
  return {
    ssoRequired: settings.ssoRequired,
    ssoOptionalForOwners: settings.ssoOptionalForOwners,
    ssoProviders: ssoProviders.map(({ issuer, connection }) => ({ issuer, connection: connection ?? '' })),
    mfaRequired: settings.mfaRequired,
    sessionLifetimeMinutes: settings.sessionLifetimeMinutes?.toString() ?? '',
    sessionIdleMinutes: settings.sessionIdleMinutes?.toString() ?? '',
    allowedAddresses: toLines(settings.allowedAddresses),
    allowedEmailDomains: toLines(settings.allowedEmailDomains),
    keyPolicy: {
      allowed: keyPolicy.allowed,
      addressesRequired: keyPolicy.addressesRequired,
      longestLifeDays: keyPolicy.longestLifeDays?.toString() ?? '',
    },
  };
}
type Values = ReturnType<typeof toValues>;

/** How one must have signed in, from where, and what API keys may be. The gateway enforces each. */
export function SecuritySettings({
  organizationId,
  settings,
  mayWrite,
}: {
  organizationId: string;
  settings: SecurityPartsFragment;
  mayWrite: boolean;
}) {
  const t = useTranslations('settings');
  const actions = useTranslations('actions');
  const errors = useTranslations('errors');
  const client = useClient();
  const change = useChange(SettingsSecurityUpdateDocument, (data) => data.settingsSecurityUpdate);
  const schema = useMemo(() => {
    const count = v.pipe(v.string(), v.trim(), v.regex(/^\d{0,6}$/, errors('number')));
    return v.object({
      ssoRequired: v.boolean(),
      ssoOptionalForOwners: v.boolean(),
      ssoProviders: v.array(
        v.object({
          issuer: v.pipe(
            v.string(),
            v.trim(),
            v.check((url) => url.startsWith('https://'), errors('https')),
          ),
          connection: v.string(),
        }),
      ),
      mfaRequired: v.boolean(),
      sessionLifetimeMinutes: count,
      sessionIdleMinutes: count,
      allowedAddresses: v.string(),
      allowedEmailDomains: v.string(),
      keyPolicy: v.object({ allowed: v.boolean(), addressesRequired: v.boolean(), longestLifeDays: count }),
    });
  }, [errors]);
  const state = useSettingsForm<Values, SecurityPartsFragment>({
    settings,
    toValues,
    schema,
    save: (changed, expectedVersion, confirmLockOut) => {
      const { ssoProviders, sessionLifetimeMinutes, sessionIdleMinutes, keyPolicy, ...rest } = changed;
      const { allowedAddresses, allowedEmailDomains, ...flags } = rest;
      return change.run({
        organizationId,
        expectedVersion,
        confirmLockOut,
        ...flags,
        ...(ssoProviders && {
          ssoProviders: ssoProviders.map(({ issuer, connection }) => ({
            issuer,
            connection: orNull(connection),
          })),
        }),
        ...(sessionLifetimeMinutes !== undefined && {
          sessionLifetimeMinutes: numberOrNull(sessionLifetimeMinutes),
        }),
        ...(sessionIdleMinutes !== undefined && { sessionIdleMinutes: numberOrNull(sessionIdleMinutes) }),
        ...(allowedAddresses !== undefined && { allowedAddresses: fromLines(allowedAddresses) }),
        ...(allowedEmailDomains !== undefined && { allowedEmailDomains: fromLines(allowedEmailDomains) }),
        ...(keyPolicy && {
          keyPolicy: {
            allowed: keyPolicy.allowed,
            addressesRequired: keyPolicy.addressesRequired,
            longestLifeDays: numberOrNull(keyPolicy.longestLifeDays),
          },
        }),
      });
    },
    current: useCallback(
      async () => (await import('./current')).currentSecurity(client, organizationId),
      [client, organizationId],
    ),
    fieldOf: ([top = '', ...rest]) => {
      if (top === 'ssoProviders' && rest[0]) return `ssoProviders.${rest[0]}.${rest[1] ?? 'issuer'}`;
      if (top === 'keyPolicy') return `keyPolicy.${rest[0] ?? 'allowed'}`;
      return top;
    },
  });
  const { register, control, formState } = state.form;
  const providers = useFieldArray({ control, name: 'ssoProviders' });
  const problems = formState.errors;
  return (
    <SettingsForm
      title={t('security')}
      state={state}
      toValues={toValues}
      labelOf={(field) => t(`fields.${field as keyof Values}`)}
      mayWrite={mayWrite}
    >
      <Notice tone="accent">{t('securityLead')}</Notice>
      <Group title={t('signInRules')}>
        <CheckField
          label={t('fields.mfaRequired')}
          hint={t('hints.mfaRequired')}
          error={problems.mfaRequired?.message}
          {...register('mfaRequired')}
        />
        <CheckField
          label={t('fields.ssoRequired')}
          hint={t('hints.ssoRequired')}
          error={problems.ssoRequired?.message}
          {...register('ssoRequired')}
        />
        <CheckField
          label={t('fields.ssoOptionalForOwners')}
          hint={t('hints.ssoOptionalForOwners')}
          error={problems.ssoOptionalForOwners?.message}
          {...register('ssoOptionalForOwners')}
        />
        <fieldset className="min-w-0">
          <legend className="mb-2 text-sm font-medium">{t('fields.ssoProviders')}</legend>
          <ul className="flex flex-col gap-3">
            {providers.fields.map((provider, index) => (
              <li key={provider.id} className="grid items-start gap-3 sm:grid-cols-[2fr_1fr_auto]">
                <TextField
                  label={t('provider.issuer')}
                  type="url"
                  placeholder="https://login.example.com"
                  error={problems.ssoProviders?.[index]?.issuer?.message}
                  {...register(`ssoProviders.${index}.issuer`)}
                />
                <TextField
                  label={t('provider.connection')}
                  error={problems.ssoProviders?.[index]?.connection?.message}
                  {...register(`ssoProviders.${index}.connection`)}
                />
                <Button
                  look="quiet"
                  className="sm:mt-6"
                  aria-label={t('provider.remove', { number: index + 1 })}
                  onClick={() => providers.remove(index)}
                >
                  <Trash2 aria-hidden className="size-4" />
                </Button>
              </li>
            ))}
          </ul>
          {mayWrite && (
            <Button small className="mt-2" onClick={() => providers.append({ issuer: '', connection: '' })}>
              <Plus aria-hidden className="size-4" />
              {actions('add')}
            </Button>
          )}
        </fieldset>
      </Group>
      <Group title={t('sessions')}>
        <div className="grid gap-5 sm:grid-cols-2">
          <TextField
            label={t('fields.sessionLifetimeMinutes')}
            hint={t('hints.minutes')}
            inputMode="numeric"
            error={problems.sessionLifetimeMinutes?.message}
            {...register('sessionLifetimeMinutes')}
          />
          <TextField
            label={t('fields.sessionIdleMinutes')}
            hint={t('hints.minutes')}
            inputMode="numeric"
            error={problems.sessionIdleMinutes?.message}
            {...register('sessionIdleMinutes')}
          />
        </div>
      </Group>
      <Group title={t('network')}>
        <div className="grid gap-5 sm:grid-cols-2">
          <TextArea
            label={t('fields.allowedAddresses')}
            hint={t('hints.allowedAddresses')}
            placeholder="203.0.113.0/24"
            error={problems.allowedAddresses?.message}
            {...register('allowedAddresses')}
          />
          <TextArea
            label={t('fields.allowedEmailDomains')}
            hint={t('hints.allowedEmailDomains')}
            placeholder="example.com"
            error={problems.allowedEmailDomains?.message}
            {...register('allowedEmailDomains')}
          />
        </div>
      </Group>
      <Group title={t('fields.keyPolicy')}>
        <CheckField
          label={t('keyPolicy.allowed')}
          error={problems.keyPolicy?.allowed?.message}
          {...register('keyPolicy.allowed')}
        />
        <CheckField
          label={t('keyPolicy.addressesRequired')}
          error={problems.keyPolicy?.addressesRequired?.message}
          {...register('keyPolicy.addressesRequired')}
        />
        <TextField
          label={t('keyPolicy.longestLifeDays')}
          inputMode="numeric"
          className="max-w-60"
          error={problems.keyPolicy?.longestLifeDays?.message}
          {...register('keyPolicy.longestLifeDays')}
        />
      </Group>
    </SettingsForm>
  );
}

function Group({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <fieldset className="flex min-w-0 flex-col gap-4 border-t border-line pt-4">
      <legend className="float-left mb-2 w-full font-semibold">{title}</legend>
      {children}
    </fieldset>
  );
}

function numberOrNull(text: string): number | null {
  return text.trim() === '' ? null : Number(text);
}
