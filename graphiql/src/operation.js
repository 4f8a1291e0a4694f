import { Kind, parse } from 'graphql';

/**
 * What GraphiQL asks, with the name of an operation that its text has.
 *
 * GraphiQL learns the name 100 ms or more after its editor took another text (it waits for typing to pause): run before
 * that, a tab just chosen is sent with the name of the one before, which no server can answer.
 */
export function named(params) {
  let names;
  try {
    names = parse(params.query)
      .definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
      .map((definition) => definition.name?.value);
  } catch {
    // The server says what is wrong with the text.
    return params;
  }
  if (params.operationName ? names.includes(params.operationName) : names.length > 1) return params;
  return { ...params, operationName: names.length === 1 ? names[0] : undefined };
}
