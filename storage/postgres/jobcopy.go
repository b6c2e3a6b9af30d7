package postgres

import (
	"slices"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// copiedJobColumns are the columns of job rows that COPY writes.
var copiedJobColumns = "store, " + namesOf(endedColumns)

// copiedJobs reports whether COPY can write final rows of jobs: the server sets no
// times then.
func copiedJobs(list []storage.Job) bool {
	return !slices.ContainsFunc(list, func(j storage.Job) bool { return j.Created.IsZero() || j.Finished.IsZero() })
}

// copyOfJobs returns final rows of jobs for COPY, sorted by id: the order of locks.
func copyOfJobs(store int32, list []storage.Job) []byte {
	rows := inOrder(list)
	size := 0
	for i := range rows {
		size += 256 + len(rows[i].Text) + len(rows[i].Envelope) + len(rows[i].Outcome) + len(rows[i].ErrorMessage)
	}
	c := newCopyRows(size)
	a := &array{b: c.b} // its elements are encoded as the fields of COPY are
	for i := range rows {
		c.b = a.b
		c.row(1 + len(endedColumns))
		a.b = c.b
		a.appendInt4(store)
		rows[i].LeaseUntil = time.Time{}
		for n := range endedColumns {
			endedColumns[n].put(a, &rows[i])
		}
	}
	c.b = a.b
	return c.done()
}
