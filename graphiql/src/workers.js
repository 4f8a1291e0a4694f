// Monaco's workers, bundled beside the page.
const WORKERS = { json: 'json.worker.js', graphql: 'graphql.worker.js' };

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(`graphiql/${WORKERS[label] ?? 'editor.worker.js'}`, { name: label }),
};
