package postgres

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// auditColumns are the columns of the audit trail but the store, in the order of
// scanAudit.
const auditColumns = `at, id, verb, job, text, kind, model, error_code, actor, via, was, state, code`

// Act does something to a job and adds it to the audit trail.
func (l ledger) Act(ctx context.Context, a storage.Act) (job storage.Job, err error) {
	if a.Verb == storage.VerbDrop && l.f.medium != nil { // as in Drop
		if err := l.f.unstage(ctx, a.Job, func(t *tx) (bool, error) { return t.hasEnded(a.Job) }); err != nil {
			return storage.Job{}, err
		}
	}
	var refusal error
	err = l.do(ctx, func(j jobs) (err error) {
		job, refusal, err = j.act(a)
		return err
	})
	if err == nil {
		err = refusal
	}
	return job, err
}

// act returns the job as it then is. A refusal has changed nothing but the trail.
func (j jobs) act(a storage.Act) (job storage.Job, refusal, err error) {
	freed, err := j.freeDropped(a)
	if err != nil {
		return job, nil, err
	}
	now, err := j.now()
	if err != nil {
		return job, nil, err
	}
	if job, err = j.get(a.Job); err != nil {
		return job, nil, err
	}
	entry, row := a.Entry(job, now), job
	err = j.doTo(a.Verb, &row, now)
	code, refused := storage.ActCode(err)
	switch {
	case refused && freed:
		return job, nil, errRaced // it was queued again meanwhile
	case refused:
		refusal, entry.Code = err, code
	case err != nil:
		return job, nil, err
	case a.Verb == storage.VerbDrop:
		entry.Is = ""
	default:
		job, entry.Is = row, row.State
	}
	return job, refusal, j.addAudit(entry)
}

// freeDropped forgets what a job that may be dropped has staged: chunks are locked
// before the row, as by those who work on it. It reports whether it did.
func (j jobs) freeDropped(a storage.Act) (bool, error) {
	if a.Verb != storage.VerbDrop {
		return false, nil
	}
	row, found, err := j.one(`SELECT `+jobNames+` FROM specstar_jobs WHERE store = $1 AND id = $2`, j.store(), [16]byte(a.Job))
	if err != nil || !found || !row.State.Final() {
		return false, err
	}
	return true, j.t.unstage(a.Job)
}

// doTo carries out a verb on a row that is locked. A refusal of the job has changed
// nothing.
func (j jobs) doTo(v storage.Verb, row *storage.Job, now time.Time) error {
	switch v {
	case storage.VerbCancel:
		if err := row.AskCancel(now); err != nil {
			return err
		}
	case storage.VerbRetry:
		if err := j.requeue(row); err != nil {
			return err
		}
	case storage.VerbDrop:
		if err := row.CheckDrop(); err != nil {
			return err
		}
		_, err := j.remove([]uuid.UUID{row.ID})
		return err
	default:
		return storage.ErrVerb
	}
	return j.save(*row)
}

// requeue is Retry on a row that is locked.
func (j jobs) requeue(row *storage.Job) error {
	if err := row.Requeue(); err != nil {
		return err
	}
	if err := j.unclaimed([]storage.Job{*row}); err != nil {
		return fmt.Errorf("retry job %s: %w", row.ID, err)
	}
	return nil
}

// addAudit adds an entry to the audit trail.
func (j jobs) addAudit(a storage.Audit) error {
	_, err := j.t.exec(`INSERT INTO specstar_audit (store, `+auditColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)`,
		j.store(), a.At, [16]byte(a.ID), clean(string(a.Verb)), [16]byte(a.Job), clean(a.Text), clean(a.Kind), clean(a.Model), clean(a.ErrorCode),
		clean(a.By), clean(a.Via), string(a.Was), string(a.Is), a.Code)
	return err
}

// Audits returns entries of the audit trail, the latest first.
func (l ledger) Audits(ctx context.Context, f storage.AuditFilter) iter.Seq2[storage.Audit, error] {
	if l.foreign() || l.f.version < 6 {
		return func(func(storage.Audit, error) bool) {}
	}
	query, args := listAudits(l.store(), f)
	return stream(ctx, l.f, pooled{l.f}, "read the audit trail of", query, args, scanAudit)
}

func listAudits(store int32, f storage.AuditFilter) (string, []any) {
	where, args := []string{"store = $1"}, []any{store}
	add := func(condition string, value any) {
		args = append(args, value)
		where = append(where, condition+" $"+strconv.Itoa(len(args)))
	}
	if f.Job != uuid.Nil {
		add("job =", [16]byte(f.Job))
	}
	if f.Verb != "" {
		add("verb =", clean(string(f.Verb)))
	}
	if f.By != "" {
		add("actor =", clean(f.By))
	}
	if !f.Since.IsZero() {
		add("at >=", f.Since)
	}
	if !f.Until.IsZero() {
		add("at <", f.Until)
	}
	query := `SELECT ` + auditColumns + ` FROM specstar_audit WHERE ` + strings.Join(where, " AND ") + ` ORDER BY at DESC, id DESC`
	if f.Limit > 0 {
		args = append(args, f.Limit)
		query += ` LIMIT $` + strconv.Itoa(len(args))
	}
	return query, args
}

func scanAudit(rows pgx.Rows) (a storage.Audit, err error) {
	err = rows.Scan(&a.At, (*[16]byte)(&a.ID), &a.Verb, (*[16]byte)(&a.Act.Job), &a.Text, &a.Kind, &a.Model, &a.ErrorCode, &a.By, &a.Via, &a.Was, &a.Is, &a.Code)
	a.At = a.At.UTC()
	return a, err
}

// PruneAudits removes the entries before the given time.
func (l ledger) PruneAudits(ctx context.Context, before time.Time) (n int64, err error) {
	err = l.do(ctx, func(j jobs) error {
		n, err = j.t.exec(`DELETE FROM specstar_audit WHERE store = $1 AND at < $2`, j.store(), before)
		return err
	})
	return n, err
}
