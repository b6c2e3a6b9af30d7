package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/internal/fakebroker"
	"github.com/specstar-worker/worker/jobs"
)

// Result is what came of a schedule.
type Result struct {
	Schedule Schedule
	// Violations are what is not as it must be.
	Violations []string
	// Log is what happened, line by line.
	Log []string
	// Rest is how long it took until everything was done after nothing went wrong any
	// more, Recovery how long the trial at the end took.
	Rest, Recovery time.Duration
}

// Text is the result as a person reads it.
func (r Result) Text() string {
	return fmt.Sprintf("seed %d, %s, %d workers, AckWait %s, lease %s\n%s\nlog:\n%s", r.Schedule.Seed, r.Schedule.Theme,
		r.Schedule.Workers, r.Schedule.AckWait, r.Schedule.Lease, strings.Join(r.Violations, "\n"), strings.Join(r.Log, "\n"))
}

const (
	// restWithin is how long everything may take to be done when nothing goes wrong any
	// more: messages whose acknowledgements were lost, leases, dead letters.
	restWithin = 60 * time.Second
	// look is how often it is looked for.
	look = 100 * time.Millisecond
)

// Run plays a schedule, in a bubble of synctest, and checks:
//
//   - Each job ends, once: a row that is final stays as it is.
//   - Its effect is there once when it is done, else not at all.
//   - Good jobs are done, poisonous ones dead with one letter, the others refused;
//     outages count no attempt.
//   - The queue is empty in the end, no row is in progress, nobody is in trouble.
//   - A process writes the saves of a resource in the order in which it began them.
//   - A worker that meets an outage says so; one that is told to end does, and hands back
//     at once what it has not begun.
//   - After the last fault a new save is done in time.
//   - Every loop ends, with its handle, and leaves no goroutine: the bubble sees to that.
func Run(ctx context.Context, s Schedule) Result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := newWorld(ctx, s)
	if err := w.prepare(); err != nil {
		return Result{Schedule: s, Violations: []string{"prepare: " + err.Error()}}
	}
	for _, k := range w.workers {
		k.start()
	}
	w.play()
	r := Result{Schedule: s}
	w.calm()
	r.Rest = w.rest()
	r.Recovery = w.trial()
	for _, k := range w.workers {
		k.drain(k.now, false)
	}
	w.check()
	cancel()
	w.operator.Close()
	w.wg.Wait()
	r.Violations = w.found
	if len(r.Violations) > 0 {
		for _, e := range w.log {
			r.Log = append(r.Log, e.String())
		}
	}
	return r
}

// play has jobs and events come at their times.
func (w *world) play() {
	w.lossy.Store(true)
	events := slices.Clone(w.Events)
	for _, j := range w.Jobs {
		for len(events) > 0 && events[0].At <= j.At {
			w.until(events[0].At)
			w.happen(events[0])
			events = events[1:]
		}
		w.until(j.At)
		w.events.Go(func() { w.submit(j) })
	}
	for _, e := range events {
		w.until(e.At)
		w.happen(e)
	}
	w.until(activity)
}

func (w *world) until(at time.Duration) {
	time.Sleep(at - w.since())
	w.record()
}

// calm waits for the end of all that goes wrong.
func (w *world) calm() {
	w.lossy.Store(false)
	w.events.Wait()
	w.note("all is well")
}

// rest waits until everything is done.
func (w *world) rest() time.Duration {
	begin := time.Now()
	for {
		time.Sleep(look) // what was held up on its way arrives first
		missing := w.missing()
		took := time.Since(begin)
		if missing == "" {
			return took
		}
		if took > restWithin {
			w.violated("%s after all was well: %s", took, missing)
			return took
		}
	}
}

// missing tells what is not done yet.
func (w *world) missing() string {
	if missing := w.record(); missing != "" {
		return missing
	}
	if n := w.broker.Left("specstar.sim.jobs.*.*"); n > 0 {
		return fmt.Sprintf("the queue holds %d messages", n)
	}
	for _, name := range w.durables() {
		if n := w.broker.Unacked(w.queue.StreamName(), name); n > 0 {
			return fmt.Sprintf("%s waits for %d acknowledgements", name, n)
		}
	}
	for _, k := range w.workers {
		for _, s := range k.now.consumer.Stats() {
			if s.InFlight > 0 { // also a letter that it waits for the receipt of
				return k.name + " is busy"
			}
		}
		if all := k.now.handles.Trouble(); len(all) > 0 {
			return fmt.Sprintf("%s is in trouble: %s", k.name, all[0])
		}
	}
	return ""
}

// trial has one more thing go wrong while nothing is to be done. When it is over, a save
// that comes then must be done in time.
func (w *world) trial() time.Duration {
	limit := 2 * time.Second
	gone := 200*time.Millisecond + time.Duration(mix(w.Seed)%5000)*time.Millisecond
	w.note("trial: %s for %s", w.Last, gone)
	switch w.Last {
	case LostPulls:
		w.lossOf(fakebroker.LosePull, true)
		time.Sleep(gone)
		w.lossOf(fakebroker.LosePull, false)
	case LostBeats:
		w.lossOf(fakebroker.LoseBeat, true) // and so they are while the save comes
		time.Sleep(gone)
	case NewLeader, QuietLeader:
		w.broker.LoseLeader(w.Last == NewLeader)
		time.Sleep(gone)
		w.broker.Elect()
	case Deleted:
		limit = 5 * time.Second
		w.deleted(gone)
	}
	j := Job{ID: "last", Lane: jobs.LaneNormal, Form: Good, Resource: "r0"}
	w.mu.Lock()
	w.Jobs = append(w.Jobs, j)
	w.add(j)
	w.mu.Unlock()
	w.submit(j)
	begin := time.Now()
	for time.Since(begin) < restWithin {
		if row, err := w.row(j.ID); err == nil && row.State.Final() {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	took := time.Since(begin)
	if took > limit {
		w.violated("a save was done %s after the end of: %s", took, w.Last)
	}
	w.lossOf(0, false)
	w.rest()
	return took
}
