//! The program alone, and that release builds of the gateway are without it.

#![allow(clippy::unwrap_used, reason = "test code outside of test functions")]

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stripe-sandbox"));
    command.args(arguments).env("NO_COLOR", "1").env("RUST_LOG", "info").kill_on_drop(true);
    command
}

#[tokio::test]
async fn it_listens_on_a_loopback_address_only() {
    let help = program(&["--help"]).output().await.unwrap();
    assert!(String::from_utf8(help.stdout).unwrap().contains("[default: 127.0.0.1:12111]"));
    let refused = program(&["--listen", "0.0.0.0:0"]).output().await.unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("loopback addresses only"), "{said}");
}

#[tokio::test]
async fn it_takes_test_keys_only_and_ends_when_told_to() {
    let mut running =
        program(&["--listen", "127.0.0.1:0", "--seed", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let first =
        tokio::time::timeout(Duration::from_secs(30), lines.next_line()).await.unwrap().unwrap().unwrap();
    let base =
        first.split(['"', ' ', '=']).find(|word| word.starts_with("http://127.0.0.1:")).unwrap().to_owned();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |path: &str, key: &str| {
        let answer = http.get(format!("{base}{path}")).bearer_auth(key).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<serde_json::Value>().await.unwrap())
    };
    assert_eq!(ask("/v1/customers", "sk_test_1").await.0, 200);
    assert_eq!(ask("/v1/customers", "rk_test_1").await.0, 200);
    assert_eq!(ask("/v1/customers", "sk_live_1").await.0, 401);
    let (status, unknown) = ask("/v1/unicorns", "sk_test_1").await;
    assert_eq!((status, &unknown["error"]["type"]), (404, &"invalid_request_error".into()));
    assert!(
        unknown["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("Unrecognized request URL (GET: /v1/unicorns).")
    );
    let (status, unknown) = ask("/v1/customers?colour=red", "sk_test_1").await;
    assert_eq!((status, &unknown["error"]["code"]), (400, &"parameter_unknown".into()));
    #[cfg(unix)]
    {
        let id = i32::try_from(running.id().unwrap()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(30), running.wait()).await.unwrap().unwrap();
        assert!(ended.success(), "{ended}");
    }
}

#[tokio::test]
async fn a_release_build_of_the_gateway_is_without_it() {
    let packages = async |features: &[&str]| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut tree = Command::new(cargo);
        tree.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        tree.args([
            "tree",
            "--package",
            "tollgate",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--offline",
            "--locked",
        ]);
        let output = tree.args(features).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let names = |tree: &str| tree.lines().any(|line| line.starts_with("stripe-sandbox "));
    let (development, release) = (packages(&[]).await, packages(&["--no-default-features"]).await);
    assert!(names(&development), "the check sees it where it is");
    assert!(!names(&release));
    let features = packages(&["--format", "{p} {f}"]).await;
    let gateway = features.lines().find(|line| line.starts_with("tollgate ")).unwrap();
    assert!(gateway.contains("sandbox") && !gateway.contains("sandbox-in-release"), "{gateway}");
}

/// The compiler is asked itself.
#[tokio::test]
async fn a_release_build_with_it_is_refused_and_told_how_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let library = include_str!("../../src/lib.rs");
    assert!(library.lines().any(|line| line == "mod release_guard;"), "the guard is a part of the gateway");
    let built = async |features: &[&str], debug_assertions: &str| {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut compiler = Command::new(rustc);
        compiler.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        compiler.args([
            "src/release_guard.rs",
            "--crate-type",
            "lib",
            "--edition",
            "2024",
            "--emit",
            "metadata",
        ]);
        compiler.arg("--out-dir").arg(folder.path());
        compiler.args(["-C", &format!("debug-assertions={debug_assertions}")]);
        for feature in features {
            compiler.args(["--cfg", &format!("feature=\"{feature}\"")]);
        }
        let output = compiler.output().await.unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (is_built, said) = built(&["sandbox"], "off").await;
    assert!(!is_built && said.contains("cargo build --release --no-default-features"), "{said}");
    for (features, debug_assertions) in
        [(&["sandbox"][..], "on"), (&["sandbox", "sandbox-in-release"], "off"), (&[], "off")]
    {
        let (is_built, said) = built(features, debug_assertions).await;
        assert!(is_built, "{features:?} {debug_assertions}: {said}");
    }
}
