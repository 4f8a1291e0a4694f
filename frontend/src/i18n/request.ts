import { cookies, headers } from 'next/headers';
import { getRequestConfig } from 'next-intl/server';
import { chooseLocale, LOCALE_COOKIE, TIME_ZONE_COOKIE, validTimeZone } from './locales';

/** The language is what was chosen here, or else the browser's; times are shown in the browser's time zone. */
export default getRequestConfig(async () => {
  const jar = await cookies();
  const locale = chooseLocale(jar.get(LOCALE_COOKIE)?.value, (await headers()).get('accept-language'));
  const messages = (await import(`../../messages/${locale}.json`)).default;
  return { locale, messages, timeZone: validTimeZone(jar.get(TIME_ZONE_COOKIE)?.value), now: new Date() };
});
