import { expect, it } from 'vitest';
import { formatQuantity, spanOf, startOf } from './usage';

it('writes quantities exactly, in the way of the language', () => {
  expect(formatQuantity('9007199254740993', 'en')).toBe('9,007,199,254,740,993');
  expect(formatQuantity('22.5', 'de')).toBe('22,5');
});

it('goes back a month unless the address says otherwise', () => {
  expect(spanOf(undefined)).toBe('month');
  expect(spanOf('constructor')).toBe('month');
  expect(spanOf('year')).toBe('year');
  expect(startOf('day', new Date('2026-11-27T12:00:00Z'))).toBe('2026-11-26T13:00:00.000Z');
});
