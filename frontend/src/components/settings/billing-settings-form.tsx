'use client';

import { Plus, Trash2 } from 'lucide-react';
import { useTranslations } from 'next-intl';
import { useCallback, useMemo } from 'react';
import { useFieldArray } from 'react-hook-form';
import { useClient } from 'urql';
import * as v from 'valibot';
import { Button } from '@/components/ui/button';
import { TextArea, TextField } from '@/components/ui/field';
import { type BillingPartsFragment, SettingsBillingUpdateDocument } from '@/gql/graphql';
import { useChange } from '@/lib/client';
import { fromLines, orNull, toLines } from './lines';
import { SettingsForm } from './settings-form';
import { useSettingsForm } from './use-settings-form';

export function toValues(settings: BillingPartsFragment) {
  const { legalName, address, taxIds, billingEmails, purchaseOrderNumber, invoiceFooter, netTerms } =
    settings;
  return {
    legalName: legalName ?? '',
    address: {
      line1: address?.line1 ?? '',
      line2: address?.line2 ?? '',
      city: address?.city ?? '',
      state: address?.state ?? '',
      postalCode: address?.postalCode ?? '',
      country: address?.country ?? '',
    },
    taxIds: taxIds.map(({ type, value }) => ({ type, value })),
    billingEmails: toLines(billingEmails),
    purchaseOrderNumber: purchaseOrderNumber ?? '',
    invoiceFooter: invoiceFooter ?? '',
    netTerms: String(netTerms),
  };
}
type Values = ReturnType<typeof toValues>;

const ADDRESS = ['line1', 'line2', 'postalCode', 'city', 'state'] as const;

