import { expect, it } from 'vitest';
import { differencesOf } from './difference';

it('names each leaf that changed, and no other', () => {
  expect(
    differencesOf(
      { name: 'Acme', address: { city: 'Bern', zip: '1' } },
      { name: 'Acme', address: { city: 'Basel', zip: '1' } },
    ),
  ).toEqual([{ path: 'address.city', before: 'Bern', after: 'Basel' }]);
});

it('shows what is new and what is gone', () => {
  expect(differencesOf(null, { a: 1 })).toEqual([{ path: 'a', before: undefined, after: 1 }]);
  expect(differencesOf({ a: { b: [1] } }, null)).toEqual([{ path: 'a.b', before: [1], after: undefined }]);
  expect(differencesOf(null, null)).toEqual([]);
});
