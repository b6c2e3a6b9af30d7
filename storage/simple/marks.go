package simple

import (
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Raise raises marks; those that are not above what is there change nothing.
func (t Jobs) Raise(marks []storage.Mark) {
	for _, m := range marks {
		if has, ok := t.Marks[m.Key]; !ok || m.Compare(has) > 0 {
			m.Time = m.Time.UTC().Truncate(time.Microsecond)
			t.Marks[m.Key] = m
		}
	}
}

// Mark returns a mark, when it is there.
func (t Jobs) Mark(key uuid.UUID) (storage.Mark, bool) {
	m, ok := t.Marks[key]
	return m, ok
}

// PruneMarks removes the marks whose time is before the given one and returns how many.
func (t Jobs) PruneMarks(before time.Time) (n int64) {
	for key, m := range t.Marks {
		if m.Time.Before(before) {
			delete(t.Marks, key)
			n++
		}
	}
	return n
}
