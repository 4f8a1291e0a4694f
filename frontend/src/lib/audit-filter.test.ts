import { expect, it } from 'vitest';
import { auditFilter, auditSearch } from './audit-filter';

it('reads the address, and leaves out what is empty or unknown', () => {
  expect(auditFilter(auditSearch({ action: 'plan.create', resourceType: '', page: '3' }))).toEqual({
    action: 'plan.create',
  });
});

it('takes whole days, the last one included', () => {
  expect(auditFilter(auditSearch({ since: '2026-11-01', until: '2026-11-30' }))).toEqual({
    since: '2026-11-01T00:00:00Z',
    until: '2026-12-01T00:00:00.000Z',
  });
});

it('does not ask for days that there are not', () => {
  expect(auditFilter(auditSearch({ since: 'yesterday', until: '2026-13-40' }))).toEqual({});
});
