//! The printed files of services.

use std::path::Path;
use std::process::Command;

use crate::support::served::{complaint, gatepass, run};

/// The output of `gatepass service print`.
fn print(words: &[&str]) -> String {
    let said = run(gatepass().args(["service", "print"]).args(words));
    assert!(said.status.success(), "{words:?}: {}", complaint(&said));
    String::from_utf8(said.stdout).unwrap()
}

/// The value of a setting.
fn setting<'a>(text: &'a str, name: &str) -> &'a str {
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("{name} is missing:\n{text}"))
}

#[test]
fn a_unit_has_absolute_paths() {
    let unit = print(&["renew", "--cert-dir", "identity"]);
    let here = std::env::current_dir().unwrap().join("identity");
    let binary = Path::new(env!("CARGO_BIN_EXE_gatepass"));
    let command = format!("{} renew --daemon --cert-dir {}", binary.display(), here.display());
    assert_eq!(setting(&unit, "ExecStart"), command);
    assert!(setting(&unit, "ReadWritePaths").ends_with("/identity"));
    assert_eq!(setting(&unit, "ProtectSystem"), "strict");
    let other = print(&["renew", "--binary", "/opt/g p", "--user", "web"]);
    assert_eq!(setting(&other, "ExecStart"), "\"/opt/g p\" renew --daemon");
    assert_eq!(setting(&other, "User"), "web");
}

#[test]
fn a_command_of_the_operator_is_not_confined() {
    let unit = print(&["renew", "--on-renew", "cat a > \"$X\"; echo 100%"]);
    let command = setting(&unit, "ExecStart");
    assert!(command.ends_with(" --on-renew \"cat a > \\\"$$X\\\"; echo 100%%\""), "{command}");
    assert!(!unit.contains("ProtectSystem") && !unit.contains("CapabilityBoundingSet"), "{unit}");
    assert_eq!((setting(&unit, "ProtectKernelModules"), setting(&unit, "KillMode")), ("yes", "process"));
    let signal = print(&["renew", "--signal", "HUP", "--pid-file", "proxy.pid"]);
    assert!(setting(&signal, "CapabilityBoundingSet").ends_with(" CAP_KILL"), "{signal}");
    let here = std::env::current_dir().unwrap().join("proxy.pid");
    assert!(setting(&signal, "ExecStart").ends_with(&format!(" --pid-file {}", here.display())), "{signal}");
    let unit = print(&["renew", "--reload-unit", "proxy"]);
    assert_eq!(setting(&unit, "ProtectSystem"), "strict");
    assert!(!unit.contains("CapabilityBoundingSet"), "systemd asks for the capabilities of its callers");
}

#[test]
fn a_shell_reads_the_words_of_a_script() {
    let hook = "printf '%s' \"it's $X\"";
    let word = |line: &str| {
        let script = format!("X=seen; set -- {line}; while [ $# -gt 1 ]; do shift; done; printf %s \"$1\"");
        let read = Command::new("sh").arg("-c").arg(script).output().unwrap();
        String::from_utf8(read.stdout).unwrap()
    };
    let run = print(&["renew", "--on-renew", hook, "--for", "runit"]);
    let line = run.lines().find_map(|line| line.strip_prefix("exec chpst ")).unwrap();
    assert_eq!(word(line), hook);
    assert!(run.contains("# /etc/sv/gatepass-renew/finish") && run.contains("sv down"), "{run}");
    // OpenRC evaluates the value once more.
    let script = print(&["renew", "--on-renew", hook, "--for", "openrc"]);
    assert!(script.starts_with("#!/sbin/openrc-run\n"), "{script}");
    assert_eq!(word(&word(setting(&script, "command_args"))), hook);
    assert_eq!(setting(&script, "command"), env!("CARGO_BIN_EXE_gatepass"));
}

#[test]
fn cron_gets_one_line_for_due_renewals() {
    let text = print(&["renew", "--on-renew", "date +%s", "--for", "cron"]);
    let line = text.lines().last().unwrap();
    let (minute, rest) = line.split_once(' ').unwrap();
    assert!(minute.parse::<u8>().unwrap() < 60);
    let binary = env!("CARGO_BIN_EXE_gatepass");
    assert_eq!(rest, format!("* * * * root {binary} renew --if-due --on-renew 'date +\\%s'"));
    for (words, why) in [
        (&["serve", "--for", "cron"][..], "cron starts no server"),
        (&["renew", "--timer", "--for", "openrc"], "--timer"),
    ] {
        let refused = run(gatepass().args(["service", "print"]).args(words));
        assert_eq!(refused.status.code(), Some(2));
        assert!(complaint(&refused).contains(why), "{}", complaint(&refused));
    }
}

#[test]
fn renewals_keep_the_way_to_the_server() {
    let print = |how: &[&str]| {
        let mut command = gatepass();
        command.args(["service", "print", "renew"]).args(how);
        let said =
            run(command.env("HTTPS_PROXY", "http://proxy:3128/?a=5%").env("SSL_CERT_FILE", "/etc/ca.pem"));
        assert!(said.status.success(), "{}", complaint(&said));
        String::from_utf8(said.stdout).unwrap()
    };
    let unit = print(&[]);
    for line in
        ["Environment=\"HTTPS_PROXY=http://proxy:3128/?a=5%%\"", "Environment=SSL_CERT_FILE=/etc/ca.pem"]
    {
        assert!(unit.lines().any(|found| found == line), "{line}:\n{unit}");
    }
    assert!(print(&["--for", "cron"]).contains("\nHTTPS_PROXY=http://proxy:3128/?a=5%\n"));
    for init in ["openrc", "runit"] {
        assert!(print(&["--for", init]).contains("\nexport 'HTTPS_PROXY=http://proxy:3128/?a=5%'\n"));
    }
    let mut secret = gatepass();
    secret.args(["service", "print", "renew"]).env("HTTPS_PROXY", "http://user:hunter2@proxy:3128");
    let refused = run(&mut secret);
    assert_eq!(refused.status.code(), Some(2));
    let why = complaint(&refused);
    assert!(why.contains("proxy has a password") && !why.contains("hunter2"), "{why}");
}

#[test]
fn line_breaks_do_not_reach_a_unit() {
    for words in [["--cert-dir", "/a\nExecStartPre=/bin/b"], ["--binary", "/a\nb"], ["--on-renew", "a\nb"]] {
        let refused = run(gatepass().args(["service", "print", "renew"]).args(words));
        assert_eq!(refused.status.code(), Some(2), "{words:?}");
        assert!(complaint(&refused).contains("script"), "{}", complaint(&refused));
    }
}

#[test]
fn a_configuration_here_is_not_a_services() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("gatepass.toml"), "[server]\nlisten = \"127.0.0.1:9\"\n").unwrap();
    let refused = run(gatepass().current_dir(dir.path()).args(["service", "print", "serve"]));
    assert_eq!(refused.status.code(), Some(2));
    assert!(complaint(&refused).contains("--config gatepass.toml"), "{}", complaint(&refused));
    let mut given = gatepass();
    given.current_dir(dir.path()).args(["service", "print", "serve", "--config", "gatepass.toml"]);
    let unit = String::from_utf8(run(&mut given).stdout).unwrap();
    let file = dir.path().join("gatepass.toml");
    let flags = format!(" serve --config {} --data-dir /var/lib/gatepass", file.display());
    assert!(setting(&unit, "ExecStart").ends_with(&flags), "{unit}");
}
