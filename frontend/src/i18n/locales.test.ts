import { describe, expect, it } from 'vitest';
import en from '../../messages/en.json';
import zh from '../../messages/zh.json';
import { chooseLocale, validTimeZone } from './locales';

describe('chooseLocale', () => {
  it('keeps what was chosen, whatever the browser says', () => {
    expect(chooseLocale('zh', 'en-GB')).toBe('zh');
  });

  it('takes the first language of the browser that there is, by weight', () => {
    expect(chooseLocale(undefined, 'de-DE, en;q=0.5, zh-CN;q=0.9')).toBe('zh');
    expect(chooseLocale(undefined, 'zh-TW,zh;q=0')).toBe('zh');
    expect(chooseLocale('xx', 'fr')).toBe('en');
    expect(chooseLocale(undefined, null)).toBe('en');
  });
});

it('takes no time zone that there is not', () => {
  expect(validTimeZone('Asia/Shanghai')).toBe('Asia/Shanghai');
  expect(validTimeZone('Mars/Olympus')).toBe('UTC');
  expect(validTimeZone(undefined)).toBe('UTC');
});

/** Every key with the names of what is put into it. */
function keys(messages: object, prefix = ''): string[] {
  return Object.entries(messages).flatMap(([key, value]) => {
    if (typeof value === 'object') return keys(value, `${prefix}${key}.`);
    // Not the texts of a plural's branches, which stand in braces too.
    const names = [...String(value).matchAll(/(?<!=\d |one |other )\{(\w+)\s*[,}]/g)].map(([, name]) => name);
    const distinct = [...new Set(names)].sort();
    return [`${prefix}${key}(${distinct.join()})`];
  });
}

it('says everything in both languages, with the same things put in', () => {
  expect(keys(zh)).toEqual(keys(en));
});
