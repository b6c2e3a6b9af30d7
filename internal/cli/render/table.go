package render

import (
	"strings"
	"unicode/utf8"
)

// sampled is how many rows the widths of a table's columns are taken from. Later
// cells that are wider push the rest of their line, and widen what follows.
const sampled = 1000

// table lays out cells in columns. It holds the first rows until it knows how wide
// the columns are, and no rows after that.
type table struct {
	header []string
	rows   [][]string // not yet laid out
	widths []int      // nil until they are known
}

// add appends what can be shown after one more row to b.
func (t *table) add(b []byte, cells []string) []byte {
	clean := make([]string, len(cells))
	for i, c := range cells {
		clean[i] = Printable(c)
	}
	if t.widths != nil {
		return t.line(b, clean)
	}
	if t.rows = append(t.rows, clean); len(t.rows) == sampled {
		return t.flush(b)
	}
	return b
}

// flush appends the header and the rows that wait for widths.
func (t *table) flush(b []byte) []byte {
	if t.widths != nil || len(t.rows) == 0 {
		return b
	}
	t.widths = []int{}
	t.widen(t.header)
	for _, cells := range t.rows {
		t.widen(cells)
	}
	b = t.line(b, t.header)
	for _, cells := range t.rows {
		b = t.line(b, cells)
	}
	t.rows = nil
	return b
}

func (t *table) widen(cells []string) {
	for i, c := range cells {
		if i == len(t.widths) {
			t.widths = append(t.widths, 0)
		}
		t.widths[i] = max(t.widths[i], utf8.RuneCountInString(c))
	}
}

// line appends one line, without spaces behind the last cell that has text.
func (t *table) line(b []byte, cells []string) []byte {
	t.widen(cells)
	for len(cells) > 0 && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	for i, c := range cells {
		b = append(b, c...)
		if i < len(cells)-1 {
			b = append(b, strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(c)+2)...)
		}
	}
	return append(b, '\n')
}
