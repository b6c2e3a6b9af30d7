package sim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/specstar-worker/worker/jobs"
)

// activity is how long things are submitted and go wrong.
const activity = 8 * time.Second

// Theme is what goes wrong in a schedule. Some invariants hold only where something
// does not.
type Theme string

// The themes.
const (
	Calm    Theme = "calm"    // nothing
	Outages Theme = "outages" // the store is down, or its commits are unknown
	Drains  Theme = "drains"  // workers are told to end, and begin again
	Crashes Theme = "crashes" // workers are killed or stopped
	Network Theme = "network" // connections, leaders, durable consumers; things are lost
	Mixed   Theme = "mixed"   // everything
)

var themes = []Theme{Calm, Outages, Drains, Crashes, Network, Mixed, Mixed, Mixed}

// Form is what becomes of a job when it is done.
type Form string

// The forms of jobs.
const (
	Good    Form = "good"
	Flaky   Form = "flaky"   // fails some times, then it is good
	Panics  Form = "panics"  // does so some times
	Poison  Form = "poison"  // fails each time
	Refused Form = "refused" // the rules say no
)

// Job is something to be done.
type Job struct {
	ID    string
	At    time.Duration
	Lane  jobs.Lane
	Form  Form
	Fails int // of a flaky one
	// Long jobs have Steps of Pace each.
	Long  bool
	Steps int
	Pace  time.Duration
	// Of a save: the resource, and how long it takes to commit.
	Resource string
	Slow     time.Duration
	// Unsent: its submitter dies between the ledger and the queue.
	Unsent bool
}

// Event is something that goes wrong.
type Event struct {
	At, For time.Duration
	What    What
	Worker  int
	Told    bool
}

// What goes wrong.
type What string

// The events.
const (
	Outage   What = "outage"   // of the store, for all
	Readonly What = "readonly" // the store answers and takes nothing
	Unknown  What = "unknown"  // a worker's next commit is made and not confirmed
	Drain    What = "drain"    // a worker is told to end, and begins again after For
	Abort    What = "abort"    // the same, twice
	Crash    What = "crash"    // a worker is killed, and begins again after For
	Stall    What = "stall"    // a worker neither sends nor receives for a while
	Cut      What = "cut"      // a connection breaks
	Hole     What = "hole"     // a connection swallows everything, then gives it back
	Leader   What = "leader"   // there is none for a while
	Delete   What = "delete"   // a durable consumer is deleted, and is made again
)

var eventsOf = map[Theme][]What{
	Outages: {Outage, Outage, Readonly, Unknown},
	Drains:  {Drain, Drain, Drain},
	Crashes: {Crash, Crash, Stall, Drain},
	Network: {Cut, Hole, Leader, Delete},
	Mixed:   {Outage, Readonly, Unknown, Drain, Abort, Crash, Stall, Cut, Hole, Leader, Delete},
}

// Schedule is all that a seed decides.
type Schedule struct {
	Seed    uint64
	Theme   Theme
	Workers int
	Kinds   []jobs.Kind
	Lanes   []jobs.Lane
	Delay   time.Duration // of a message on its way
	AckWait time.Duration
	Lease   time.Duration
	Pending int // most messages that are handed out; more than one may sleep for each worker
	Batch   int
	Beside  int // saves that are worth a batch beside another one
	Slots   int
	Create  bool // workers may make durable consumers
	Lossy   [lossKinds]uint64
	Jobs    []Job
	Events  []Event
	Last    Trial // what is tried at the end
}

// Trial is a fault after which work goes on within a time.
type Trial string

// The trials.
const (
	LostPulls   Trial = "lost pulls"
	LostBeats   Trial = "missed heartbeats"
	NewLeader   Trial = "leader change"
	QuietLeader Trial = "leader change that nobody is told of"
	Deleted     Trial = "deleted and recreated consumer"
)

var trials = []Trial{LostPulls, LostBeats, NewLeader, QuietLeader, Deleted}

// lossKinds is how many things can be lost, see fakebroker.Loss.
const lossKinds = 6

// Draw returns the schedule of a seed.
func Draw(seed uint64) Schedule {
	r := rand.New(rand.NewPCG(seed, 20))
	s := Schedule{
		Seed: seed, Theme: pick(r, themes...), Workers: 2 + r.IntN(2),
		Delay:   pick(r, 0, 0, time.Millisecond, 20*time.Millisecond),
		AckWait: time.Duration(2+r.IntN(4)) * time.Second, Lease: time.Duration(2+r.IntN(4)) * time.Second,
		Pending: pick(r, 5, 10, 64), Batch: pick(r, 1, 3, 20), Slots: 1 + r.IntN(2), Create: r.IntN(2) == 0,
		Kinds: []jobs.Kind{jobs.KindSave, pick(r, jobs.KindLoad, jobs.KindBackfill)},
		Lanes: []jobs.Lane{jobs.LaneNormal}, Last: pick(r, trials...),
	}
	if r.IntN(4) == 0 {
		s.Lanes = append(s.Lanes, jobs.LaneBulk)
	}
	if s.Theme == Network || s.Theme == Mixed && r.IntN(2) == 0 {
		for i := range s.Lossy {
			s.Lossy[i] = pick[uint64](r, 0, 0, 30, 100, 200) // of a thousand
		}
	}
	s.drawJobs(r)
	if what := eventsOf[s.Theme]; len(what) > 0 {
		for range 1 + r.IntN(5) {
			s.Events = append(s.Events, s.event(r, pick(r, what...)))
		}
	}
	s.Beside = pick(r, 1, 1, 2, 4)
	slices.SortStableFunc(s.Events, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	return s
}

func (s *Schedule) drawJobs(r *rand.Rand) {
	for i := range 4 + r.IntN(12) {
		s.Jobs = append(s.Jobs, s.job(r, i))
	}
	slices.SortStableFunc(s.Jobs, func(a, b Job) int { return cmp.Compare(a.At, b.At) })
}

func (s *Schedule) job(r *rand.Rand, i int) Job {
	j := Job{
		ID: fmt.Sprintf("j%d", i), At: between(r, 0, activity), Lane: pick(r, s.Lanes...),
		Form: pick(r, Good, Good, Good, Good, Good, Flaky, Panics, Poison, Refused), Fails: 1 + r.IntN(3),
		Long: r.IntN(5) == 0,
	}
	if r.IntN(3) == 0 {
		j.At = j.At.Truncate(2 * time.Second) // several at once
	}
	if j.Long {
		j.Steps, j.Pace = 1+r.IntN(4), between(r, 10*time.Millisecond, 1500*time.Millisecond)
		j.Unsent = r.IntN(8) == 0
		return j
	}
	j.Resource = fmt.Sprintf("r%d", r.IntN(resources))
	if (j.Form == Good || j.Form == Flaky) && r.IntN(3) == 0 {
		j.Slow = between(r, 10*time.Millisecond, s.AckWait+time.Second)
	}
	return j
}

func (s *Schedule) event(r *rand.Rand, w What) Event {
	e := Event{
		What: w, At: between(r, time.Second, activity), For: between(r, 100*time.Millisecond, 3*time.Second),
		Worker: r.IntN(s.Workers), Told: r.IntN(2) == 0,
	}
	switch {
	case w == Stall:
		e.For = s.AckWait + between(r, 0, s.AckWait)
	case (w == Outage || w == Readonly) && r.IntN(6) == 0:
		e.For = between(r, 3*time.Second, 40*time.Second)
	}
	return e
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func between(r *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(r.Int64N(int64(to-from)))
}
