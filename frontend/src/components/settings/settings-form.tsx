'use client';

import dynamic from 'next/dynamic';
import { useTranslations } from 'next-intl';
import type { ReactNode } from 'react';
import type { FieldValues } from 'react-hook-form';
import { Button } from '@/components/ui/button';
import { Card, Notice } from '@/components/ui/card';
import { Dialog } from '@/components/ui/dialog';
import { showPlainly } from './show';
import type { useSettingsForm } from './use-settings-form';

/** Loaded when there is a conflict. */
const ConflictDialog = dynamic(() => import('./conflict-dialog').then((loaded) => loaded.ConflictDialog), {
  ssr: false,
});

type Versioned = { version: string; updatedBy?: { name: string | null; email: string | null } | null };

/** What every form of settings has: its fields, problems that belong to no field, saving, and the conflict. */
export function SettingsForm<Values extends FieldValues, Settings extends Versioned>({
  title,
  state,
  toValues,
  labelOf,
  show,
  mayWrite,
  children,
}: {
  title: string;
  state: ReturnType<typeof useSettingsForm<Values, Settings>>;
  toValues: (settings: Settings) => Values;
  labelOf: (field: string) => string;
  show?: (field: string, value: unknown) => string;
  mayWrite: boolean;
  children: ReactNode;
}) {
  const t = useTranslations('settings');
  const actions = useTranslations('actions');
  const { form, conflict, problems, lockOut } = state;
  const { isDirty, isSubmitting } = form.formState;
  return (
    <Card title={title}>
      <form noValidate onSubmit={state.submit} aria-label={title}>
        {!mayWrite && (
          <div className="mb-4">
            <Notice tone="plain">{t('readOnly')}</Notice>
          </div>
        )}
        <fieldset disabled={!mayWrite} className="flex min-w-0 flex-col gap-5">
          {children}
        </fieldset>
        {problems.length > 0 && (
          <div className="mt-4">
            <Notice tone="bad" alert>
              {problems.map((problem) => (
                <p key={problem}>{problem}</p>
              ))}
            </Notice>
          </div>
        )}
        {mayWrite && (
          <div className="mt-5 flex flex-wrap items-center justify-end gap-3">
            {isDirty && <p className="text-sm text-soft">{t('unsaved')}</p>}
            <Button disabled={!isDirty || isSubmitting} onClick={() => form.reset()}>
              {t('discard')}
            </Button>
            <Button type="submit" look="primary" busy={isSubmitting} disabled={!isDirty}>
              {actions('save')}
            </Button>
          </div>
        )}
      </form>
      {conflict && (
        <ConflictDialog
          base={toValues(conflict.base)}
          theirs={toValues(conflict.theirs)}
          mine={form.getValues()}
          author={conflict.theirs.updatedBy?.name ?? conflict.theirs.updatedBy?.email ?? undefined}
          labelOf={labelOf}
          show={show ?? showPlainly}
          onResolve={(chosen) => state.resolve(chosen as Values)}
          onClose={state.dismissConflict}
        />
      )}
      <Dialog
        open={lockOut !== undefined}
        onOpenChange={(open) => !open && state.dismissLockOut()}
        title={t('lockOutTitle')}
      >
        <p>{lockOut}</p>
        <div className="mt-5 flex flex-wrap justify-end gap-2">
          <Button onClick={state.dismissLockOut}>{actions('cancel')}</Button>
          <Button look="danger" busy={isSubmitting} onClick={() => state.confirmLockOut()}>
            {t('lockOutConfirm')}
          </Button>
        </div>
      </Dialog>
    </Card>
  );
}
