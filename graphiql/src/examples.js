import examples from 'tollgate:examples';

/** The tabs of a first visit. `ask` runs a query and gives its data; without an answer the variables stay empty. */
export async function exampleTabs(ask) {
  const answer = await ask(examples.placeholders).catch(() => undefined);
  return examples.tabs.map(({ query, variables }) => ({
    query,
    variables: variables === undefined ? undefined : JSON.stringify(fill(variables, answer), null, 2),
  }));
}

function fill(value, answer) {
  if (typeof value === 'string') {
    return value.startsWith('@') ? (find(answer, value.slice(1).split('.')) ?? '') : value;
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, answer));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fill(item, answer)]));
  }
  return value;
}

/** Steps are names and indexes, or `name=value` for the item of a list that has it. */
function find(answer, path) {
  return path.reduce((value, step) => {
    const [name, wanted] = step.split('=');
    return wanted === undefined ? value?.[name] : value?.find((item) => item[name] === wanted);
  }, answer);
}
