'use client';

import { useTranslations } from 'next-intl';
import { useState } from 'react';
import type { FieldValues } from 'react-hook-form';
import { Button } from '@/components/ui/button';
import { Dialog } from '@/components/ui/dialog';
import { changesOf } from './use-settings-form';

/**
 * Somebody else saved first: what they changed, beside what the viewer wrote. Nothing is lost until it is chosen, field
 * by field. What only one of the two has changed is kept without asking.
 */
export function ConflictDialog<Values extends FieldValues>({
  base,
  theirs,
  mine,
  author,
  labelOf,
  show,
  onResolve,
  onClose,
}: {
  base: Values;
  theirs: Values;
  mine: Values;
  author: string | undefined;
  labelOf: (field: string) => string;
  show: (field: string, value: unknown) => string;
  onResolve: (chosen: Values) => void;
  onClose: () => void;
}) {
  const t = useTranslations('settings');
  const theirChanges = changesOf(base, theirs);
  const myChanges = changesOf(base, mine);
  const disputed = Object.keys(theirChanges).filter(
    (field) => field in myChanges && JSON.stringify(mine[field]) !== JSON.stringify(theirs[field]),
  );
  const onlyTheirs = Object.keys(theirChanges).filter((field) => !disputed.includes(field));
  const [choices, setChoices] = useState<Record<string, 'mine' | 'theirs'>>({});
  const chosen = (): Values => {
    const values: Values = { ...theirs, ...myChanges };
    for (const field of disputed) {
      if (choices[field] !== 'mine') values[field as keyof Values] = theirs[field] as Values[keyof Values];
    }
    return values;
  };
  const undecided = disputed.some((field) => !choices[field]);
  return (
    <Dialog
      open
      wide
      onOpenChange={(open) => !open && onClose()}
      title={t('conflictTitle')}
      lead={author ? t('conflictBy', { name: author }) : t('conflictLead')}
    >
      <div className="flex flex-col gap-5">
        {disputed.map((field) => (
          <fieldset key={field} className="min-w-0">
            <legend className="mb-2 font-semibold">{labelOf(field)}</legend>
            <div className="grid gap-2 sm:grid-cols-2">
              {(['mine', 'theirs'] as const).map((side) => (
                <label
                  key={side}
                  className="flex min-w-0 items-start gap-2 rounded-lg border border-line p-3 has-checked:border-accent has-checked:bg-accent-wash"
                >
                  <input
                    type="radio"
                    className="mt-1 accent-(--accent)"
                    name={`choice-${field}`}
                    checked={choices[field] === side}
                    onChange={() => setChoices({ ...choices, [field]: side })}
                  />
                  <span className="min-w-0">
                    <span className="block text-sm text-soft">{t(side)}</span>
                    <span className="block break-words whitespace-pre-line">
                      {show(field, (side === 'mine' ? mine : theirs)[field]) || t('nothing')}
                    </span>
                  </span>
                </label>
              ))}
            </div>
          </fieldset>
        ))}
        {onlyTheirs.length > 0 && (
          <div>
            <p className="mb-1 font-semibold">{t('onlyTheirs')}</p>
            <ul className="list-disc pl-5">
              {onlyTheirs.map((field) => (
                <li key={field} className="break-words">
                  {labelOf(field)}: {show(field, theirs[field]) || t('nothing')}
                </li>
              ))}
            </ul>
          </div>
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{t('keepEditing')}</Button>
          <Button look="primary" disabled={undecided} onClick={() => onResolve(chosen())}>
            {t('saveChosen')}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
