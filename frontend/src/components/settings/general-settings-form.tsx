'use client';

import { Plus, Trash2 } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useCallback, useMemo } from 'react';
import { useFieldArray } from 'react-hook-form';
import { useClient } from 'urql';
import * as v from 'valibot';
import { Button } from '@/components/ui/button';
import { SelectField, TextField } from '@/components/ui/field';
import { type ContactKind, type GeneralPartsFragment, SettingsGeneralUpdateDocument } from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { orNull } from './lines';
import { SettingsForm } from './settings-form';
import { useSettingsForm } from './use-settings-form';

const KINDS = ['PRIMARY', 'TECHNICAL', 'SECURITY', 'LEGAL'] as const satisfies readonly ContactKind[];

export function toValues({ name, slug, logoUrl, locale, timeZone, contacts }: GeneralPartsFragment) {
  return {
    name,
    slug,
    logoUrl: logoUrl ?? '',
    locale: locale ?? '',
    timeZone: timeZone ?? '',
    contacts: contacts.map(({ kind, email, name }) => ({ kind, email, name: name ?? '' })),
  };
}
type Values = ReturnType<typeof toValues>;

export function GeneralSettingsForm({
  organizationId,
  settings,
  timeZones,
  mayWrite,
}: {
  organizationId: string;
  settings: GeneralPartsFragment;
  timeZones: string[];
  mayWrite: boolean;
}) {
  const t = useTranslations('settings');
  const actions = useTranslations('actions');
  const enums = useTranslations('enums');
  const errors = useTranslations('errors');
  const client = useClient();
  const change = useChange(SettingsGeneralUpdateDocument, (data) => data.settingsGeneralUpdate);
  const schema = useMemo(
    () =>
      v.object({
        name: v.pipe(
          v.string(),
          v.trim(),
          v.nonEmpty(errors('required')),
          v.maxLength(120, errors('tooLong', { most: 120 })),
        ),
        slug: v.pipe(v.string(), v.trim(), v.regex(/^[a-z0-9](-?[a-z0-9])+$/, errors('slug'))),
        logoUrl: v.pipe(
          v.string(),
          v.trim(),
          v.check((url) => !url || url.startsWith('https://'), errors('https')),
        ),
        locale: v.string(),
        timeZone: v.string(),
        contacts: v.array(
          v.object({
            kind: v.picklist(KINDS),
            email: v.pipe(v.string(), v.trim(), v.email(errors('email'))),
            name: v.string(),
          }),
        ),
      }),
    [errors],
  );
  const state = useSettingsForm<Values, GeneralPartsFragment>({
    settings,
    toValues,
    schema,
    save: ({ contacts, logoUrl, locale, timeZone, ...texts }, expectedVersion) =>
      change.run({
        organizationId,
        expectedVersion,
        ...texts,
        ...(logoUrl !== undefined && { logoUrl: orNull(logoUrl) }),
        ...(locale !== undefined && { locale: orNull(locale) }),
        ...(timeZone !== undefined && { timeZone: orNull(timeZone) }),
        ...(contacts && {
          contacts: contacts.map(({ kind, email, name }) => ({ kind, email, name: orNull(name) })),
        }),
      }),
    current: useCallback(
      async () => (await import('./current')).currentGeneral(client, organizationId),
      [client, organizationId],
    ),
    fieldOf: ([top = '', index, ...rest]) =>
      top === 'contacts' && index ? `contacts.${index}.${rest[0] ?? 'email'}` : top,
  });
  const { register, control, formState } = state.form;
  const contacts = useFieldArray({ control, name: 'contacts' });
  const problems = formState.errors;
  return (
    <SettingsForm
      title={t('general')}
      state={state}
      toValues={toValues}
      labelOf={(field) => t(`fields.${field as keyof Values}`)}
      mayWrite={mayWrite}
    >
      <div className="grid gap-5 sm:grid-cols-2">
        <TextField label={t('fields.name')} error={problems.name?.message} {...register('name')} />
        <TextField
          label={t('fields.slug')}
          hint={t('hints.slug')}
          error={problems.slug?.message}
          {...register('slug')}
        />
        <TextField
          label={t('fields.logoUrl')}
          type="url"
          placeholder="https://example.com/logo.png"
          error={problems.logoUrl?.message}
          className="sm:col-span-2"
          {...register('logoUrl')}
        />
        <TextField
          label={t('fields.locale')}
          hint={t('hints.locale')}
          list="locales"
          error={problems.locale?.message}
          {...register('locale')}
        />
        <datalist id="locales">
          {['en-US', 'en-GB', 'zh-CN', 'zh-TW', 'de-DE', 'fr-FR', 'es-ES', 'ja-JP'].map((tag) => (
            <option key={tag} value={tag} />
          ))}
        </datalist>
        <TextField
          label={t('fields.timeZone')}
          hint={t('hints.timeZone')}
          list="time-zones"
          error={problems.timeZone?.message}
          {...register('timeZone')}
        />
        <datalist id="time-zones">
          {timeZones.map((zone) => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
      </div>
      <fieldset className="min-w-0">
        <legend className="mb-2 font-semibold">{t('fields.contacts')}</legend>
        {contacts.fields.length === 0 && <p className="mb-2 text-soft">{t('noContacts')}</p>}
        <ul className="flex flex-col gap-3">
          {contacts.fields.map((contact, index) => (
            <li
              key={contact.id}
              className="grid items-start gap-3 rounded-lg border border-line p-3 sm:grid-cols-[10rem_1fr_1fr_auto]"
            >
              <SelectField label={t('contact.kind')} {...register(`contacts.${index}.kind`)}>
                {KINDS.map((kind) => (
                  <option key={kind} value={kind}>
                    {enums(`ContactKind.${kind}`)}
                  </option>
                ))}
              </SelectField>
              <TextField
                label={t('contact.email')}
                type="email"
                error={problems.contacts?.[index]?.email?.message}
                {...register(`contacts.${index}.email`)}
              />
              <TextField label={t('contact.name')} {...register(`contacts.${index}.name`)} />
              <Button
                look="quiet"
                className="sm:mt-6"
                aria-label={t('contact.remove', { number: index + 1 })}
                onClick={() => contacts.remove(index)}
              >
                <Trash2 aria-hidden className="size-4" />
              </Button>
            </li>
          ))}
        </ul>
        {mayWrite && (
          <Button
            small
            className="mt-3"
            onClick={() => contacts.append({ kind: 'PRIMARY', email: '', name: '' })}
          >
            <Plus aria-hidden className="size-4" />
            {actions('add')}
          </Button>
        )}
      </fieldset>
    </SettingsForm>
  );
}
