package chaos

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// noon is when everything happens.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// jobID names the n-th job.
func jobID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// calm returns a history and the state it leaves when nothing is wrong: three saves of
// one resource, the last of them conditional, one that is refused, and a load.
func calm() ([]Event, *State) {
	id := resource.ID("event:00001")
	state := &State{Exact: true, Jobs: map[string]Row{}, Deliveries: -1, Exits: map[int]int{0: 2}}
	r := Resource{Model: savedModel}
	var events []Event
	at := time.Duration(0)
	add := func(e Event) {
		at += time.Second
		e.At = at
		events = append(events, e)
	}
	for n := 1; n <= 4; n++ {
		op := Op{Op: "upsert", Resource: id, Token: fmt.Sprint("t", n)}
		o := Outcome{Effect: "updated", Resource: id, Revision: id.Revision(n)}
		row := Row{Kind: "save", State: storage.JobDone, Attempt: 1, Finished: noon.Add(time.Duration(n) * time.Second)}
		switch n {
		case 3:
			op.Op, op.Expected = "update", id.Revision(2)
		case 4:
			op.Op, row.State, o = "create", storage.JobRefused, Outcome{Effect: "refused", Resource: id, Code: "exists"}
		}
		row.Outcomes = []Outcome{o}
		state.Jobs[jobID(n)] = row
		add(Event{Kind: Invoked, Client: 1, Job: jobID(n), What: "save", Ops: []Op{op}})
		add(Event{Kind: Accepted, Client: 1, Job: jobID(n), Sequence: uint64(n)})
		add(Event{Kind: Ended, Job: jobID(n), State: row.State, Finished: row.Finished, Outcomes: row.Outcomes})
		add(Event{Kind: Read, Client: 1, Since: at + 1, Resource: id, Number: min(n, 3)})
		if n < 4 {
			r.Revisions = append(r.Revisions, revision(id, n, op.Token))
		}
	}
	r.Meta = metaOf(id, r.Revisions)
	state.Resources = append(state.Resources, r)

	load := Event{What: "load", Archive: "L1", Size: 2}
	load.Kind = Invoked
	add(load)
	load.Kind, load.Job = Accepted, jobID(5)
	add(load)
	state.Jobs[jobID(5)] = Row{Kind: "load", State: storage.JobDone, Attempt: 1, Finished: noon}
	for i := range 2 {
		id := resource.ID(fmt.Sprintf("item:L1-%06d", i))
		x := Resource{Model: loadedModel, Revisions: []Revision{revision(id, 1, loadedToken("L1", i, 1)), revision(id, 2, loadedToken("L1", i, 2))}}
		x.Meta = metaOf(id, x.Revisions)
		state.Resources = append(state.Resources, x)
	}
	add(Event{Kind: Loaded, Archive: "L1", Number: 2})
	add(Event{Kind: Ended, Job: jobID(5), State: storage.JobDone, Finished: noon})
	state.Models = []ModelCounts{{Model: savedModel, Scanned: 1, Searched: 1, Counted: 1}, {Model: loadedModel, Scanned: 2, Searched: 2, Counted: 2}}
	return events, state
}

func revision(id resource.ID, n int, token string) Revision {
	info := resource.RevisionInfo{ResourceID: id, RevisionID: id.Revision(n), Status: resource.Stable, CreatedTime: noon, UpdatedTime: noon, CreatedBy: "ann", UpdatedBy: "ann"}
	if n > 1 {
		info.ParentRevisionID = opt.Of(id.Revision(n - 1))
	}
	return Revision{Info: info, Token: token, N: int64(n), Intact: true}
}

func metaOf(id resource.ID, revisions []Revision) resource.Meta {
	last := revisions[len(revisions)-1]
	indexed, err := resource.NewIndexed(map[string]any{"n": last.N})
	if err != nil {
		panic(err)
	}
	return resource.Meta{
		ResourceID: id, CurrentRevisionID: last.Info.RevisionID, TotalRevisionCount: len(revisions),
		IndexedData: opt.Of(indexed), Rev: resource.RevMetaOf(last.Info),
	}
}

