//! A RabbitMQ in a folder: a node of its own name, with its own cookie, ports and epmd.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::log::last_lines;
use crate::process::Process;
use crate::{Error, Life, Runner, find, free_port, random, write_private};

const STARTS_WITHIN: Duration = Duration::from_secs(90);
const STOPS_WITHIN: Duration = Duration::from_secs(60);

/// Between two looks at whether it is there.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Its data are this name's. No other node is asked for it: it has an epmd of its own.
const NODE: &str = "bursar@localhost";

/// Its schedulers do not spin while they have nothing to do, for they share the machine (RabbitMQ's "Runtime Tuning");
/// nobody else's machine is listened to.
const ERLANG: &str = "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}";

/// Where Debian has the program itself; what is on the path insists on an account.
const DEBIAN: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// The programs, the account that runs them, and the folder of data, log and password.
pub struct RabbitMq {
    programs: Programs,
    runner: Runner,
    folder: PathBuf,
}

struct Programs {
    server: PathBuf,
    epmd: PathBuf,
}

/// Ports of 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// AMQP.
    pub amqp: u16,
    /// The management API.
    pub api: u16,
    /// Where its own tools find it.
    distribution: u16,
    epmd: u16,
}

/// A node that was started, and the epmd that its tools ask for it.
pub struct Node {
    /// The server.
    pub server: Child,
    /// Ended with it.
    pub epmd: Child,
}

impl Ports {
    /// Free ones.
    ///
    /// # Errors
    /// There are none.
    pub fn free() -> Result<Self, Error> {
        Ok(Self { amqp: free_port()?, api: free_port()?, distribution: free_port()?, epmd: free_port()? })
    }
}

impl RabbitMq {
    /// Whether the system has its programs.
    #[must_use]
    pub fn is_installed() -> bool {
        programs().is_ok()
    }

    /// That the system has its programs.
    ///
    /// # Errors
    /// It has not; what to do.
    pub fn installed() -> Result<(), Error> {
        programs().map(drop)
    }

    /// The one in this folder, whether it ever ran or not.
    ///
    /// # Errors
    /// It is not installed, or nobody may run it.
    pub fn within(folder: PathBuf) -> Result<Self, Error> {
        Ok(Self { programs: programs()?, runner: Self::runner()?, folder })
    }