/** What stands on invoices, and where they go. */
export function BillingSettingsForm({
  organizationId,
  settings,
  mayWrite,
}: {
  organizationId: string;
  settings: BillingPartsFragment;
  mayWrite: boolean;
}) {
  const t = useTranslations('settings');
  const actions = useTranslations('actions');
  const errors = useTranslations('errors');
  const client = useClient();
  const change = useChange(SettingsBillingUpdateDocument, (data) => data.settingsBillingUpdate);
  const schema = useMemo(
    () =>
      v.object({
        legalName: v.pipe(v.string(), v.maxLength(150, errors('tooLong', { most: 150 }))),
        address: v.pipe(
          v.object({
            line1: v.string(),
            line2: v.string(),
            city: v.string(),
            state: v.string(),
            postalCode: v.string(),
            country: v.pipe(
              v.string(),
              v.trim(),
              v.check((code) => code === '' || /^[A-Za-z]{2}$/.test(code), errors('country')),
            ),
          }),
          v.forward(
            v.check((address) => !isWritten(address) || address.country !== '', errors('country')),
            ['country'],
          ),
        ),
        taxIds: v.array(
          v.object({
            type: v.pipe(v.string(), v.trim(), v.nonEmpty(errors('required'))),
            value: v.pipe(v.string(), v.trim(), v.nonEmpty(errors('required'))),
          }),
        ),
        billingEmails: v.pipe(
          v.string(),
          v.check(
            (text) => fromLines(text).every((entry) => v.is(v.pipe(v.string(), v.email()), entry)),
            errors('emails'),
          ),
        ),
        purchaseOrderNumber: v.pipe(v.string(), v.maxLength(140, errors('tooLong', { most: 140 }))),
        invoiceFooter: v.pipe(v.string(), v.maxLength(1000, errors('tooLong', { most: 1000 }))),
        netTerms: v.pipe(v.string(), v.regex(/^\d{1,3}$/, errors('days'))),
      }),
    [errors],
  );
  const state = useSettingsForm<Values, BillingPartsFragment>({
    settings,
    toValues,
    schema,
    save: (changed, expectedVersion) => {
      const { legalName, address, taxIds, billingEmails, purchaseOrderNumber, invoiceFooter, netTerms } =
        changed;
      return change.run({
        organizationId,
        expectedVersion,
        ...(legalName !== undefined && { legalName: orNull(legalName) }),
        ...(address && { address: toAddress(address) }),
        ...(taxIds && { taxIds }),
        ...(billingEmails !== undefined && { billingEmails: fromLines(billingEmails) }),
        ...(purchaseOrderNumber !== undefined && { purchaseOrderNumber: orNull(purchaseOrderNumber) }),
        ...(invoiceFooter !== undefined && { invoiceFooter: orNull(invoiceFooter) }),
        ...(netTerms !== undefined && { netTerms: Number(netTerms) }),
      });
    },
    current: useCallback(
      async () => (await import('./current')).currentBilling(client, organizationId),
      [client, organizationId],
    ),
    fieldOf: ([top = '', ...rest]) => {
      if (top === 'address') return `address.${rest[0] ?? 'country'}`;
      if (top === 'taxIds' && rest[0]) return `taxIds.${rest[0]}.${rest[1] ?? 'value'}`;
      return top;
    },
  });
  const { register, control, formState } = state.form;
  const taxIds = useFieldArray({ control, name: 'taxIds' });
  const problems = formState.errors;
  return (
    <SettingsForm
      title={t('billing')}
      state={state}
      toValues={toValues}
      labelOf={(field) => t(`fields.${field as keyof Values}`)}
      mayWrite={mayWrite}
    >
      <TextField
        label={t('fields.legalName')}
        hint={t('hints.legalName')}
        autoComplete="organization"
        error={problems.legalName?.message}
        {...register('legalName')}
      />
      <fieldset className="min-w-0">
        <legend className="mb-2 font-semibold">{t('fields.address')}</legend>
        <div className="grid gap-4 sm:grid-cols-2">
          {ADDRESS.map((part) => (
            <TextField
              key={part}
              label={t(`address.${part}`)}
              error={problems.address?.[part]?.message}
              {...register(`address.${part}`)}
            />
          ))}
          <TextField
            label={t('address.country')}
            hint={t('hints.country')}
            maxLength={2}
            error={problems.address?.country?.message}
            {...register('address.country')}
          />
        </div>
      </fieldset>
      <fieldset className="min-w-0">
        <legend className="mb-2 font-semibold">{t('fields.taxIds')}</legend>
        {taxIds.fields.length === 0 && <p className="mb-2 text-soft">{t('noTaxIds')}</p>}
        <ul className="flex flex-col gap-3">
          {taxIds.fields.map((taxId, index) => (
            <li key={taxId.id} className="grid items-start gap-3 sm:grid-cols-[10rem_1fr_auto]">
              <TextField
                label={t('taxId.type')}
                placeholder="eu_vat"
                error={problems.taxIds?.[index]?.type?.message}
                {...register(`taxIds.${index}.type`)}
              />
              <TextField
                label={t('taxId.value')}
                error={problems.taxIds?.[index]?.value?.message}
                {...register(`taxIds.${index}.value`)}
              />
              <Button
                look="quiet"
                className="sm:mt-6"
                aria-label={t('taxId.remove', { number: index + 1 })}
                onClick={() => taxIds.remove(index)}
              >
                <Trash2 aria-hidden className="size-4" />
              </Button>
            </li>
          ))}
        </ul>
        {mayWrite && (
          <Button small className="mt-3" onClick={() => taxIds.append({ type: 'eu_vat', value: '' })}>
            <Plus aria-hidden className="size-4" />
            {actions('add')}
          </Button>
        )}
      </fieldset>
      <div className="grid gap-5 sm:grid-cols-2">
        <TextArea
          label={t('fields.billingEmails')}
          hint={t('hints.onePerLine')}
          error={problems.billingEmails?.message}
          {...register('billingEmails')}
        />
        <TextArea
          label={t('fields.invoiceFooter')}
          error={problems.invoiceFooter?.message}
          {...register('invoiceFooter')}
        />
        <TextField
          label={t('fields.purchaseOrderNumber')}
          error={problems.purchaseOrderNumber?.message}
          {...register('purchaseOrderNumber')}
        />
        <TextField
          label={t('fields.netTerms')}
          hint={t('hints.netTerms')}
          inputMode="numeric"
          error={problems.netTerms?.message}
          {...register('netTerms')}
        />
      </div>
    </SettingsForm>
  );
}

function isWritten(address: Values['address']): boolean {
  return Object.values(address).some((part) => part.trim() !== '');
}

/** An address is written whole; one that is empty is taken away. */
function toAddress(address: Values['address']) {
  if (!isWritten(address)) return null;
  const { country, line1, line2, city, state, postalCode } = address;
  return {
    country: country.trim().toUpperCase(),
    line1: orNull(line1),
    line2: orNull(line2),
    city: orNull(city),
    state: orNull(state),
    postalCode: orNull(postalCode),
  };
}
