package postgres

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/storage"
)

// Rows of many jobs are sent as one statement. Most columns of a batch have one
// value in all rows (kind, lane, queue, no error…): each column is two parameters,
// an array that is empty then, and the one value. The server stores each array that
// it unnests once more, so short ones save work on both sides.

// insertJobs returns the statement that inserts the jobs of jobParams. times are
// expressions of the server's clock for columns, before or behind what the job has;
// conflict is what happens to a row that is there.
func insertJobs(columns []jobColumn, before, behind map[string]string, conflict string) string {
	var values, arrays []string
	for i, c := range columns {
		n := 2 + 2*i
		arrays = append(arrays, "$"+strconv.Itoa(n)+"::"+c.kind+"[]")
		value := "u." + c.name + ", $" + strconv.Itoa(n+1) + "::" + c.kind
		if x := before[c.name]; x != "" {
			value = x + ", " + value
		}
		if x := behind[c.name]; x != "" {
			value += ", " + x
		}
		values = append(values, "coalesce("+value+")")
	}
	return `INSERT INTO specstar_jobs AS j (store, ` + namesOf(columns) + `) SELECT $1::integer, ` + strings.Join(values, ", ") +
		` FROM unnest(` + strings.Join(arrays, ", ") + `) AS u (` + namesOf(columns) + `) ON CONFLICT ` + conflict
}

// sameJob is where insertJobs meets a job that is there.
const sameJob = `(store, id) `

// serverTime is when the statement began, by the server's clock.
const serverTime = "statement_timestamp()"

// jobParams encodes jobs, at least one, as the parameters of insertJobs.
func jobParams(columns []jobColumn, store int32, list []storage.Job) [][]byte {
	size := len(columns) * (arrayHead + 16)
	for i := range list {
		j := &list[i]
		size += 128 + len(j.Text) + len(j.Envelope) + len(j.Outcome) + len(j.ErrorMessage)
	}
	b := make([]byte, 0, size)
	params := make([][]byte, 0, 1+2*len(columns))
	params = append(params, storeParam(store))
	for i := range columns {
		var array, value []byte
		array, value, b = encodeColumn(b, &columns[i], list, i == 0)
		params = append(params, array, value)
	}
	return params
}

// encodeColumn writes one column behind what b holds and returns its two parameters:
// the values of all rows and NULL, or, unless each row is to have its own, none and
// the one value.
func encodeColumn(b []byte, c *jobColumn, list []storage.Job, each bool) (array, value, rest []byte) {
	a := arrayIn(b, c.oid)
	start := len(a.b)
	c.put(a, &list[0])
	end := len(a.b)
	same := !each
	for i := 1; i < len(list); i++ {
		at := len(a.b)
		c.put(a, &list[i])
		same = same && bytes.Equal(a.b[at:], a.b[start:end])
	}
	if !same {
		return a.param(), nil, a.b
	}
	null := int32(binary.BigEndian.Uint32(a.b[start:])) < 0
	a.b, a.n, a.nulls = a.b[:end], 0, false
	if !null {
		value = a.b[start+4 : end]
	}
	return a.param()[:arrayHead], value, a.b
}

// jobKey is the place of a job in a list, by its id bytewise: the order of locks.
type jobKey struct {
	high, low uint64
	at        int
}

// placesByID returns the places of jobs sorted by id, of repeated ones the first.
func placesByID(list []storage.Job) []int {
	keys := make([]jobKey, len(list))
	for i := range list {
		id := &list[i].ID
		keys[i] = jobKey{binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:]), i}
	}
	slices.SortFunc(keys, func(a, b jobKey) int {
		if a.high != b.high {
			return cmp.Compare(a.high, b.high)
		}
		if a.low != b.low {
			return cmp.Compare(a.low, b.low)
		}
		return cmp.Compare(a.at, b.at)
	})
	places := make([]int, 0, len(list))
	for i, k := range keys {
		if i == 0 || list[keys[i-1].at].ID != list[k.at].ID {
			places = append(places, k.at)
		}
	}
	return places
}

// inOrder returns copies of the jobs sorted by id, of repeated ones the first.
func inOrder(list []storage.Job) []storage.Job {
	sorted := make([]storage.Job, 0, len(list))
	for _, at := range placesByID(list) {
		sorted = append(sorted, list[at])
	}
	return sorted
}

// sortedIDs returns the ids sorted bytewise, each once.
func sortedIDs(ids []uuid.UUID) []uuid.UUID {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(sorted)
}

// idArray is a parameter of type uuid[].
func idArray(ids []uuid.UUID) []byte {
	a := newArray(pgtype.UUIDOID, len(ids), len(uuid.UUID{}))
	for _, id := range ids {
		a.appendBytes(id[:])
	}
	return a.param()
}

// storeParam is a parameter of type integer.
func storeParam(store int32) []byte { return binary.BigEndian.AppendUint32(nil, uint32(store)) }
