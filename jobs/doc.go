// Package jobs is what a queued job means: its envelope, how it is decoded, how
// it is carried out with effect once, and how it is submitted.
//
// A message is delivered at least once. Its effect happens once, because the
// job's ledger row commits in the transaction of its writes: whoever finds the
// row final only acknowledges. The package knows no queue; it takes
// [Delivery] values and answers with a [Verdict] each, which package consumer
// turns into acknowledgements.
//
//	undecodable, unknown kind, attempts used up   dead, dead letter, replayable
//	the rules said no                             refused, recorded with its code
//	a job failed for another reason               retried with growing delay
//	the store is down                             pause: nothing is counted
package jobs
