package postgres

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
)

// upgrade adds the columns that a meta table lacks, with the values that the metas
// have for them, and our own indexes. The schema is locked; what is there already
// costs no lock on the table.
func (t *tx) upgrade(names tables) error {
	missing, zoned, err := t.missingColumns(names)
	if err != nil {
		return err
	}
	names.zoned = zoned
	for _, c := range lateColumns {
		if !slices.Contains(missing, c.name) {
			continue
		}
		kind := c.native
		if zoned { // the original's SQLAlchemy store made the table
			kind = c.sqlAlchemy
		}
		if _, err := t.exec(`ALTER TABLE ` + names.meta + ` ADD COLUMN IF NOT EXISTS ` + c.name + ` ` + kind); err != nil {
			return fmt.Errorf("add column %s to %s: %w", c.name, names.meta, err)
		}
	}
	if len(missing) > 0 {
		if err := t.fillColumns(names, missing); err != nil {
			return fmt.Errorf("fill columns of %s: %w", names.meta, err)
		}
	}
	return t.indexAdopted(names)
}

// missingColumns returns the late columns that a meta table of the session's schema
// lacks, and whether its times have a zone.
func (t *tx) missingColumns(names tables) (missing []string, zoned bool, err error) {
	var c candidate
	err = t.each(`SELECT attname::text, attname = 'created_time' AND atttypid = 'timestamptz'::regtype FROM pg_attribute
		WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`, []any{names.meta}, func(rows pgx.Rows) error {
		var name string
		var is bool
		err := rows.Scan(&name, &is)
		c.columns, zoned = append(c.columns, name), zoned || is
		return err
	})
	return c.missing(), zoned, err
}

// filledAtOnce is how many rows one statement of fillColumns reads.
const filledAtOnce = 500

// fillColumns gives new columns what the metas have for them; the original does so
// with indexed_data. Rows that cannot be read or held keep NULL: whoever reads or
// writes them meets that.
func (t *tx) fillColumns(names tables, columns []string) error {
	after := ""
	for {
		var rows []metaRow
		n := 0
		err := t.each(`SELECT resource_id, data FROM `+names.meta+` WHERE resource_id > $1 ORDER BY resource_id LIMIT $2`, []any{after, filledAtOnce}, func(r pgx.Rows) error {
			n++
			var data []byte
			if err := r.Scan(&after, &data); err != nil {
				return err
			}
			if row, ok := t.f.fillingRow(names, resource.ID(after), data); ok {
				rows = append(rows, row)
			}
			return nil
		})
		if err != nil || n == 0 {
			return err
		}
		if len(rows) == 0 {
			continue
		}
		f := t.timeForm(names)
		if err := t.execRows(names.fillColumns(f, columns), rows, f); err != nil {
			return err
		}
	}
}

func (f *Factory) fillingRow(names tables, id resource.ID, data []byte) (metaRow, bool) {
	meta, err := decodeMeta(data)
	if err != nil || meta.ResourceID != id {
		return metaRow{}, false
	}
	rows, err := f.encodeMetas(names, []resource.Meta{meta})
	if err != nil {
		return metaRow{}, false
	}
	return rows[0], true
}

// indexedAtOnce is up to how many rows a table of others gets our indexes when it is
// taken in: making them stops its writers for a moment.
const indexedAtOnce = 200_000

func (t *tx) indexAdopted(names tables) error {
	var rows int64
	if err := t.conn.QueryRow(t.ctx, `SELECT count(*) FROM (SELECT FROM `+names.meta+` LIMIT $1) AS s`, indexedAtOnce+1).Scan(&rows); err != nil {
		return err
	}
	if rows > indexedAtOnce {
		return nil
	}
	for _, d := range names.defaultIndexes() {
		if _, err := t.exec(names.statement(d, ifNotThere)); err != nil {
			return fmt.Errorf("make indexes of %s: %w", names.meta, err)
		}
	}
	return nil
}
