import { expect, it } from 'vitest';
import { daysOf, metersOf } from './usage';

const days = [
  { day: '2026-02-27', meter: 'api_calls', quantity: '3' },
  { day: '2026-03-01', meter: 'api_calls', quantity: '4' },
  { day: '2026-03-01', meter: 'exports', quantity: '1' },
];

it('adds each meter up, beside what the plan includes', () => {
  expect(metersOf(days, { api_calls: 10, sso: true })).toEqual([
    { meter: 'api_calls', used: 7, limit: 10 },
    { meter: 'exports', used: 1, limit: null },
  ]);
});

it('shows days on which nothing was used', () => {
  expect(daysOf(days, 'api_calls', '2026-02-27', '2026-03-01')).toEqual([
    { day: '2026-02-27', quantity: 3 },
    { day: '2026-02-28', quantity: 0 },
    { day: '2026-03-01', quantity: 4 },
  ]);
});