// with changes the row of a job.
func with(s *State, n int, change func(*Row)) {
	row := s.Jobs[jobID(n)]
	change(&row)
	s.Jobs[jobID(n)] = row
}

func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		name, want string // want is empty where nothing is wrong
		change     func([]Event, *State) []Event
	}{
		{"nothing", "", func(e []Event, _ *State) []Event { return e }},
		{"an accepted job is lost", "I1", func(e []Event, s *State) []Event {
			delete(s.Jobs, jobID(4))
			return slices.DeleteFunc(e, func(x Event) bool { return x.Kind == Ended && x.Job == jobID(4) })
		}},
		{"the queue forgot it", "", func(e []Event, s *State) []Event {
			delete(s.Jobs, jobID(4))
			e = slices.DeleteFunc(e, func(x Event) bool { return x.Kind == Ended && x.Job == jobID(4) })
			return append(e, Event{At: time.Hour, Kind: Healed, Nemesis: "wipe jetstream"})
		}},
		{"the queue forgot a load", "I1", func(e []Event, s *State) []Event {
			delete(s.Jobs, jobID(5))
			s.Resources = s.Resources[:1]
			e = slices.DeleteFunc(e, func(x Event) bool { return x.Job == jobID(5) && x.Kind == Ended || x.Kind == Loaded })
			return append(e, Event{At: time.Hour, Kind: Healed, Nemesis: "wipe jetstream"})
		}},
		{"nobody knows whether it was taken, and it was not", "", func(e []Event, s *State) []Event {
			delete(s.Jobs, jobID(4))
			return slices.DeleteFunc(e, func(x Event) bool { return x.Job == jobID(4) && x.Kind != Invoked })
		}},
		{"a job has not ended", "I1", func(e []Event, s *State) []Event {
			with(s, 4, func(r *Row) { r.State = storage.JobQueued })
			return e
		}},
		{"a job is dead", "I1", func(e []Event, s *State) []Event {
			with(s, 4, func(r *Row) { r.State = storage.JobDead })
			s.Letters = []Letter{{Job: jobID(4), Died: s.Jobs[jobID(4)].Finished}}
			return e
		}},
		{"a job ended twice", "I1", func(e []Event, s *State) []Event {
			with(s, 2, func(r *Row) { r.Finished = noon.Add(time.Hour) })
			return e
		}},
		{"a message stays", "I1", func(e []Event, s *State) []Event { s.Messages = 1; return e }},
		{"an effect is missing", "I2", func(e []Event, s *State) []Event { s.Resources[0].Revisions[1].Token = "t1"; return e }},
		{"a refused save has an effect", "I2", func(e []Event, s *State) []Event {
			r := &s.Resources[0]
			r.Revisions = append(r.Revisions, revision("event:00001", 4, "t4"))
			r.Meta = metaOf("event:00001", r.Revisions)
			return e
		}},
		{"a superseded save has none", "", func(e []Event, s *State) []Event {
			with(s, 4, func(r *Row) { r.State, r.Outcomes = storage.JobDone, []Outcome{{Effect: "superseded"}} })
			for i := range e {
				if e[i].Kind == Ended && e[i].Job == jobID(4) {
					e[i].State, e[i].Outcomes = storage.JobDone, s.Jobs[jobID(4)].Outcomes
				}
			}
			return e
		}},
		{"a token that nobody sent", "I2", func(e []Event, s *State) []Event { s.Resources[2].Revisions[0].Token = "?"; return e }},
		{"half of a load", "A", func(e []Event, s *State) []Event { s.Resources = s.Resources[:2]; return e }},
		{"half of a load was seen", "A", func(e []Event, _ *State) []Event { return append(e, Event{Kind: Loaded, Archive: "L1", Number: 1}) }},
		{"a number twice", "I3", func(e []Event, s *State) []Event {
			s.Resources[0].Revisions[2].Info.RevisionID = "event:00001:2"
			return e
		}},
		{"a gap", "I3", func(e []Event, s *State) []Event { s.gap(); return e }},
		{"a gap where there may be some", "", func(e []Event, s *State) []Event {
			s.gap()
			s.Exact = false
			for i := range e {
				if e[i].Job == jobID(3) && e[i].Kind == Ended {
					e[i].Outcomes = s.Jobs[jobID(3)].Outcomes
				}
			}
			return slices.DeleteFunc(e, func(x Event) bool { return x.Kind == Read })
		}},
		{"another parent than was expected", "I3", func(e []Event, _ *State) []Event {
			for i := range e {
				if e[i].Job == jobID(3) && len(e[i].Ops) > 0 {
					e[i].Ops[0].Expected = "event:00001:1"
				}
			}
			return e
		}},
		{"an older value came into force later", "I3", func(e []Event, s *State) []Event {
			revisions := s.Resources[0].Revisions
			revisions[0].Token, revisions[1].Token = "t2", "t1"
			return e
		}},
		{"an older value, accepted when the newer one was submitted already", "", func(e []Event, s *State) []Event {
			revisions := s.Resources[0].Revisions
			revisions[0].Token, revisions[1].Token = "t2", "t1"
			for n, revision := range map[int]int{1: 2, 2: 1} {
				with(s, n, func(r *Row) { r.Outcomes[0].Revision = resource.ID("event:00001").Revision(revision) })
			}
			for i := range e {
				switch {
				case e[i].Kind == Ended && len(s.Jobs[e[i].Job].Outcomes) > 0:
					e[i].Outcomes = s.Jobs[e[i].Job].Outcomes
				case e[i].Kind == Accepted && e[i].Job == jobID(1):
					e[i].At = time.Minute
				}
			}
			return slices.DeleteFunc(e, func(x Event) bool { return x.Kind == Read })
		}},
		{"a lost update", "I4", func(e []Event, s *State) []Event {
			s.Resources[0].Revisions[2].Info.ParentRevisionID = opt.Of(resource.RevisionID("event:00001:1"))
			return e
		}},
		{"the root is missing", "I4", func(e []Event, s *State) []Event {
			s.Resources[1].Revisions = s.Resources[1].Revisions[1:]
			return e
		}},
		{"too low a count", "I4", func(e []Event, s *State) []Event { s.Resources[0].Meta.TotalRevisionCount = 2; return e }},
		{"an old read", "I5", func(e []Event, _ *State) []Event {
			return append(e, Event{At: time.Hour, Kind: Read, Client: 2, Since: time.Hour, Resource: "event:00001", Number: 2})
		}},
		{"a client goes back", "I5", func(e []Event, _ *State) []Event {
			return append(e, Event{At: time.Hour, Kind: Read, Client: 1, Resource: "event:00001", Number: 2})
		}},
		{"no current revision", "I6", func(e []Event, s *State) []Event { s.Resources[1].Meta.CurrentRevisionID += "9"; return e }},
		{"a payload that is another", "I6", func(e []Event, s *State) []Event { s.Resources[1].Revisions[0].Intact = false; return e }},
		{"the store cannot be read", "I6", func(e []Event, s *State) []Event { s.Failed = []string{"no"}; return e }},
		{"verify finds something", "I6", func(e []Event, s *State) []Event {
			s.Verified.Problems = []manager.Problem{{Code: manager.CodeHashWrong}}
			return e
		}},
		{"rev_* of another revision", "I7", func(e []Event, s *State) []Event {
			s.Resources[0].Meta.Rev.CreatedBy = opt.Of("bob")
			return e
		}},
		{"unset rev_*", "I7", func(e []Event, s *State) []Event { s.Models[1].Unfilled = 1; return e }},
		{"a search that misses one", "I8", func(e []Event, s *State) []Event { s.Models[0].Searched = 0; return e }},
		{"an old indexed value", "I8", func(e []Event, s *State) []Event { s.Resources[0].Revisions[2].N = 7; return e }},
		{"another dump", "I9", func(e []Event, s *State) []Event { s.Dump = "x"; return e }},
		{"a letter without a dead job", "I10", func(e []Event, s *State) []Event { s.Letters = []Letter{{Job: jobID(1)}}; return e }},
		{"a letter without a row", "I10", func(e []Event, s *State) []Event { s.Letters = []Letter{{Job: "?"}}; return e }},
		{"a dead job without a letter", "I10", func(e []Event, s *State) []Event { return dies(e, s) }},
		{"a dead job with two letters", "I10", func(e []Event, s *State) []Event { return dies(e, s, 0, 0) }},
		{"the letter of an earlier death", "I10", func(e []Event, s *State) []Event { return dies(e, s, -time.Second) }},
		{"a dead job that was to die", "", func(e []Event, s *State) []Event {
			return doom(dies(e, s, 0), s, "undecodable", jobs.CodeEnvelope)
		}},
		{"a doomed job that died of something else", "I10", func(e []Event, s *State) []Event {
			return doom(dies(e, s, 0), s, "expired", jobs.CodeEnvelope)
		}},
		{"a doomed job without a letter", "I10", func(e []Event, s *State) []Event {
			return doom(dies(e, s), s, "undecodable", jobs.CodeEnvelope)
		}},
		{"a doomed job that was done", "I10", func(e []Event, s *State) []Event { return doom(e, s, "failing", "") }},
		{"a job that was to be refused and died", "I10", func(e []Event, s *State) []Event { return doom(dies(e, s, 0), s, "refused", "") }},
		{"garbage", "I11", func(e []Event, s *State) []Event { s.Garbage = 1; return e }},
		{"a worker that failed", "I12", func(e []Event, s *State) []Event { s.Exits[1] = 1; return e }},
		{"a panic", "I12", func(e []Event, s *State) []Event { s.Panics = []string{"panic: x"}; return e }},
		{"a session stays", "I12", func(e []Event, s *State) []Event { s.Remains = []string{"a session"}; return e }},
		{"tried without a delivery", "I13", func(e []Event, s *State) []Event {
			with(s, 1, func(r *Row) { r.Attempt = 3 })
			s.Deliveries, s.Delivered = 6, 5
			return e
		}},
		{"a secret in a log", "I14", func(e []Event, s *State) []Event { s.Leaks = []string{"a log"}; return e }},
		{"a deadlock", "L", func(e []Event, s *State) []Event { s.Deadlocks = 1; return e }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			events, state := calm()
			found := Check(tc.change(events, state), state)
			if tc.want == "" && len(found) > 0 {
				t.Errorf("violations although nothing is wrong: %v", found)
			}
			if tc.want != "" && !slices.ContainsFunc(found, func(v Violation) bool { return v.Invariant == tc.want }) {
				t.Errorf("%v, want %s", found, tc.want)
			}
		})
	}
}

