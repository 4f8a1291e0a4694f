import type { AnyVariables, TypedDocumentNode } from '@urql/core';

type Generated = { __meta__?: { hash?: string } };

/** The hash that code generation gave a document: all that the browser has of it. */
export function hashOf(document: object): string {
  const { hash } = (document as Generated).__meta__ ?? {};
  if (!hash) throw new Error('Only documents that were generated can be asked for.');
  return hash;
}

const known = new Map<string, object>();

/** A generated document as the client takes it: asked for by its hash, always the same object. */
export function hashed<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
): TypedDocumentNode<Data, Variables> {
  const documentId = hashOf(document);
  const made = known.get(documentId) ?? { kind: 'Document', definitions: [], documentId };
  known.set(documentId, made);
  return made as TypedDocumentNode<Data, Variables>;
}
