//! Single flight: who asks while the same is being found out waits for that answer.

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

type Under<K, V> = Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>;

/// What is being found out. The work goes on in a task of its own: when all who asked have gone, its answer is still there for the
/// next who asks, through whatever the work itself keeps.
pub(crate) struct Flights<K, V> {
    under_way: Under<K, V>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The time of the one who asked is over.
    Deadline,
    /// The task ended without an answer.
    Lost,
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new() -> Self {
        Self { under_way: Arc::default() }
    }

    /// The answer of the work under way for the key, or of `work`, which is started when there is none.
    pub(crate) async fn join<F>(&self, key: K, deadline: Instant, work: impl FnOnce() -> F) -> Result<V, NoAnswer>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut receiver = {
            let mut under_way = lock(&self.under_way);
            match under_way.get(&key) {
                Some(receiver) => receiver.clone(),
                None => {
                    let (sender, receiver) = watch::channel(None);
                    under_way.insert(key.clone(), receiver.clone());
                    let landing = Landing { under_way: Arc::clone(&self.under_way), key };
                    let work: Pin<Box<dyn Future<Output = V> + Send>> = Box::pin(work());
                    tokio::spawn(async move {
                        let answer = work.await;
                        // Out of the table first: who comes now must look at what the work kept, or begin anew.
                        drop(landing);
                        sender.send_replace(Some(answer));
                    });
                    receiver
                }
            }
        };
        let waiting = receiver.wait_for(Option::is_some);
        match timeout_at(deadline, waiting).await {
            Err(_) => Err(NoAnswer::Deadline),
            Ok(Err(_)) => Err(NoAnswer::Lost),
            Ok(Ok(answer)) => answer.clone().ok_or(NoAnswer::Lost),
        }
    }
}

/// Takes the flight out of the table, also when its task panics or is dropped.
struct Landing<K: Eq + Hash, V> {
    under_way: Under<K, V>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half done under the lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_ask_are_one_flight() {
        let flights = Arc::new(Flights::<u8, u32>::new());
        let begun = Arc::new(AtomicUsize::new(0));
        let asking = (0..50).map(|_| {
            let (flights, begun) = (Arc::clone(&flights), Arc::clone(&begun));
            async move {
                flights
                    .join(1, soon(), || async move {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        u32::try_from(begun.fetch_add(1, Ordering::SeqCst)).unwrap()
                    })
                    .await
            }
        });
        let answers = futures::future::join_all(asking).await;
        assert!(answers.iter().all(|answer| *answer == Ok(0)), "{answers:?}");
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        assert!(lock(&flights.under_way).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_no_time_goes_and_the_work_goes_on() {
        let flights = Flights::<u8, u32>::new();
        let done = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&done);
        let work = || async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            count.fetch_add(1, Ordering::SeqCst);
            7
        };
        let first = flights.join(1, Instant::now() + Duration::from_secs(1), work).await;
        assert_eq!(first, Err(NoAnswer::Deadline));
        let second = flights.join(1, soon(), || async { unreachable!("one is under way") }).await;
        assert_eq!(second, Ok(7));
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_lost_task_is_told_and_not_waited_for_again() {
        let flights = Flights::<u8, u32>::new();
        let lost = flights.join(1, soon(), || async { panic!("as a test does") }).await;
        assert_eq!(lost, Err(NoAnswer::Lost));
        assert_eq!(flights.join(1, soon(), || async { 3 }).await, Ok(3));
    }
}
