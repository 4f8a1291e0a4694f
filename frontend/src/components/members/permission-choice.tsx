'use client';

import { useTranslations } from 'next-intl';
import type { Permission } from '@/gql/graphql';

/** Permissions to choose from: those that the viewer holds, for nobody gives more than that. */
export function PermissionChoice({
  legend,
  granted,
  chosen,
  always = [],
  never = [],
  error,
  onChange,
}: {
  legend: string;
  granted: readonly Permission[];
  chosen: readonly Permission[];
  always?: readonly Permission[];
  never?: readonly Permission[];
  error?: string;
  onChange: (chosen: Permission[]) => void;
}) {
  const enums = useTranslations('enums');
  return (
    <fieldset>
      <legend className="mb-1 text-sm font-medium">{legend}</legend>
      <div className="grid gap-x-4 gap-y-1 sm:grid-cols-2">
        {granted
          .filter((permission) => !never.includes(permission))
          .map((permission) => (
            <label key={permission} className="flex min-h-8 items-center gap-2">
              <input
                type="checkbox"
                className="size-4 accent-(--accent)"
                checked={chosen.includes(permission) || always.includes(permission)}
                disabled={always.includes(permission)}
                onChange={({ target }) =>
                  onChange(
                    granted.filter((other) =>
                      other === permission ? target.checked : chosen.includes(other),
                    ),
                  )
                }
              />
              {enums(`Permission.${permission}`)}
            </label>
          ))}
      </div>
      {error && <p className="mt-1 text-sm text-bad">{error}</p>}
    </fieldset>
  );
}
