//! Limits, fairness, cancellation, deadlines and the end of the queue.

use super::*;
use crate::{Observer, ProofStage};
use std::sync::{atomic::AtomicUsize, mpsc};

const LIMITS: Limits = Limits {
    workers: 1,
    jobs: 4,
    jobs_per_client: 3,
    bytes: 100,
};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// A queue whose only worker is held until the sender is used or dropped.
fn held(limits: Limits) -> (Queue<u32>, Ticket<u32>, mpsc::Sender<()>) {
    let queue = Queue::start(limits).unwrap();
    let (release, hold) = mpsc::channel::<()>();
    let (started, begun) = mpsc::channel();
    let work: Work<u32> = Box::new(move |_| {
        started.send(()).unwrap();
        let _ = hold.recv();
        0
    });
    let ticket = queue.submit("holder", 1, soon(), work).unwrap();
    begun.recv().unwrap();
    (queue, ticket, release)
}

fn job(n: u32) -> Work<u32> {
    Box::new(move |_| n)
}

#[tokio::test]
async fn results_come_back() {
    let queue = Queue::start(LIMITS).unwrap();
    for n in 0..10 {
        let ticket = queue.submit("a", 1, soon(), job(n)).unwrap();
        assert_eq!(ticket.finish().await, Ok(n));
    }
    assert!(queue.is_empty());
}

#[test]
fn limits_hold_exactly() {
    let (queue, _first, _release) = held(LIMITS);
    let too_large = queue.submit("a", 101, soon(), job(1)).err().unwrap();
    assert_eq!(
        too_large,
        SubmitError::TooLarge {
            bytes: 101,
            limit: 100
        }
    );
    // 99 bytes are left: 100 do not fit, 99 do.
    assert!(matches!(
        queue.submit("a", 100, soon(), job(1)),
        Err(SubmitError::Full { .. })
    ));
    let all = queue.submit("a", 99, soon(), job(1)).unwrap();
    assert!(matches!(
        queue.submit("b", 1, soon(), job(1)),
        Err(SubmitError::Full { .. })
    ));
    drop(all);
    // Three jobs a client, four in all.
    let mine: Vec<_> = (0..3)
        .map(|n| queue.submit("a", 1, soon(), job(n)).unwrap())
        .collect();
    match queue.submit("a", 1, soon(), job(1)).err().unwrap() {
        SubmitError::ClientFull {
            limit: 3,
            retry_after,
        } => assert!(!retry_after.is_zero()),
        other => panic!("{other}"),
    }
    assert!(matches!(
        queue.submit("b", 1, soon(), job(1)),
        Err(SubmitError::Full { .. })
    ));
    drop(mine);
    assert_eq!(queue.len(), 1);
    assert!(queue.submit("b", 1, soon(), job(1)).is_ok());
}

#[tokio::test]
async fn clients_are_served_in_turn() {
    let limits = Limits {
        jobs: 20,
        jobs_per_client: 10,
        ..LIMITS
    };
    let (queue, _first, release) = held(limits);
    let order = Arc::new(Mutex::new(Vec::new()));
    let submit = |client: &'static str, n: u32| {
        let order = Arc::clone(&order);
        let work: Work<u32> = Box::new(move |_| {
            order.lock().unwrap().push((client, n));
            n
        });
        queue.submit(client, 1, soon(), work).unwrap()
    };
    // A greedy client comes first, with many jobs; two modest ones come later.
    let mut tickets: Vec<_> = (0..4).map(|n| submit("greedy", n)).collect();
    tickets.push(submit("b", 0));
    tickets.push(submit("b", 1));
    tickets.push(submit("c", 0));
    let ahead: Vec<_> = tickets.iter().map(Ticket::status).collect();
    let expected = [0, 3, 5, 6, 1, 4, 2].map(|ahead| Status::Queued { ahead });
    assert_eq!(ahead, expected);
    drop(release);
    for ticket in tickets {
        ticket.finish().await.unwrap();
    }
    let served = [
        ("greedy", 0),
        ("b", 0),
        ("c", 0),
        ("greedy", 1),
        ("b", 1),
        ("greedy", 2),
        ("greedy", 3),
    ];
    assert_eq!(*order.lock().unwrap(), served);
}

