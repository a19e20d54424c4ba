//! The page in headless Chromium: what it shows of an honest ledger, of an empty one, and of liars; by keyboard,
//! on a phone, in light and dark.

use super::{
    entries, hex, liars,
    webdriver::{Browser, ENTER},
    world::World,
};
use crate::testing::{client::get, fr, genesis};
use medproof_verifier::{Entry, field::fr_to_be_bytes, inclusion::leaf_hash};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Everything that is shown at first is there.
pub(super) const READY: &str =
    "document.querySelector('#newest table') && document.querySelector('#rates .plot')";

/// A folder below the build folder, where the pictures stay.
pub(super) fn pictures() -> PathBuf {
    // The test program lies in `TARGET/PROFILE/deps`.
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().nth(3).unwrap().join("explorer");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub(super) fn state(browser: &Browser, selector: &str) -> String {
    let selector = json!(selector);
    let state = browser.run(&format!(
        "return document.querySelector({selector})?.dataset.state ?? 'absent'"
    ));
    state.as_str().unwrap().to_owned()
}

/// The state of the verdict on the entry that is shown, and its words.
fn found(browser: &Browser) -> (String, String) {
    browser.wait_for("document.querySelector('#found .verdict')");
    let verdict = "#found h3 + .verdict";
    (state(browser, verdict), browser.text(verdict))
}

pub(super) fn visit(browser: &Browser, address: SocketAddr, search: &str) {
    // Another address before, for a change behind `#` alone loads nothing.
    browser.visit("about:blank");
    browser.visit(&format!("http://{address}/{search}"));
    browser.wait_for(
        "!(document.querySelector('#overall')?.textContent ?? 'Reading').startsWith('Reading') && !document.querySelector('#again').disabled",
    );
}

#[test]
fn the_page_in_a_browser() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let folders = ["grown", "empty"].map(|name| directory.path().join(name));
    let (world, empty) = runtime.block_on(async {
        let world = World::empty(&folders[0], 2).await;
        world.grow().await;
        (world, World::empty(&folders[1], 0).await)
    });
    let log = entries(world.http);

    an_honest_ledger(&browser, &world);
    hashes_proofs_and_entries(&browser, &log);
    by_keyboard(&browser, &world, &log);
    keys_of_ones_own(&browser, &world);
    an_empty_ledger(&browser, &empty);
    on_any_screen(&browser, &world, &log, &pictures());
    without_a_secure_context(&browser, &world);
    a_mirror(&browser, &runtime, &world, &directory.path().join("mirror"));
    liars::liars(&browser, &runtime, &world, &log);
    liars::a_fork(&browser, &runtime, &empty, &world);

    runtime.block_on(world.shutdown());
    runtime.block_on(empty.shutdown());
}

