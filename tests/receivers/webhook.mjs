// Takes webhooks on a free port of this machine, and checks their signatures with the scheme's own library. Prints one
// JSON document a line: first the port, then each request.
//
// The secrets are the command line's, or come later as lines of standard input: `secrets whsec_…,whsec_…`. A line
// `answer 500` lets it answer so from then on, `answer 429 60` with `retry-after: 60`, `answer redirect URL` sends whoever calls elsewhere, `answer hang` never
// answers, `answer flood` answers without an end.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

let secrets = process.argv.slice(2);
let answer = ["200"];

const print = (document) => process.stdout.write(`${JSON.stringify(document)}\n`);

/** Which of the secrets signed it: their places. */
const signedBy = (body, headers) =>
  secrets.flatMap((secret, place) => {
    try {
      new Webhook(secret).verify(body, headers);
      return [place];
    } catch {
      return [];
    }
  });

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const body = Buffer.concat(parts).toString("utf8");
    const { headers } = request;
    print({
      method: request.method,
      path: request.url,
      id: headers["webhook-id"],
      timestamp: headers["webhook-timestamp"],
      signature: headers["webhook-signature"],
      contentType: headers["content-type"],
      userAgent: headers["user-agent"],
      signedBy: signedBy(body, headers),
      body,
    });
    if (answer[0] === "hang") return;
    if (answer[0] === "redirect") {
      response.writeHead(307, { location: answer[1] }).end();
    } else if (answer[0] === "flood") {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(65536)));
      };
      response.on("drain", more);
      response.on("close", () => print({ flooded: true }));
      more();
    } else {
      const [status, retryAfter] = answer;
      const headers = { "content-type": "text/plain", ...(retryAfter && { "retry-after": retryAfter }) };
      response.writeHead(Number(status), headers).end(`answer ${status}`);
    }
  });
});

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [word, ...rest] = line.trim().split(" ");
    if (word === "secrets") secrets = rest.join("").split(",").filter(Boolean);
    if (word === "answer") answer = rest;
    print({ done: line });
  })
  .on("close", () => process.exit(0));

server.listen(0, "127.0.0.1", () => print({ port: server.address().port }));
