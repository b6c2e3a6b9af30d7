package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite", the same that the store uses
)

// batch is how many resources one transaction writes, on both sides.
const batch = 1000

// rowsPerInsert is how many rows one INSERT statement of the baseline holds. More
// make it slower here: 16 columns times 100 are 1,600 parameters.
const rowsPerInsert = 100

// table is a table with its rows, in the order in which they were written.
type table struct {
	name    string
	columns int
	rows    [][]any
}

// tablesOf are the model's tables in the order in which a unit of work writes them.
var tableNames = []string{"item_resource_data", "item_resource_index", "item_meta"}

// openBare opens the store's file as a program without us would, with the same
// journal and the same durability.
func openBare(file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate&_pragma=journal_mode(wal)&_pragma=synchronous(full)"+
		"&_pragma=wal_autocheckpoint(20000)&_pragma=cache_size(-65536)")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// readTables reads everything that a store's file holds of the model.
func readTables(ctx context.Context, file string) (_ []table, err error) {
	db, err := openBare(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var tables []table
	for _, name := range tableNames {
		t, err := readTable(ctx, db, name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

func readTable(ctx context.Context, db *sql.DB, name string) (t table, err error) {
	order := "rowid"
	if name == "item_resource_index" {
		order = "data_id" // it has no rowid
	}
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+name+" ORDER BY "+order)
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return t, err
	}
	t = table{name: name, columns: len(columns)}
	for rows.Next() {
		row := make([]any, t.columns)
		into := make([]any, t.columns)
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return t, err
		}
		t.rows = append(t.rows, row)
	}
	return t, rows.Err()
}

// insertBare writes the tables' rows in transactions of one batch each.
func insertBare(ctx context.Context, db *sql.DB, tables []table) error {
	stmts := make([]*sql.Stmt, len(tables))
	for i, t := range tables {
		var err error
		if stmts[i], err = db.PrepareContext(ctx, insertStatement(t, rowsPerInsert)); err != nil {
			return err
		}
		defer stmts[i].Close()
	}
	for at := 0; at < len(tables[0].rows); at += batch {
		if err := insertBatch(ctx, db, tables, stmts, at); err != nil {
			return err
		}
	}
	return nil
}

func insertBatch(ctx context.Context, db *sql.DB, tables []table, stmts []*sql.Stmt, at int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for i, t := range tables {
		end := min(at+batch, len(t.rows))
		for rows := range slices.Chunk(t.rows[at:end], rowsPerInsert) {
			if len(rows) == rowsPerInsert {
				_, err = tx.StmtContext(ctx, stmts[i]).ExecContext(ctx, slices.Concat(rows...)...)
			} else {
				_, err = tx.ExecContext(ctx, insertStatement(t, len(rows)), slices.Concat(rows...)...)
			}
			if err != nil {
				return errors.Join(fmt.Errorf("insert into %s: %w", t.name, err), tx.Rollback())
			}
		}
	}
	return tx.Commit()
}

// insertStatement returns an INSERT of n rows.
func insertStatement(t table, n int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", t.columns), ",") + ")"
	return "INSERT INTO " + t.name + " VALUES " + strings.TrimSuffix(strings.Repeat(row+",", n), ",")
}
