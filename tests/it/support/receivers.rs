//! What the gateway sends to: a mail server and a consumer of webhooks, from `tests/receivers/`, in processes of their own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tollgate::delivery::{MailOptions, Mailer, Renderer};
use tollgate::domain::key_ring::KeyRing;
use tollgate::service::{Mail, Outgoing};

/// A receiver that runs until it is dropped.
pub struct Receiver {
    child: Child,
    input: Option<ChildStdin>,
    pub port: u64,
    said: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    fn start(script: &str, arguments: &[&str]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receivers");
        assert!(
            folder.join("node_modules").is_dir(),
            "the receivers are not installed: run `npm ci` in tests/receivers, or `cargo xtask test`, which does"
        );
        let mut child = Command::new("node")
            .arg(script)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs");
        let input = child.stdin.take();
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let read = |line: std::io::Result<String>| -> Value {
            serde_json::from_str(&line.expect("a line")).expect("JSON")
        };
        let first = read(lines.next().expect("it says its port"));
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in lines {
                heard.lock().expect("nothing panics while it holds this").push(read(line));
            }
        });
        Self { child, input, port: first["port"].as_u64().expect("a port"), said }
    }

    /// A mail server.
    pub fn mail() -> Self {
        Self::start("mail.mjs", &[])
    }

    /// A mail server that shows a certificate: `--tls` from the first byte, `--starttls` once it is asked to.
    pub fn mail_over(mode: &str, certificate: &TestCertificate) -> Self {
        let [key, chain] = ["server.key", "server.pem"].map(|name| certificate.folder.path().join(name));
        let path = |path: &Path| path.to_str().expect("a plain path").to_owned();
        Self::start("mail.mjs", &[mode, &path(&key), &path(&chain)])
    }

    /// A consumer of webhooks.
    pub fn webhooks() -> Self {
        Self::start("webhook.mjs", &[])
    }

    /// Where a consumer takes webhooks.
    pub fn hook(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// The first webhook of a type that it took, with its body read.
    pub async fn webhook(&self, kind: &str) -> (Value, Value) {
        super::eventually(&format!("a webhook of {kind}"), || async {
            self.webhooks_of(kind).into_iter().next()
        })
        .await
    }

    /// The webhooks of a type that it took so far, each with its body read.
    pub fn webhooks_of(&self, kind: &str) -> Vec<(Value, Value)> {
        let taken = self.taken().into_iter().filter_map(|it| {
            let body: Value = serde_json::from_str(it["body"].as_str()?).ok()?;
            (body["type"] == kind).then_some((it, body))
        });
        taken.collect()
    }

    /// Everything that it took so far.
    pub fn taken(&self) -> Vec<Value> {
        let said = self.said.lock().expect("nothing panics while it holds this").clone();
        let aside = ["done", "auth", "broken"];
        said.into_iter().filter(|it| aside.iter().all(|name| it.get(name).is_none())).collect()
    }

    /// Whether each who told their name and password so far did so under protection.
    pub fn sign_ins(&self) -> Vec<bool> {
        let said = self.said.lock().expect("nothing panics while it holds this");
        said.iter().filter(|it| it.get("auth").is_some()).map(|it| it["secure"] == true).collect()
    }

    /// The mails to an address so far.
    pub fn mails_to(&self, address: &str) -> Vec<Value> {
        self.taken().into_iter().filter(|mail| mail["to"][0]["address"] == address).collect()
    }

    /// The first mail to an address.
    pub async fn mail_to(&self, address: &str) -> Value {
        super::eventually(&format!("a mail to {address}"), || async { self.mails_to(address).pop() }).await
    }

    /// The mail to an address whose subject contains a text.
    pub async fn mail_about(&self, address: &str, text: &str) -> Value {
        super::eventually(&format!("a mail to {address} about {text}"), || async {
            self.mails_to(address)
                .into_iter()
                .find(|mail| mail["subject"].as_str().is_some_and(|it| it.contains(text)))
        })
        .await
    }

    /// What lets a gateway send its mails here, as somebody who has an account.
    pub fn outgoing(&self) -> Outgoing {
        self.outgoing_as("tollgate:correct%20horse@")
    }

    /// The same, as somebody else.
    pub fn outgoing_as(&self, account: &str) -> Outgoing {
        Self::outgoing_by(&format!("smtp://{account}127.0.0.1:{}", self.port), Vec::new())
    }

    /// How an address of this server is written, for somebody who has an account.
    pub fn address(&self, scheme: &str, asks: &str) -> String {
        format!("{scheme}://tollgate:correct%20horse@127.0.0.1:{}{asks}", self.port)
    }

    /// What lets a gateway send its mails to an address, trusting these authorities besides the system's.
    pub fn outgoing_by(url: &str, roots: Vec<String>) -> Outgoing {
        let options = MailOptions {
            url: url.to_owned(),
            from: "Tollgate <no-reply@tollgate.example>".to_owned(),
            timeout: Duration::from_secs(5),
            roots,
        };
        Outgoing {
            keys: Arc::new(KeyRing::development()),
            renderer: Arc::new(Renderer::new(Some("https://app.example.com".parse().expect("an address")))),
            mail: Mail::Sent(Box::new(Mailer::new(&options).expect("the options are right"))),
            webhooks: None,
        }
    }

    /// Tells it how to behave from now on.
    pub async fn order(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it listens");
        writeln!(input, "{line}").expect("it listens");
        super::eventually("the receiver to hear", || async {
            let said = self.said.lock().expect("nothing panics while it holds this");
            said.iter().any(|it| it["done"] == line).then_some(())
        })
        .await;
    }
}

/// A certificate of this machine's, made for one test, and the authority that vouches for it.
pub struct TestCertificate {
    folder: tempfile::TempDir,
}

impl TestCertificate {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let make = |arguments: &[&str]| {
            let made = Command::new("openssl")
                .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
                .args(["-days", "2"])
                .args(arguments)
                .current_dir(folder.path())
                .output()
                .expect("openssl runs: `cargo xtask test` installs it");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        };
        make(&["-subj", "/CN=Tollgate tests", "-keyout", "root.key", "-out", "root.pem"]);
        make(&[
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-CA",
            "root.pem",
            "-CAkey",
            "root.key",
            "-keyout",
            "server.key",
            "-out",
            "server.pem",
        ]);
        Self { folder }
    }

    /// The authority, in PEM.
    pub fn root(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("root.pem")).expect("it was made")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