/// No errors in the browser's log, and no request to anybody else.
fn is_quiet(browser: &Browser, address: SocketAddr) {
    let log = browser.log("browser");
    assert!(log.is_empty(), "{log:?}");
    let own = format!("http://{address}/");
    // The browser's own pages come out of the browser.
    let inner = ["about:", "chrome:", "data:"];
    let requested = browser.requested().into_iter();
    let others: Vec<_> = requested
        .filter(|url| !url.starts_with(&own) && !inner.iter().any(|scheme| url.starts_with(scheme)))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

fn an_honest_ledger(browser: &Browser, world: &World) {
    browser.screen(1200, 900, false, false);
    visit(browser, world.http, "");
    browser.wait_for(READY);
    assert_eq!(state(browser, "#overall"), "good", "{}", browser.text("body"));
    let shown = browser.text("#checkpoint");
    let id = hex(&genesis().ledger_id());
    for part in [
        "The log’s signature on this checkpoint holds under the key in GENESIS.",
        "2 cosignatures of witnesses hold; this ledger names 2 and shows checkpoints with 2.",
        "witness-1.example",
        "witness-2.example",
        &id,
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(
        browser.run("return document.querySelectorAll('#checkpoint [data-state=bad]').length"),
        0
    );
    assert!(browser.text("#origin").contains("ledger.example/test"));
    // Statements by kind, as `reads_beside_the_tiles_agree_with_the_log` finds them.
    assert!(browser.text("#kinds").contains("statement"));
    assert!(
        browser
            .text("#rates figcaption")
            .contains("in steps of 30 minutes")
    );
    assert!(browser.run("return document.querySelectorAll('#rates svg rect').length") == 48);
    is_quiet(browser, world.http);
}

/// The same page from a mirror: its own cosignature beside those of the ledger's witnesses, entries and searches.
fn a_mirror(browser: &Browser, runtime: &tokio::runtime::Runtime, world: &World, directory: &Path) {
    let mirror = runtime.block_on(world.mirror(directory));
    let http = mirror.http_address().unwrap();
    let cosigned = |note: &[u8]| note.iter().filter(|byte| **byte == b'\n').count() == 3 + 1 + 4;
    let mut waits = 0;
    while !cosigned(&get(http, "/checkpoint").body) {
        waits += 1;
        assert!(waits < 500, "the mirror does not show three cosignatures");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // What was asked of the ledger before is not this page's.
    browser.requested();
    visit(browser, http, "#leaf=17");
    browser.wait_for(READY);
    assert_eq!(state(browser, "#overall"), "good", "{}", browser.text("body"));
    assert_eq!(found(browser).0, "good");
    let shown = browser.text("#checkpoint");
    for part in [
        "The log’s signature on this checkpoint holds under the key in GENESIS.",
        "3 cosignatures of witnesses hold; this ledger names 3 and shows checkpoints with 1.",
        "mirror.example",
        "witness-1.example",
        "witness-2.example",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    visit(
        browser,
        http,
        &format!("#find={}", hex(&fr_to_be_bytes(&fr(60_001)))),
    );
    browser.wait_for("document.querySelector('#found .verdict')");
    assert_eq!(
        state(browser, "#found .verdict"),
        "good",
        "{}",
        browser.text("#found")
    );
    is_quiet(browser, http);
    runtime.block_on(mirror.shutdown());
}

/// The page's own arithmetic against ours.
fn hashes_proofs_and_entries(browser: &Browser, log: &[Vec<u8>]) {
    let lengths: Vec<usize> = (0..150).chain([255, 256, 257, 1000, 65_535]).collect();
    let hashes = browser.run_async(
        "const [{ sha256 }, { hex }] = await Promise.all([import('./explorer/sha256.js'), import('./explorer/bytes.js')]);
         return args.map((n) => hex(sha256(Uint8Array.from({ length: n }, (_, i) => i * 7 % 251))));",
        &json!(lengths),
    );
    let expected = lengths.iter().map(|n| {
        let bytes: Vec<u8> = (0..*n).map(|i| (i * 7 % 251) as u8).collect();
        hex(&Sha256::digest(bytes))
    });
    assert_eq!(hashes, Value::from(expected.collect::<Vec<_>>()));

    // Every entry of the log under its root; and every seventh tree of a smaller size is found to be its beginning.
    let proven = browser.run_async(
        "const [{ open, prove }, { hex }] = await Promise.all([import('./explorer/reads.js'), import('./explorer/bytes.js')]);
         const view = await open();
         const out = { size: view.checkpoint.size, root: hex(view.checkpoint.root), leaves: [], roots: [] };
         for (let i = 0; i < view.checkpoint.size; i += 1) {
           const { included, leaf } = await prove(view, i);
           out.leaves.push(included ? hex(leaf) : null);
           if (i % 7 === 0) out.roots.push((await view.tree.roots(i + 1)).map(hex));
         }
         return out;",
        &Value::Null,
    );
    assert_eq!(proven["size"], log.len(), "{proven}");
    let mut tree = ct_merkle::mem_backed_tree::MemoryBackedTree::<sha2_ct::Sha256, Vec<u8>>::new();
    for (i, entry) in log.iter().enumerate() {
        tree.push(entry.clone());
        assert_eq!(proven["leaves"][i], hex(&leaf_hash(entry)), "{i}");
        if i % 7 == 0 {
            let roots = json!([hex(tree.root().as_bytes()), proven["root"]]);
            assert_eq!(proven["roots"][i / 7], roots, "{i}");
        }
    }

    let read = browser.run_async(
        "const [{ decode }, { unhex }] = await Promise.all([import('./explorer/entry.js'), import('./explorer/bytes.js')]);
         const refused = (bytes) => { try { decode(bytes); return false; } catch (error) { return error.constructor.name === 'Refused'; } };
         const seen = new Set();
         return args.map((digits) => {
           const bytes = unhex(digits);
           const { kind } = decode(bytes);
           // Every cut of the first entry of each kind; of the others one.
           let cuts = !refused(bytes.slice(0, -1));
           for (let n = 0; n < bytes.length && !seen.has(kind); n += 1) cuts ||= !refused(bytes.slice(0, n));
           seen.add(kind);
           return [kind, !cuts, refused(Uint8Array.of(...bytes, 0))];
         });",
        &json!(log.iter().map(|entry| hex(entry)).collect::<Vec<_>>()),
    );
    for (i, entry) in log.iter().enumerate() {
        let kind = Entry::from_bytes(entry).unwrap().kind();
        assert_eq!(read[i], json!([kind.as_str(), true, true]), "entry {i}");
    }
}

/// Searches, links, periods and a second reading, with Tab, Enter and arrows alone.
fn by_keyboard(browser: &Browser, world: &World, log: &[Vec<u8>]) {
    visit(browser, world.http, "");
    browser.wait_for(READY);
    browser.tab_to("#query");
    browser.press(&format!("17{ENTER}"));
    let verified = format!(
        "Verified: leaf 17 of the tree of {} entries that the log has signed.",
        log.len()
    );
    assert_eq!(found(browser), ("good".into(), verified.clone()));
    assert_eq!(browser.text("#announce"), verified);
    assert!(browser.run("return location.hash") == "#leaf=17");
    assert!(browser.run("return document.activeElement.matches('#found h3')") == true);
    browser.tab_to("a[href='#leaf=18']");
    browser.press(&ENTER.to_string());
    browser.wait_for("document.querySelector('#found h3').innerText.startsWith('Entry 18:')");
    assert_eq!(found(browser).0, "good");

    for (value, shown) in [
        (hex(&leaf_hash(&log[260])), "Entry 260:".to_owned()),
        (
            hex(&fr_to_be_bytes(&fr(60_001))),
            "A nullifier that is spent".into(),
        ),
        ("00".repeat(32), "Not found".into()),
        ("1000000".into(), "Not there".into()),
        ("nonsense".into(), "No answer".into()),
    ] {
        visit(browser, world.http, "");
        browser.tab_to("#query");
        browser.press(&format!("{value}{ENTER}"));
        browser.wait_for(&format!(
            "document.querySelector('#found h3')?.innerText.startsWith('{shown}')"
        ));
        let expected = match shown.as_str() {
            "Not found" | "Not there" => "open",
            "No answer" => "bad",
            _ => "good",
        };
        browser.wait_for("document.querySelector('#found .verdict')");
        assert_eq!(
            state(browser, "#found .verdict"),
            expected,
            "{value}: {}",
            browser.text("#found")
        );
    }
    browser.tab_to("[name=span]:checked");
    browser.press("\u{e014}");
    browser.wait_for("document.querySelector('#rates figcaption').innerText.includes('in steps of 3 hours')");
    // What has the focus is seen to have it.
    let outline =
        browser.run("return getComputedStyle(document.activeElement.closest('label')).outlineStyle");
    assert_eq!(outline, "solid");
    browser.tab_to("#again");
    browser.press(&ENTER.to_string());
    browser.wait_for(
        "document.querySelector('#checkpoint').innerText.includes('is the beginning of this tree')",
    );
    assert_eq!(state(browser, "#overall"), "good");
    is_quiet(browser, world.http);
}

fn keys_of_ones_own(browser: &Browser, world: &World) {
    visit(browser, world.http, "");
    let keys = json!(world.keys[0]);
    browser.run("document.querySelector('#own').open = true");
    browser.run(&format!("document.querySelector('#keys').value = {keys}"));
    browser.run("document.querySelector('#keys-form button').click()");
    browser.wait_for("document.querySelector('#keys-answer').innerText.startsWith('1 of your 1 ')");
    assert!(browser.text("#checkpoint").contains("holds under your key"));
    browser.run(&format!(
        "document.querySelector('#keys').value = {keys}.replace('+', '+0')"
    ));
    browser.run("document.querySelector('#keys-form button').click()");
    browser.wait_for("document.querySelector('#keys-answer').innerText.includes('not a key')");
    is_quiet(browser, world.http);
}

fn an_empty_ledger(browser: &Browser, empty: &World) {
    visit(browser, empty.http, "#leaf=0");
    browser.wait_for(READY);
    assert_eq!(state(browser, "#overall"), "good");
    let (state, words) = found(browser);
    assert_eq!(
        (state.as_str(), words.as_str()),
        (
            "good",
            "Verified: leaf 0 of the tree of 2 entries that the log has signed."
        )
    );
    assert!(
        browser
            .text("#checkpoint")
            .contains("This ledger names no witnesses.")
    );
    assert!(
        browser
            .text("#rates figcaption")
            .starts_with("1 entry in 1 batch ")
    );
    is_quiet(browser, empty.http);
}

/// Nothing is wider than the screen, every text has a contrast of 4.5 or more; pictures are kept.
fn on_any_screen(browser: &Browser, world: &World, log: &[Vec<u8>], folder: &Path) {
    let statement = log.len() - 8;
    let pages = [
        ("overview", String::new()),
        ("entry", format!("#leaf={statement}")),
        (
            "nullifier",
            format!("#find={}", hex(&fr_to_be_bytes(&fr(60_001)))),
        ),
        ("not-found", format!("#find={}", "ab".repeat(32))),
    ];
    for (screen, width, phone) in [("desktop", 1200, false), ("phone", 360, true)] {
        for (colours, dark) in [("light", false), ("dark", true)] {
            browser.screen(width, 800, phone, dark);
            for (page, search) in &pages {
                visit(browser, world.http, search);
                browser.wait_for(READY);
                if !search.is_empty() {
                    browser.wait_for("document.querySelector('#found .verdict')");
                }
                browser.run("document.querySelectorAll('details').forEach((part) => { part.open = true; })");
                let wide = browser.run(TOO_WIDE);
                assert_eq!(wide, json!([]), "{page} on a {screen}");
                let pale = browser.run(TOO_PALE);
                assert_eq!(pale, json!([]), "{page} in {colours} colours");
                browser.run("document.querySelectorAll('details').forEach((part) => { part.open = false; })");
                if *page != "not-found" || phone {
                    browser.picture(&folder.join(format!("{page}-{screen}-{colours}.png")));
                }
            }
        }
    }
    browser.screen(1200, 900, false, false);
}

const TOO_WIDE: &str = "
  const out = document.documentElement.scrollWidth > innerWidth ? ['the page'] : [];
  for (const part of document.querySelectorAll('main *, header *')) {
    const { right, width } = part.getBoundingClientRect();
    if (width > 1 && right > innerWidth + 0.5) out.push(part.outerHTML.slice(0, 80));
  }
  return out;";

const TOO_PALE: &str = "
  const parse = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = (part) => {
    for (let at = part; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const out = [];
  for (const part of document.querySelectorAll('body *')) {
    const own = [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
    if (!own || part.closest('.unseen, noscript') || part.getClientRects().length === 0) continue;
    const [a, b] = [light(parse(getComputedStyle(part).color)), light(paper(part))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) out.push(`${contrast.toFixed(2)}: ${part.outerHTML.slice(0, 80)}`);
  }
  return out;";

/// Over plain HTTP from another machine a browser gives no Ed25519: nothing may be called verified.
fn without_a_secure_context(browser: &Browser, world: &World) {
    browser.visit(&format!("http://ledger.test:{}/#leaf=17", world.http.port()));
    browser.wait_for("window.isSecureContext === false");
    browser.wait_for(READY);
    assert_eq!(state(browser, "#overall"), "open");
    assert!(
        browser
            .text("#overall")
            .contains("signatures were not checked in this browser")
    );
    let (state, words) = found(browser);
    assert_eq!(state, "open", "{words}");
    assert!(words.contains("The root’s signature was not checked"), "{words}");
    let shown = browser.text("body");
    assert!(
        !shown.contains("Verified") && !shown.contains("has signed") && !shown.contains("holds under"),
        "{shown}"
    );
}
