// Runs the audits of graphql-http against a running GraphQL endpoint:
//   node audit.mjs http://127.0.0.1:8080/graphql
// One line an audit; the last line counts them. A warning or a notice fails as an error does. With
// TOLLGATE_TOKEN set, it is sent as the bearer token.
import { serverAudits } from 'graphql-http';

const AUDITS = 61;

const [url] = process.argv.slice(2);
if (!url) {
  console.error('usage: node audit.mjs URL');
  process.exit(2);
}

const token = process.env.TOLLGATE_TOKEN;
const authorized = (input, init = {}) =>
  fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

let passed = 0;
let failed = 0;
for (const audit of serverAudits({ url, fetchFn: token ? authorized : fetch })) {
  const result = await audit.fn();
  if (result.status === 'ok') {
    passed += 1;
    console.log(`ok      ${result.id}  ${result.name}`);
  } else {
    failed += 1;
    const answered = result.response ? ` (answered ${result.response.status})` : '';
    console.log(`${result.status.padEnd(7)} ${result.id}  ${result.name}: ${result.reason}${answered}`);
  }
}

// A version of the package with other audits is to be looked at, not to pass unseen.
if (passed + failed !== AUDITS) {
  failed += 1;
  console.log(`error   there are ${passed + failed - 1} audits, and ${AUDITS} were expected`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
