//! `medproof serve`: a ledger, a mirror of one, a prover or a gateway, until it is interrupted.

mod mirror;

use crate::{
    CliError, Exit, Output,
    backend::BackendArgs,
    journey::sources,
    keys::{self, KeyArgs},
    log::LogArgs,
    output::KeyProgress,
    read_bytes, read_text,
    remote::{self, runtime},
    secret::{self, PassphraseArgs},
    tls::{ServerArgs, TlsArgs, authorities},
};
use ed25519_dalek::SigningKey;
use medproof_gateway::{self as gateway, clock::OffsetClock};
use medproof_ledger::{self as ledger, Failed, StartError, cosigning::WitnessAddress, http::client::Prefix};
use medproof_proto::{address::Address, ledger_client::Ledger};
use medproof_prover::{Server as ProverServer, ServerConfig, queue::Limits};
use medproof_verifier::cosignature::WitnessKey;
use medproof_verifier::{CircuitName, Entry, LogKey, Name, Role, entry::Genesis, entry::MAX_ENTRY_BYTES};
use serde::Deserialize;
use serde_json::json;
use std::{
    fmt::Display,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

/// Largest configuration file.
const MAX_CONFIG: u64 = 64 * 1024;

/// Arguments of `medproof serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: LogArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run a ledger, or a mirror of one.
    Ledger(Box<LedgerArgs>),
    /// Run a prover. It is sent witnesses, so it listens on loopback only where it has no certificate.
    Prover(ProverArgs),
    /// Run a verifier gateway.
    Gateway(GatewayArgs),
}

#[derive(Debug, clap::Args)]
struct GatewayArgs {
    /// Its configuration (TOML; see docs/cli.md).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    tls: ServerArgs,
    /// How its ledger is reached.
    #[command(flatten)]
    ledger: TlsArgs,
}

#[derive(Debug, clap::Args)]
struct LedgerArgs {
    /// Directory of the ledger; made if missing.
    #[arg(long, value_name = "DIR")]
    directory: PathBuf,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7001")]
    listen: SocketAddr,
    /// Address on which the log's tiles, health and metrics are served over HTTP; port 0 takes a free one
    /// [default: not served].
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// A witness to ask for cosignatures, NAME+ID+KEY=http[s]://HOST:PORT (repeatable).
    #[arg(long, value_name = "KEY=URL", value_parser = witness)]
    witness: Vec<WitnessAddress>,
    /// Certificates (PEM) of the authorities that must have certified https addresses of witnesses and of a mirror's primary
    /// [default: those that browsers believe].
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// How many of them must have cosigned a checkpoint before it is shown over HTTP; as many that have seen another history
    /// stop the ledger [default: all].
    #[arg(long, value_name = "N", requires = "witness")]
    quorum: Option<usize>,
    /// Secret file with the key that signs checkpoints.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "mirror",
        conflicts_with = "mirror"
    )]
    log_key: Option<PathBuf>,
    /// The genesis (from `medproof ledger init`), needed to begin a ledger; for a mirror, the only one that it follows.
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// Follow the ledger whose tiles are served at this address, instead of signing one; every entry is checked again.
    #[arg(long, value_name = "URL", requires_all = ["primary_key", "mirror_key"], conflicts_with_all = ["witness", "quorum"])]
    mirror: Option<Prefix>,
    /// Public key of the ledger that is followed, NAME+ID+KEY.
    #[arg(long, value_name = "KEY", requires = "mirror")]
    primary_key: Option<LogKey>,
    /// Public key of a witness of the ledger that is followed, NAME+ID+KEY (repeatable): its cosignatures are checked,
    /// kept and shown beside the mirror's own.
    #[arg(long, value_name = "KEY", requires = "mirror")]
    primary_witness: Vec<WitnessKey>,
    /// Secret file with the mirror's own key, with which it cosigns. It must serve this mirror only.
    #[arg(long, value_name = "FILE", requires = "mirror")]
    mirror_key: Option<PathBuf>,
    /// The name under which it cosigns, for example mirror.example/m1 [default: the party in the secret file].
    #[arg(long, value_name = "NAME", requires = "mirror")]
    mirror_name: Option<String>,
    #[command(flatten)]
    tls: ServerArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Debug, clap::Args)]
