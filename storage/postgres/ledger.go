package postgres

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// ledger holds the jobs of the store.
type ledger struct{ f *Factory }

var _ storage.Ledger = ledger{}

// do runs a write transaction over the jobs.
func (l ledger) do(ctx context.Context, fn func(jobs) error) error {
	return l.f.write(ctx, "write the ledger of", func(t *tx) error { return fn(jobs{t: t}) })
}

// store is the number of the store, the first key of every row.
func (l ledger) store() int32 { return l.f.identity.number }

// foreign reports whether the store is one for reading in which this package has
// never written: it has no jobs, and maybe no tables of them.
func (l ledger) foreign() bool { return l.store() == 0 }

// Get returns a job.
func (l ledger) Get(ctx context.Context, id uuid.UUID) (storage.Job, error) {
	for j, err := range l.read(ctx, `SELECT `+jobNames+` FROM specstar_jobs WHERE store = $1 AND id = $2`, l.store(), [16]byte(id)) {
		return j, err
	}
	return storage.Job{}, fmt.Errorf("job %s: %w", id, storage.ErrNotFound)
}

// findJob looks a text up by its hash: texts may be longer than an index takes.
var findJob = `SELECT ` + jobNames + ` FROM specstar_jobs
	WHERE store = $1 AND hashtextextended(text, 0) = hashtextextended($2, 0) AND text = $2 AND text <> ''`

// Find returns the job whose text is the given one.
func (l ledger) Find(ctx context.Context, text string) (storage.Job, error) {
	for j, err := range l.read(ctx, findJob, l.store(), clean(text)) {
		return j, err
	}
	if id, err := uuid.Parse(text); err == nil && id.String() == text {
		j, err := l.Get(ctx, id)
		if err != nil || j.Text == text {
			return j, err
		}
	}
	return storage.Job{}, fmt.Errorf("job %s: %w", text, storage.ErrNotFound)
}

// List returns jobs, newest first; jobs made at the same time by ascending id.
func (l ledger) List(ctx context.Context, f storage.JobFilter) iter.Seq2[storage.Job, error] {
	query, args := listJobs(l.store(), f)
	return l.read(ctx, query, args...)
}

// listJobs returns the query for List. That of jobs that are not done says so once
// more, in the words of the partial index.
func listJobs(store int32, f storage.JobFilter) (string, []any) {
	where := []string{"store = $1"}
	args := []any{store}
	add := func(condition string, value any) {
		args = append(args, value)
		where = append(where, strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(args))))
	}
	if len(f.States) == 1 { // the order of an index serves then
		add("state = ?", clean(string(f.States[0])))
	} else if len(f.States) > 0 {
		states := texts(f.States)
		for i := range states {
			states[i] = clean(states[i])
		}
		add("state = ANY(?)", states)
	}
	if len(f.States) > 0 && !slices.Contains(f.States, storage.JobDone) {
		where = append(where, "state <> 'done'")
	}
	if f.Kind != "" {
		add("kind = ?", clean(f.Kind))
	}
	if f.Model != "" {
		add("model = ?", clean(f.Model))
	}
	if f.Parent != uuid.Nil {
		add("parent = ?", [16]byte(f.Parent))
	}
	if f.Code != "" {
		add("error_code = ?", clean(f.Code))
	}
	if !f.Since.IsZero() {
		add("coalesce(finished, created) >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		add("coalesce(finished, created) < ?", f.Until)
	}
	if f.After != (storage.JobCursor{}) {
		add("created <= ?", f.After.Created)
		add("(created < $"+strconv.Itoa(len(args))+" OR id > ?)", [16]byte(f.After.ID))
	}
	names := jobNames
	if f.Bare {
		names = bareNames
	}
	query := `SELECT ` + names + ` FROM specstar_jobs WHERE ` + strings.Join(where, " AND ") + ` ORDER BY created DESC, id`
	if f.Limit > 0 {
		args = append(args, f.Limit)
		query += ` LIMIT $` + strconv.Itoa(len(args))
	}
	return query, args
}

func (l ledger) read(ctx context.Context, query string, args ...any) iter.Seq2[storage.Job, error] {
	if l.foreign() {
		return func(func(storage.Job, error) bool) {}
	}
	if l.f.version < 4 {
		query = strings.Replace(query, ` origin,`, ` NULL::bytea,`, 1)
	}
	if l.f.version < 2 {
		query = strings.Replace(query, `, epoch, sequence`, `, NULL::bigint, NULL::bigint`, 1)
	}
	if l.f.version < 3 {
		query = strings.Replace(query, `, not_before, unique_key`, `, NULL::timestamptz, NULL::text`, 1)
	}
	return stream(ctx, l.f, pooled{l.f}, "read the ledger of", query, args, scanJob)
}

// countJobs counts the done jobs, which are most, as those that are left: entries
// of indexes are read then, not rows.
const countJobs = `WITH unfinished AS (SELECT state, count(*) AS n FROM specstar_jobs WHERE store = $1 AND state <> 'done' GROUP BY state)
	SELECT state, n FROM unfinished UNION ALL
	SELECT 'done', (SELECT count(*) FROM specstar_jobs WHERE store = $1) - (SELECT coalesce(sum(n), 0)::bigint FROM unfinished)`

// countOpen counts jobs of states without the one of done jobs.
const countOpen = `SELECT state, count(*) FROM specstar_jobs WHERE store = $1 AND state <> 'done' AND state = ANY($2) GROUP BY state`

// Count returns how many jobs are in each of the states.
func (l ledger) Count(ctx context.Context, states ...storage.JobState) (map[storage.JobState]int64, error) {
	if l.foreign() {
		return map[storage.JobState]int64{}, nil
	}
	type count struct {
		state storage.JobState
		n     int64
	}
	query, args := countJobs, []any{l.store()}
	if len(states) > 0 && !slices.Contains(states, storage.JobDone) {
		query, args = countOpen, append(args, texts(states))
	}
	all, err := collect(ctx, l.f, pooled{l.f}, "count the jobs of", query, args,
		func(rows pgx.Rows) (c count, err error) { return c, rows.Scan(&c.state, &c.n) })
	if err != nil {
		return nil, err
	}
	counts := map[storage.JobState]int64{}
	for _, c := range all {
		if c.n > 0 && (len(states) == 0 || slices.Contains(states, c.state)) {
			counts[c.state] = c.n
		}
	}
	return counts, nil
}

// Chunks returns the chunks of a job that are done, by number.
func (l ledger) Chunks(ctx context.Context, job uuid.UUID) ([]storage.Chunk, error) {
	if l.foreign() {
		return nil, nil
	}
	return collect(ctx, l.f, pooled{l.f}, "read chunks in", `SELECT no, outcome FROM specstar_chunks WHERE store = $1 AND job = $2 ORDER BY no`,
		[]any{l.store(), [16]byte(job)}, func(rows pgx.Rows) (c storage.Chunk, err error) { return c, rows.Scan(&c.No, &c.Outcome) })
}
