// Package consumer joins a JetStream queue with the jobs of a store: it sets up
// streams, publishes jobs, pulls them, paces, and turns the verdicts of an
// [Executor] into acknowledgements. It knows envelopes only as bytes.
//
// For each lane and kind there is one durable pull consumer and one loop. A loop
// asks the server only for what it can start now. Saves are coalesced without a
// timer: while one batch is being written the next one gathers, and an idle loop
// writes a single save at once. Batches of a lane are applied one after another
// in stream order.
//
//	running --Stop--> draining --(running jobs end)--> done
//	running, draining --Abort--> done: running jobs are cancelled and handed back
//
// A pull that is lost, a deleted durable consumer, a leader change or a broken
// connection is recovered from by the loop itself. What it cannot recover from,
// such as a deleted stream, ends the loop and is reported by Join and Err.
package consumer
