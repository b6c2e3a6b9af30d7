// Package render writes the results of commands: a table for people, or JSON,
// NDJSON and bare ids for programs. Results are the only thing a command writes
// to standard output.
package render

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
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

// List writes results one after another, in constant memory except for Table,
// whose columns are as wide as their widest cell.
type List struct {
	format Format
	buf    *bufio.Writer
	table  *tabwriter.Writer
	header []string
	rows   int
}

// NewList returns a list that writes to w. header names the cells of a table.
func NewList(w io.Writer, f Format, header ...string) *List {
	buf := bufio.NewWriter(w)
	return &List{format: f, buf: buf, table: tabwriter.NewWriter(buf, 0, 8, 2, ' ', 0), header: header}
}

// Add writes one result.
func (l *List) Add(r Row) error {
	l.rows++
	switch l.format {
	case IDs:
		_, err := fmt.Fprintln(l.buf, r.ID)
		return err
	case NDJSON:
		return Document(l.buf, NDJSON, r.Value)
	case JSON:
		separator := ",\n"
		if l.rows == 1 {
			separator = "[\n"
		}
		b, err := marshal(r.Value)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(l.buf, "%s%s", separator, b)
		return err
	default:
		if l.rows == 1 {
			l.line(l.header)
		}
		l.line(r.Cells)
		return nil
	}
}

// Close completes the output. Of an empty list JSON shows [] and a table says
// that there is nothing.
func (l *List) Close() error {
	switch {
	case l.format == JSON && l.rows == 0:
		fmt.Fprint(l.buf, "[]\n")
	case l.format == JSON:
		fmt.Fprint(l.buf, "\n]\n")
	case l.format == Table && l.rows == 0:
		fmt.Fprint(l.buf, "(none)\n")
	}
	if err := l.table.Flush(); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	if err := l.buf.Flush(); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// line writes a line of the table; errors of the buffer below show at Close.
func (l *List) line(cells []string) {
	clean := make([]string, len(cells))
	for i, c := range cells {
		clean[i] = Printable(c)
	}
	fmt.Fprintln(l.table, strings.Join(clean, "\t"))
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
