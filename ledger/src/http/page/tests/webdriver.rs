//! A browser driven over WebDriver (W3C), with what Chromium adds to it: its log, screenshots of whole pages,
//! other screens. Plain HTTP and JSON.

use serde_json::{Value, json};
use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Longest wait for something to appear on a page.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) const TAB: char = '\u{e004}';
pub(super) const ENTER: char = '\u{e007}';

/// Sends a request and reads its answer to the length that it names: the driver leaves connections open.
fn exchange(address: SocketAddr, request: &str) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = BufReader::new(stream);
    let mut line = String::new();
    answer.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut length = None;
    while line.trim() != "" {
        line.clear();
        answer.read_line(&mut line)?;
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
    }
    let (Some(status), Some(length)) = (status, length) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut body = vec![0; length];
    answer.read_exact(&mut body)?;
    Ok((status, body))
}

/// A program on the path.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Chromium without a window, with an empty profile; ends when it is dropped.
pub(super) struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one. `None` only where `MEDPROOF_BROWSER=none` says that this machine may have none.
    pub(super) fn start() -> Option<Self> {
        if env::var("MEDPROOF_BROWSER").is_ok_and(|value| value == "none") {
            println!("MEDPROOF_BROWSER=none: the explorer page is NOT tested in a browser");
            return None;
        }
        let missing = "the explorer page is tested in Chromium: install it with `./.ci/setup chromium \
             chromedriver=chromium-driver` (make test does), or set MEDPROOF_BROWSER=none to go without this test";
        let chromium = program("chromium").expect(missing);
        let driver = program("chromedriver").expect(missing);
        let mut driver = Command::new(driver)
            .args(["--port=0", "--allowed-ips=127.0.0.1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| {
            let line = line.ok()?;
            let rest = line.split_once("started successfully on port ")?.1;
            rest.trim_end_matches('.').parse::<u16>().ok()
        });
        // What it prints later is not read, and must not stop it.
        thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self {
            driver,
            address: SocketAddr::from(([127, 0, 0, 1], port.expect("chromedriver names its port"))),
            session: String::new(),
            profile,
        };
        browser.session = browser.open(&chromium);
        Some(browser)
    }

    fn open(&self, chromium: &Path) -> String {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            // A name that is not this machine, so that its pages have no secure context.
            "--host-resolver-rules=MAP ledger.test 127.0.0.1",
            &profile,
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "binary": chromium, "args": flags },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let answer = self.request("POST", "/session", &wanted);
        answer["sessionId"].as_str().unwrap().to_owned()
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "POST" {
            body.to_string()
        } else {
            String::new()
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        let (status, body) = exchange(self.address, &(head + &body)).unwrap();
        let mut json: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(status, 200, "{method} {path}: {json}");
        json["value"].take()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.request("POST", &format!("/session/{}/{path}", self.session), body)
    }

    pub(super) fn visit(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    /// What a function body gives.
    pub(super) fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// What the promise of an asynchronous function body gives; the body has `args`.
    pub(super) fn run_async(&self, script: &str, args: &Value) -> Value {
        let script = format!(
            "const [args, done] = arguments; (async () => {{ {script} }})().then(done, (error) => done(`failed: ${{error}}`));"
        );
        self.post("execute/async", &json!({ "script": script, "args": [args] }))
    }

    /// Waits until an expression is true, and says what the page shows where it never is.
    pub(super) fn wait_for(&self, expression: &str) {
        let began = Instant::now();
        while self.run(&format!("return Boolean({expression})")) != true {
            assert!(
                began.elapsed() < PATIENCE,
                "never: {expression}\n{}",
                self.text("body")
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The text that is shown in the first element of a selector.
    pub(super) fn text(&self, selector: &str) -> String {
        let selector = json!(selector);
        let text = self.run(&format!(
            "return document.querySelector({selector})?.innerText ?? null"
        ));
        text.as_str()
            .unwrap_or_else(|| panic!("no {selector}"))
            .to_owned()
    }

    /// Presses keys, one after the other.
    pub(super) fn press(&self, keys: &str) {
        let strokes = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|what| json!({ "type": what, "value": key })));
        let actions = json!([{ "type": "key", "id": "keyboard", "actions": strokes.collect::<Vec<_>>() }]);
        self.post("actions", &json!({ "actions": actions }));
    }

    /// Presses Tab until an element with this selector has the focus, and checks that the focus can be seen.
    pub(super) fn tab_to(&self, selector: &str) {
        let selector = json!(selector);
        for _ in 0..80 {
            self.press(&TAB.to_string());
            if self.run(&format!("return document.activeElement.matches({selector})")) == true {
                return;
            }
        }
        panic!("{selector} is never reached by Tab");
    }

    /// Chromium's own protocol.
    pub(super) fn chromium(&self, command: &str, parameters: Value) -> Value {
        self.post(
            "goog/cdp/execute",
            &json!({ "cmd": command, "params": parameters }),
        )
    }

    /// Another screen: width and height in CSS pixels, of a phone or not, with dark colours or not.
    pub(super) fn screen(&self, width: u32, height: u32, phone: bool, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.chromium("Emulation.setEmulatedMedia", json!({ "features": features }));
        self.chromium(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": if phone { 2 } else { 1 }, "mobile": phone }),
        );
    }

    /// Keeps a picture of the whole page.
    pub(super) fn picture(&self, file: &Path) {
        let size = self.chromium("Page.getLayoutMetrics", json!({}))["cssContentSize"].take();
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let picture = self.chromium(
            "Page.captureScreenshot",
            json!({ "captureBeyondViewport": true, "clip": clip }),
        );
        let png = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            picture["data"].as_str().unwrap(),
        );
        std::fs::write(file, png.unwrap()).unwrap();
        println!("picture: {}", file.display());
    }

    /// What has come to a log (`browser`, `performance`) since it was last asked for.
    pub(super) fn log(&self, kind: &str) -> Vec<String> {
        let log = self.post("se/log", &json!({ "type": kind }));
        let lines = log.as_array().unwrap().iter();
        lines
            .map(|line| line["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The addresses that were asked for since the log was last read.
    pub(super) fn requested(&self) -> Vec<String> {
        let events = self.log("performance").into_iter().filter_map(|line| {
            let event: Value = serde_json::from_str(&line).unwrap();
            let event = &event["message"];
            (event["method"] == "Network.requestWillBeSent")
                .then(|| event["params"]["request"]["url"].as_str().unwrap().to_owned())
        });
        events.collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser, which outlives its driver otherwise; this may run in a panic.
        let end = format!(
            "DELETE /session/{} HTTP/1.1\r\nhost: localhost\r\n\r\n",
            self.session
        );
        if !self.session.is_empty() {
            let _ = exchange(self.address, &end);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
