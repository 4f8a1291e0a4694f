//! How long a caller waits for Stripe.

use std::time::Duration;

/// How long all that one operation of GraphQL asks of Stripe may take together, of the time that the operation has: the rest is for
/// writing down and answering what came of it. Past it, an operation is answered UNKNOWN, with its id to follow; past the operation's
/// own time nothing could be told but that it took too long.
pub fn patience(operation_timeout: Duration) -> Duration {
    operation_timeout / 4 * 3
}