struct ProverArgs {
    /// Address to listen on, of loopback where there is no certificate; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:7002")]
    listen: SocketAddr,
    #[command(flatten)]
    tls: ServerArgs,
    /// Only this circuit (repeatable) [default: all but the large tier].
    #[arg(long, value_name = "NAME", value_parser = keys::circuit_name)]
    circuit: Vec<CircuitName>,
    /// Proofs in work at once. More of them leave no core idle while a witness is assigned; each takes longer and has
    /// buffers of its own.
    #[arg(long, value_name = "N", default_value_t = Limits::default().workers as u16,
          value_parser = clap::value_parser!(u16).range(1..=16))]
    workers: u16,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

/// A gateway's configuration file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GatewayFile {
    listen: SocketAddr,
    role: String,
    domain: String,
    ledger: String,
    ledger_id: String,
    secret: PathBuf,
    staff_token_file: PathBuf,
    journal: PathBuf,
    #[serde(default)]
    development: bool,
    #[serde(default)]
    follow_ledger_clock: bool,
    challenge_seconds: Option<u64>,
    open_challenges: Option<usize>,
    concurrent_requests: Option<usize>,
    utc_offset_minutes: Option<i32>,
    #[serde(default)]
    witnesses: Vec<String>,
    quorum: Option<usize>,
    cosignature_seconds: Option<u64>,
}

/// Runs a service until it is interrupted.
///
/// # Errors
/// [`CliError`] when it cannot start.
pub fn run(args: &Args, output: &Output) -> Result<Exit, CliError> {
    args.logging.begin();
    match &args.command {
        Command::Ledger(args) => serve_ledger(args, output),
        Command::Prover(args) => serve_prover(args, output),
        Command::Gateway(args) => serve_gateway(args, output),
    }
}

pub(crate) fn announce(output: &Output, service: &str, url: String, extra: serde_json::Value) {
    let mut value = json!({ "service": service, "url": url });
    if let (Some(object), serde_json::Value::Object(extra)) = (value.as_object_mut(), extra) {
        object.extend(extra);
    }
    output.result(&value, || {
        format!("{service} listens on {url}; interrupt to end it")
    });
}

/// The requests to end that a process gets: an interrupt from a terminal, or a termination by what runs it.
pub(crate) struct Ending(Signal, Signal);

impl Ending {
    /// From here on none of them ends the process at once. To be called before a service says that it is there.
    pub(crate) fn watch() -> Result<Self, CliError> {
        let watch = |kind| signal(kind).map_err(CliError::unavailable);
        Ok(Self(
            watch(SignalKind::interrupt())?,
            watch(SignalKind::terminate())?,
        ))
    }

