'use client';

import { Popover } from '@base-ui/react/popover';
import { useTranslations } from 'next-intl';
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
  return (
    <Popover.Root>
      <Popover.Trigger
        aria-label={t('account', { name })}
        className="grid size-10 place-items-center rounded-full bg-accent-wash font-semibold text-accent-strong"
      >
        {initials}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={8} align="end" className="z-50">
          <Popover.Popup className="flex w-72 flex-col gap-4 rounded-xl border border-line bg-raised p-4 shadow-xl">
            <div>
              <Popover.Title className="font-semibold">{name}</Popover.Title>
              {email && <Popover.Description className="break-all text-soft">{email}</Popover.Description>}
            </div>
            <LanguageChoice />
            <ThemeChoice theme={theme} />
            <form action={signOut}>
              <button type="submit" className={`${buttonClass('plain')} w-full`}>
                {t('signOut')}
              </button>
            </form>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  );
}
