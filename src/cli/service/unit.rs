//! A service, and its units for systemd.

use std::path::{Path, PathBuf};

use clap::Args;

use super::binary;
use super::systemd::UNITS;
use super::variables::Variables;
use super::words::{exec_word, line, setting_word, value_word};
use crate::cli::error::CliError;

/// The first line of every file that `gatepass service` writes, up to the command.
pub(super) const WRITTEN_BY: &str = "# Written by `gatepass service";

/// Flags of every service.
#[derive(Args, Default)]
pub(super) struct UnitFlags {
    /// User of the service; default: gatepass for serve, which install creates, and root for renew
    #[arg(long, value_name = "USER", value_parser = user_name)]
    user: Option<String>,
    /// Name of the unit; default: gatepass for serve, gatepass-renew for renew
    #[arg(long, value_name = "NAME", value_parser = unit_name)]
    unit: Option<String>,
    /// Path of gatepass in the unit; default: this binary
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// The services of gatepass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, clap::ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub(super) enum Kind {
    /// The authority
    Serve,
    /// The renewals of a host's certificate
    Renew,
}

impl Kind {
    /// The default name of its units.
    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::Serve => "gatepass",
            Self::Renew => "gatepass-renew",
        }
    }

    /// The default user.
    pub(super) const fn user(self) -> &'static str {
        match self {
            Self::Serve => "gatepass",
            Self::Renew => "root",
        }
    }

    /// The purpose, for people.
    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::Serve => "Gatepass enrollment authority",
            Self::Renew => "Renewal of this host's gatepass certificate",
        }
    }
}

/// A service of this machine.
pub(super) struct Service {
    pub(super) kind: Kind,
    /// Name of its units, without their ending.
    pub(super) unit: String,
    pub(super) user: String,
    pub(super) binary: PathBuf,
    /// Flags of `serve` or `renew`.
    pub(super) flags: Vec<String>,
    pub(super) variables: Variables,
    /// Lines of `[Service]` that depend on the flags: directories, capabilities, sandbox.
    pub(super) settings: String,
    /// Directories that the service writes to and that exist at its start.
    pub(super) directories: Vec<PathBuf>,
    /// True if a timer starts each renewal, and not a daemon.
    pub(super) timer: bool,
}

/// A unit, or a script of another init system.
pub(super) struct ServiceFile {
    /// Its name in the directory of such files.
    pub(super) name: String,
    pub(super) text: String,
    /// True if only root may read it.
    pub(super) secret: bool,
}

impl Service {
    /// A service with these flags and no settings yet.
    pub(super) fn new(kind: Kind, given: UnitFlags, flags: Vec<String>) -> Result<Self, CliError> {
        let binary = binary::chosen(given.binary.as_deref())?;
        Ok(Self {
            kind,
            unit: given.unit.unwrap_or_else(|| kind.unit().to_owned()),
            user: given.user.unwrap_or_else(|| kind.user().to_owned()),
            binary,
            flags,
            variables: Variables::default(),
            settings: String::new(),
            directories: Vec::new(),
            timer: false,
        })
    }

    /// Checks that every word fits into one line of a file.
    pub(super) fn checked(self) -> Result<Self, CliError> {
        let Variables { public, secret } = &self.variables;
        let words = [&self.command()[..], public, secret].concat();
        let breaks = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
        match words.iter().find(|word| word.contains(breaks)) {
            None => Ok(self),
            Some(word) if secret.contains(word) => {
                Err(CliError::Usage("a variable for a proxy has a line break".to_owned()))
            }
            Some(word) => Err(CliError::Usage(format!(
                "{word:?}: a service takes only UTF-8 without line breaks: put longer commands into a script"
            ))),
        }
    }

    /// The command line: binary, verb, the verb's own flag for this kind of start, flags.
    pub(super) fn command(&self) -> Vec<String> {
        let how = match self.kind {
            Kind::Serve => None,
            Kind::Renew if self.timer => Some("--if-due".to_owned()),
            Kind::Renew => Some("--daemon".to_owned()),
        };
        let begin = [self.binary.display().to_string(), self.kind.to_string()];
        begin.into_iter().chain(how).chain(self.flags.iter().cloned()).collect()
    }

    /// Its units for systemd, and the file of its secret variables. The last unit is enabled.
    pub(super) fn units(&self) -> Vec<ServiceFile> {
        let file =
            |ending, text, secret| ServiceFile { name: format!("{}.{ending}", self.unit), text, secret };
        let secrets = (!self.variables.secret.is_empty()).then(|| file("env", self.secrets(), true));
        let service = file("service", self.service_unit(), false);
        let timer = self.timer.then(|| file("timer", self.timer_unit(), false));
        secrets.into_iter().chain([service]).chain(timer).collect()
    }

