'use client';

import { useRouter } from 'next/navigation';
import { useLocale, useTranslations } from 'next-intl';
import { useId, useTransition } from 'react';
import { chooseLocale, chooseTheme } from '@/app/actions';
import { LOCALES } from '@/i18n/locales';
import { THEMES } from '@/lib/theme';

/** The names of the languages, each in its own. */
const NAMES = { en: 'English', zh: '中文' } as const;

export function LanguageChoice() {
  const t = useTranslations('preferences');
  const locale = useLocale();
  const router = useRouter();
  const [busy, start] = useTransition();
  const id = useId();
  return (
    <div className="flex items-center justify-between gap-3">
      <label htmlFor={id}>{t('language')}</label>
      <select
        id={id}
        className="field w-auto!"
        value={locale}
        disabled={busy}
        onChange={({ target }) =>
          start(async () => {
            await chooseLocale(target.value);
            router.refresh();
          })
        }
      >
        {LOCALES.map((code) => (
          <option key={code} value={code} lang={code}>
            {NAMES[code]}
          </option>
        ))}
      </select>
    </div>
  );
}

export function ThemeChoice({ theme }: { theme: string }) {
  const t = useTranslations('preferences');
  const [, start] = useTransition();
  const id = useId();
  return (
    <div className="flex items-center justify-between gap-3">
      <label htmlFor={id}>{t('theme')}</label>
      <select
        id={id}
        className="field w-auto!"
        defaultValue={theme}
        onChange={({ target }) => {
          const { dataset } = document.documentElement;
          if (target.value === 'system') delete dataset.theme;
          else dataset.theme = target.value;
          start(() => chooseTheme(target.value));
        }}
      >
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {t(`themes.${name}`)}
          </option>
        ))}
      </select>
    </div>
  );
}
