use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").mode() & 0o7777
}

/// A file with mode 0600.
fn written(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("credentials.toml");
    fs::write(&path, text).expect("a small file");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("our own file");
    path
}

/// What is said of a file.
fn refused(text: &str) -> String {
    let folder = folder();
    let path = written(&folder, text);
    let said = load(&path).expect_err("a file that is not right").to_string();
    said.replace(&path.display().to_string(), "FILE")
}

const API_KEY: &str = "bursar_0123456789abcdef0123456789abcdef";
const PASSWORD: &str = "Correct-horse-battery-5taple";

fn good() -> String {
    format!("api_key = \"{API_KEY}\"\n[marqeta]\nusername = \"marqeta\"\npassword = \"{PASSWORD}\"\n")
}

#[test]
fn the_first_start_writes_a_file_that_only_its_owner_can_read() {
    let folder = folder();
    let path = folder.path().join("data/credentials.toml");
    let (credentials, is_new) = load_or_create(&path).expect("new credentials");
    assert!(is_new);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&folder.path().join("data")), 0o700);
    assert_eq!(credentials.marqeta.username, "marqeta");
    assert!(credentials.marqeta.password_next.is_none());
    let key = credentials.api_key.expose_secret();
    let random = key.strip_prefix("bursar_").expect("the prefix");
    assert_eq!(random.len(), 64);
    assert!(random.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let files = fs::read_dir(folder.path().join("data")).expect("a folder");
    assert_eq!(files.count(), 1, "a draft was left");
}

#[test]
fn the_second_start_reads_the_same() {
    let folder = folder();
    let path = folder.path().join("credentials.toml");
    let (first, _) = load_or_create(&path).expect("new credentials");
    let (second, is_new) = load_or_create(&path).expect("the same credentials");
    assert!(!is_new);
    assert_eq!(first.api_key.expose_secret(), second.api_key.expose_secret());
    assert_eq!(first.marqeta.password.expose_secret(), second.marqeta.password.expose_secret());
}

#[test]
fn a_file_that_another_start_wrote_meanwhile_is_not_replaced() {
    let folder = folder();
    let path = written(&folder, &good());
    assert!(!create::create(&path).expect("no failure"));
    assert_eq!(fs::read_to_string(&path).expect("a file"), good());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[test]
fn no_two_first_starts_write_the_same_secrets_and_each_password_follows_the_rules() {
    let folder = folder();
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..50 {
        let path = folder.path().join(format!("{number}.toml"));
        let (credentials, _) = load_or_create(&path).expect("new credentials");
        let password = credentials.marqeta.password.expose_secret().to_owned();
        assert_eq!(password.len(), 32);
        assert_eq!(password_problem(&password), None);
        assert!(password.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)));
        assert!(seen.insert(password));
        assert!(seen.insert(credentials.api_key.expose_secret().to_owned()));
    }
}

#[test]
fn a_password_against_the_rules_is_refused() {
    for bad in [
        "Short-1",
        "no-capital-letter-in-1t",
        "NO-SMALL-LETTER-IN-1T",
        "No-Digit-In-This-One-At-All",
        "NoSymbolInThis1NotEvenOne",
        "With a blank-in-1t-And-more",
        "Umlaut-in-1t-\u{e4}-And-more-text",
    ] {
        assert!(password_problem(bad).is_some(), "{bad}");
    }
    let long = format!("Aa1-{}", "x".repeat(96));
    assert_eq!(password_problem(&long), None);
    assert!(password_problem(&format!("{long}x")).is_some());
}

#[test]
fn a_file_that_others_can_read_is_refused_with_what_to_do() {
    let folder = folder();
    let path = written(&folder, &good());
    for wide in [0o644, 0o640, 0o604, 0o620, 0o610] {
        fs::set_permissions(&path, Permissions::from_mode(wide)).expect("our own file");
        let error = load_or_create(&path).expect_err("a file open to others");
        let said = error.to_string();
        assert!(said.ends_with(&format!("(mode {wide:04o}): run chmod 600 {}", path.display())), "{said}");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o400)).expect("our own file");
    assert!(load(&path).is_ok());
}

