'use client';

import { useTranslations } from 'next-intl';
import { useId } from 'react';
import { signOut } from '@/app/actions';
import { buttonClass } from '@/components/ui/button-class';
import { LanguageChoice, ThemeChoice } from './preferences';

export function AccountMenu({ name, email, theme }: { name: string; email: string | null; theme: string }) {
  const t = useTranslations('preferences');
  const initials = name
    .split(/\s+/)
    .map((part) => part[0])
    .slice(0, 2)
    .join('');
  const id = useId();
  return (
    <>
      <button
        type="button"
        popoverTarget={id}
        aria-label={t('account', { name })}
        className="grid size-10 place-items-center rounded-full bg-accent-wash font-semibold text-accent-strong"
      >
        {initials}
      </button>
      <div
        id={id}
        popover="auto"
        role="dialog"
        aria-label={t('account', { name })}
        className="popup w-72 flex-col gap-4 p-4 open:flex"
      >
        <div>
          <p className="font-semibold">{name}</p>
          {email && <p className="break-all text-soft">{email}</p>}
        </div>
        <LanguageChoice />
        <ThemeChoice theme={theme} />
        <form action={signOut}>
          <button type="submit" className={`${buttonClass('plain')} w-full`}>
            {t('signOut')}
          </button>
        </form>
      </div>
    </>
  );
}
