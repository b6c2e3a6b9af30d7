// Package sim runs workers by a clock of their own: the real consumer, executor, ledger
// and manager on a queue and a store in memory, in a bubble of testing/synctest where a
// minute takes a millisecond. A seed decides what is submitted and what goes wrong: crashed
// and stalled processes, outages of the store, unknown commits, cut and silent
// connections, lost pulls, heartbeats, messages and acknowledgements, deleted durable
// consumers, leaders that change, drains at any moment. When all that is over everything
// must come to rest, and each schedule is checked for the same invariants, see [Run].
//
// A seed fixes the schedule and what is lost, not the order in which goroutines that are
// ready at the same moment run. So a failure that depends on that order may need its
// seed to be run several times.
package sim
