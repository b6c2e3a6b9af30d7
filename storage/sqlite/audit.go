package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// auditColumns are the columns of the audit trail, in the order of scanAudit.
const auditColumns = `store, at, id, verb, job, text, kind, model, error_code, actor, via, was, state, code`

// Act does something to a job and adds it to the audit trail.
func (l ledger) Act(ctx context.Context, a storage.Act) (job storage.Job, err error) {
	if a.Verb != storage.VerbDrop {
		return l.act(ctx, a)
	}
	err = l.f.apart(ctx, "write the ledger of", func() error {
		job, err = l.act(ctx, a)
		return err
	})
	return job, err
}

func (l ledger) act(ctx context.Context, a storage.Act) (job storage.Job, err error) {
	var refusal error
	err = l.do(ctx, func(j jobs) error {
		row, err := j.get(a.Job)
		if err != nil {
			return err
		}
		now := l.f.now()
		entry := a.Entry(row.seen(), now)
		job = row.seen()
		err = l.doTo(j, a.Verb, &row, now)
		code, refused := storage.ActCode(err)
		switch {
		case refused:
			refusal, entry.Code = err, code
		case err != nil:
			return err
		case a.Verb == storage.VerbDrop:
			entry.Is = ""
		default:
			job, entry.Is = row.seen(), row.State
		}
		return j.addAudit(entry)
	})
	if err == nil {
		err = refusal
	}
	return job, err
}

// doTo carries out a verb. A refusal of the job has changed nothing.
func (l ledger) doTo(j jobs, v storage.Verb, row *jobRow, now time.Time) error {
	switch v {
	case storage.VerbCancel:
		if err := row.AskCancel(now); err != nil {
			return err
		}
	case storage.VerbRetry:
		if err := requeue(j, row); err != nil {
			return err
		}
	case storage.VerbDrop:
		if err := row.CheckDrop(); err != nil {
			return err
		}
		return errors.Join(l.f.unstage(j, row.ID), j.remove(row.ID))
	default:
		return storage.ErrVerb
	}
	return j.save(*row)
}

// addAudit adds an entry to the audit trail.
func (j jobs) addAudit(a storage.Audit) error {
	_, err := j.t.exec(`INSERT INTO specstar_audit (`+auditColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		j.store, micros(a.At), a.ID[:], string(a.Verb), a.Job[:], a.Text, a.Kind, a.Model, a.ErrorCode, a.By, a.Via, string(a.Was), string(a.Is), a.Code)
	return err
}

// Audits returns entries of the audit trail, the latest first.
func (l ledger) Audits(ctx context.Context, f storage.AuditFilter) iter.Seq2[storage.Audit, error] {
	if l.f.layout < 6 {
		return func(func(storage.Audit, error) bool) {}
	}
	query, args := listAudits(l.f.identity.number, f)
	return stream(ctx, l.f, l.f.reads, "read the audit trail of", query, args, scanAudit)
}

func listAudits(store int64, f storage.AuditFilter) (string, []any) {
	where, args := []string{"store = ?"}, []any{store}
	add := func(condition string, value any) {
		where, args = append(where, condition), append(args, value)
	}
	if f.Job != [16]byte{} {
		add("job = ?", f.Job[:])
	}
	if f.Verb != "" {
		add("verb = ?", string(f.Verb))
	}
	if f.By != "" {
		add("actor = ?", f.By)
	}
	if !f.Since.IsZero() {
		add("at >= ?", micros(f.Since))
	}
	if !f.Until.IsZero() {
		add("at < ?", micros(f.Until))
	}
	query := `SELECT ` + auditColumns + ` FROM specstar_audit WHERE ` + strings.Join(where, " AND ") + ` ORDER BY at DESC, id DESC`
	if f.Limit > 0 {
		query += ` LIMIT ?`
		args = append(args, f.Limit)
	}
	return query, args
}

func scanAudit(rows *sql.Rows) (a storage.Audit, err error) {
	var store, at int64
	var id, job sql.RawBytes
	err = rows.Scan(&store, &at, &id, &a.Verb, &job, &a.Text, &a.Kind, &a.Model, &a.ErrorCode, &a.By, &a.Via, &a.Was, &a.Is, &a.Code)
	if err != nil {
		return storage.Audit{}, err
	}
	copy(a.ID[:], id)
	copy(a.Act.Job[:], job)
	a.At = timeOf(at)
	return a, nil
}

// PruneAudits removes the entries before the given time.
func (l ledger) PruneAudits(ctx context.Context, before time.Time) (n int64, err error) {
	err = l.do(ctx, func(j jobs) error {
		n, err = j.t.exec(`DELETE FROM specstar_audit WHERE store = ? AND at < ?`, j.store, micros(before))
		return err
	})
	return n, err
}
