// Takes mails by SMTP on a free port of this machine. Prints one JSON document a line: first the port, then each mail as
// another program reads it.
//
// It is as a real server is: who has no account is refused, some addresses are unknown, and some are to come again later. With
// `--tls KEY CERTIFICATE` it speaks TLS from the first byte, with `--starttls KEY CERTIFICATE` once it is asked to; otherwise it
// does neither.

import { readFileSync } from "node:fs";
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";

const PASSWORD = "correct horse";

const [mode, key, certificate] = process.argv.slice(2);
const protection = mode ? { key: readFileSync(key), cert: readFileSync(certificate) } : {};

const print = (document) => process.stdout.write(`${JSON.stringify(document)}\n`);

const refuse = (message, responseCode) => Object.assign(new Error(message), { responseCode });

/** How often each address was turned away. */
const turnedAway = new Map();

const server = new SMTPServer({
  authOptional: true,
  allowInsecureAuth: true,
  ...protection,
  secure: mode === "--tls",
  disabledCommands: mode === "--starttls" ? [] : ["STARTTLS"],
  logger: false,
  onAuth({ username, password }, session, done) {
    print({ auth: username, secure: session.secure });
    if (username === "tollgate" && password === PASSWORD) done(null, { user: username });
    else done(refuse("who are you?", 535));
  },
  onRcptTo({ address }, _session, done) {
    const [name] = address.split("@");
    if (name === "unknown") return done(refuse("no such mailbox", 550));
    const times = Number(/^busy-(\d+)$/.exec(name)?.[1] ?? 0);
    const already = turnedAway.get(address) ?? 0;
    if (already < times) {
      turnedAway.set(address, already + 1);
      return done(refuse("come again later", 451));
    }
    return done();
  },
  onData(stream, session, done) {
    simpleParser(stream)
      .then((mail) => {
        print({
          messageId: mail.messageId,
          from: mail.from?.value,
          to: mail.to?.value,
          envelope: session.envelope.rcptTo.map(({ address }) => address),
          subject: mail.subject,
          date: mail.date,
          text: mail.text,
          html: mail.html,
          autoSubmitted: mail.headers.get("auto-submitted"),
          language: mail.headers.get("content-language"),
          user: session.user ?? null,
        });
        done();
      })
      .catch(done);
  },
});

// Whoever does not trust the certificate breaks off.
server.on("error", (error) => print({ broken: error.message }));
server.listen(0, "127.0.0.1", () => print({ port: server.server.address().port }));

// Whoever started it has gone.
process.stdin.on("end", () => process.exit(0)).resume();