#[tokio::test]
async fn a_dropped_ticket_leaves_at_once_and_moves_others_up() {
    let (queue, _first, release) = held(LIMITS);
    let ran = Arc::new(AtomicUsize::new(0));
    let witness = Arc::new(());
    let (count, held_witness) = (Arc::clone(&ran), Arc::clone(&witness));
    let work: Work<u32> = Box::new(move |_| {
        let _ = &held_witness;
        count.fetch_add(1, Ordering::SeqCst) as u32
    });
    let cancelled = queue.submit("a", 1, soon(), work).unwrap();
    let other = queue.submit("a", 1, soon(), job(7)).unwrap();
    assert_eq!(other.status(), Status::Queued { ahead: 1 });
    drop(cancelled);
    assert_eq!(Arc::strong_count(&witness), 1, "the witness is gone");
    assert_eq!(other.status(), Status::Queued { ahead: 0 });
    drop(release);
    assert_eq!(other.finish().await, Ok(7));
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[test]
fn a_running_job_stops_at_its_next_stage() {
    let queue = Queue::start(LIMITS).unwrap();
    let (started, begun) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let (seen, result) = mpsc::channel();
    let work: Work<u32> = Box::new(move |control| {
        control.enter(ProofStage::Witness).unwrap();
        started.send(()).unwrap();
        let _ = wait.recv();
        seen.send(control.enter(ProofStage::Proving)).unwrap();
        0
    });
    let ticket = queue.submit("a", 1, soon(), work).unwrap();
    begun.recv().unwrap();
    assert_eq!(ticket.status(), Status::Stage(ProofStage::Witness));
    drop(ticket);
    drop(go);
    assert_eq!(result.recv().unwrap(), Err(Stopped::Cancelled));
}

#[tokio::test]
async fn deadlines_end_waiting_and_running_jobs() {
    let (queue, first, release) = held(LIMITS);
    let deadline = Instant::now() + Duration::from_millis(20);
    let waiting = queue.submit("a", 1, deadline, job(1)).unwrap();
    assert_eq!(waiting.finish().await, Err(JobError::Stopped(Stopped::Deadline)));
    assert_eq!(queue.len(), 1, "it left the queue");
    drop(release);
    assert_eq!(first.finish().await, Ok(0));
    let past = Instant::now();
    let late = queue.submit("a", 1, past, job(1)).unwrap();
    assert_eq!(late.finish().await, Err(JobError::Stopped(Stopped::Deadline)));
}

#[tokio::test]
async fn a_panic_ends_one_job_only() {
    let queue: Queue<u32> = Queue::start(LIMITS).unwrap();
    let ticket = queue
        .submit("a", 1, soon(), Box::new(|_| panic!("on purpose")))
        .unwrap();
    assert_eq!(ticket.finish().await, Err(JobError::Panicked));
    let next = queue.submit("a", 1, soon(), job(5)).unwrap();
    assert_eq!(next.finish().await, Ok(5));
}

#[tokio::test]
async fn draining_finishes_what_waits_and_takes_no_more() {
    let (queue, first, release) = held(LIMITS);
    let waiting = queue.submit("a", 1, soon(), job(1)).unwrap();
    let queue = Arc::new(queue);
    let drained = {
        let queue = Arc::clone(&queue);
        tokio::task::spawn_blocking(move || queue.drain(Duration::from_secs(60)))
    };
    while queue.submit("b", 0, soon(), job(1)).err() != Some(SubmitError::Closed) {
        tokio::task::yield_now().await;
    }
    drop(release);
    assert_eq!(first.finish().await, Ok(0));
    assert_eq!(waiting.finish().await, Ok(1));
    drained.await.unwrap();
    assert!(queue.is_empty());
}

#[tokio::test]
async fn draining_without_grace_refuses_what_waits() {
    let (queue, _first, release) = held(LIMITS);
    let waiting = queue.submit("a", 1, soon(), job(1)).unwrap();
    let queue = Arc::new(queue);
    let drained = {
        let queue = Arc::clone(&queue);
        tokio::task::spawn_blocking(move || queue.drain(Duration::ZERO))
    };
    assert_eq!(waiting.finish().await, Err(JobError::Closed));
    drop(release);
    drained.await.unwrap();
}

#[tokio::test]
async fn as_many_jobs_run_at_once_as_there_are_workers() {
    let queue = Queue::start(Limits { workers: 2, ..LIMITS }).unwrap();
    let (arrived, both) = mpsc::channel();
    let (release, hold) = mpsc::channel::<()>();
    let hold = Arc::new(Mutex::new(hold));
    let meeting = |n: u32| -> Work<u32> {
        let (arrived, hold) = (arrived.clone(), Arc::clone(&hold));
        Box::new(move |_| {
            arrived.send(()).unwrap();
            let _ = hold.lock().unwrap().recv();
            n
        })
    };
    let tickets = [1, 2].map(|n| queue.submit("a", 1, soon(), meeting(n)).unwrap());
    for _ in 0..2 {
        // One worker alone would stay with the first, which ends only after both.
        both.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    // Both are busy: a third one waits.
    let third = queue.submit("b", 1, soon(), job(3)).unwrap();
    assert_eq!(third.status(), Status::Queued { ahead: 0 });
    drop(release);
    for (ticket, n) in tickets.into_iter().chain([third]).zip(1..) {
        assert_eq!(ticket.finish().await, Ok(n));
    }
}
