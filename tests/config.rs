//! The configuration as an operator meets it: files that load, files that are refused, and what is
//! said about them. Method: text in, typed values or printed lines out.

use std::{collections::HashMap, fs, path::Path, time::Duration};

use smpp_bridge::config::{self, Config, Problems, ReceiptWish, Scope};
use toml_edit::{DocumentMut, Item, TableLike, Value};

fn no_env(_: &str) -> Option<String> {
    None
}

fn parse(text: &str) -> Result<Config, Problems> {
    config::parse("bridge.toml", text, &no_env)
}

/// What is printed about a file that must be refused.
fn refused(text: &str) -> String {
    match parse(text) {
        Ok(_) => panic!("must be refused:\n{text}"),
        Err(problems) => problems.to_string(),
    }
}

fn shipped(name: &str) -> String {
    fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("config")
            .join(name),
    )
    .unwrap()
}

/// The reference configuration.
const REFERENCE: &str = include_str!("common/reference.toml");

#[test]
fn the_reference_configuration_becomes_typed_values() {
    let config = parse(REFERENCE).unwrap();
    assert_eq!(config.api.tokens.len(), 3);
    assert!(config.api.tokens[1].has(Scope::Send) && !config.api.tokens[1].has(Scope::Admin));
    assert_eq!(config.callbacks.timeout, Duration::from_secs(2));
    assert_eq!(config.callbacks.jwt_issuer, "smpp-bridge");
    assert_eq!(config.mo.reassembly_timeout, Duration::from_secs(3));
    let profile = &config.service_profiles[0];
    assert_eq!((profile.id, profile.organisation.id), (12, 4));
    assert_eq!(profile.callback_url.path(), "/mo");
    assert_eq!(
        profile.api_secret.as_ref().unwrap().expose(),
        "s3cr3t-signing-key"
    );
    assert_eq!(profile.receipts, ReceiptWish::Final);
    assert_eq!(config.endpoints[0].service_profile, 12);
    let account = &config.universal.accounts[0];
    assert_eq!(account.price_per_part, 0.035);
    assert_eq!(account.rate_per_s.unwrap().get(), 1000);
    assert_eq!(config.tls.ca_file, None);
    assert_eq!(config.use_cases_defaults.landline_prefixes, ["+4930"]);
    let bound = "127.0.0.1:9".parse().unwrap();
    assert_eq!(config.http.base_url(bound), "http://127.0.0.1:18080");
}

#[test]
fn an_empty_file_gives_every_default() {
    let config = parse("").unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.http.listen, "127.0.0.1:18080".parse().unwrap());
    assert_eq!(
        config.http.base_url("127.0.0.1:9".parse().unwrap()),
        "http://127.0.0.1:9"
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_name() {
    assert_eq!(
        refused("[http]\n\n[callbacks]\ntimout_ms = 5\n"),
        "bridge.toml:4:1: callbacks.timout_ms: unknown key; did you mean `timeout_ms`?"
    );
    assert_eq!(
        refused("colour = 1"),
        "bridge.toml:1:1: colour: unknown key"
    );
    assert_eq!(
        refused("[callback]\ntimeout_ms = 5\n"),
        "bridge.toml:1:2: callback: unknown key; did you mean `callbacks`?"
    );
    assert_eq!(
        refused("[[endpoint]]\nid = 5\n"),
        "bridge.toml:1:3: endpoint: unknown key; did you mean `endpoints`?"
    );
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_the_lines() {
    let text = r#"[http]
listen = "localhost"
trusted_proxies = ["10.0.0.0/8", "127.0.0.1", 5]
[storage]
slice_mb = 256
retention_days = "30"
[[api.tokens]]
name = "a"
scopes = ["sned"]
[mo]
a2p_max_digits = 21
[smpp]
window = 0
"#;
    let expected = r#"bridge.toml:2:10: http.listen: must be an IP address and a port; for example "127.0.0.1:18080" or "[::1]:18080"
bridge.toml:3:34: http.trusted_proxies[1]: must be a network in CIDR notation; for this one address write "127.0.0.1/32"
bridge.toml:3:47: http.trusted_proxies[2]: must be a string, this is a whole number
bridge.toml:5:1: storage.slice_mb: unknown key; did you mean `slice_mib`?
bridge.toml:6:18: storage.retention_days: must be a whole number, this is a string
bridge.toml:7:1: api.tokens[0].token: is required; `token_sha256`, `token_env` and `token_file` would do as well
bridge.toml:9:11: api.tokens[0].scopes[0]: must be "admin" or "send" or "read"; did you mean "send"?
bridge.toml:11:18: mo.a2p_max_digits: must be between 0 and 20
bridge.toml:13:10: smpp.window: must be between 1 and 65535"#;
    assert_eq!(refused(text), expected);
}

#[test]
fn contradictions_are_refused_where_they_are() {
    let token = |name: &str, token: &str| {
        format!("[[api.tokens]]\nname = \"{name}\"\ntoken = \"{token}\"\nscopes = [\"read\"]\n")
    };
    let profile = "[[service_profiles]]\nid = 1\nname = \"p\"\norganisation.id = 1\n\
                   callback_url = \"http://h/\"\n";
    let endpoint = |id: u32, msisdn: &str, profile: u32| {
        format!(
            "[[endpoints]]\nid = {id}\nname = \"e\"\nmsisdn = \"{msisdn}\"\n\
             service_profile = {profile}\n"
        )
    };
    let account =
        |rest: &str| format!("[[universal.accounts]]\nname = \"a\"\ngateway = \"g\"\n{rest}\n");
    let cases = [
        (
            token("a", "t1") + &token("a", "t2"),
            "6:8: api.tokens[1].name: is used twice",
        ),
        (
            token("a", "t1") + &token("b", "t1"),
            "7:9: api.tokens[1].token: is used twice",
        ),
        (token("a", "t 1"), "3:9: api.tokens[0].token: must be ASCII"),
        (
            endpoint(1, "49151", 7),
            "5:19: endpoints[0].service_profile: no [[service_profiles]] has the id 7",
        ),
        (
            profile.repeat(2),
            "7:6: service_profiles[1].id: is used twice",
        ),
        (
            profile.to_owned() + &endpoint(1, "49151", 1) + &endpoint(1, "+49151", 1),
            "12:6: endpoints[1].id: is used twice",
        ),
        (
            profile.to_owned() + &endpoint(1, "49151", 1) + &endpoint(1, "+49151", 1),
            "14:10: endpoints[1].msisdn: is used twice",
        ),
        (
            account(""),
            "1:1: universal.accounts[0].api_key: is required",
        ),
        (
            account("username = \"u\""),
            "universal.accounts[0].password: is required beside",
        ),
        (
            account("password = \"p\""),
            "universal.accounts[0].username: is required beside",
        ),
        (
            account("username = \"a:b\"\npassword = \"p\""),
            "must not contain a colon",
        ),
        (
            "[callbacks]\nbackoff_initial_ms = 500\nbackoff_max_ms = 100".to_owned(),
            "3:18: callbacks.backoff_max_ms: is less than",
        ),
        (
            "[smpp]\nreconnect_initial_ms = 30000".to_owned(),
            "2:24: smpp.reconnect_initial_ms: `reconnect_max_ms` is less than",
        ),
        (
            "[storage]\nretention_days = 1\nslice_hours = 48".to_owned(),
            "2:18: storage.retention_days: is less than `slice_hours`",
        ),
        (
            "[storage]\nretention_gib = 1\nslice_mib = 1024".to_owned(),
            "2:17: storage.retention_gib: is less than two slices",
        ),
        (
            "[storage]\npath = \"/dev/null\"".to_owned(),
            "/dev/null is not a directory",
        ),
        (
            "[tls]\nca_file = \"/no/such\"".to_owned(),
            "2:11: tls.ca_file: /no/such is not a file",
        ),
        (
            "[http]\nlisten = \"127.0.0.1:1\"\nadmin_listen = \"127.0.0.1:1\"".to_owned(),
            "3:16: http.admin_listen: is the same as `listen`",
        ),
        (
            "[log]\nlevel = \"a=loudest\"".to_owned(),
            "2:9: log.level: is no log filter",
        ),
        (
            "http = 5".to_owned(),
            "1:8: http: must be a table, this is a whole number",
        ),
        (
            "endpoints = [5]".to_owned(),
            "1:14: endpoints[0]: must be a table",
        ),
        (
            "endpoints = {}".to_owned(),
            "1:13: endpoints: must be a list of tables",
        ),
    ];
    for (text, expected) in cases {
        let printed = refused(&text);
        assert!(printed.contains(expected), "{text}\n{printed}");
    }
}

#[test]
fn what_is_no_list_is_told_once() {
    let token = "[[api.tokens]]\nname = \"a\"\ntoken = \"b\"\n";
    assert_eq!(
        refused(&format!("{token}scopes = \"send\"")),
        "bridge.toml:4:10: api.tokens[0].scopes: must be a list, this is a string"
    );
    assert_eq!(
        refused(&format!("{token}scopes = []")),
        "bridge.toml:4:10: api.tokens[0].scopes: must name at least one scope; for example [\"send\"]"
    );
}

#[test]
fn an_open_or_publicly_known_api_may_listen_on_loopback_only() {
    let listen = "[http]\npublic_base_url = \"https://example.org/\"\nlisten = ";
    let with = |token: &str| {
        format!("[[api.tokens]]\nname = \"a\"\ntoken = \"{token}\"\nscopes = [\"admin\"]\n")
    };
    assert!(parse(&format!("{listen}\"[::1]:80\"")).is_ok());
    let open = refused(&format!("{listen}\"0.0.0.0:80\""));
    assert!(
        open.starts_with("bridge.toml:3:10: http.listen: is not a loopback address"),
        "{open}"
    );
    let known = refused(&format!(
        "{listen}\"192.0.2.1:80\"\n{}",
        with("change-me-admin")
    ));
    assert!(
        known.contains("`a` still has a secret of the example"),
        "{known}"
    );
    let config = parse(&format!(
        "{listen}\"0.0.0.0:80\"\n{}",
        with("long-and-random")
    ))
    .unwrap();
    assert_eq!(config.http.public_base_url.unwrap(), "https://example.org");
    let wrong_token = refused(&format!(
        "{listen}\"0.0.0.0:80\"\n[[api.tokens]]\nname = \"a\""
    ));
    assert!(
        !wrong_token.contains("loopback"),
        "the API was not meant to be open: {wrong_token}"
    );
}

#[test]
fn listening_everywhere_needs_a_name_that_others_can_call() {
    let text = "[http]\nlisten = \"0.0.0.0:80\"\n[[api.tokens]]\nname = \"a\"\n\
                token = \"t\"\nscopes = [\"admin\"]\n";
    assert!(refused(text).contains("bridge.toml:1:1: http.public_base_url: is required"));
}

#[test]
fn a_secret_may_come_from_the_environment_or_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, "from-file\r\n").unwrap();
    let text = format!(
        "[[api.tokens]]\nname = \"a\"\ntoken_env = \"TOKEN\"\nscopes = [\"admin\"]\n\
         [[universal.accounts]]\nname = \"b\"\ngateway = \"g\"\napi_key_file = '{}'\n",
        file.display()
    );
    let variables = HashMap::from([("TOKEN", "from-env")]);
    let env = |name: &str| variables.get(name).map(|text| (*text).to_owned());
    let config = config::parse("bridge.toml", &text, &env).unwrap();
    assert!(config.api.tokens[0].token.matches(b"from-env"));
    let key = config.universal.accounts[0].api_key.as_ref().unwrap();
    assert!(key.matches(b"from-file"));
}

/// The hash is of "abc".
#[test]
fn a_secret_and_its_hash_are_the_same_and_not_given_together() {
    let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let token = |name: &str, secret: &str| {
        format!("[[api.tokens]]\nname = \"{name}\"\nscopes = [\"admin\"]\n{secret}\n")
    };
    let clear = "token = \"abc\"";
    let hashed = format!("token_sha256 = \"{hash}\"");
    let config = parse(&token("a", &hashed)).unwrap();
    assert_eq!(config, parse(&token("a", clear)).unwrap());
    assert!(!format!("{config:?}").contains("ba7816bf"));
    assert_eq!(
        refused(&(token("a", clear) + &token("b", &hashed))),
        "bridge.toml:8:16: api.tokens[1].token: is used twice"
    );
    assert_eq!(
        refused(&token("a", &format!("{clear}\n{hashed}"))),
        "bridge.toml:5:16: api.tokens[0].token_sha256: contradicts `token`: a secret comes from \
         one place"
    );
    assert_eq!(
        refused(&token("a", "token_sha256 = \"abc\"")),
        "bridge.toml:4:16: api.tokens[0].token_sha256: must be 64 hexadecimal digits; \
         `smpp-bridge hash` makes them of a secret"
    );
    // What signs cannot be a hash.
    let profile = "[[service_profiles]]\nid = 1\nname = \"p\"\norganisation = { id = 1 }\n\
                   callback_url = \"http://127.0.0.1:1/\"\n";
    let said = refused(&format!("{profile}api_secret_sha256 = \"{hash}\"\n"));
    assert!(said.contains("api_secret_sha256: unknown key"), "{said}");
}

#[test]
fn a_secret_that_cannot_be_found_or_comes_from_two_places_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    fs::write(&large, "x".repeat(100_000)).unwrap();
    let binary = folder.path().join("binary");
    fs::write(&binary, [0xff, 0xfe]).unwrap();
    let empty = folder.path().join("empty");
    fs::write(&empty, "\n").unwrap();
    let large = format!("token_file = '{}'", large.display());
    let binary = format!("token_file = '{}'", binary.display());
    let empty = format!("token_file = '{}'", empty.display());
    for (lines, expected) in [
        (
            "token_env = \"NO_SUCH\"",
            "token_env: the environment variable named here is not set",
        ),
        (
            "token_file = \"/no/such\"",
            "token_file: the file named here cannot be read",
        ),
        (
            "token_file = \"/\"",
            "token_file: the file named here cannot be read",
        ),
        ("token = \"\"", "token: the secret is empty"),
        (
            "token = \"a\\u0007\"",
            "token: the secret contains control characters",
        ),
        ("token = 5", "token: must be a string"),
        (
            "token = \"a\"\ntoken_env = \"B\"",
            "4:13: api.tokens[0].token_env: contradicts `token`",
        ),
        (&large, "the secret has more than 4096 octets"),
        (&binary, "cannot be read"),
        (&empty, "the secret is empty"),
    ] {
        let printed = refused(&format!(
            "[[api.tokens]]\nname = \"a\"\n{lines}\nscopes = [\"read\"]\n"
        ));
        assert!(printed.contains(expected), "{lines}\n{printed}");
        assert_eq!(printed.lines().count(), 1, "{printed}");
    }
}

#[test]
fn secrets_are_never_printed() {
    let secrets = [
        "adm-token",
        "send-token",
        "s3cr3t-signing-key",
        "uk-acme",
        "acme-pass",
    ];
    let config = format!("{:?}", parse(REFERENCE).unwrap());
    let (tokens, _) = REFERENCE.split_once("[callbacks]").unwrap();
    let (_, tokens) = tokens.split_once("[tls]").unwrap();
    let twice = refused(&format!(
        "{REFERENCE}\n{}",
        tokens.replace("ca_file = \"\"", "")
    ));
    let mistakes = refused(
        &REFERENCE
            .replace("\"send-token\"", "\"adm-token\"")
            .replace("adm-token", "adm-token \\u0007")
            .replace("\"uk-acme\"", "[\"uk-acme\"]"),
    );
    for secret in secrets {
        for printed in [&config, &twice, &mistakes] {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
    }
    assert!(config.contains("token: ***"), "{config}");
    assert!(
        twice.contains("api.tokens[3].token: is used twice"),
        "{twice}"
    );
    assert!(
        mistakes.contains("api_key: must be a string, this is a list"),
        "{mistakes}"
    );
}

#[test]
fn what_is_no_toml_is_refused_with_its_place() {
    assert!(refused("[http]\nlisten = \n").starts_with("bridge.toml:2:10: "));
    assert!(refused("[http]\n[http]\n").starts_with("bridge.toml:2:"));
    assert!(refused("a = 99999999999999999999").starts_with("bridge.toml:1:5: "));
    assert!(refused(&format!("a = {}", "[".repeat(100_000))).starts_with("bridge.toml:1:"));
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let load = |path: &Path| config::load(path, &no_env).unwrap_err().to_string();
    let missing = folder.path().join("missing.toml");
    assert!(load(&missing).starts_with(&format!("{}: cannot be read: ", missing.display())));
    assert!(load(folder.path()).contains("cannot be read"));
    assert!(load(Path::new("/dev/zero")).contains("has more than 16 MiB"));
    let latin1 = folder.path().join("latin1.toml");
    fs::write(&latin1, b"# caf\xe9\n").unwrap();
    assert!(load(&latin1).ends_with("latin1.toml:1:6: is not UTF-8 from here on"));
}

#[test]
fn every_shipped_file_loads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            config::load(&path, &no_env).unwrap_or_else(|problems| panic!("{problems}"));
            files += 1;
        }
    }
    assert!(files >= 2);
}

/// Paths of all keys with a plain value, one number a list index.
fn leaves(table: &dyn TableLike, path: &[String], found: &mut Vec<Vec<String>>) {
    for (key, item) in table.iter() {
        let path = [path, &[key.to_owned()]].concat();
        match item {
            Item::ArrayOfTables(tables) => {
                for (n, table) in tables.iter().enumerate() {
                    leaves(table, &[&path[..], &[n.to_string()]].concat(), found);
                }
            }
            _ => match item.as_table_like() {
                Some(table) => leaves(table, &path, found),
                None => found.push(path),
            },
        }
    }
}

/// The item that holds the last key of `path`.
fn parent<'a>(document: &'a mut DocumentMut, path: &[String]) -> &'a mut dyn TableLike {
    let mut item = document.as_item_mut();
    for key in &path[..path.len() - 1] {
        item = match key.parse::<usize>() {
            Ok(n) => &mut item[n],
            Err(_) => &mut item[key.as_str()],
        };
    }
    item.as_table_like_mut().unwrap()
}

/// Every key of the shipped file is taken out alone. Nothing may change then, unless the key is
/// required or is listed here as an example of something that has no default.
#[test]
fn every_default_that_the_shipped_file_shows_is_the_default() {
    let examples = ["service_profiles.0.organisation.name"];
    let text = shipped("bridge.toml");
    let document: DocumentMut = text.parse().unwrap();
    let whole = parse(&text).unwrap();
    let mut keys = Vec::new();
    leaves(document.as_table(), &[], &mut keys);
    assert!(keys.len() > 60);
    for path in keys {
        if is_part_of_an_example(&path) {
            continue;
        }
        let mut without = document.clone();
        parent(&mut without, &path).remove(path.last().unwrap());
        let name = path.join(".");
        match parse(&without.to_string()) {
            Ok(config) if examples.contains(&name.as_str()) => assert_ne!(config, whole, "{name}"),
            Ok(config) => assert_eq!(config, whole, "{name} shows another value than the default"),
            Err(problems) => {
                let key = path.last().unwrap();
                let required = problems
                    .iter()
                    .any(|p| p.key.ends_with(key) && p.message.starts_with("is required"));
                assert!(required, "{name} left out: {problems}");
            }
        }
    }
}

/// The rules of a route show one of each kind, which has no default.
fn is_part_of_an_example(path: &[String]) -> bool {
    path.iter().any(|key| key == "rules") && path.last().is_some_and(|key| key != "senders")
}

#[test]
fn the_keys_that_the_shipped_file_leaves_off_may_be_turned_on() {
    let text: String = shipped("bridge.toml")
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(key) if is_plain_key(key) => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(config.http.admin_listen.is_some() && config.http.public_base_url.is_some());
    assert!(config.service_profiles[0].api_secret.is_some());
    assert!(config.universal.accounts[0].password.is_some());
}

/// `key = …` where the key is not another way to say what is said already.
fn is_plain_key(line: &str) -> bool {
    // These stand in the place of another key, which is on.
    let instead = ["regex", "route"];
    line.split_once(" = ").is_some_and(|(key, _)| {
        key.bytes()
            .all(|octet| octet.is_ascii_lowercase() || octet == b'_' || octet == b'2')
            && !instead.contains(&key)
            && !key.ends_with("_env")
            && !key.ends_with("_file")
            && !key.ends_with("_hash")
    })
}

#[test]
fn no_value_of_any_key_panics() {
    let odd = [
        "\"\"",
        "\"é\"",
        "\"#\"",
        "\"http://[\"",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "nan",
        "-inf",
        "1e308",
        "true",
        "[]",
        "[[], {}]",
        "{}",
        "{ a = 1 }",
        "2021-10-29T07:16:45Z",
    ];
    let document: DocumentMut = shipped("bridge.toml").parse().unwrap();
    let mut keys = Vec::new();
    leaves(document.as_table(), &[], &mut keys);
    for path in keys {
        for value in odd {
            let value: Value = value.parse().unwrap();
            let mut changed = document.clone();
            parent(&mut changed, &path).insert(path.last().unwrap(), Item::Value(value));
            if let Err(problems) = parse(&changed.to_string()) {
                assert!(
                    problems.iter().all(|problem| problem.line > 0),
                    "{problems}"
                );
            }
        }
    }
}

#[test]
fn no_cut_file_panics() {
    let text = shipped("bridge.toml");
    for (at, _) in text.char_indices().step_by(13) {
        let _ = parse(&text[..at]);
        let _ = parse(&text[at..]);
    }
}

/// A file with one route of these rules.
fn with_rules(rules: &str) -> String {
    format!("[[routes]]\nname = \"r\"\n{rules}")
}

#[test]
fn routes_that_cannot_work_are_told_with_their_place() {
    const TO: &str = "to = [{ gateway = \"a\" }]\n";
    let rule = |text: &str| format!("[[routes.rules]]\n{text}\n{TO}");
    for (text, key, told) in [
        (
            rule("prefix = \"49\"") + &rule("prefix = \"+49\""),
            "routes[0].rules[1].prefix",
            "is never reached: a rule above has the same prefix",
        ),
        (
            rule("") + &rule("senders = [\"A\"]") + &rule(""),
            "routes[0].rules[2].prefix",
            "is never reached: there is a default rule above",
        ),
        (
            rule("prefix = \"49\"\nsenders = [\"A\", \"B\"]")
                + &rule("prefix = \"49\"\nsenders = [\"B\", \"C\"]"),
            "routes[0].rules[1].senders",
            "has `B`, which a rule above with the same prefix has",
        ),
        (
            rule("regex = \"^49\"") + &rule("regex = \"^49\"\nsenders = [\"A\"]"),
            "routes[0].rules[1].regex",
            "is never reached: a rule above has the same regex",
        ),
        (
            rule("regex = \".*\""),
            "routes[0].rules[0].regex",
            "matches every number",
        ),
        (
            rule("regex = \"^49(15\""),
            "routes[0].rules[0].regex",
            "is no regular expression: at character 4: unclosed group",
        ),
        (
            rule("prefix = \"49\"\nregex = \"^49\""),
            "routes[0].rules[0].regex",
            "contradicts `prefix`",
        ),
        (
            rule("prefix = \"0049\""),
            "routes[0].rules[0].prefix",
            "must be the first digits",
        ),
        (
            "[[routes.rules]]\nto = []".to_owned(),
            "routes[0].rules[0].to",
            "is required: at least one gateway",
        ),
        (String::new(), "routes[0].rules", "needs at least one rule"),
        (
            "[[routes.rules]]\nto = [{ gateway = \"a\", weight = 0 }]".to_owned(),
            "routes[0].rules[0].to[0].weight",
            "must be between 1 and 10000",
        ),
        (
            rule("failover = [\"b\", \"a\"]"),
            "routes[0].rules[0].failover",
            "names `a`, which the rule has already",
        ),
        (
            rule("failover_on = [\"unavailable\"]"),
            "routes[0].rules[0].failover_on",
            "has no other gateway to try",
        ),
    ] {
        let text = with_rules(&text);
        let problems = config::parse("f", &text, &|_| None).expect_err(&text);
        let found: Vec<&config::Problem> = problems.iter().collect();
        assert_eq!(found.len(), 1, "{problems}");
        assert_eq!(found[0].key, key, "{text}");
        assert!(found[0].message.contains(told), "{problems}");
        assert!(found[0].line > 0);
    }
}

#[test]
fn an_account_names_a_gateway_or_a_route_that_is_there() {
    let route = with_rules("[[routes.rules]]\nto = [{ gateway = \"a\" }]\n");
    let account = |via: &str| {
        format!("{route}[[universal.accounts]]\nname = \"x\"\napi_key = \"k\"\n{via}\n")
    };
    let good = config::parse("f", &account("route = \"r\""), &|_| None).unwrap();
    assert_eq!(good.universal.accounts[0].via.route_name(), Some("r"));
    for (via, key, told) in [
        ("route = \"rr\"", "route", "did you mean \"r\"?"),
        (
            "route = \"r\"\ngateway = \"a\"",
            "route",
            "contradicts `gateway`",
        ),
        ("", "gateway", "`route` would do as well"),
    ] {
        let problems = config::parse("f", &account(via), &|_| None).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems}");
        let told = problems.to_string().contains(told);
        assert!(
            told && problems.iter().all(|p| p.key.ends_with(key)),
            "{problems}"
        );
    }
}
