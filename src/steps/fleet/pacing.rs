//! Calls of a Region in the pace that AWS documents, each kind in its own lane and in the order they were asked for. Throttled
//! all the same, a lane goes slower until AWS answers again. Knows the documented buckets; decides nothing about services.

use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use miette::Diagnostic;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::aws::{AwsError, Failure};
use crate::plan::scale::bucket::Bucket;

/// A throttled call is sent again, each time in its lane's slower pace. More, and somebody else has the account's whole rate.
const THROTTLED_TRIES: u32 = 12;
/// A call that changes nothing by being repeated is sent again when no answer came.
const UNANSWERED_TRIES: u32 = 4;

/// Calls that AWS counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// UpdateService.
    Updates,
    /// DescribeServices, ListServices.
    Services,
    /// DescribeTasks, ListTasks.
    Tasks,
    /// DescribeTaskDefinition, DescribeServiceRevisions.
    TaskDefinitions,
    /// TagResource, UntagResource.
    Tags,
    /// All of ELBv2: one bucket for the whole account.
    Balancing,
    /// Application Auto Scaling, which documents no numbers.
    AutoScaling,
    /// SSM's PutParameter and DeleteParameter.
    Parameters,
    /// ECR's BatchGetImage and the reads of SSM, which take more than is ever asked here.
    Reads,
}

const LANES: usize = 9;

impl Lane {
    /// At once, and more a second: "Request throttling" of each API reference.
    fn bucket(self) -> Bucket {
        let (burst, per_second) = match self {
            Lane::Updates => (50, 5),
            Lane::Services | Lane::Tasks => (100, 20),
            Lane::TaskDefinitions => (50, 20),
            Lane::Tags => (20, 10),
            Lane::Balancing => (40, 10),
            Lane::AutoScaling => (20, 10),
            Lane::Parameters => (3, 3),
            Lane::Reads => (40, 40),
        };
        Bucket::new(burst, per_second)
    }
}

#[derive(Debug)]
struct Queue {
    /// Held by whoever is next; tokio's lock is given in the order of asking.
    line: Mutex<()>,
    bucket: StdMutex<Bucket>,
}

/// Of one Region of one account.
#[derive(Debug)]
pub struct Pacer {
    began: Instant,
    cancel: CancellationToken,
    queues: [Queue; LANES],
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum Halt {
    /// Before the call was sent.
    #[error("a signal came")]
    Cancelled,
    #[error(transparent)]
    #[diagnostic(transparent)]
    Failed(AwsError),
}

impl Pacer {
    pub fn new(cancel: &CancellationToken) -> Pacer {
        let lanes = [
            Lane::Updates,
            Lane::Services,
            Lane::Tasks,
            Lane::TaskDefinitions,
            Lane::Tags,
            Lane::Balancing,
            Lane::AutoScaling,
            Lane::Parameters,
            Lane::Reads,
        ];
        Pacer {
            began: Instant::now(),
            cancel: cancel.clone(),
            queues: lanes.map(|lane| Queue {
                line: Mutex::new(()),
                bucket: StdMutex::new(lane.bucket()),
            }),
        }
    }

    /// Sends it when it is its turn. An UpdateService without an answer is not repeated: the caller reads first.
    pub async fn call<T, F>(&self, lane: Lane, send: impl Fn() -> F) -> Result<T, Halt>
    where
        F: Future<Output = Result<T, AwsError>>,
    {
        let (mut throttled, mut unanswered) = (0, 0);
        loop {
            self.turn(lane).await?;
            // On the heap while it lasts, so that a thousand waiting ones are small.
            let error = match Box::pin(send()).await {
                Ok(answer) => {
                    self.bucket(lane).answered();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            match error.failure {
                Failure::Throttled if throttled < THROTTLED_TRIES => {
                    throttled += 1;
                    self.bucket(lane).throttled(self.began.elapsed());
                }
                Failure::Unreachable { .. }
                    if lane != Lane::Updates && unanswered < UNANSWERED_TRIES =>
                {
                    unanswered += 1;
                    self.rest(Duration::from_secs(1 << unanswered)).await?;
                }
                _ => return Err(Halt::Failed(error)),
            }
        }
    }

    /// Waits so long, or for a signal.
    pub async fn rest(&self, time: Duration) -> Result<(), Halt> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Halt::Cancelled),
            () = sleep(time) => Ok(()),
        }
    }

    async fn turn(&self, lane: Lane) -> Result<(), Halt> {
        let next = async {
            let _next = self.queues[lane as usize].line.lock().await;
            loop {
                let taken = self.bucket(lane).take(self.began.elapsed());
                match taken {
                    Ok(()) => return,
                    Err(wait) => sleep(wait).await,
                }
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Halt::Cancelled),
            () = next => Ok(()),
        }
    }

    fn bucket(&self, lane: Lane) -> MutexGuard<'_, Bucket> {
        let bucket = self.queues[lane as usize].bucket.lock();
        bucket.unwrap_or_else(PoisonError::into_inner)
    }
}
