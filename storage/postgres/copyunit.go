package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Units of work that copy rows and do nothing else are sent without waiting for any
// answer: BEGIN, the COPYs and COMMIT are one message, of which the server does nothing
// behind what failed, and the rows follow. Each answer that is waited for costs more than
// its way: others run on the processors until client and server get their turn again.

// copies returns the COPYs that write p; none when they do not write all of it, and for nil.
func (p *prepared) copies() (list []statement) {
	if p == nil || p.ledgerApart() || len(p.marks.known) > 0 || !p.view.f.utc {
		return nil
	}
	for _, m := range p.models {
		w, revisions := m.writes, len(m.revisions)
		if len(w.Purge) > 0 || len(w.Blobs) > 0 || len(m.metas.known) > 0 || m.data == nil && revisions > 0 {
			return nil
		}
		if fresh := len(m.metas.fresh); fresh > 0 {
			list = append(list, copyOf(m.names.meta, metaColumns, fresh, m.metas.copied))
		}
		if revisions > 0 {
			list = append(list, copyOf(m.names.data, dataColumns, revisions, m.data.get), copyOf(m.names.index, indexColumns, revisions, m.index.get))
		}
	}
	if p.marks.rows != nil {
		list = append(list, copyOf("specstar_marks", markColumns, len(p.marks.fresh), p.marks.rows.get))
	}
	if p.jobs != nil {
		list = append(list, copyOf("specstar_jobs", p.jobColumns, len(p.writes.Jobs), p.jobs.get))
	}
	return list
}

// copyUnit writes a unit of work that COPYs write.
func (f *Factory) copyUnit(ctx context.Context, p *prepared, copies []statement) error {
	_, release, err := f.startWith(ctx, func(t *tx) error {
		t.proven = len(p.writes.Jobs) > 0
		return t.copyAndCommit(copies)
	})
	if err != nil {
		return err
	}
	release()
	p.sent = true
	return nil
}

// copyAndCommit runs COPYs as a transaction. The end of the last rows is held back until
// the server has told the id of the transaction, which tells the outcome should the
// connection be lost, see outcome: without that end nothing commits.
func (t *tx) copyAndCommit(copies []statement) error {
	err := t.exchange(func(conn *pgconn.PgConn) error {
		out := outgoing{to: conn.Conn(), held: true}
		if err := out.unit(t.beginning(), copies); err != nil {
			return err
		}
		return t.learnID()
	})
	if err != nil {
		return err
	}
	return t.commitHeld(copyDone, 1)
}

// unit sends a transaction of COPYs.
func (o *outgoing) unit(beginning string, copies []statement) error {
	var all strings.Builder
	all.WriteString(beginning + ";")
	for i := range copies {
		all.WriteString(copies[i].commands())
	}
	all.WriteString(`COMMIT`)
	o.parts = append(o.parts, queryMessage(all.String()))
	for i := range copies {
		if err := o.rows(&copies[i], i == len(copies)-1); err != nil {
			return err
		}
	}
	return nil
}

// learnID reads the server's answers until they tell the id of the transaction.
func (t *tx) learnID() (err error) {
	conn := t.conn.PgConn()
	for t.id == "" {
		answer, lost := conn.ReceiveMessage(context.Background())
		if lost != nil {
			return errors.Join(err, lost)
		}
		switch answer := answer.(type) {
		case *pgproto3.ErrorResponse:
			err = pgconn.ErrorResponseToPgError(answer)
		case *pgproto3.DataRow:
			t.begun(answer.Values)
		case *pgproto3.ReadyForQuery:
			return err
		}
	}
	return nil
}
