//! A program in another language that does what we do, asked over its standard input.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// One JSON object a line in, one out.
pub struct Library {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Library {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (ask, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, ask, answers }
    }

    pub fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.ask, "{question}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"))
    }

    pub fn end(self) {
        let Self { mut child, ask, .. } = self;
        drop(ask);
        assert!(child.wait().unwrap().success());
    }
}

/// The value of an environment variable; without it the test is skipped, loudly, or fails where nothing
/// may be skipped.
pub fn required(variable: &str, what: &str) -> Option<String> {
    let value = std::env::var(variable).ok().filter(|v| !v.is_empty());
    if value.is_none() {
        println!("SKIPPED: {what}: set {variable}");
        assert_ne!(std::env::var("TESTS_REQUIRED").as_deref(), Ok("1"), "{what} is required: set {variable}");
    }
    value
}

/// The program's place in `tests/interop`.
pub fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name).display().to_string()
}
