// Package consumer joins a JetStream queue with the jobs of a store: it sets up
// streams, publishes jobs, pulls them, paces, and turns the verdicts of an
// [Executor] into acknowledgements. It knows envelopes only as bytes.
//
// For each lane and kind there is one durable pull consumer and one loop. A loop
// asks the server only for what it can start now. Saves are coalesced without a
// timer: while one batch is being written the next one gathers, and an idle loop
// writes a single save at once. Batches of a lane are applied one after another
// in stream order, also after an outage of the store.
//
// All loops share a [Budget] of slots and bytes. While the store is down nothing is
// pulled; when it answers again, one batch of one loop shows whether it can be written
// to before the others go on.
//
//	running --Stop--> draining --(running jobs end)--> done
//	running, draining --Abort--> done: running jobs are cancelled and handed back
//
// # Rates
//
// The server syncs its disk once for each message that it removes, so that it
// takes in one acknowledgement after another: about 1,000 a second on a common
// SSD, several thousand where a sync is cheap. Sending them together or not waiting
// for them, as is done here for saves, does not change that; neither does a
// stream of another retention, and work queues know no acknowledgement of many
// messages at once. Saves are written several times faster, so acknowledgements
// lag behind a burst; a worker that is killed then is handed the rest of it again
// and finds in the ledger that it was done. A steady stream of one save in a
// message is bounded by that rate. A publisher with more than that puts several
// operations into a message: one acknowledgement is for all of them. Who consumes
// alone removes at its end what is done, all at once, instead of waiting for the rest
// of the acknowledgements.
//
// # Losses
//
// While a pull waits the server shows twice a second that it knows of it; one that was
// lost is asked again within 2 s. A connection on which nothing is answered is dialled
// anew. [Handles.Trouble] tells what is being recovered from.
//
// A pull that is lost, a deleted durable consumer, a leader change or a broken
// connection is recovered from by the loop itself. What it cannot recover from,
// such as a deleted stream, ends the loop and is reported by Join and Err.
package consumer
