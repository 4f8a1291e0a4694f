export const LOCALES = ['en', 'zh'] as const;
export type AppLocale = (typeof LOCALES)[number];

export const LOCALE_COOKIE = 'tollgate_locale';
export const TIME_ZONE_COOKIE = 'tollgate_time_zone';

export function isLocale(value: unknown): value is AppLocale {
  return LOCALES.some((locale) => locale === value);
}

/** The language that was chosen, or else the first of the browser's that we have, by its weights. */
export function chooseLocale(chosen: string | undefined, acceptLanguage: string | null): AppLocale {
  if (isLocale(chosen)) return chosen;
  const wanted = (acceptLanguage ?? '')
    .split(',')
    .map((entry) => {
      const [tag = '', weight] = entry.trim().split(/;\s*q=/);
      return { language: tag.toLowerCase().split('-')[0], weight: weight === undefined ? 1 : Number(weight) };
    })
    .filter(({ weight }) => weight > 0)
    .sort((one, other) => other.weight - one.weight);
  for (const { language } of wanted) if (isLocale(language)) return language;
  return 'en';
}

export function validTimeZone(name: string | undefined): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name || 'UTC' }).resolvedOptions().timeZone;
  } catch {
    return 'UTC';
  }
}
