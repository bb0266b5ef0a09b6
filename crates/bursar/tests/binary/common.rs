//! The real binary, started and driven as a user and a processor would.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// Where the binary is: the one that cargo built for these tests, unless `cargo xtask test` names another.
pub(crate) fn binary() -> OsString {
    std::env::var_os("BURSAR_TEST_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_bursar").into())
}

/// The binary with a command and its options.
pub(crate) fn bursar(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments);
    // A developer's own servers are not for tests of the embedded parts.
    for service in ["POSTGRES", "RABBITMQ", "REDIS", "MONGODB"] {
        command.env_remove(format!("BURSAR__{service}__URL"));
    }
    command
}

/// Asks a process to stop, as an operator's supervisor does.
pub(crate) fn ask_to_stop(process: u32) -> Result<(), Error> {
    match Command::new("kill").args(["-TERM", &process.to_string()]).status()?.success() {
        true => Ok(()),
        false => Err(format!("process {process} is not there").into()),
    }
}

/// Ends a process at once, without a last word.
pub(crate) fn kill(process: u32) -> Result<(), Error> {
    match Command::new("kill").args(["-KILL", &process.to_string()]).status()?.success() {
        true => Ok(()),
        false => Err(format!("process {process} is not there").into()),
    }
}

/// Longer than anything here takes: who waits so long says for what, instead of hanging.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Asks again and again until it is so.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// The ledger's file, for whoever changes it behind the server's back.
pub(crate) fn ledger_file(folder: &Path) -> Result<rusqlite::Connection, Error> {
    let connection = rusqlite::Connection::open(folder.join("ledger.db"))?;
    connection.busy_timeout(Duration::from_secs(60))?;
    Ok(connection)
}

/// Whether this has to do without the tool, which `cargo xtask test` lists.
pub(crate) fn is_without(tool: &str) -> bool {
    std::env::var("BURSAR_TEST_WITHOUT").unwrap_or_default().split(',').any(|without| without == tool)
}

/// A running server on a free port.
pub(crate) struct Running {
    process: Child,
    pub(crate) base: String,
    pub(crate) folder: PathBuf,
    pub(crate) api_key: String,
    pub(crate) password: String,
    pub(crate) http: reqwest::Client,
    /// What it writes to standard output and standard error. Somebody has to read both, or it
    /// waits for ever once a pipe is full.
    written: [Option<JoinHandle<String>>; 2],
}