    /// Returns when there is one.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

/// Reads a genesis file: the canonical bytes of the GENESIS entry.
///
/// # Errors
/// [`CliError::Data`] naming the field that is wrong.
pub fn read_genesis(path: &Path) -> Result<Genesis, CliError> {
    let bytes = read_bytes(path, MAX_ENTRY_BYTES as u64)?;
    let bad = |what: String| CliError::Data(format!("`{}`: {what}", path.display()));
    match Entry::from_bytes(&bytes) {
        Ok(Entry::Genesis(genesis)) => Ok(genesis),
        Ok(other) => Err(bad(format!(
            "is a {} entry, not a genesis",
            other.kind().as_str()
        ))),
        Err(error) => Err(bad(error.to_string())),
    }
}

/// A witness' key and where it is asked.
fn witness(text: &str) -> Result<WitnessAddress, String> {
    let (key, prefix) = text
        .split_once('=')
        .ok_or("expected KEY=URL: a witness' key and its address")?;
    Ok(WitnessAddress {
        key: key.parse::<WitnessKey>().map_err(|e| e.to_string())?,
        prefix: prefix.parse::<Prefix>().map_err(|e| e.to_string())?,
    })
}

fn serve_ledger(args: &LedgerArgs, output: &Output) -> Result<Exit, CliError> {
    let genesis = args.genesis.as_deref().map(read_genesis).transpose()?;
    // The command line has one of the two.
    let Some(log_key) = &args.log_key else {
        return mirror::serve(args, genesis, output);
    };
    let log = secret::read(log_key, args.passphrase.passphrase()?)?;
    let key = SigningKey::from_bytes(&Zeroizing::new(log.posting().to_bytes()));
    let mut config = ledger::Config::loopback(args.directory.clone(), key, genesis);
    config.listen = args.listen;
    config.http = args.http;
    config.tls = args.tls.tls()?;
    config.quorum = args.quorum.unwrap_or(args.witness.len());
    config.witnesses = args.witness.clone();
    if let Some(authorities) = authorities(args.tls_ca.as_deref())? {
        for witness in &mut config.witnesses {
            witness.prefix = witness.prefix.clone().certified_by(&authorities);
        }
    }
    runtime()?.block_on(async {
        let server = match ledger::Server::start(config).await {
            Ok(server) => server,
            Err(error @ (StartError::Contradicted(_) | StartError::ContradictedBefore { .. })) => {
                return Ok(halts(&error, output));
            }
            Err(error) => return Err(CliError::unavailable(error)),
        };
        let extra = json!({
            "ledger_id": hex::encode(server.ledger_id()),
            "ledger_key": server.log_key().to_string(),
            "http": server.http_url(),
        });
        let mut ending = Ending::watch()?;
        announce(output, "ledger", server.url(), extra);
        if let Some(url) = server.http_url() {
            output.say(format!("tiles on {url}"));
        }
        let ended = tokio::select! {
            () = ending.asked() => Ok(Exit::Accept),
            // Nothing more will be acknowledged: readers are better off with the next start, or with a mirror.
            failed = server.failed() => match failed {
                Failed::Store => Err(CliError::unavailable(failed)),
                Failed::Contradicted(by) => Ok(halts(&by, output)),
            },
        };
        server.shutdown().await;
        ended
    })
}

/// Says why a ledger or mirror goes on no more, and does not start again before somebody has looked.
fn halts(why: &impl Display, output: &Output) -> Exit {
    output.error(Exit::Reject as u8, &why.to_string());
    Exit::Reject
}

fn serve_prover(args: &ProverArgs, output: &Output) -> Result<Exit, CliError> {
    let store = args.keys.store()?;
    let config = ServerConfig {
        address: args.listen,
        tls: args.tls.tls()?,
        limits: Limits {
            workers: usize::from(args.workers),
            ..Limits::default()
        },
        ..ServerConfig::default()
    };
    config.check().map_err(CliError::unavailable)?;
    let circuits: Vec<CircuitName> = match args.circuit.is_empty() {
        true => keys::circuits(false).collect(),
        false => args.circuit.clone(),
    };
    let mut shown = KeyProgress::new(output);
    let opened = args.backend.prover();
    let prover = opened
        .opening(&store, &circuits, &mut |step| shown.step(&step))
        .map_err(CliError::unavailable)?;
    drop(shown);
    runtime()?.block_on(async {
        let started = ProverServer::start(Arc::new(prover), config).await;
        let server = started.map_err(CliError::unavailable)?;
        let mut ending = Ending::watch()?;
        announce(output, "prover", server.url(), json!({}));
        ending.asked().await;
        server.shutdown().await;
        Ok(Exit::Accept)
    })
}

/// The role with this name.
///
/// # Errors
/// A message that lists the roles.
pub fn role(text: &str) -> Result<Role, String> {
    Role::ALL.into_iter().find(|r| r.as_str() == text).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.iter().map(|r| r.as_str()).collect();
        format!("no role `{text}`; there are {}", known.join(", "))
    })
}

