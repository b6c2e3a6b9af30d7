package postgres

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

func TestSparedColumns(t *testing.T) {
	types := []uint32{pgtype.TextOID, pgtype.TextOID, pgtype.TextOID, pgtype.TextOID}
	row := func(values ...string) []byte {
		c := &copyRows{}
		c.row(len(values))
		for _, v := range values {
			if v == "NULL" {
				c.null()
			} else {
				c.text(v)
			}
		}
		return c.b
	}
	for name, tc := range map[string]struct {
		rows   [][]byte
		sent   []int
		spared []bool
		values []string
	}{
		"the first is an array always": {[][]byte{row("a", "b", "", "NULL")}, []int{0, 1, 2, 3}, []bool{false, true, true, true}, []string{"NULL", "b", "", "NULL"}},
		"what differs is an array":     {[][]byte{row("a", "b", "", "x"), row("b", "c", "", "NULL"), row("c", "b", "", "x")}, []int{0, 1, 2, 3}, []bool{false, false, true, false}, []string{"NULL", "NULL", "", "NULL"}},
		"what is not sent is none":     {[][]byte{row("a", "b", "", "x"), row("b", "c", "", "NULL")}, []int{0, 2}, []bool{false, true, true, true}, []string{"NULL", "NULL", "", "NULL"}},
	} {
		t.Run(name, func(t *testing.T) {
			arrays, values := sparedOf(tc.rows, types, tc.sent)
			whole := columnsOf(tc.rows, types)
			for i := range types {
				empty := appendArrayHead(nil, types[i], 0)
				if tc.spared[i] != bytes.Equal(arrays[i], empty) {
					t.Errorf("array %d is % x", i, arrays[i])
				}
				if !tc.spared[i] && !bytes.Equal(arrays[i], whole[i]) {
					t.Errorf("array %d is % x, whole it is % x", i, arrays[i], whole[i])
				}
				if null := tc.values[i] == "NULL"; null != (values[i] == nil) || !null && string(values[i]) != tc.values[i] {
					t.Errorf("value %d is %q, want %s", i, values[i], tc.values[i])
				}
			}
		})
	}
}