    /// The account that runs it.
    ///
    /// # Errors
    /// This is root, and there is no other.
    pub fn runner() -> Result<Runner, Error> {
        Runner::of("rabbitmq")
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes its folder and a password for the user `bursar`.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn make(&self) -> Result<(), Error> {
        self.private(&self.folder)?;
        if self.password_file().exists() {
            return Ok(());
        }
        write_private(&self.password_file(), &random()?)
    }

    /// Starts it and waits until it takes connections.
    ///
    /// # Errors
    /// It does not start; its last words are in the message.
    pub fn start(&self, ports: Ports, life: Life) -> Result<Node, Error> {
        // Of one that ended by itself the epmd may be there still.
        self.stop()?;
        self.configure(ports)?;
        let log = fs::File::create(self.log()).map_err(|error| self.failed(&error))?;
        let output = || log.try_clone().map(Stdio::from).map_err(|error| error.to_string());
        let spawn = |program: &Path, arguments: &[&str]| {
            let tied = (life == Life::AsLongAsThis).then_some("KILL");
            let mut command = self.runner.command(program, tied);
            command.args(arguments).envs(self.environment(ports));
            command.stdin(Stdio::null()).stdout(output()?).stderr(output()?);
            if life == Life::UntilStopped {
                // Ctrl-C at the terminal is not meant for it.
                command.process_group(0);
            }
            command.spawn().map_err(|error| format!("{} cannot be started: {error}", program.display()))
        };
        // Ours, in the foreground: else the node starts one that stays when it ends.
        let epmd = ["-port", &ports.epmd.to_string(), "-address", "127.0.0.1"];
        let mut epmd = spawn(&self.programs.epmd, &epmd)?;
        let server = spawn(&self.programs.server, &[]).inspect_err(|_| drop(epmd.kill()))?;
        let mut node = Node { server, epmd };
        let started = self.wait(&mut node, ports).and_then(|()| self.keep_pids(&node));
        started.inspect_err(|_| {
            drop(node.server.kill());
            drop(node.epmd.kill());
        })?;
        Ok(node)
    }

    fn configure(&self, ports: Ports) -> Result<(), Error> {
        for folder in [self.folder.join("data"), self.folder.join("home")] {
            fs::create_dir_all(&folder).map_err(|error| self.failed(&error))?;
            self.private(&folder)?;
        }
        let settings = format!(
            "listeners.tcp.1 = 127.0.0.1:{}\n\
             management.tcp.ip = 127.0.0.1\n\
             management.tcp.port = {}\n\
             default_user = bursar\n\
             default_pass = {}\n\
             default_user_tags.administrator = true\n\
             log.console = true\n\
             log.file = false\n\
             vm_memory_high_watermark.absolute = 1GB\n\
             disk_free_limit.absolute = 50MB\n",
            ports.amqp,
            ports.api,
            self.password()?
        );
        self.keep("rabbitmq.conf", &settings)?;
        self.keep("enabled_plugins", "[rabbitmq_management].\n")
    }

    /// What makes the node one of its own, whatever else runs on the machine.
    fn environment(&self, ports: Ports) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.folder.join(name).display().to_string();
        vec![
            // The cookie is there.
            ("HOME", path("home")),
            ("RABBITMQ_NODENAME", NODE.to_owned()),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ERLANG.to_owned()),
            ("RABBITMQ_DIST_PORT", ports.distribution.to_string()),
            ("ERL_EPMD_PORT", ports.epmd.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_MNESIA_BASE", path("data")),
            ("RABBITMQ_LOG_BASE", path("data")),
            ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", path("none")),
            ("RABBITMQ_CONF_ENV_FILE", "/dev/null".to_owned()),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("enabled_plugins")),
            // Its script then becomes the server, instead of staying beside it.
            ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
        ]
    }

    fn wait(&self, node: &mut Node, ports: Ports) -> Result<(), Error> {
        let began = Instant::now();
        // It listens once all else of it has started.
        while TcpStream::connect(("127.0.0.1", ports.amqp)).is_err() {
            for child in [&mut node.epmd, &mut node.server] {
                if let Ok(Some(status)) = child.try_wait() {
                    return Err(format!("rabbitmq ended with {status}:\n{}", self.last_words()));
                }
            }
            if began.elapsed() > STARTS_WITHIN {
                return Err(format!("rabbitmq takes no connections:\n{}", self.last_words()));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// How to connect to it.
    ///
    /// # Errors
    /// The password cannot be read. So for the other.
    pub fn url(&self, ports: Ports) -> Result<String, Error> {
        Ok(format!("amqp://bursar:{}@127.0.0.1:{}/%2f", self.password()?, ports.amqp))
    }

    /// Its management API.
    ///
    /// # Errors
    /// As above.
    pub fn api(&self, ports: Ports) -> Result<String, Error> {
        Ok(format!("http://bursar:{}@127.0.0.1:{}", self.password()?, ports.api))
    }

    /// Runs `rabbitmqctl` with these arguments on the node, and gives what it says.
    ///
    /// # Errors
    /// It fails, in its words.
    pub fn control(&self, ports: Ports, arguments: &[&str]) -> Result<String, Error> {
        let program = self.programs.server.with_file_name("rabbitmqctl");
        let mut control = self.runner.command(&program, None);
        control.args(["--node", NODE, "--quiet"]).args(arguments).envs(self.environment(ports));
        let output = control.output().map_err(|error| format!("rabbitmqctl cannot be started: {error}"))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(format!("rabbitmqctl: {}", String::from_utf8_lossy(&output.stderr))),
        }
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.processes().first().is_some_and(Process::is_there)
    }

    /// Ends it and its epmd, and waits until they are gone.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&self) -> Result<(), Error> {
        let began = Instant::now();
        for process in self.processes().into_iter().filter(Process::is_there) {
            process.ask_to_end();
            while process.is_there() {
                if began.elapsed() > STOPS_WITHIN {
                    return Err(format!("rabbitmq does not stop:\n{}", self.last_words()));
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
        let _ = fs::remove_file(self.pid_file());
        Ok(())
    }

    /// The end of its log.
    #[must_use]
    pub fn last_words(&self) -> String {
        last_lines(&self.log())
    }

    /// The server first: it tells its epmd that it ends.
    fn processes(&self) -> Vec<Process> {
        let text = fs::read_to_string(self.pid_file()).unwrap_or_default();
        text.lines().filter_map(Process::read).collect()
    }

    fn keep_pids(&self, node: &Node) -> Result<(), Error> {
        let line = |child: &Child| Process::of(child.id()).map(|process| process.line());
        let lines: Option<String> = [&node.server, &node.epmd].into_iter().map(line).collect();
        let lines = lines.ok_or_else(|| format!("rabbitmq ended:\n{}", self.last_words()))?;
        fs::write(self.pid_file(), lines).map_err(|error| self.failed(&error))
    }

    /// A file that nobody else reads.
    fn keep(&self, name: &str, text: &str) -> Result<(), Error> {
        let file = self.folder.join(name);
        write_private(&file, text)?;
        self.runner.give(&file)
    }

    fn private(&self, folder: &Path) -> Result<(), Error> {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .map_err(|error| self.failed(&error))?;
        self.runner.give(folder)
    }

    fn password(&self) -> Result<String, Error> {
        fs::read_to_string(self.password_file()).map_err(|error| self.failed(&error))
    }

    fn password_file(&self) -> PathBuf {
        self.folder.join("password")
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("pids")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        format!("{}: {error}", self.folder.display())
    }
}

fn programs() -> Result<Programs, Error> {
    let missing = || "RabbitMQ is not installed (on Debian: apt-get install rabbitmq-server)".to_owned();
    let debian = PathBuf::from(DEBIAN);
    let server = if debian.exists() { Some(debian) } else { find("rabbitmq-server") };
    Ok(Programs { server: server.ok_or_else(missing)?, epmd: find("epmd").ok_or_else(missing)? })
}
