package simple

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Park has jobs wait until their NotBefore and returns the rows as they then are.
func (t Jobs) Park(jobs []storage.Job, now time.Time) []storage.Job {
	rows := make([]storage.Job, len(jobs))
	for i, j := range jobs {
		row, ok := t.Rows[j.ID]
		if !ok {
			j.Unique = ""
			row = t.add(j, now)
		}
		leased := row.Token != uuid.Nil && row.LeaseUntil.After(now)
		if !leased && row.Park(CopyJob(j)) {
			row.free()
			t.Rows[j.ID] = row
		}
		rows[i] = CopyJob(row.Job)
	}
	return rows
}

// Waiting returns how many queued jobs have a NotBefore.
func (t Jobs) Waiting() (n int64) {
	for _, row := range t.Rows {
		if row.State == storage.JobQueued && !row.NotBefore.IsZero() {
			n++
		}
	}
	return n
}

// Due returns queued and suspended jobs whose NotBefore has passed, the earliest first, at most limit.
func (t Jobs) Due(limit int, now time.Time) []storage.Job {
	var due []storage.Job
	for _, row := range t.Rows {
		waits := row.State == storage.JobQueued && !row.NotBefore.IsZero() || row.Suspended()
		if waits && !row.NotBefore.After(now) {
			due = append(due, CopyJob(row.Job))
		}
	}
	slices.SortFunc(due, func(a, b storage.Job) int {
		return cmp.Or(a.NotBefore.Compare(b.NotBefore), a.Created.Compare(b.Created), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return due[:min(limit, len(due))]
}
