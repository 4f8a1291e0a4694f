import 'server-only';

import documents from '@/gql/persisted-documents.json';
import { hashOf } from '@/lib/hashed';

const MANIFEST = new Map(Object.entries(documents));

/** The text of a document of this build; nothing when the hash is none of them. */
export function textByHash(hash: string): string | undefined {
  return MANIFEST.get(hash);
}

export function textOf(document: object): string {
  const text = textByHash(hashOf(document));
  if (!text) throw new Error('The manifest of documents is not of this build: npm run codegen.');
  return text;
}
