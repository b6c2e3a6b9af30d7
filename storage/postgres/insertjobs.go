package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// addJobs inserts the jobs that are not there, and whose unique keys are free, and gives
// their ids. Whoever inserts one at the same time is waited for.
var addJobs = insertJobs(jobColumns, nil, map[string]string{"created": serverTime}, `DO NOTHING RETURNING id`)

// Insert adds rows that are not there.
func (l ledger) Insert(ctx context.Context, list []storage.Job) ([]bool, error) {
	if len(list) == 0 {
		return []bool{}, ctx.Err()
	}
	var inserted []bool
	err := l.do(ctx, func(j jobs) (err error) {
		inserted, err = j.insert(list)
		return err
	})
	if err != nil {
		return nil, err
	}
	return inserted, nil
}

// InsertIn is the Insert of the store's ledger inside a transaction of the caller's
// own, in the store's database: the jobs are there when it commits. On an error
// nothing was inserted and the transaction may go on. An isolation above READ
// COMMITTED gives an error when somebody else inserts a job meanwhile.
func (f *Factory) InsertIn(ctx context.Context, tx pgx.Tx, list []storage.Job) ([]bool, error) {
	if len(list) == 0 {
		return []bool{}, ctx.Err()
	}
	var inserted []bool
	err := pgx.BeginFunc(ctx, tx, func(pgx.Tx) (err error) { // a savepoint
		inserted, err = jobs{t: newTx(ctx, f, tx.Conn())}.insert(list)
		return err
	})
	if err != nil {
		return nil, f.explainWrite("insert jobs in", err)
	}
	return inserted, nil
}

// newTx is a transaction that its owner ends.
func newTx(ctx context.Context, f *Factory, conn *pgx.Conn) *tx {
	return &tx{f: f, ctx: ctx, conn: conn}
}

// insert adds rows that are not there and reports for each whether it did.
func (j jobs) insert(list []storage.Job) ([]bool, error) {
	rows := inOrder(list)
	added := make(map[uuid.UUID]bool, len(rows))
	_, err := j.t.eachBinary(addJobs, jobParams(jobColumns, j.store(), rows), func(row [][]byte) { added[uuid.UUID(row[0])] = true })
	if err != nil {
		return nil, err
	}
	var others []uuid.UUID
	for i := range rows {
		if !added[rows[i].ID] {
			others = append(others, rows[i].ID)
		}
	}
	known, err := j.submissions(others)
	if err != nil {
		return nil, err
	}
	if len(known) < len(others) {
		if err := j.unclaimed(missing(rows, added, known)); err != nil {
			return nil, fmt.Errorf("insert jobs: %w", err)
		}
		return nil, fmt.Errorf("insert jobs: %w", errRaced) // removed meanwhile, or not seen yet
	}
	inserted := make([]bool, len(list))
	for i := range list {
		id, hash := list[i].ID, list[i].EnvelopeHash
		if inserted[i] = added[id]; added[id] {
			added[id] = false // what comes again is there
			known[id] = submission{text: textOf(&list[i]), hash: hash}
			continue
		}
		if !sameHash(known[id].hash, hash) {
			return nil, fmt.Errorf("insert jobs: %w", &storage.JobDiffersError{ID: known[id].name(id)})
		}
	}
	return inserted, nil
}

// missing returns the jobs that are neither added nor known.
func missing(rows []storage.Job, added map[uuid.UUID]bool, known map[uuid.UUID]submission) []storage.Job {
	return slices.DeleteFunc(slices.Clone(rows), func(j storage.Job) bool {
		_, there := known[j.ID]
		return added[j.ID] || there
	})
}

// submission is what tells whether two rows are of the same message.
type submission struct {
	text string
	hash []byte
}

// name is the job's text.
func (s submission) name(id uuid.UUID) string {
	if s.text == "" {
		return id.String()
	}
	return s.text
}

// submissions returns what is known of jobs.
func (j jobs) submissions(ids []uuid.UUID) (map[uuid.UUID]submission, error) {
	known := map[uuid.UUID]submission{}
	if len(ids) == 0 {
		return known, nil
	}
	_, err := j.t.eachBinary(`SELECT id, text, envelope_hash FROM specstar_jobs WHERE store + 0 = $1::integer AND id = ANY($2::uuid[])`,
		[][]byte{storeParam(j.store()), idArray(ids)}, func(row [][]byte) {
			known[uuid.UUID(row[0])] = submission{text: string(row[1]), hash: bytes.Clone(row[2])}
		})
	return known, err
}

// sameHash reports whether two rows may be of the same message: a hash that is
// not known differs from none.
func sameHash(a, b []byte) bool { return len(a) == 0 || len(b) == 0 || bytes.Equal(a, b) }
