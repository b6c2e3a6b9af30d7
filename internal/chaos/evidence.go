package chaos

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// Violation is something that must not be.
type Violation struct {
	// Invariant is its name, see [Check].
	Invariant string `json:"invariant"`
	Text      string `json:"text"`
}

// String names the invariant first.
func (v Violation) String() string { return v.Invariant + ": " + v.Text }

// evidence is history and state, put in order for those who look.
type evidence struct {
	events []Event
	state  *State
	jobs   map[string]*job
	// order are the ids of jobs as they were first met.
	order []string
	// archives are the loads, by the archive that they bring.
	archives map[string]*job
	// found are the revisions of each token that count.
	found map[string][]resource.RevisionID
	// stray counts stored revisions that do not count.
	stray int
	// forgot are the moments at which the queue was there again, without what it had held.
	forgot []time.Duration

	violations []Violation
}

// job is what the history knows of one.
type job struct {
	id, what   string
	fate       string
	ops        []Op
	archive    string
	size       int
	invokedAt  time.Duration // when it was submitted first
	accepted   bool
	acceptedAt time.Duration
	ended      *Event
}

func gather(events []Event, state *State) *evidence {
	e := &evidence{
		events: events, state: state, jobs: map[string]*job{}, archives: map[string]*job{},
		found: map[string][]resource.RevisionID{},
	}
	for i := range events {
		e.add(&events[i])
	}
	for i := range state.Resources {
		e.addResource(&state.Resources[i])
	}
	return e
}

func (e *evidence) add(x *Event) {
	switch x.Kind {
	case Invoked, Accepted, Unknown:
		e.addJob(x)
	case Ended:
		e.job(x.Job).ended = x
	case Healed:
		if n, _ := nemesisNamed(x.Nemesis); n.forgets {
			e.forgot = append(e.forgot, x.At)
		}
	}
}

// addJob notes what is told of a job. One that was submitted by the command line has
// no id before it was accepted.
func (e *evidence) addJob(x *Event) {
	j := &job{what: x.What, archive: x.Archive, size: x.Size}
	if x.Archive != "" {
		if e.archives[x.Archive] == nil {
			e.archives[x.Archive] = j
		}
		j = e.archives[x.Archive]
	}
	if x.Job == "" {
		return
	}
	if e.jobs[x.Job] == nil {
		e.jobs[x.Job] = j
		e.order = append(e.order, x.Job)
	}
	j = e.jobs[x.Job]
	j.id = x.Job
	if x.Kind == Invoked {
		j.ops, j.fate = x.Ops, x.Fate
		if j.invokedAt == 0 {
			j.invokedAt = x.At
		}
	}
	if x.Kind == Accepted {
		j.accepted, j.acceptedAt = true, x.At
	}
}

// job returns what is known of a job that was told of.
func (e *evidence) job(id string) *job {
	if e.jobs[id] == nil {
		e.jobs[id] = &job{id: id}
		e.order = append(e.order, id)
	}
	return e.jobs[id]
}

// addResource notes the tokens of the revisions that count: all of them where
// revisions commit with the meta; else those on the way from the current one to the
// first, since a writer that dies leaves revisions that nothing leads to.
func (e *evidence) addResource(r *Resource) {
	counts := map[resource.RevisionID]bool{}
	for _, v := range r.chain() {
		counts[v.Info.RevisionID] = true
	}
	for _, v := range r.Revisions {
		if e.state.Exact || counts[v.Info.RevisionID] {
			e.found[v.Token] = append(e.found[v.Token], v.Info.RevisionID)
		} else {
			e.stray++
		}
	}
}

// chain returns the revisions from the current one to the first, as far as they are
// there.
func (r *Resource) chain() []Revision {
	byID := make(map[resource.RevisionID]Revision, len(r.Revisions))
	for _, v := range r.Revisions {
		byID[v.Info.RevisionID] = v
	}
	var all []Revision
	for at := r.Meta.CurrentRevisionID; at != "" && len(all) <= len(r.Revisions); {
		v, ok := byID[at]
		if !ok {
			break
		}
		all = append(all, v)
		at = v.Info.ParentRevisionID.Or("")
	}
	return all
}

// forgotten reports whether nothing but the queue had a job, and the queue forgot it.
func (e *evidence) forgotten(j *job) bool {
	return j.what == "save" && slices.ContainsFunc(e.forgot, func(at time.Duration) bool { return at >= j.acceptedAt })
}

// breaks notes a violation.
func (e *evidence) breaks(invariant, format string, args ...any) {
	e.violations = append(e.violations, Violation{invariant, fmt.Sprintf(format, args...)})
}

// wrote reports whether an operation that ended so made a revision.
func (o Outcome) wrote() bool {
	switch o.Effect {
	case "created", "updated", "modified", "migrated":
		return true
	}
	return false // unchanged, deleted, restored, superseded, refused…
}

// rows returns the ledger's rows in a fixed order.
func (s *State) rows() []string {
	ids := make([]string, 0, len(s.Jobs))
	for id := range s.Jobs {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(a, b) })
	return ids
}
