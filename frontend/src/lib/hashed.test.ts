import { createRequest } from '@urql/core';
import { expect, it } from 'vitest';
import { BillingOperationDocument, ShellDocument } from '@/gql/graphql';
import manifest from '@/gql/persisted-documents.json';
import { hashed, hashOf } from './hashed';

it('asks by the hash under which the manifest has the text', () => {
  const texts: Record<string, string> = manifest;
  expect(texts[hashOf(ShellDocument)]).toMatch(/^query Shell\(/);
  expect(hashed(ShellDocument)).toMatchObject({ documentId: hashOf(ShellDocument), definitions: [] });
});

it('keeps documents and variables apart', () => {
  const key = (id: string) => createRequest(hashed(BillingOperationDocument), { id }).key;
  expect(key('a')).toBe(key('a'));
  expect(key('a')).not.toBe(key('b'));
  expect(createRequest(hashed(ShellDocument), { organizationId: '', withOrganization: false }).key).not.toBe(
    key('a'),
  );
});

it('takes no document that was not generated', () => {
  expect(() => hashOf({ kind: 'Document' })).toThrow('generated');
});