    fn secrets(&self) -> String {
        let lines = self.variables.secret.iter().filter_map(|variable| variable.split_once('='));
        let lines = lines.map(|(name, value)| format!("{name}={}\n", value_word(value))).collect::<String>();
        format!("{}\n{lines}", self.head())
    }

    /// The lines of `[Service]` for the variables.
    fn variables(&self) -> String {
        let Variables { public, secret } = &self.variables;
        let public = public.iter().map(|variable| format!("Environment={}\n", setting_word(variable)));
        let file = format!("EnvironmentFile={UNITS}/{}.env\n", self.unit);
        public.chain((!secret.is_empty()).then_some(file)).collect()
    }

    /// The first line of a file.
    pub(super) fn head(&self) -> String {
        format!("{WRITTEN_BY} … {}`: run that command again to change it.", self.kind)
    }

    fn service_unit(&self) -> String {
        let (head, description, settings, user) =
            (self.head(), self.kind.description(), &self.settings, &self.user);
        let command = line(&self.command(), exec_word);
        let variables = self.variables();
        let after = match self.kind {
            Kind::Serve => "network-online.target time-sync.target",
            Kind::Renew => "network-online.target",
        };
        let how = match (self.kind, self.timer) {
            (Kind::Serve, _) => SERVE,
            (Kind::Renew, false) => DAEMON,
            (Kind::Renew, true) => ONCE,
        };
        let wanted = if self.timer { "" } else { "\n[Install]\nWantedBy=multi-user.target\n" };
        format!(
            "{head}\n[Unit]\nDescription={description}\nAfter={after}\nWants=network-online.target\n\n\
             [Service]\n{how}User={user}\n{variables}ExecStart={command}\n{settings}{COMMON}{wanted}"
        )
    }

    fn timer_unit(&self) -> String {
        let (head, description) = (self.head(), self.kind.description());
        format!(
            "{head}\n[Unit]\nDescription={description}\n\n\
             [Timer]\nOnCalendar=hourly\nRandomizedDelaySec=30min\nPersistent=true\n\n\
             [Install]\nWantedBy=timers.target\n"
        )
    }
}

/// The life of the server. Its watchdog is the pulse of its timers and its store; a start may migrate a large database.
const SERVE: &str = "\
Type=notify
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=74
TimeoutStartSec=15min
TimeoutStopSec=2min
WatchdogSec=60
LimitNOFILE=65536
";

/// The life of the daemon. Status 77 means that the host is revoked.
const DAEMON: &str = "\
Type=notify
Restart=on-failure
RestartSec=60
RestartPreventExitStatus=77
WatchdogSec=15min
ExecReload=/bin/kill -HUP $MAINPID
";

/// One renewal. Status 75 means that the timer's next run tries again.
const ONCE: &str = "\
Type=oneshot
SuccessExitStatus=75
";

/// Restrictions of every service, which commands after a renewal do not need either.
const COMMON: &str = "\
LimitCORE=0
LockPersonality=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictRealtime=yes
";

/// Restrictions of a service that starts no commands of the operator.
pub(super) const STRICT: &str = "\
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
ProtectHostname=yes
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
";

/// `ReadWritePaths=` with these paths; nothing without any.
pub(super) fn read_write<'a>(paths: impl IntoIterator<Item = &'a Path>) -> String {
    let paths = paths.into_iter().map(|path| setting_word(&path.display().to_string())).collect::<Vec<_>>();
    if paths.is_empty() { String::new() } else { format!("ReadWritePaths={}\n", paths.join(" ")) }
}

fn user_name(text: &str) -> Result<String, &'static str> {
    let letters = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    match text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(letters) {
        true => Ok(text.to_owned()),
        false => Err("not the name of a user: letters, digits, '_', '.' and '-'"),
    }
}

pub(super) fn unit_name(text: &str) -> Result<String, &'static str> {
    let name = text.strip_suffix(".service").unwrap_or(text);
    let letters = |c: char| c.is_ascii_alphanumeric() || ":_.@-".contains(c);
    match !name.is_empty() && name.chars().all(letters) {
        true => Ok(name.to_owned()),
        false => Err("not the name of a unit: letters, digits, ':', '_', '.', '@' and '-'"),
    }
}

/// The names of the files that a service may have. The timer is the first, because it starts the other.
pub(super) fn unit_names(unit: &str) -> impl Iterator<Item = String> {
    ["timer", "service", "env"].into_iter().map(move |ending| format!("{unit}.{ending}"))
}
