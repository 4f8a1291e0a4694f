'use client';

import { standardSchemaResolver } from '@hookform/resolvers/standard-schema';
import { useRouter } from 'next/navigation';
import { useTranslations } from 'next-intl';
import { useEffect, useState } from 'react';
import { type DefaultValues, type FieldValues, type Path, type Resolver, useForm } from 'react-hook-form';
import type { GenericSchema } from 'valibot';
import { useToast } from '@/components/ui/toasts';
import type { UserErrorPartsFragment } from '@/gql/graphql';
import type { Outcome, UserErrors } from '@/lib/client';

type Versioned = { version: string };
type Saved<Settings> = UserErrors & { settings?: Settings | null; operation?: { state: string } | null };

export type Conflict<Settings> = {
  /** What was on the page when the viewer began. */
  base: Settings;
  /** What somebody else has made of it since. */
  theirs: Settings;
};

/**
 * One part of the settings, edited against the version that was read. Only fields that were changed are sent. When
 * somebody else was faster, both values are kept until the viewer has chosen.
 */
export function useSettingsForm<Values extends FieldValues, Settings extends Versioned>({
  settings,
  toValues,
  schema,
  save,
  current,
  fieldOf = (path) => path.join('.'),
}: {
  settings: Settings;
  toValues: (settings: Settings) => Values;
  schema: GenericSchema<Values>;
  save: (
    changed: Partial<Values>,
    expectedVersion: string,
    confirmed: boolean,
  ) => Promise<Outcome<Saved<Settings>>>;
  current: () => Promise<Settings | undefined>;
  /** The name of the field that an error of the gateway belongs to, from its path. */
  fieldOf?: (path: string[]) => string;
}) {
  const t = useTranslations('settings');
  const states = useTranslations('states');
  const actions = useTranslations('actions');
  const router = useRouter();
  const toast = useToast();
  const [base, setBase] = useState(settings);
  const [problems, setProblems] = useState<string[]>([]);
  const [conflict, setConflict] = useState<Conflict<Settings>>();
  const [lockOut, setLockOut] = useState<string>();
  const form = useForm<Values>({
    defaultValues: toValues(settings) as DefaultValues<Values>,
    resolver: standardSchemaResolver(schema) as unknown as Resolver<Values>,
  });
  const { isDirty } = form.formState;

  // A page read anew brings the new version in, unless something is being written here: then it is a conflict, and said.
  const reset = form.reset;
  useEffect(() => {
    if (isDirty || settings.version === base.version) return;
    setBase(settings);
    reset(toValues(settings));
  }, [settings, base.version, isDirty, reset, toValues]);

  const adopt = (saved: Settings) => {
    setBase(saved);
    form.reset(toValues(saved));
  };

  const send = async (values: Values, against: Settings, confirmed: boolean): Promise<void> => {
    setProblems([]);
    const changed = changesOf(toValues(against), values);
    if (Object.keys(changed).length === 0) {
      adopt(against);
      return;
    }
    const outcome = await save(changed, against.version, confirmed);
    if (outcome.kind === 'fault') {
      const sentence = outcome.code === 'UNREACHABLE' ? states('unreachable') : outcome.message;
      setProblems([sentence]);
      return;
    }
    if (outcome.kind === 'refused') {
      await refuse(outcome.errors, against);
      return;
    }
    if (outcome.payload.settings) adopt(outcome.payload.settings);
    setConflict(undefined);
    setLockOut(undefined);
    const isUnknown = outcome.payload.operation?.state === 'UNKNOWN';
    toast(actions('saved'), isUnknown ? t('customerUnknown') : undefined);
    router.refresh();
  };

  const refuse = async (errors: UserErrorPartsFragment[], against: Settings): Promise<void> => {
    if (errors.some(({ code }) => code === 'CONFLICT')) {
      const theirs = await current();
      if (theirs && theirs.version !== against.version) {
        setConflict({ base: against, theirs });
        return;
      }
      const [first] = errors;
      if (first && first.path.length > 0 && !first.operation) {
        setLockOut(first.message);
        return;
      }
    }
    const elsewhere: string[] = [];
    for (const { path, message } of errors) {
      const name = fieldOf(path);
      const top = name.split('.')[0] ?? '';
      if (top in form.getValues()) form.setError(name as Path<Values>, { type: 'gateway', message });
      else elsewhere.push(message);
    }
    setProblems(elsewhere);
  };

  return {
    form,
    base,
    problems,
    conflict,
    lockOut,
    dismissConflict: () => setConflict(undefined),
    dismissLockOut: () => setLockOut(undefined),
    submit: form.handleSubmit((values) => send(values, base, false)),
    confirmLockOut: form.handleSubmit((values) => send(values, base, true)),
    /** Saves what was chosen of the two, on top of theirs. */
    resolve: async (chosen: Values) => {
      if (!conflict) return;
      const { theirs } = conflict;
      setConflict(undefined);
      setBase(theirs);
      form.reset(toValues(theirs));
      for (const [name, value] of Object.entries(changesOf(toValues(theirs), chosen))) {
        form.setValue(name as Path<Values>, value as never, { shouldDirty: true });
      }
      await send(chosen, theirs, false);
    },
  };
}

/** The fields of `after` whose value is another than before. */
export function changesOf<Values extends FieldValues>(before: Values, after: Values): Partial<Values> {
  const changed: Partial<Values> = {};
  for (const name of Object.keys(after) as (keyof Values)[]) {
    if (JSON.stringify(before[name]) !== JSON.stringify(after[name])) changed[name] = after[name];
  }
  return changed;
}