/// What a server left when it had ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Running {
    pub(crate) fn start(folder: &Path) -> Result<Self, Error> {
        Self::start_with(bursar(&[]), folder, &[])
    }

    /// Starts it by a command that has everything before `serve`, with more of the environment.
    pub(crate) fn start_with(
        mut command: Command,
        folder: &Path,
        environment: &[(&str, &str)],
    ) -> Result<Self, Error> {
        command.arg("serve").envs(environment.iter().copied());
        Self::launch(command, folder)
    }

    /// Starts a command that serves, and waits until it says where.
    pub(crate) fn launch(command: Command, folder: &Path) -> Result<Self, Error> {
        Self::launch_on(0, command, folder)
    }

    /// The same on this port; 0 is a free one.
    pub(crate) fn launch_on(port: u16, mut command: Command, folder: &Path) -> Result<Self, Error> {
        let mut process = command
            .args(["--port", &port.to_string(), "--data-dir"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (sender, bases) = std::sync::mpsc::channel();
        let stdout = process.stdout.take().map(|stdout| watch(stdout, sender.clone()));
        let stderr = process.stderr.take().map(|stderr| watch(stderr, sender));
        let Ok(base) = bases.recv() else {
            process.wait()?;
            return Err(format!("the server ended: {}", joined(stderr)).into());
        };
        let credentials: toml::Value =
            toml::from_str(&std::fs::read_to_string(folder.join("credentials.toml"))?)?;
        let text =
            |value: Option<&toml::Value>| value.and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        Ok(Self {
            process,
            base,
            folder: folder.to_owned(),
            api_key: text(credentials.get("api_key")),
            password: text(credentials.get("marqeta").and_then(|marqeta| marqeta.get("password"))),
            http: reqwest::Client::new(),
            written: [stdout, stderr],
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it at once, without a last word, and waits until it is gone.
    pub(crate) fn kill(self) -> Result<(), Error> {
        kill(self.id())
    }

    /// Waits until no message waits in its queues, asks it to stop, and waits.
    pub(crate) async fn drain_and_terminate(&mut self) -> Result<ExitStatus, Error> {
        self.until_drained().await?;
        self.terminate()
    }

    /// Waits until no message waits in its queues.
    pub(crate) async fn until_drained(&self) -> Result<(), Error> {
        let began = Instant::now();
        loop {
            let profile = self.get("/v1/profile").await?;
            let waits =
                |of: &Value| ["depth", "paused", "unacked"].iter().any(|what| of[*what].as_u64() != Some(0));
            let queues = profile["queues"].as_array().cloned().unwrap_or_default();
            if profile["relay"]["waiting"] == 0 && !queues.is_empty() && !queues.iter().any(waits) {
                return Ok(());
            }
            assert!(began.elapsed() < PATIENCE, "waited in vain for empty queues: {profile}");
        }
    }

    /// Asks it to stop, and waits.
    pub(crate) fn terminate(&mut self) -> Result<ExitStatus, Error> {
        ask_to_stop(self.id())?;
        Ok(self.process.wait()?)
    }

    /// Waits until it ends by itself; what it has written.
    pub(crate) fn ended(mut self) -> Result<Ended, Error> {
        let status = self.process.wait()?;
        let [stdout, stderr] = std::mem::take(&mut self.written).map(joined);
        Ok(Ended { status, stdout, stderr })
    }

    /// Waits until it says that it can decide.
    pub(crate) async fn until_ready(&self) -> Result<(), Error> {
        let began = Instant::now();
        while self.ready().await? != 200 {
            assert!(began.elapsed() < PATIENCE, "waited in vain until it is ready");
        }
        Ok(())
    }

    /// The status of `/ready`.
    pub(crate) async fn ready(&self) -> Result<u16, Error> {
        Ok(self.http.get(format!("{}/ready", self.base)).send().await?.status().as_u16())
    }

    /// Its figures since the start.
    pub(crate) async fn figures(&self) -> Result<Value, Error> {
        let profile = self.get("/v1/profile").await?;
        let windows = profile["windows"].as_array().ok_or_else(|| format!("no figures: {profile}"))?;
        Ok(windows.last().ok_or("no window")?.clone())
    }

    /// Waits until its figures are as wanted; those.
    pub(crate) async fn until(&self, are_wanted: impl Fn(&Value) -> bool) -> Result<Value, Error> {
        let began = Instant::now();
        loop {
            // One that has just started may not read its store yet.
            let figures = self.figures().await;
            match figures {
                Ok(figures) if are_wanted(&figures) => return Ok(figures),
                figures => {
                    assert!(began.elapsed() < PATIENCE, "waited in vain for other figures than {figures:?}");
                }
            }
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Error> {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.api_key);
        let request = request.header("Idempotency-Key", uuid::Uuid::new_v4().to_string()).json(body);
        let response = request.send().await?;
        let status = response.status();
        let body: Value = response.json().await?;
        match status.is_success() {
            true => Ok(body),
            false => Err(format!("{path} answered {status}: {body}").into()),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Error> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.api_key);
        Ok(request.send().await?.json().await?)
    }

    /// Posts a processor's body; the status and the bytes of the answer.
    pub(crate) async fn jit(&self, body: &str) -> Result<(u16, Vec<u8>), Error> {
        let request =
            self.http.post(format!("{}/jit/marqeta", self.base)).basic_auth("marqeta", Some(&self.password));
        let response =
            request.header("Content-Type", "application/json").body(body.to_owned()).send().await?;
        Ok((response.status().as_u16(), response.bytes().await?.to_vec()))
    }

    /// Posts what a processor reports; the status of the answer.
    pub(crate) async fn webhook(&self, body: &Value) -> Result<u16, Error> {
        let request = self.http.post(format!("{}/webhooks/marqeta", self.base));
        let request = request.basic_auth("marqeta", Some(&self.password)).json(body);
        Ok(request.send().await?.status().as_u16())
    }

    /// A company with one funded account, one cardholder and one active card.
    pub(crate) async fn wallet(&self, amount: &str) -> Result<Wallet, Error> {
        let program = json!({"name": "test", "time_zone": "UTC", "currencies": ["USD"]});
        let program = self.post("/v1/programs", &program).await?;
        let company = json!({"program": program["id"], "name": "company"});
        let company = self.post("/v1/companies", &company).await?;
        let account = company["accounts"][0]["id"].as_str().unwrap_or_default().to_owned();
        let load = json!({"amount": amount, "currency": "USD"});
        self.post(&format!("/v1/accounts/{account}/loads"), &load).await?;
        let user = json!({"company": company["id"], "reference": "user"});
        let user = self.post("/v1/cardholders", &user).await?;
        let card = json!({"cardholder": user["id"], "account": account, "status": "active"});
        let card = self.post("/v1/cards", &card).await?;
        let token = |of: &Value| of["token"].as_str().unwrap_or_default().to_owned();
        Ok(Wallet { account, user: token(&user), card: token(&card) })
    }

    /// A person with one funded account and one active card; its id.
    #[cfg(feature = "postgres")]
    pub(crate) async fn person(&self, amount: &str) -> Result<(String, Wallet), Error> {
        let program = json!({"name": "persons", "time_zone": "UTC", "currencies": ["USD"]});
        let program = self.post("/v1/programs", &program).await?;
        let [user, card] = ["user-of", "card-of"].map(|of| format!("{of}-{}", uuid::Uuid::new_v4()));
        let person = json!({"program": program["id"], "reference": "customer", "token": user});
        let person = self.post("/v1/persons", &person).await?;
        let account = person["accounts"][0]["id"].as_str().unwrap_or_default().to_owned();
        let load = json!({"amount": amount, "currency": "USD"});
        self.post(&format!("/v1/accounts/{account}/loads"), &load).await?;
        let made = json!({
            "cardholder": person["cardholder"], "account": account, "token": card, "status": "active",
        });
        self.post("/v1/cards", &made).await?;
        Ok((person["id"].as_str().unwrap_or_default().to_owned(), Wallet { account, user, card }))
    }

    /// `bursar check` on its folder, beside it or after it.
    pub(crate) fn check(&self) -> Result<Value, Error> {
        report(&bursar(&["check", "--json", "--data-dir"]).arg(&self.folder).output()?)
    }
}

/// What a command reported as JSON; else what it said instead.
pub(crate) fn report(output: &Output) -> Result<Value, Error> {
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Keeps what a stream says. The address of the API page in it tells where the server is.
fn watch(stream: impl Read + Send + 'static, bases: Sender<String>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some((_, page)) = line.split_once("API page ") {
                let _ = bases.send(page.trim_end_matches("/docs").to_owned());
            }
            text.push_str(&line);
            text.push('\n');
        }
        text
    })
}

fn joined(stream: Option<JoinHandle<String>>) -> String {
    stream.and_then(|stream| stream.join().ok()).unwrap_or_default()
}

/// A funded card, by the processor's tokens.
#[derive(Clone)]
pub(crate) struct Wallet {
    pub(crate) account: String,
    pub(crate) user: String,
    pub(crate) card: String,
}

impl Wallet {
    /// A refund of a dollar as the processor reports it.
    pub(crate) fn refund(&self, token: &str) -> Value {
        json!({
            "type": "refund", "token": token, "state": "COMPLETION", "card_token": self.card, "user_token": self.user,
            "amount": 1.0, "currency_code": "USD", "response": {"code": "0000"}, "created_time": "2026-11-20T15:14:04Z",
        })
    }

    /// A swipe as the processor sends it.
    pub(crate) fn swipe(&self, token: &str, amount: &str) -> String {
        let Self { user, card, .. } = self;
        format!(
            r#"{{"type":"authorization","state":"PENDING","token":"{token}","user_token":"{user}",
            "acting_user_token":"{user}","card_token":"{card}","amount":{amount},"currency_code":"USD",
            "gpa_order":{{"token":"o{token}","amount":{amount},"currency_code":"USD","jit_funding":{{"token":"j{token}",
            "method":"pgfs.authorization","user_token":"{user}","acting_user_token":"{user}","amount":{amount}}}}},
            "card_acceptor":{{"mid":"4111111111111111","mcc":"5814","name":"CAFE 4111111111111111","city":"Springfield",
            "country_code":"USA"}},"user_transaction_time":"2026-11-20T15:14:04Z"}}"#
        )
    }
}
