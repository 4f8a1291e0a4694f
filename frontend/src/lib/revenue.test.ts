import { expect, it } from 'vitest';
import { monthlyRevenue } from './revenue';

const of = (
  status: string,
  quantity: string,
  billingInterval: 'MONTH' | 'YEAR',
  amount: string,
  currency: string,
) => ({
  subscription: {
    status,
    quantity,
    plan: { billingInterval, price: { amount, minorUnits: amount.replace('.', ''), currency } },
  },
});

it('adds what is paid a month, and never two currencies', () => {
  expect(
    monthlyRevenue([
      of('ACTIVE', '5', 'MONTH', '29.00', 'USD'),
      of('PAST_DUE', '1', 'YEAR', '120.00', 'USD'),
      of('ACTIVE', '2', 'MONTH', '1000', 'JPY'),
    ]),
  ).toEqual([
    { currency: 'USD', amount: '155.00' },
    { currency: 'JPY', amount: '2000' },
  ]);
});

it('counts neither trials nor what has ended', () => {
  expect(
    monthlyRevenue([
      of('TRIALING', '1', 'MONTH', '29.00', 'USD'),
      of('CANCELED', '1', 'MONTH', '29.00', 'USD'),
    ]),
  ).toEqual([]);
});
