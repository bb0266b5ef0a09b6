//! Behind the real nginx, by the configuration of `deploy/`.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bursar_testkit::{HttpsClient, MongoPlace, Nginx, RabbitPlace, Store};
use reqwest::Method;

use crate::common::{Error, Running, Wallet, bursar, is_without, until};
use crate::home::{Home, own_port};

/// Who comes from there is inside; from the other, outside.
const INSIDE: [u8; 4] = [127, 0, 0, 1];
const OUTSIDE: [u8; 4] = [127, 0, 0, 2];

fn address(server: &Running) -> Result<SocketAddr, Error> {
    Ok(server.base.trim_start_matches("http://").parse()?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_shows_outside_what_is_open_and_says_who_asks() -> Result<(), Error> {
    if is_without("nginx") {
        return Ok(());
    }
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let [one, other] = [Running::start(folders[0].path())?, Running::start(folders[1].path())?];
    let nginx = Nginx::before([address(&one)?, address(&other)?]);
    let (inside, outside) = (nginx.client(INSIDE), nginx.client(OUTSIDE));
    let url = nginx.url();
    let status = async |client: &HttpsClient, path: &str| -> Result<u16, Error> {
        Ok(client.get(&format!("{url}{path}")).await?.status.as_u16())
    };
    let plain = format!("{}/jit/marqeta?a=b", nginx.plain_url());
    let plain = outside.send(Method::POST, &plain, &[], "").await?;
    assert_eq!(
        (plain.status.as_u16(), plain.headers["location"].to_str()?),
        (308, "https://localhost/jit/marqeta?a=b")
    );
    for path in ["/live", "/ready"] {
        assert_eq!(status(&outside, path).await?, 200, "{path}");
    }
    for path in
        ["/health", "/metrics", "/docs/", "/openapi.json", "/v1/profile", "/v1/dead-letters", "/v1/inbox"]
    {
        assert_eq!(status(&outside, path).await?, 403, "{path}");
        assert_ne!(status(&inside, path).await?, 403, "{path}");
    }
    // Without a key: it is the instance that answers.
    assert_eq!((status(&outside, "/v1/cards").await?, status(&outside, "/jit/marqeta").await?), (401, 405));
    let large = outside.send(Method::POST, &format!("{url}/v1/programs"), &[], vec![b'a'; 300_000]).await?;
    assert_eq!(large.status, 413);
    assert_eq!(status(&outside, "/v1/cards/4111111111111111?name=Anna").await?, 401);
    // nginx writes after it has answered.
    until("the last request is logged", || nginx.log().contains("(digits)"));
    let log = nginx.log();
    assert!(log.contains("127.0.0.2") && !log.contains("Anna") && !log.contains("4111111111111111"), "{log}");
    Ok(())
}

/// The commands that ask a server come through TLS, and only to who is trusted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_ask_through_nginx_whom_they_trust() -> Result<(), Error> {
    if is_without("nginx") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let server = Running::start(folder.path())?;
    let nginx = Nginx::before([address(&server)?; 2]);
    let credentials = folder.path().join("credentials.toml");
    let ask = |arguments: &[&str], trusted: Option<PathBuf>| {
        let mut command = bursar(arguments);
        command.args(["--url", &nginx.url()]);
        if let Some(file) = trusted {
            command.env("SSL_CERT_FILE", file);
        }
        if arguments[0] != "probe" {
            command.arg("--credentials").arg(&credentials);
        }
        command.output()
    };
    let unknown = ask(&["probe"], None)?;
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(!unknown.status.success() && said.contains("localhost:"), "{unknown:?}");
    assert!(said.contains("UnknownIssuer") || said.contains("no CA certificates"), "{unknown:?}");
    for arguments in
        [&["probe"][..], &["dlq", "list"], &["simulate", "--rate", "100", "--for", "1s", "--json"]]
    {
        let output = ask(arguments, Some(nginx.trusted()))?;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    Ok(())
}

/// Counts what is sent to it by the path, and answers or does not.
struct Upstream {
    address: SocketAddr,
    sent: Arc<Mutex<HashMap<String, usize>>>,
    is_closing: Arc<AtomicBool>,
}

impl Upstream {
    fn new() -> Result<Self, Error> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let upstream =
            Self { address: listener.local_addr()?, sent: Arc::default(), is_closing: Arc::default() };
        let (sent, is_closing) = (upstream.sent.clone(), upstream.is_closing.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (sent, is_closing) = (sent.clone(), is_closing.clone());
                std::thread::spawn(move || serve(stream, &sent, &is_closing));
            }
        });
        Ok(upstream)
    }

    fn sent(&self) -> HashMap<String, usize> {
        self.sent.lock().expect("not poisoned").clone()
    }
}