#[test]
fn both_passwords_of_a_rotation_are_read() {
    let folder = folder();
    let path = written(&folder, &format!("{}password_next = \"{PASSWORD}-2\"\n", good()));
    let next = load(&path).expect("good credentials").marqeta.password_next;
    assert_eq!(next.expect("the next password").expose_secret(), format!("{PASSWORD}-2"));
}

#[test]
fn unknown_keys_are_refused_all_at_once() {
    let text = format!("{}passwort = \"x\"\n[stripe]\nkey = \"y\"\n", good());
    assert_eq!(
        refused(&text),
        "the credentials file FILE is not right:\n  marqeta.passwort is unknown: remove it\n  \
         stripe is unknown: remove it"
    );
}

#[test]
fn everything_that_is_missing_or_wrong_is_named_and_no_value_is_shown() {
    let said = refused("api_key = \"hunter2\"\n[marqeta]\nusername = 90210\n");
    assert_eq!(
        said,
        "the credentials file FILE is not right:\n  \
         api_key has to have at least 32 visible ASCII characters; remove the file for a new one\n  \
         marqeta.username has to be a text in quotes\n  \
         marqeta.password is missing"
    );
}

#[test]
fn a_section_that_is_none_is_refused() {
    let said = refused(&format!("api_key = \"{API_KEY}\"\nmarqeta = \"x\"\n"));
    assert!(said.contains("marqeta is unknown"), "{said}");
    assert!(said.contains("marqeta.password is missing"), "{said}");
}

#[test]
fn a_broken_file_says_where_and_shows_no_line_of_it() {
    let said = refused("api_key = \"0123\"\n[marqeta]\npassword = \"hunter2\n");
    assert!(said.contains("line 3, column "), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn debug_shows_no_secret() {
    let folder = folder();
    let path = folder.path().join("credentials.toml");
    let (credentials, _) = load_or_create(&path).expect("new credentials");
    let shown = format!("{credentials:?} {credentials:#?}");
    assert!(!shown.contains(credentials.api_key.expose_secret()));
    assert!(!shown.contains(credentials.marqeta.password.expose_secret()));
}

#[test]
fn a_file_without_keys_of_its_own_gets_them_once_and_keeps_all_else() {
    let folder = folder();
    let path = written(&folder, &good());
    let (credentials, is_new) = load_or_create(&path).expect("good credentials");
    assert!(credentials.quarantine_key.is_some() && credentials.documents_key.is_some() && !is_new);
    let text = fs::read_to_string(&path).expect("a file");
    assert!(text.ends_with(&good()), "{text}");
    assert_eq!(mode(&path), 0o600);
    load_or_create(&path).expect("good credentials");
    assert_eq!(fs::read_to_string(&path).expect("a file"), text);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "a draft was left");
}

#[test]
fn a_file_of_before_there_were_documents_keeps_its_quarantine_key() {
    let (folder, of_before) = (folder(), format!("quarantine_key = \"{}\"\n", "7f".repeat(32)));
    let path = written(&folder, &format!("{of_before}{}", good()));
    let (credentials, _) = load_or_create(&path).expect("good credentials");
    let text = fs::read_to_string(&path).expect("a file");
    assert!(
        credentials.documents_key.is_some() && text.ends_with(&format!("{of_before}{}", good())),
        "{text}"
    );
    assert_eq!(text.matches("quarantine_key =").count(), 1, "{text}");
}

#[test]
fn starts_at_the_same_time_add_one_key() {
    for _ in 0..20 {
        let folder = folder();
        let path = written(&folder, &good());
        let start = || {
            load_or_create(&path).expect("good credentials");
            fs::read_to_string(&path).expect("a file")
        };
        let texts: Vec<String> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
            starts.into_iter().map(|start| start.join().expect("no panic")).collect()
        });
        assert!(texts.iter().all(|text| *text == texts[0]), "a key was replaced: {texts:?}");
    }
}

#[test]
fn what_is_no_key_of_its_own_is_refused() {
    for bad in ["", "0123", &"g".repeat(64), &"0".repeat(65), &"é".repeat(32)] {
        for name in ["quarantine_key", "documents_key"] {
            let said = refused(&format!("{name} = \"{bad}\"\n{}", good()));
            assert!(said.contains(&format!("{name} has to have 64 hexadecimal digits")), "{said}");
            assert!(bad.is_empty() || !said.contains(bad), "{said}");
        }
    }
}
