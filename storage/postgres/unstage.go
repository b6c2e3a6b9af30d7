package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

// Unstage forgets what a job staged, with the rows of its staged chunks, and frees
// their payloads. With the last chunk the plan goes.
func (u unit) Unstage(ctx context.Context, c storage.Claim) error {
	return u.f.unstage(ctx, c.Job, func(t *tx) (bool, error) {
		if c.Token == uuid.Nil {
			return t.hasEnded(c.Job)
		}
		err := jobs{t: t}.claimed(c)
		return err == nil, err
	})
}

// unstage is Unstage as long as may allows it.
func (f *Factory) unstage(ctx context.Context, job uuid.UUID, may func(*tx) (bool, error)) error {
	if f.medium != nil {
		return f.unstageOuter(ctx, job, may)
	}
	return f.write(ctx, "forget staged chunks in", func(t *tx) error {
		ok, err := may(t)
		if err != nil || !ok {
			return err
		}
		return t.unstage(job)
	})
}

// unstageOuter forgets one chunk after another. The row of a chunk goes before its
// contents in the medium: without them it would still count as done, and be published.
// Who dies in between leaves contents that nothing leads to, for a sweep to find.
func (f *Factory) unstageOuter(ctx context.Context, job uuid.UUID, may func(*tx) (bool, error)) error {
	for more := true; more; {
		var models []staged.Model
		err := f.write(ctx, "forget a staged chunk in", func(t *tx) (err error) {
			models, more = nil, false
			ok, err := may(t)
			if err != nil || !ok {
				return err
			}
			if models, more, err = t.unstageNext(job); more || err != nil {
				return err
			}
			return jobs{t: t}.unplan(job)
		})
		if err != nil {
			return err
		}
		for _, m := range models {
			if err := f.medium.Model(m.Name).RemoveContents(ctx, uidsOf(m.Entries)); err != nil {
				return err
			}
		}
	}
	return nil
}

// unstageNext removes the row of a staged chunk and returns what it staged, and
// whether there was one.
func (t *tx) unstageNext(job uuid.UUID) (models []staged.Model, found bool, err error) {
	err = t.each(`DELETE FROM specstar_chunks WHERE store = $1 AND job = $2 AND no = (
		SELECT no FROM specstar_chunks WHERE store = $1 AND job = $2 AND staged IS NOT NULL ORDER BY no LIMIT 1 FOR UPDATE) RETURNING staged`,
		[]any{t.f.identity.number, job}, func(rows pgx.Rows) error {
			var b []byte
			err := rows.Scan(&b)
			if err == nil {
				found = true
				models, err = staged.UIDs.Read(b)
			}
			return err
		})
	return models, found, err
}

// unstage is Unstage inside a transaction. Contents of a medium are left behind, for
// the medium cannot take their removal back: a sweep finds them.
func (t *tx) unstage(job uuid.UUID) error {
	numbers, err := t.stagedChunks(job)
	if err != nil {
		return err
	}
	if t.f.medium == nil {
		// None of the payloads has an index entry: publishing gives them all one, and
		// forgets the chunk.
		err := t.eachStaged(job, numbers, func(names tables, m staged.Model) error {
			_, err := t.exec(names.hollow(), uidsOf(m.Entries))
			return err
		})
		if err != nil {
			return err
		}
	}
	_, err = t.exec(`DELETE FROM specstar_chunks WHERE store = $1 AND job = $2 AND staged IS NOT NULL`, t.f.identity.number, job)
	if err != nil {
		return err
	}
	return jobs{t: t}.unplan(job)
}

func uidsOf(entries []staged.Entry) []string {
	uids := make([]string, len(entries))
	for i, e := range entries {
		uids[i] = e.UID
	}
	return uids
}
