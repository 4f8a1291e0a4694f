//! A seat among those who work at the database: left while Stripe is asked, so that others work meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A seat that one piece of background work has.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Semaphore>,
    held: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Seat {
    /// Waits for a seat.
    pub async fn take(seats: &Arc<Semaphore>) -> Arc<Self> {
        let seat = Self { seats: Arc::clone(seats), held: Mutex::default() };
        seat.sit().await;
        Arc::new(seat)
    }

    async fn sit(&self) {
        let permit = Arc::clone(&self.seats).acquire_owned().await.expect("the semaphore is never closed");
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
    }

    /// Waits for something without the seat, and takes one again.
    pub async fn away<T>(&self, wait: impl Future<Output = T>) -> T {
        drop(self.held.lock().unwrap_or_else(PoisonError::into_inner).take());
        let value = wait.await;
        self.sit().await;
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn another_sits_while_one_is_away_and_nobody_without_a_seat() {
        let seats = Arc::new(Semaphore::new(1));
        let one = Seat::take(&seats).await;
        assert_eq!(seats.available_permits(), 0);
        let (go, wait) = tokio::sync::oneshot::channel();
        let back = tokio::spawn(async move { one.away(wait).await });
        let other = Seat::take(&seats).await;
        go.send("an answer").expect("somebody waits");
        tokio::task::yield_now().await;
        assert!(!back.is_finished(), "there is no seat for both");
        drop(other);
        assert_eq!(back.await.expect("it ends"), Ok("an answer"));
        assert_eq!(seats.available_permits(), 1);
    }
}
