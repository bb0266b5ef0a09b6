//! The real nginx, with the configuration of `deploy/`, in front of two instances.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bursar_services::free_port;
use tempfile::TempDir;

use crate::ca::Ca;
use crate::https::HttpsClient;

const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/nginx.conf");

const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// Runs until it is dropped.
pub struct Nginx {
    nginx: Child,
    http: u16,
    https: u16,
    ca: Ca,
    folder: TempDir,
}

impl Nginx {
    /// In front of these two; with a certificate for localhost.
    ///
    /// # Panics
    /// It does not start: its words are in the message.
    #[must_use]
    pub fn before(instances: [SocketAddr; 2]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ca = Ca::new();
        let (certificate, key) = ca.certify("localhost");
        let place = |name: &str| folder.path().join(name).display().to_string();
        fs::write(place("bursar.crt"), certificate).expect("written");
        fs::write(place("bursar.key"), key).expect("written");
        let [http, https] = [(); 2].map(|()| free_port().unwrap_or_else(|error| panic!("{error}")));
        let text = fs::read_to_string(CONFIGURATION).expect("deploy/nginx.conf");
        let replaced = [
            ("app-1:3000", instances[0].to_string()),
            ("app-2:3000", instances[1].to_string()),
            ("listen 80;", format!("listen 127.0.0.1:{http};")),
            ("listen 443 ", format!("listen 127.0.0.1:{https} ")),
            ("/etc/nginx/certs/", place("")),
            ("/tmp/nginx", place("nginx")),
            ("/dev/stdout", place("access.log")),
            ("worker_processes auto", "worker_processes 2".to_owned()),
            // A test is quicker than a person.
            ("rate=200r/s", "rate=10000r/s".to_owned()),
            ("burst=400", "burst=10000".to_owned()),
        ];
        let mut text = text;
        for (of, by) in &replaced {
            let is_there =
                text.lines().any(|line| line.contains(of) && line.trim_end().ends_with("# varies"));
            assert!(is_there, "{of} is on no line that varies");
            text = text.replace(of, by);
        }
        // Its workers are another user, who has to come to their files.
        fs::write(place("nginx.conf"), text.replace("worker_processes", "user root;\nworker_processes"))
            .expect("written");
        let errors = fs::File::create(place("errors")).expect("a file");
        let mut command = Command::new("nginx");
        command.args(["-c", &place("nginx.conf"), "-g", "daemon off;"]);
        let nginx = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).spawn();
        let nginx = nginx.expect("nginx is installed (on Debian: apt-get install nginx)");
        let mut this = Self { nginx, http, https, ca, folder };
        this.wait();
        this
    }

    fn wait(&mut self) {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.https)).is_err() {
            let ended = self.nginx.try_wait().ok().flatten();
            assert!(ended.is_none() && began.elapsed() < STARTS_WITHIN, "{}", self.read("errors"));
            std::thread::yield_now();
        }
    }

    /// Where it serves.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.https)
    }

    /// Where it sends elsewhere.
    #[must_use]
    pub fn plain_url(&self) -> String {
        format!("http://localhost:{}", self.http)
    }

    /// A client of it, from this address.
    #[must_use]
    pub fn client(&self, from: [u8; 4]) -> HttpsClient {
        HttpsClient::trusting(self.ca.certificate(), from.into())
    }

    /// Whoever reads it can trust it.
    #[must_use]
    pub fn trusted(&self) -> PathBuf {
        self.ca.file()
    }

    /// What it logged of requests.
    #[must_use]
    pub fn log(&self) -> String {
        self.read("access.log")
    }

    fn read(&self, name: &str) -> String {
        let file: PathBuf = self.folder.path().join(name);
        fs::read_to_string(file).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers end with it, which a kill would leave.
        let _ = Command::new("kill").arg(self.nginx.id().to_string()).status();
        let _ = self.nginx.wait();
    }
}
