import { render } from '@testing-library/react';
import { NextIntlClientProvider } from 'next-intl';
import type { ReactNode } from 'react';
import en from '../../messages/en.json';
import zh from '../../messages/zh.json';

const MESSAGES = { en, zh };

/** Renders in a language, in UTC, as a page would. */
export function renderIn(locale: 'en' | 'zh', children: ReactNode) {
  return render(
    <NextIntlClientProvider locale={locale} messages={MESSAGES[locale]} timeZone="UTC">
      {children}
    </NextIntlClientProvider>,
  );
}