// dies makes a job dead, with letters of other times of death.
func dies(e []Event, s *State, letters ...time.Duration) []Event {
	with(s, 4, func(r *Row) { r.State = storage.JobDead })
	for _, d := range letters {
		s.Letters = append(s.Letters, Letter{Job: jobID(4), Died: s.Jobs[jobID(4)].Finished.Add(d)})
	}
	return e
}

// doom says that the job which dies makes dead was to end so, with the code that it has.
func doom(e []Event, s *State, fate, code string) []Event {
	with(s, 4, func(r *Row) { r.ErrorCode = code })
	for i := range e {
		if e[i].Job == jobID(4) {
			e[i].Fate = fate
			if e[i].Kind == Ended {
				e[i].State = s.Jobs[jobID(4)].State
			}
		}
	}
	return e
}

// gap makes the third revision the fourth.
func (s *State) gap() {
	r := &s.Resources[0]
	r.Revisions[2].Info.RevisionID = "event:00001:4"
	r.Meta.CurrentRevisionID, r.Meta.TotalRevisionCount = "event:00001:4", 4
	row := s.Jobs[jobID(3)]
	row.Outcomes = []Outcome{{Effect: "updated", Resource: "event:00001", Revision: "event:00001:4"}}
	s.Jobs[jobID(3)] = row
}
