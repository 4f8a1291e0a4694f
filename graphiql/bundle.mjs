// Bundles GraphiQL into a few static files:
//   node bundle.mjs FOLDER
// Everything the page needs is in them: it loads nothing from elsewhere. Scripts and styles are written gzipped
// (`main.js.gz`), as they are served.
import { readdir, readFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';

import * as esbuild from 'esbuild';
import { parse } from 'graphql';

const here = path.dirname(fileURLToPath(import.meta.url));
const [target] = process.argv.slice(2);
if (!target) {
  console.error('usage: node bundle.mjs FOLDER');
  process.exit(2);
}

/** The example operations: `examples/*.graphql`, in the order of their names, with the variables beside them. */
async function examples() {
  const folder = path.join(here, 'examples');
  const read = (name) => readFile(path.join(folder, name), 'utf8');
  const names = (await readdir(folder)).sort();
  const tabs = [];
  for (const name of names) {
    if (!name.endsWith('.graphql') || name === 'placeholders.graphql') continue;
    const query = await read(name);
    parse(query);
    const variables = name.replace(/\.graphql$/, '.json');
    tabs.push({ query, variables: names.includes(variables) ? JSON.parse(await read(variables)) : undefined });
  }
  const placeholders = await read('placeholders.graphql');
  parse(placeholders);
  return { placeholders, tabs };
}

const examplesPlugin = {
  name: 'examples',
  setup(build) {
    build.onResolve({ filter: /^tollgate:examples$/ }, ({ path }) => ({ path, namespace: 'examples' }));
    build.onLoad({ filter: /.*/, namespace: 'examples' }, async () => ({
      contents: JSON.stringify(await examples()),
      loader: 'json',
    }));
  },
};

const shared = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  outdir: target,
  target: 'es2022',
  legalComments: 'none',
  logLevel: 'warning',
  define: { 'process.env.NODE_ENV': '"production"' },
  loader: { '.ttf': 'file' },
  assetNames: '[name]',
};

const [page, workers] = await Promise.all([
  esbuild.build({
    ...shared,
    entryPoints: { main: 'src/main.jsx' },
    format: 'esm',
    jsx: 'automatic',
    plugins: [examplesPlugin],
  }),
  esbuild.build({
    ...shared,
    entryPoints: {
      'editor.worker': 'monaco-editor/esm/vs/editor/editor.worker.js',
      'json.worker': 'monaco-editor/esm/vs/language/json/json.worker.js',
      'graphql.worker': 'monaco-graphql/esm/graphql.worker.js',
    },
    format: 'iife',
  }),
]);

const compress = (contents) => promisify(gzip)(contents, { level: constants.Z_BEST_COMPRESSION });
await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
for (const file of [...page.outputFiles, ...workers.outputFiles]) {
  const name = path.basename(file.path);
  if (/\.(js|css)$/.test(name)) await writeFile(path.join(target, `${name}.gz`), await compress(file.contents));
  else await writeFile(path.join(target, name), file.contents);
}
await writeFile(path.join(target, 'index.html'), await readFile(path.join(here, 'src/index.html')));
