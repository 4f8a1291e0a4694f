import { expect, it } from 'vitest';
import { toCsvLine } from './audit-export';

const record = {
  id: 'a',
  createdAt: '2026-11-27T00:00:00Z',
  action: 'plan.create',
  outcome: 'SUCCESS',
  actorKind: 'USER',
  user: { id: 'u', name: 'Ada, "the" first', email: null },
  resourceType: 'plan',
  resourceId: 'p',
  ipAddress: null,
  userAgent: '=cmd()',
  requestId: null,
  oldValues: null,
  newValues: { name: 'Pro' },
};

it('puts what needs it in quotes, and makes no formulas', () => {
  expect(toCsvLine(record)).toBe(
    'a,2026-11-27T00:00:00Z,plan.create,SUCCESS,USER,u,"Ada, ""the"" first",plan,p,,\'=cmd(),,,"{""name"":""Pro""}"\r\n',
  );
});