/// Reads request after request; those that come while it closes are read whole and not answered.
fn serve(mut stream: TcpStream, sent: &Mutex<HashMap<String, usize>>, is_closing: &AtomicBool) {
    let mut buffer = Vec::new();
    let mut part = [0; 4096];
    loop {
        let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            match stream.read(&mut part) {
                Ok(length @ 1..) => buffer.extend_from_slice(&part[..length]),
                _ => return,
            }
            continue;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.drain(..end + 4);
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        *sent.lock().expect("not poisoned").entry(path).or_default() += 1;
        let answered = !is_closing.load(Ordering::SeqCst)
            && stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok();
        if !answered {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_moves_money_is_sent_to_one_instance_once() -> Result<(), Error> {
    if is_without("nginx") {
        return Ok(());
    }
    let (good, lossy) = (Upstream::new()?, Upstream::new()?);
    let nginx = Nginx::before([good.address, lossy.address]);
    let client = nginx.client(INSIDE);
    lossy.is_closing.store(true, Ordering::SeqCst);
    let mut statuses = Vec::new();
    for (index, method) in [Method::POST, Method::DELETE, Method::PUT].iter().cycle().take(60).enumerate() {
        let url = format!("{}/v1/things/{index}", nginx.url());
        statuses.push(client.send(method.clone(), &url, &[], "").await?.status.as_u16());
    }
    let (good, lossy) = (good.sent(), lossy.sent());
    let times = |path: &String| good.get(path).copied().unwrap_or(0) + lossy.get(path).copied().unwrap_or(0);
    for (index, status) in statuses.iter().enumerate() {
        let path = format!("/v1/things/{index}");
        assert_eq!(times(&path), 1, "{path} was answered {status}");
        assert_eq!(lossy.contains_key(&path), *status == 502, "{path} was answered {status}");
    }
    assert!(!lossy.is_empty() && !good.is_empty(), "{good:?} {lossy:?}");
    Ok(())
}

/// Swipes again and again until it is told to stop; every answer that is no decision.
async fn swipe_on(
    client: HttpsClient,
    url: String,
    (password, wallet): (String, Wallet),
    (stop, decided): (Arc<AtomicBool>, Arc<AtomicUsize>),
) -> Vec<String> {
    let credentials = format!("Basic {}", STANDARD.encode(format!("marqeta:{password}")));
    let headers = [("Authorization", credentials.as_str()), ("Content-Type", "application/json")];
    let mut cut = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let swipe = wallet.swipe(&uuid::Uuid::new_v4().to_string(), "0.01");
        match client
            .send(Method::POST, &format!("{url}/jit/marqeta"), &headers, swipe)
            .await
            .map(|of| of.status.as_u16())
        {
            Ok(200 | 402) => drop(decided.fetch_add(1, Ordering::SeqCst)),
            // The store was busy: the instance says so, and nothing was cut.
            Ok(503) => {}
            Ok(status) => cut.push(status.to_string()),
            Err(error) => cut.push(error.to_string()),
        }
    }
    cut
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_stop_behind_nginx_cut_no_swipe() -> Result<(), Error> {
    if is_without("nginx") {
        return Ok(());
    }
    let (home, rabbitmq) = (Home::on(Store::Postgres)?, RabbitPlace::new().await);
    let mongodb = MongoPlace::new();
    let start = |port: u16| {
        let mut command = home.bursar(&["serve"]);
        command.env("BURSAR__MONGODB__URL", mongodb.url());
        command.env("BURSAR__RABBITMQ__URL", rabbitmq.url()).env("BURSAR__SERVER__LINGER_MS", "7000");
        Running::launch_on(port, command, home.folder())
    };
    let ports = [own_port(), own_port()];
    let (one, other) = (start(ports[0])?, start(ports[1])?);
    let nginx = Nginx::before([address(&one)?, address(&other)?]);
    let wallet = one.wallet("10000.00").await?;
    let (stop, decided) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut swipers = Vec::new();
    for _ in 0..8 {
        let shared = (stop.clone(), decided.clone());
        let of = (one.password.clone(), wallet.clone());
        swipers.push(tokio::spawn(swipe_on(nginx.client(INSIDE), nginx.url(), of, shared)));
    }
    let more_are_decided = async || {
        let wanted = decided.load(Ordering::SeqCst) + 100;
        while decided.load(Ordering::SeqCst) < wanted {
            tokio::task::yield_now().await;
        }
    };
    let mut instances = [one, other].map(Some);
    for stopping in [0, 1, 0, 1] {
        more_are_decided().await;
        let instance = instances[stopping].take().ok_or("it runs")?;
        let ended = tokio::task::spawn_blocking(move || ends_well(instance)).await?;
        ended.map_err(|error| error.to_string())?;
        more_are_decided().await;
        instances[stopping] = Some(start(ports[stopping])?);
    }
    stop.store(true, Ordering::SeqCst);
    for swiper in swipers {
        assert_eq!(swiper.await?, Vec::<String>::new());
    }
    Ok(())
}

fn ends_well(mut instance: Running) -> Result<(), Error> {
    match instance.terminate()?.success() {
        true => Ok(()),
        false => Err("it did not end well".into()),
    }
}
