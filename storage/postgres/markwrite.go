package postgres

import (
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/storage"
)

// markColumns are the columns of marks, in the order of copyOfMarks.
const markColumns = `store, key, major, minor, at`

// raiseMarks raises marks that were read: those very rows, which are found by their
// places, as changeMetas finds metas. Nothing is looked up, and no row is locked first.
const raiseMarks = `UPDATE specstar_marks AS m SET major = u.major, minor = u.minor, at = u.at
	FROM unnest($1::tid[], $2::xid[], $3::bigint[], $4::bigint[], $5::timestamptz[]) AS u (place, by, major, minor, at)
	WHERE m.ctid = u.place AND m.xmin = u.by`

// raisedMarks are marks that a unit of work raises, by key, so that whoever waits for
// one of them waits for nobody who waits. The metas of their resources are locked, or
// new: nobody else raises them meanwhile. Where one is another all the same, or there
// although it was not read, the unit is computed again.
type raisedMarks struct {
	fresh []storage.Mark
	rows  *later // of fresh, when a prepared unit writes them
	// known are marks that are there, below what they are raised to.
	known []knownMark
}

// knownMark is what a mark is raised to, and the row that it is in.
type knownMark struct {
	*storage.Mark
	row version
}

// split tells the marks apart that are there. One that is not above what is there
// changes nothing.
func (r *raisedMarks) split(there map[uuid.UUID]markRow, list []storage.Mark) {
	marks := storage.Highest(list)
	if len(there) == 0 {
		r.fresh = marks
		return
	}
	for i := range marks {
		m := &marks[i]
		if old, ok := there[m.Key]; !ok {
			r.fresh = append(r.fresh, *m)
		} else if m.Compare(old.Mark) > 0 {
			r.known = append(r.known, knownMark{m, old.row})
		}
	}
}

// copyOfMarks returns rows of markColumns for COPY.
func (f *Factory) copyOfMarks(marks []storage.Mark) *copyRows {
	c := f.buffers.marks.rows(70 * len(marks))
	a := array{b: c.b} // its elements are encoded as the fields of COPY are
	for i := range marks {
		m := &marks[i]
		c.b = a.b
		c.row(5)
		a.b = c.b
		a.appendInt4(f.identity.number)
		a.appendBytes(m.Key[:])
		a.appendInt8(m.Major)
		a.appendInt8(m.Minor)
		a.appendInt8(m.Time.UnixMicro() - epoch)
	}
	c.b = a.b
	return c
}

// raise has the next flush raise marks.
func (t *tx) raise(marks raisedMarks) error {
	if marks.rows != nil {
		t.copyLater("specstar_marks", markColumns, len(marks.fresh), marks.rows.get)
	}
	if len(marks.known) == 0 {
		return nil
	}
	n := len(marks.known)
	places, by := newArray(pgtype.TIDOID, n, 6), newArray(pgtype.XIDOID, n, 4)
	majors, minors, times := newArray(pgtype.Int8OID, n, 8), newArray(pgtype.Int8OID, n, 8), newArray(pgtype.TimestamptzOID, n, 8)
	for _, m := range marks.known {
		places.appendTID(m.row.at)
		by.appendInt4(int32(m.row.by))
		majors.appendInt8(m.Major)
		minors.appendInt8(m.Minor)
		times.appendInt8(m.Time.UnixMicro() - epoch)
	}
	return t.execLater(raiseMarks, n, [][]byte{places.param(), by.param(), majors.param(), minors.param(), times.param()})
}

// raiseNow raises marks where nothing is prepared.
func (t *tx) raiseNow(v *view, list []storage.Mark) error {
	var marks raisedMarks
	marks.split(v.marks, list)
	if len(marks.fresh) > 0 {
		t.copyLater("specstar_marks", markColumns, len(marks.fresh), func() *copyRows { return t.f.copyOfMarks(marks.fresh) })
	}
	return errors.Join(t.raise(marks), t.flush())
}
