package sqlite

import (
	"bytes"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/internal/caught"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// metaColumns are the columns of a meta table, in the order of metaArgs.
const metaColumns = `resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted, schema_version, indexed_data,
	rev_status, rev_created_by, rev_updated_by, rev_created_time, rev_updated_time, total_revision_count, current_revision_id`

// metaColumnCount is how many columns metaArgs fills.
const metaColumnCount = 16

// insertMeta inserts one row and leaves an existing one alone.
func (t tables) insertMeta() string {
	return `INSERT INTO ` + t.meta + ` (` + metaColumns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (resource_id) DO NOTHING`
}

// upsertMeta inserts or replaces one row.
func (t tables) upsertMeta() string {
	return `INSERT INTO ` + t.meta + ` (` + metaColumns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (resource_id) DO UPDATE SET
	data = excluded.data, created_time = excluded.created_time, updated_time = excluded.updated_time,
	created_by = excluded.created_by, updated_by = excluded.updated_by, is_deleted = excluded.is_deleted,
	schema_version = excluded.schema_version, indexed_data = excluded.indexed_data,
	rev_status = excluded.rev_status, rev_created_by = excluded.rev_created_by, rev_updated_by = excluded.rev_updated_by,
	rev_created_time = excluded.rev_created_time, rev_updated_time = excluded.rev_updated_time,
	total_revision_count = excluded.total_revision_count, current_revision_id = excluded.current_revision_id`
}

// swapMeta replaces the row whose stored bytes are the last parameter.
func (t tables) swapMeta() string {
	return `UPDATE ` + t.meta + ` SET (` + metaColumns + `) = (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16) WHERE resource_id = ?1 AND data = ?17`
}

// metaArgs appends the column values of m to args; data is m encoded.
func metaArgs(args []any, m resource.Meta, data []byte) []any {
	return append(args,
		string(m.ResourceID), data, m.CreatedTime.UnixMicro(), m.UpdatedTime.UnixMicro(), m.CreatedBy, m.UpdatedBy,
		m.IsDeleted, textOrNull(m.SchemaVersion), indexedOrNull(m.IndexedData),
		textOrNull(m.Rev.Status), textOrNull(m.Rev.CreatedBy), textOrNull(m.Rev.UpdatedBy),
		timeOrNull(m.Rev.CreatedTime), timeOrNull(m.Rev.UpdatedTime),
		m.TotalRevisionCount, string(m.CurrentRevisionID))
}

func textOrNull[T ~string](v opt.Value[T]) any {
	if s, ok := v.Get(); ok {
		return string(s)
	}
	return nil
}

func timeOrNull(v opt.Value[time.Time]) any {
	if t, ok := v.Get(); ok {
		return t.UnixMicro()
	}
	return nil
}

func indexedOrNull(v opt.Value[resource.Indexed]) any {
	x, ok := v.Get()
	if !ok {
		return nil
	}
	text := x.AppendJSON(nil)
	if bytes.Contains(text, []byte(`\u0000`)) {
		return string(named(x).AppendJSON(nil))
	}
	return string(text)
}

// named leaves out paths with a NUL, at which SQLite ends a name: it would take them for
// others. What looks for them reads the metas themselves.
func named(x resource.Indexed) resource.Indexed {
	var paths []string
	var values []any
	for path, value := range x.All() {
		if strings.IndexByte(path, 0) < 0 {
			paths, values = append(paths, path), append(values, value)
		}
	}
	kept, err := resource.IndexedOf(paths, values)
	if err != nil {
		return x // never: each was indexed before
	}
	return kept
}

// encodeMetas starts to turn metas into column values, in a goroutine of its own:
// the transaction has other things to write meanwhile. The function it returns
// waits for the rows; it must be called.
func encodeMetas(enc resource.Encoding, metas []resource.Meta) func() ([][]any, error) {
	rows := make([][]any, len(metas))
	values := make([]any, 0, len(metas)*metaColumnCount)
	var g errgroup.Group
	g.Go(caught.Guard(func() error {
		size := 0 // of the one before: they are much alike
		for i := range metas {
			if err := metas[i].Check(); err != nil {
				return err
			}
			from := len(values)
			data := metas[i].Append(enc, make([]byte, 0, size))
			size = len(data) + len(data)/16
			values = metaArgs(values, metas[i], data)
			rows[i] = values[from:len(values):len(values)]
		}
		return nil
	}))
	return func() ([][]any, error) { return rows, g.Wait() }
}

// swapArgs are the column values of a meta and the bytes that it replaces.
func swapArgs(enc resource.Encoding, s storage.Swap) ([]any, error) {
	if err := s.New.Check(); err != nil {
		return nil, err
	}
	args := make([]any, 0, metaColumnCount+1)
	return append(metaArgs(args, s.New, s.New.Append(enc, nil)), s.Old), nil
}
