package jobs

import "github.com/google/uuid"

// touched is what saves are about: their order counts where they touch the same.
type touched struct {
	places map[place]struct{}
	// jobs are touched by the messages of each.
	jobs map[uuid.UUID]struct{}
	// lanes are those in which anything may be touched: the content of a save has still
	// to be fetched.
	lanes map[string]struct{}
	// any are the lanes in which something is touched.
	any map[string]struct{}
}

// expect makes room for so many tasks of one operation each.
func (s *touched) expect(tasks int) {
	s.places, s.jobs = make(map[place]struct{}, tasks), make(map[uuid.UUID]struct{}, tasks)
}

// add adds what t touches. Long jobs have claims, and touch nothing here.
func (s *touched) add(t *task) {
	if !t.ordered() {
		return
	}
	lane := t.delivery.Subject
	note(&s.any, lane)
	note(&s.jobs, t.row.ID)
	if t.content != "" {
		note(&s.lanes, lane)
	}
	for p := range t.places() {
		note(&s.places, p)
	}
}

// by reports whether t touches any of it.
func (s *touched) by(t *task) bool {
	lane := t.delivery.Subject
	if !t.ordered() || !has(s.any, lane) {
		return false
	}
	if t.content != "" || has(s.lanes, lane) || has(s.jobs, t.row.ID) {
		return true
	}
	for p := range t.places() {
		if has(s.places, p) {
			return true
		}
	}
	return false
}

// ordered reports whether the order counts in which a task is run: it is a save, or its
// message says nothing but an id.
func (t *task) ordered() bool { return t.err != nil || t.env.Kind() == KindSave }

// note adds to a set that may be nil.
func note[K comparable](set *map[K]struct{}, k K) {
	if *set == nil {
		*set = make(map[K]struct{})
	}
	(*set)[k] = struct{}{}
}

func has[K comparable](set map[K]struct{}, k K) bool {
	_, is := set[k]
	return is
}
