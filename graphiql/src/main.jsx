import './workers.js';
import 'graphiql/style.css';
import './page.css';

import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createClient } from 'graphql-ws';
import { useMemo } from 'react';
import { createRoot } from 'react-dom/client';

import { exampleTabs } from './examples.js';
import { named } from './operation.js';
import { TokenBar, useToken } from './token.jsx';

const ENDPOINT = 'graphql';

/** `fetch` that signs in with a token. A header typed into GraphiQL's own editor wins. */
const authorized = (token) => (input, init = {}) => {
  const headers = new Headers(init.headers);
  if (token && !headers.has('authorization')) headers.set('authorization', `Bearer ${token}`);
  return fetch(input, { ...init, headers });
};

async function ask(token, query) {
  const response = await authorized(token)(ENDPOINT, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query }),
  });
  return (await response.json()).data;
}

/** The tokens that a development server offers. */
async function offeredTokens() {
  const response = await fetch('graphiql/config.json', { headers: { accept: 'application/json' } });
  return response.ok ? (await response.json()).tokens : [];
}

function Page({ offered, tabs }) {
  const [token, setToken] = useToken();
  const fetcher = useMemo(
    // GraphiQL asks for the schema again whenever this changes: another token may see more of it.
    () => {
      const url = new URL(ENDPOINT, document.baseURI).href;
      // A browser sends no header with a WebSocket: the token goes into connection_init. It connects when it is needed.
      const wsClient = createClient({
        url: url.replace(/^http/, 'ws'),
        connectionParams: token ? { authorization: `Bearer ${token}` } : {},
      });
      const fetcher = createGraphiQLFetcher({ url, fetch: authorized(token), wsClient });
      return (params, options) => fetcher(named(params), options);
    },
    [token],
  );
  return (
    <>
      <TokenBar offered={offered} token={token} onChange={setToken} />
      <GraphiQL
        fetcher={fetcher}
        defaultTabs={tabs}
        defaultEditorToolsVisibility="variables"
        shouldPersistHeaders={false}
        inputValueDeprecation
      />
    </>
  );
}

const offered = await offeredTokens().catch(() => []);
// On a first visit to a development server, somebody is signed in already.
const first = sessionStorage.getItem('tollgate:token') ?? offered[0]?.token ?? '';
if (first) sessionStorage.setItem('tollgate:token', first);
const tabs = await exampleTabs((query) => ask(first, query));
createRoot(document.getElementById('page')).render(<Page offered={offered} tabs={tabs} />);