fn serve_gateway(args: &GatewayArgs, output: &Output) -> Result<Exit, CliError> {
    let path = &args.config;
    let bad = |what: String| CliError::Data(format!("`{}`: {what}", path.display()));
    let file: GatewayFile = toml::from_str(&read_text(path, MAX_CONFIG)?)
        .map_err(|e| bad(e.to_string().trim_end().to_owned()))?;
    let field = |name: &str, e: &dyn std::fmt::Display| bad(format!("{name}: {e}"));
    let domain: Name = file.domain.parse().map_err(|e| field("domain", &e))?;
    let role = role(&file.role).map_err(|e| field("role", &e))?;
    let ledger_id = remote::ledger_id(&file.ledger_id).map_err(|e| field("ledger_id", &e))?;
    let ledger: Address = file.ledger.parse().map_err(|e| field("ledger", &e))?;
    let witnesses = file.witnesses.iter().map(|text| text.parse::<WitnessKey>());
    let witnesses: Vec<WitnessKey> = witnesses
        .collect::<Result<_, _>>()
        .map_err(|e| field("witnesses", &e))?;
    if file.follow_ledger_clock && !file.development {
        return Err(bad("follow_ledger_clock is for development only".into()));
    }
    let (tls, ledger) = (args.tls.tls()?, args.ledger.reach(&ledger)?);
    let party = secret::read(&file.secret, args.passphrase.passphrase()?)?;
    let token = Zeroizing::new(read_text(&file.staff_token_file, 4096)?);
    let token = Zeroizing::new(token.trim().to_owned());
    runtime()?.block_on(async {
        let connected = Ledger::connect(&ledger, Some(ledger_id)).await;
        let mut client = connected.map_err(remote::no_ledger)?;
        let circuits = sources::verifying_keys(&mut client)
            .await
            .map_err(CliError::unavailable)?;
        let clock = match file.follow_ledger_clock {
            true => OffsetClock::to(client.anchors().await.map_err(CliError::unavailable)?.time),
            false => OffsetClock::default(),
        };
        let mut config = gateway::Config::new(
            file.listen,
            gateway::Party {
                name: party.name().clone(),
                role,
                domain,
            },
            ledger,
            ledger_id,
            SigningKey::from_bytes(&Zeroizing::new(party.posting().to_bytes())),
            token,
            file.journal,
            circuits.into_values().collect(),
        );
        config.tls = tls;
        config.development = file.development;
        config.challenge_seconds = file.challenge_seconds.unwrap_or(config.challenge_seconds);
        config.open_challenges = file.open_challenges.unwrap_or(config.open_challenges);
        config.concurrent_requests = file.concurrent_requests.unwrap_or(config.concurrent_requests);
        config.utc_offset_minutes = file.utc_offset_minutes.unwrap_or(config.utc_offset_minutes);
        config.quorum = file.quorum.unwrap_or(witnesses.len());
        config.witnesses = witnesses;
        let wait = file.cosignature_seconds.map(Duration::from_secs);
        config.cosignature_wait = wait.unwrap_or(config.cosignature_wait);
        config.check().map_err(|e| {
            let field = match e.field {
                "staff_token" => "staff_token_file",
                field => field,
            };
            bad(gateway::ConfigError { field, ..e }.to_string())
        })?;
        let started = gateway::Server::start(config, clock).await;
        let handle = started.map_err(CliError::unavailable)?;
        let mut ending = Ending::watch()?;
        announce(
            output,
            "gateway",
            handle.url(),
            json!({ "party": party.name().as_str() }),
        );
        ending.asked().await;
        handle.shutdown().await;
        Ok(Exit::Accept)
    })
}
