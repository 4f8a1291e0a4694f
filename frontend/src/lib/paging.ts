const PAGE_SIZE = 20;

export type Search = Record<string, string | string[] | undefined>;

/** One value of an address's query. */
export function one(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  return text || undefined;
}

/** Where in a list an address is: after or before a cursor, or at its beginning. */
export function pageOf(search: Search, size = PAGE_SIZE) {
  const before = one(search.before);
  return before ? { last: size, before } : { first: size, after: one(search.after) };
}
