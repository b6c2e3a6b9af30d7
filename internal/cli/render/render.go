// Package render writes the results of commands: a table for people, or JSON,
// NDJSON and bare ids for programs. Results are the only thing a command writes
// to standard output.
package render

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Format is how results are written.
type Format string

// The formats.
const (
	Table  Format = "table"
	JSON   Format = "json"   // one document
	NDJSON Format = "ndjson" // one document a line
	IDs    Format = "ids"    // one id a line
)

// Parse returns the format of that name.
func Parse(name string) (Format, error) {
	switch f := Format(name); f {
	case Table, JSON, NDJSON, IDs:
		return f, nil
	}
	return "", fmt.Errorf("output format %q is not known; use table, json, ndjson or ids", name)
}

// Document writes one result as a JSON document, indented for JSON and on one
// line for NDJSON.
func Document(w io.Writer, f Format, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if f == JSON {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// Row is one result of a list.
type Row struct {
	ID    string
	Value any      // for JSON and NDJSON
	Cells []string // for Table
}

// blockSize is how many bytes are gathered before they are written.
const blockSize = 32 << 10

// List writes results one after another, in constant memory. What is written always
// ends with a whole result, so that a list that is cut short has no half ids.
type List struct {
	w      io.Writer
	format Format
	buf    []byte
	table  table
	rows   int
}

// NewList returns a list that writes to w. header names the cells of a table.
func NewList(w io.Writer, f Format, header ...string) *List {
	return &List{w: w, format: f, table: table{header: header}}
}

// Add writes one result.
func (l *List) Add(r Row) error {
	l.rows++
	switch l.format {
	case IDs:
		l.buf = append(append(l.buf, r.ID...), '\n')
	case NDJSON, JSON:
		b, err := marshal(r.Value)
		if err != nil {
			return err
		}
		l.value(b)
	default:
		l.buf = l.table.add(l.buf, r.Cells)
	}
	if len(l.buf) < blockSize {
		return nil
	}
	return l.flush()
}

// value appends a result in JSON.
func (l *List) value(b []byte) {
	switch {
	case l.format == NDJSON:
		l.buf = append(append(l.buf, b...), '\n')
		return
	case l.rows == 1:
		l.buf = append(l.buf, "[\n"...)
	default:
		l.buf = append(l.buf, ",\n"...)
	}
	l.buf = append(l.buf, b...)
}

// Close completes the output. Of an empty list JSON shows [] and a table says
// that there is nothing.
func (l *List) Close() error {
	switch {
	case l.format == JSON && l.rows == 0:
		l.buf = append(l.buf, "[]\n"...)
	case l.format == JSON:
		l.buf = append(l.buf, "\n]\n"...)
	case l.format == Table && l.rows == 0:
		l.buf = append(l.buf, "(none)\n"...)
	}
	return l.flush()
}

// Break ends the output where it is, for a list that cannot be completed. It reports
// whether a document in JSON is left open, which nothing may follow.
func (l *List) Break() (open bool, err error) {
	return l.format == JSON && l.rows > 0, l.flush()
}

func (l *List) flush() error {
	if l.format == Table {
		l.buf = l.table.flush(l.buf)
	}
	if len(l.buf) == 0 {
		return nil
	}
	if _, err := l.w.Write(l.buf); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	l.buf = l.buf[:0]
	return nil
}

func marshal(v any) ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write result: %w", err)
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

// Printable returns s with control characters escaped, so that stored text
// cannot move the cursor or forge lines on a terminal.
func Printable(s string) string {
	if !strings.ContainsFunc(s, isControl) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isControl(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isControl(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }
