//! Every key of the configuration, once: its form, default and meaning. Reading, `config show`,
//! `config schema`, the environment's names and the complaints about unknown keys all come from here.

/// What stands behind a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// One value.
    One(Form),
    /// A table of known keys: `[spool.history]`.
    Section(&'static [Key]),
    /// A table whose keys a person chose: `[topics.KEY]`.
    Named(&'static [Key]),
    /// A list of tables: `secrets = [{ id = …, file = … }]`.
    Many(&'static [Key]),
}

/// How one value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts.
    Texts,
    /// Bytes with a unit, between these: `"4 MiB"`.
    Size(u64, u64),
    /// A time span with a unit, in seconds between these: `"10s"`.
    Span(u64, u64),
    /// A whole number between these.
    Count(u64, u64),
    /// `true` or `false`.
    Switch,
    /// A text that is never shown.
    Secret,
}

/// Whether a key must be there, and what holds when it isn't.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unset {
    /// It must be there.
    Wrong,
    /// Nothing holds in its place.
    Nothing,
    /// This text does, read as the key's form.
    Default(&'static str),
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) unset: Unset,
    pub(crate) about: &'static str,
}

const fn one(name: &'static str, form: Form, unset: Unset, about: &'static str) -> Key {
    Key { name, shape: Shape::One(form), unset, about }
}

const fn group(name: &'static str, shape: Shape, unset: Unset, about: &'static str) -> Key {
    Key { name, shape, unset, about }
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const TIB: u64 = 1024 * GIB;
const DAY: u64 = 24 * 3600;

use Form::{Count, Secret, Size, Span, Switch, Text, Texts, Word};
use Unset::{Default, Nothing, Wrong};

/// The whole file.
pub(crate) const ROOT: &[Key] = &[
    group("receive", Shape::Section(RECEIVE), Nothing, "Where Moodle sends to."),
    group("operate", Shape::Section(OPERATE), Nothing, "Where a person looks."),
    group("spool", Shape::Section(SPOOL), Nothing, "What is kept on disk."),
    group("aws", Shape::Section(AWS), Nothing, "Amazon SNS. Credentials come from AWS's usual chain."),
    group("contracts", Shape::Section(CONTRACTS), Nothing, "Contracts beside the built-in ones."),
    group(
        "heartbeat",
        Shape::Section(HEARTBEAT),
        Nothing,
        "Heartbeats, to topics that name moodle.producer.heartbeat.v1.",
    ),
    group("sources", Shape::Named(SOURCE), Wrong, "One table a Moodle: [sources.KEY]."),
    group("topics", Shape::Named(TOPIC), Wrong, "One table a topic: [topics.KEY]. The key is its identity."),
];

const RECEIVE: &[Key] = &[
    one(
        "listen",
        Text,
        Default("127.0.0.1:8080"),
        "\"unix:/path\" or \"address:port\". An address that isn't loopback needs tls_cert and tls_key, or plaintext.",
    ),
    one(
        "tls_cert",
        Text,
        Nothing,
        "PEM file of the certificate chain; read again on SIGHUP and by `reload`.",
    ),
    one("tls_key", Text, Nothing, "PEM file of its private key."),
    one(
        "plaintext",
        Word(&["behind-proxy"]),
        Nothing,
        "Plain HTTP on an address that isn't loopback: only where a proxy in front does TLS.",
    ),
    one("socket_mode", Text, Default("0660"), "Mode of the Unix socket, octal."),
    one("socket_group", Text, Nothing, "Group of the Unix socket, for php-fpm."),
    one("max_body", Size(KIB, GIB), Default("4 MiB"), "The largest request; told to the plugin."),
    one(
        "max_events",
        Count(1, 100_000),
        Default("2000"),
        "The most events of one request; told to the plugin.",
    ),
    one("max_event", Size(KIB, 64 * MIB), Default("1 MiB"), "The largest event; a larger one is parked."),
    one(
        "max_depth",
        Count(4, 100),
        Default("32"),
        "How deep an event may be nested; a deeper one is parked.",
    ),
    one(
        "max_in_flight",
        Size(MIB, TIB),
        Default("32 MiB"),
        "Bytes of all requests being read; above it the answer is 429.",
    ),
    one("max_connections", Count(1, 1_000_000), Default("1024"), "Connections at once."),
    one(
        "header_timeout",
        Span(1, 300),
        Default("3s"),
        "From a connection's opening, or the answer before, to the end of a request's head.",
    ),
    one("body_timeout", Span(1, 600), Default("10s"), "For a whole body."),
];

const OPERATE: &[Key] = &[
    one(
        "listen",
        Text,
        Default("127.0.0.1:9080"),
        "\"unix:/path\" (mode 0600) or \"address:port\": /livez /readyz /metrics /status and the changing verbs. Never public.",
    ),
    one(
        "allow_remote",
        Switch,
        Default("false"),
        "Lets listen be an address that isn't loopback; a token is needed then.",
    ),
    one(
        "hosts",
        Texts,
        Default(""),
        "Names a request's Host may have, beside localhost and loopback addresses.",
    ),
    one("token", Secret, Nothing, "What changing verbs must show; better in token_file."),
    one("token_file", Text, Nothing, "File with the token; without one changing verbs are refused."),
    one(
        "probe_listen",
        Text,
        Nothing,
        "\"address:port\" for /livez, /readyz and /metrics only, without ids.",
    ),
    one("log", Word(&["auto", "json", "text"]), Default("auto"), "auto: text on a terminal, else json."),
    one("shutdown_grace", Span(1, 600), Default("10s"), "From SIGTERM to the exit at the latest."),
];

const SPOOL: &[Key] = &[
    one(
        "path",
        Text,
        Default("/var/lib/moodle-sns-producer/spool.db"),
        "The SQLite file, on a block volume that outlives the process.",
    ),
    one(
        "max_size",
        Size(16 * MIB, 64 * TIB),
        Default("8 GiB"),
        "The most that may wait to be published; above it the answer is 429 and nothing accepted is dropped.",
    ),
    group("history", Shape::Section(HISTORY), Nothing, "Settled events, kept for trace and replay."),
];

const HISTORY: &[Key] = &[
    one("age", Span(0, 365 * DAY), Default("7d"), "No older than this."),
    one("size", Size(0, 64 * TIB), Default("2 GiB"), "No more than this."),
];

const AWS: &[Key] = &[
    one("region", Text, Nothing, "Default: the region of the topics."),
    one(
        "endpoint_url",
        Text,
        Nothing,
        "Another place than AWS's own (LocalStack); needs allow_custom_endpoint.",
    ),
    one("allow_custom_endpoint", Switch, Default("false"), "Messages go to endpoint_url instead of AWS."),
    one(
        "quota_standard",
        Count(1, 1_000_000),
        Nothing,
        "Messages a second that AWS lets this account publish to standard topics in this region. Default: what AWS grants there unasked, 300 in most; none at an endpoint that isn't AWS's.",
    ),
    one(
        "quota_fifo",
        Count(1, 1_000_000),
        Nothing,
        "The same for FIFO topics. Default: 3,000 in most regions.",
    ),
    one(
        "quota_share",
        Count(1, 100),
        Default("80"),
        "Hundredths of the quota that this process uses; the rest is for others who publish in the account.",
    ),
];

const CONTRACTS: &[Key] = &[
    one("dir", Text, Nothing, "Folder of own contracts: <subject>/<name>/v1.toml. Read at start only."),
    one(
        "withdrawn",
        Texts,
        Default(""),
        "Names of contracts that must not be sent: they leave all lists at the start, what waits of them is dropped, what only they took is erased.",
    ),
];

const HEARTBEAT: &[Key] = &[one(
    "every",
    Span(1, DAY),
    Default("5m"),
    "How often each such topic gets one, for each source; none while the last still waits.",
)];

const SOURCE: &[Key] = &[
    one(
        "source",
        Text,
        Wrong,
        "The site's URL ($CFG->wwwroot): `source` of each of its messages, the same for ever.",
    ),
    group("accept_urls", Shape::Many(ACCEPT_URL), Nothing, "URLs it also speaks as while it moves."),
    one(
        "dataschema",
        Text,
        Default("urn:moodle-sns-producer:schema:"),
        "What `dataschema` of its messages begins with.",
    ),
    group("secrets", Shape::Many(SECRET), Wrong, "All are valid at once, so that a change needs no pause."),
];

const ACCEPT_URL: &[Key] = &[
    one("url", Text, Wrong, "The other URL."),
    one("until", Text, Wrong, "The last moment: \"2026-12-31\" or \"2026-12-31T18:00:00Z\"."),
];

const SECRET: &[Key] = &[
    one("id", Text, Wrong, "Its name in status and metrics, e.g. the month it was made."),
    one(
        "file",
        Text,
        Nothing,
        "File with the secret: `whsec_` and base64. A bare name is sought in $CREDENTIALS_DIRECTORY first.",
    ),
    one("secret", Secret, Nothing, "The secret itself; better in a file."),
];

const TOPIC: &[Key] = &[
    one("arn", Text, Wrong, "arn:aws:sns:REGION:ACCOUNT:NAME; a FIFO topic's name ends in .fifo."),
    one("contracts", Texts, Wrong, "Names of contracts; * stands for any part: \"moodle.enrolment.*.v1\"."),
    one("sources", Texts, Nothing, "Keys of the sources it gets messages of. Default: all."),
    one(
        "drafts",
        Switch,
        Default("false"),
        "Whether draft contracts, which may change, are published to it.",
    ),
    one(
        "test",
        Switch,
        Default("false"),
        "Whether test messages (moodle.producer.test.v1) are published to it; no other topic gets them.",
    ),
    one("max_message", Size(KIB, MIB), Default("256 KiB"), "The largest message; a larger one is parked."),
    one("in_flight", Count(1, 64), Default("8"), "Batches at once; on a FIFO topic of distinct groups."),
];
