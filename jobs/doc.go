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
//
// Saves of one resource keep the order in which a lane delivers them: while one
// is to be tried again, later ones are handed back, uncounted. An [Executor] does
// so for what it has seen itself. Over several workers, and lanes, a full-value save
// that is older than the last one applied is superseded: see [manager.Order].
//
// Attempts are counted before they are made, so that a job that kills its process
// dies in the end. A save that was delivered often runs alone, and a load that gets
// further or never failed by itself has many more attempts, so that other jobs'
// and operators' kills use up nobody's.
package jobs
