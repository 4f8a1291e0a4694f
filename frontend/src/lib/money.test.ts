import { describe, expect, it } from 'vitest';
import { formatMoney, isZero } from './money';

describe('formatMoney', () => {
  it('keeps the digits that the gateway gave', () => {
    expect(formatMoney({ amount: '145.00', currency: 'USD' }, 'en')).toBe('$145.00');
    expect(formatMoney({ amount: '1200', currency: 'JPY' }, 'en')).toBe('¥1,200');
    expect(formatMoney({ amount: '1.234', currency: 'KWD' }, 'en')).toBe('KWD\u00a01.234');
  });

  it('is exact where a floating point number is not', () => {
    expect(formatMoney({ amount: '9007199254740993.01', currency: 'USD' }, 'en')).toBe(
      '$9,007,199,254,740,993.01',
    );
  });

  it('follows the language', () => {
    expect(formatMoney({ amount: '-29.00', currency: 'CNY' }, 'zh')).toBe('-¥29.00');
  });
});

it('knows nothing from something', () => {
  expect(isZero({ amount: '0.00', currency: 'USD' })).toBe(true);
  expect(isZero({ amount: '0', currency: 'JPY' })).toBe(true);
  expect(isZero({ amount: '0.01', currency: 'USD' })).toBe(false);
});
