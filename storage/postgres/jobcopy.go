package postgres

import (
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// copiedJobs reports whether COPY can write final rows of jobs: the server sets no
// times then.
func copiedJobs(list []storage.Job) bool {
	return !anyHas(list, func(j *storage.Job) bool { return j.Created.IsZero() || j.Finished.IsZero() })
}

// jobCopy are final rows of jobs for COPY.
type jobCopy struct {
	store   int32
	list    []storage.Job
	columns []jobColumn
}

// sparedColumns are columns with a default that many jobs have, each with whether a
// job's value is another one. A job that has ended has no lease.
var sparedColumns = map[string]func(*storage.Job) bool{
	"text":          func(j *storage.Job) bool { return textOf(j) != "" },
	"parent":        func(j *storage.Job) bool { return j.Parent != uuid.Nil },
	"envelope":      func(j *storage.Job) bool { return len(j.Envelope) > 0 },
	"envelope_hash": func(j *storage.Job) bool { return len(j.EnvelopeHash) > 0 },
	"queue":         func(j *storage.Job) bool { return j.Queue != uuid.Nil },
	"done":          func(j *storage.Job) bool { return j.Done != 0 },
	"total":         func(j *storage.Job) bool { return j.Total != 0 },
	"outcome":       func(j *storage.Job) bool { return len(j.Outcome) > 0 },
	"error_code":    func(j *storage.Job) bool { return j.ErrorCode != "" },
	"error_message": func(j *storage.Job) bool { return j.ErrorMessage != "" },
	"cancel":        func(j *storage.Job) bool { return j.Cancel },
	"started":       func(j *storage.Job) bool { return !j.Started.IsZero() },
	"lease_until":   func(*storage.Job) bool { return false },
	"origin":        func(j *storage.Job) bool { return j.Origin.Known() },
}

// newJobCopy leaves out the columns in which every job has the default: they need
// neither be sent nor read by the server.
func newJobCopy(store int32, list []storage.Job) jobCopy {
	columns := slices.DeleteFunc(slices.Clone(endedColumns), func(c jobColumn) bool {
		has, spared := sparedColumns[c.name]
		return spared && !anyHas(list, has)
	})
	return jobCopy{store, list, columns}
}

// anyHas is slices.ContainsFunc without a copy of each job: they are large.
func anyHas(list []storage.Job, has func(*storage.Job) bool) bool {
	for i := range list {
		if has(&list[i]) {
			return true
		}
	}
	return false
}

// names are the columns, as COPY takes them.
func (c jobCopy) names() string { return "store, " + namesOf(c.columns) }

// encode returns the rows for COPY, sorted by id: the order of locks.
func (c jobCopy) encode(memory *kept) *copyRows {
	size := 0
	for i := range c.list {
		j := &c.list[i]
		size += 256 + len(j.Text) + len(j.Envelope) + len(j.Outcome) + len(j.ErrorMessage)
	}
	rows := memory.rows(size)
	a := &array{b: rows.b} // its elements are encoded as the fields of COPY are
	for _, at := range placesByID(c.list) {
		rows.b = a.b
		rows.row(1 + len(c.columns))
		a.b = rows.b
		a.appendInt4(c.store)
		for i := range c.columns {
			c.columns[i].put(a, &c.list[at])
		}
	}
	rows.b = a.b
	return rows
}
