package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/internal/pgtest"
)

// TestArrays sends arrays to the server and compares what it takes them for.
func TestArrays(t *testing.T) {
	f := openTest(t)
	long := strings.Repeat("é", 40_000)
	id := uuid.MustParse("00ff0102-0304-0506-0708-090a0b0c0d0e")
	for name, c := range map[string]struct {
		oid  uint32
		cast string
		fill func(*array)
		want string // as text, by the server
	}{
		"no elements": {pgtype.TextOID, "text[]", func(*array) {}, `{}`},
		"texts": {pgtype.TextOID, "text[]", func(a *array) {
			a.appendText("a")
			a.appendNull()
			a.appendText("")
			a.appendText("é,\"")
		}, `{a,NULL,"","é,\""}`},
		"long text": {pgtype.TextOID, "text[]", func(a *array) { a.appendText(long) }, `{` + long + `}`},
		"bytes": {pgtype.ByteaOID, "bytea[]", func(a *array) {
			a.appendBytes([]byte{0, 255})
			a.appendBytes(nil)
			a.appendSome(nil)
			a.appendSome([]byte{1})
		}, `{"\\x00ff","\\x",NULL,"\\x01"}`},
		"ids": {pgtype.UUIDOID, "uuid[]", func(a *array) {
			a.appendID(id)
			a.appendID(uuid.Nil)
		}, `{00ff0102-0304-0506-0708-090a0b0c0d0e,NULL}`},
		"bools": {pgtype.BoolOID, "bool[]", func(a *array) {
			a.appendBool(true)
			a.appendBool(false)
		}, `{t,f}`},
		"numbers of 4 bytes": {pgtype.Int4OID, "int4[]", func(a *array) {
			a.appendInt4(-1)
			a.appendInt4(1<<31 - 1)
		}, `{-1,2147483647}`},
		"numbers of 8 bytes": {pgtype.Int8OID, "int8[]", func(a *array) {
			a.appendInt8(-1 << 63)
			a.appendInt8(7)
		}, `{-9223372036854775808,7}`},
		"times": {pgtype.TimestamptzOID, "timestamptz[]", func(a *array) {
			a.appendTime(time.Time{})
			a.appendTime(time.Date(1, 1, 1, 0, 0, 0, 1999, time.UTC))
			a.appendTime(time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC))
			a.appendTime(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 8*3600)))
		}, `{NULL,"0001-01-01 00:00:00.000001+00","9999-12-31 23:59:59.999999+00","2026-01-01 19:04:05.000006+00"}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArray(c.oid, 1, 1)
			c.fill(a)
			err := f.write(t.Context(), "try an array in", func(t1 *tx) error {
				if _, err := t1.exec(`SET LOCAL timezone = 'UTC'`); err != nil {
					return err
				}
				result := t1.conn.PgConn().ExecParams(t1.ctx, `SELECT ($1::`+c.cast+`)::text`, [][]byte{a.param()}, nil, []int16{1}, nil).Read()
				if result.Err != nil {
					return result.Err
				}
				if got := string(result.Rows[0][0]); got != c.want {
					t.Errorf("the server takes it for %.200s, not %.200s", got, c.want)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestExecBinary: the statement is prepared once for a connection.
func TestExecBinary(t *testing.T) {
	f := openTest(t)
	err := f.write(t.Context(), "try a statement in", func(t1 *tx) error {
		if _, err := t1.exec(`CREATE TEMPORARY TABLE tried (n integer) ON COMMIT DROP`); err != nil {
			return err
		}
		for _, n := range []int32{3, 0, 2} {
			a := newArray(pgtype.Int4OID, 0, 0)
			for i := range n {
				a.appendInt4(i)
			}
			wrote, err := t1.execBinary(`INSERT INTO tried SELECT * FROM unnest($1::integer[])`, a.param())
			if err != nil {
				return err
			}
			if wrote != int64(n) {
				t.Errorf("%d rows were written, not %d", wrote, n)
			}
		}
		var prepared int
		err := t1.conn.QueryRow(t1.ctx, `SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO tried%'`).Scan(&prepared)
		if prepared != 1 {
			t.Errorf("%d statements were prepared, not 1", prepared)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// openTest opens a store in a database of its own.
func openTest(t testing.TB) *Factory {
	t.Helper()
	f, err := Open(context.Background(), Config{DSN: pgtest.Database(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}
