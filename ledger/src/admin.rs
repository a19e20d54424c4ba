//! What the operator asks of a running ledger: a socket in the ledger's directory, which only its owner can open.
//!
//! One line each way: `backup PATH`, then `done BYTES LENGTH` and a checkpoint of LENGTH bytes, or `failed MESSAGE`.

use crate::{
    backup::{Backup, BackupError, publish, stage},
    sequencer::Command,
};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::{
        fd::AsRawFd,
        unix::{
            ffi::OsStrExt,
            fs::{MetadataExt, PermissionsExt},
        },
    },
    path::{Path, PathBuf},
    sync::mpsc::SyncSender,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Name of the socket.
const SOCKET: &str = "admin.sock";
/// Longest request, in bytes.
const MAX_REQUEST: u64 = 8192;
/// Longest answer, in bytes: a message, or a checkpoint.
const MAX_ANSWER: u64 = 65_536;
/// Longest address of a socket, in bytes (unix(7), less the closing zero).
const MAX_ADDRESS: usize = 107;
/// Time for a request to come, and after a failure to accept one.
const REQUEST_TIME: Duration = Duration::from_secs(2);

/// The address of the socket in `directory`. Longer than an address may be, it goes through the opened directory, which
/// is held for as long as the address is used.
fn address(directory: &Path) -> io::Result<(PathBuf, Option<File>)> {
    let path = directory.join(SOCKET);
    if path.as_os_str().len() <= MAX_ADDRESS {
        return Ok((path, None));
    }
    let held = File::open(directory)?;
    let short = format!("/proc/self/fd/{}/{SOCKET}", held.as_raw_fd());
    Ok((PathBuf::from(short), Some(held)))
}

/// The listener; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Admin(JoinHandle<()>, PathBuf);

impl Drop for Admin {
    fn drop(&mut self) {
        self.0.abort();
        // It is of no use without its listener, and replaced by the next.
        let _ = fs::remove_file(&self.1);
    }
}

impl Admin {
    /// Listens in `directory`. The caller holds the store, so a socket that is there is of a run that has ended.
    pub(crate) fn start(directory: &Path, commands: SyncSender<Command>) -> io::Result<Self> {
        let path = directory.join(SOCKET);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let (address, held) = address(directory)?;
        let listener = UnixListener::bind(&address)?;
        drop(held);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        // The owner of the socket is who runs the ledger.
        let owner = fs::metadata(&path)?.uid();
        let directory = directory.to_owned();
        let task = tokio::spawn(async move {
            // One at a time: there is one place to collect a backup in.
            loop {
                match listener.accept().await {
                    // Between its making and its mode others could have opened it.
                    Ok((stream, _)) if stream.peer_cred().is_ok_and(|peer| may_ask(peer.uid(), owner)) => {
                        // Whoever asked has gone; the next may come.
                        let _ = serve(stream, &directory, &commands).await;
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%error, "the socket for `ledger backup` cannot take a request");
                        sleep(REQUEST_TIME).await;
                    }
                }
            }
        });
        Ok(Self(task, path))
    }
}

fn may_ask(peer: u32, owner: u32) -> bool {
    peer == owner || peer == 0
}

async fn serve(stream: UnixStream, directory: &Path, commands: &SyncSender<Command>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    let mut request = (&mut stream).take(MAX_REQUEST);
    // Whoever says nothing does not keep others from a backup.
    timeout(REQUEST_TIME, request.read_until(b'\n', &mut line)).await??;
    let path = line
        .strip_prefix(b"backup ")
        .and_then(|rest| rest.strip_suffix(b"\n"));
    let answer = match path.map(|path| PathBuf::from(std::ffi::OsStr::from_bytes(path))) {
        Some(out) if out.is_absolute() => match make(directory, commands, out).await {
            Ok((bytes, checkpoint)) => {
                let mut answer = format!("done {bytes} {}\n", checkpoint.len()).into_bytes();
                answer.extend(checkpoint);
                answer
            }
            Err(message) => format!("failed {message}\n").into_bytes(),
        },
        _ => b"failed the request is not `backup ABSOLUTE-PATH`\n".to_vec(),
    };
    stream.write_all(&answer).await?;
    stream.shutdown().await
}

async fn make(
    directory: &Path,
    commands: &SyncSender<Command>,
    out: PathBuf,
) -> Result<(u64, Vec<u8>), String> {
    let staging = stage(directory).map_err(|e| e.to_string())?;
    let (reply, answer) = oneshot::channel();
    let (queue, path) = (commands.clone(), staging.clone());
    // The queue may be full for a moment, and sending blocks then.
    let sent = tokio::task::spawn_blocking(move || queue.send(Command::Backup(path, reply))).await;
    let stopped = || "it has stopped".to_owned();
    sent.map_err(|_| stopped())?.map_err(|_| stopped())?;
    let checkpoint = answer.await.map_err(|_| stopped())?.map_err(|e| e.to_string())?;
    // The ledger goes on meanwhile.
    let copied = tokio::task::spawn_blocking(move || {
        let copied = publish(&staging, &checkpoint, &out);
        // What stays is removed before the next backup.
        let _ = fs::remove_dir_all(&staging);
        copied.map(|bytes| (bytes, checkpoint)).map_err(|e| e.to_string())
    });
    copied.await.map_err(|_| stopped())?
}

/// Asks the ledger that runs on `directory` for a backup in `out`.
pub(crate) fn request_backup(directory: &Path, out: &Path) -> Result<Backup, BackupError> {
    let socket = directory.join(SOCKET);
    let failed = |source| BackupError::Io {
        path: socket.clone(),
        source,
    };
    let out = std::path::absolute(out).map_err(failed)?;
    let stream =
        address(directory).and_then(|(address, _held)| std::os::unix::net::UnixStream::connect(address));
    let mut stream = stream.map_err(|error| {
        BackupError::Refused(format!(
            "its socket {} cannot be opened ({error}): ask as the user that it runs as; if that is so, stop it and \
             ask again, or start it anew",
            socket.display()
        ))
    })?;
    let request = [b"backup ", out.as_os_str().as_bytes(), b"\n"].concat();
    stream.write_all(&request).map_err(failed)?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).map_err(failed)?;
    let refused = |what: &str| BackupError::Refused(what.to_owned());
    let at = answer.iter().position(|byte| *byte == b'\n');
    let (line, rest) = answer.split_at(at.ok_or_else(|| refused("it gave no answer"))?);
    let line = String::from_utf8_lossy(line);
    let Some(done) = line.strip_prefix("done ") else {
        return Err(refused(line.strip_prefix("failed ").unwrap_or(&line)));
    };
    let mut numbers = done.split(' ').map(|number| number.parse::<u64>().ok());
    let checkpoint = rest[1..].to_vec();
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(bytes), Some(length)) if length == checkpoint.len() as u64 => Ok(Backup {
            checkpoint,
            bytes,
            running: true,
        }),
        _ => Err(refused("its answer was cut off")),
    }
}
