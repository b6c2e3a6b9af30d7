package qb_test

import (
	"encoding/base64"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

var cursors = qb.Cursors{Store: uuid.MustParse("7b5d1a52-3f0e-4d4f-9d5c-0b0f6f0a0001"), Model: "person"}

// keyValues are values of indexed data of every type, some of them equal.
var keyValues = []any{
	nil, true, false, int64(0), int64(1), int64(-1) << 63, uint64(1) << 63, uint64(math.MaxUint64), 1.0, 0.5, -1e300, math.Inf(1), math.NaN(),
	"", "a", "é", "\U0001F600", []byte("a"), noon, noon.Add(-100 * 365 * 24 * time.Hour),
	[]any{},
	[]any{"a", nil},
	[]any{[]any{int64(1)}, map[string]any{"k": "a"}},
	map[string]any{},
	map[string]any{"k": int64(1)},
}

// keyedMetas are metas with these values, in the attributes as well.
func keyedMetas(t *testing.T) []resource.Meta {
	t.Helper()
	var all []resource.Meta
	for i, v := range keyValues {
		x, err := resource.NewIndexed(map[string]any{"v": v})
		if err != nil {
			t.Fatal(err)
		}
		m := filled
		m.ResourceID, m.IndexedData = resource.ID("task:"+string(rune('a'+i))), opt.Of(x)
		m.CreatedTime = noon.Add(time.Duration(i%3) * time.Microsecond)
		m.TotalRevisionCount, m.IsDeleted = i%5, i%2 == 0
		if i%4 == 0 {
			m.Rev = resource.RevMeta{}
		}
		all = append(all, m)
	}
	naive := filled
	naive.CreatedTime = time.Date(2024, 3, 1, 12, 0, 0, 123456000, resource.Naive)
	return append(all, naive, resource.Meta{ResourceID: "bare"})
}

var keyedOrders = [][]qb.Sort{
	nil,
	{qb.ResourceID().Desc()},
	{qb.Data("v").Asc()},
	{qb.Data("v").Desc(), qb.CreatedTime().Asc()},
	{qb.CreatedTime().Desc()},
	{qb.RevStatus().Asc(), qb.TotalRevisionCount().Desc()},
	{qb.IsDeleted().Asc(), qb.RevCreatedTime().Desc()},
	{qb.SchemaVersion().Asc()},
	{qb.Data("missing").Desc()},
}

// TestPositionsAreCompare: what passes a position, also one that was a text, is what
// Compare puts behind the meta.
func TestPositionsAreCompare(t *testing.T) {
	metas := keyedMetas(t)
	for _, sorts := range keyedOrders {
		for _, at := range metas {
			p := qb.PositionOf(at, sorts)
			text, err := cursors.Encode(p)
			if err != nil {
				t.Fatal(err)
			}
			read, err := cursors.Decode(text, sorts)
			if err != nil {
				t.Fatalf("%s of %v: %v", text, sorts, err)
			}
			for _, m := range metas {
				want := qb.Compare(m, at, sorts) > 0
				if p.Passes(m) != want || read.Passes(m) != want {
					t.Errorf("order %v: %s passes %s: %t, as a text %t, want %t", sorts, m.ResourceID, at.ResourceID, p.Passes(m), read.Passes(m), want)
				}
			}
		}
	}
}

// TestSelectAfter: Select and Window cut what is behind a position out of the answer.
func TestSelectAfter(t *testing.T) {
	metas := keyedMetas(t)
	src := rand.New(rand.NewPCG(1, 1))
	for _, sorts := range keyedOrders {
		all := slices.Clone(metas)
		slices.SortFunc(all, func(a, b resource.Meta) int { return qb.Compare(a, b, sorts) })
		for at := range all {
			limit, offset := src.IntN(5), src.IntN(4)
			q := qb.Query{Sort: sorts}.Page(limit, offset).From(qb.PositionOf(all[at], sorts))
			rest := all[at+1:]
			rest = rest[min(offset, len(rest)):]
			want := idsOf(rest[:min(limit, len(rest))])
			if got := found(t, qb.Select(sequence(metas), q)); !slices.Equal(got, want) {
				t.Errorf("Select of %v behind %s gave %q, want %q", sorts, all[at].ResourceID, got, want)
			}
			if got := found(t, qb.Window(sequence(all), q)); !slices.Equal(got, want) {
				t.Errorf("Window of %v behind %s gave %q, want %q", sorts, all[at].ResourceID, got, want)
			}
		}
	}
}

func TestWindowReadsNoFurther(t *testing.T) {
	read := 0
	metas := func(yield func(resource.Meta, error) bool) {
		for _, m := range keyedMetas(t) {
			if read++; !yield(m, nil) {
				return
			}
		}
	}
	if got := found(t, qb.Window(metas, qb.Query{}.Page(2, 1))); len(got) != 2 || read != 3 {
		t.Errorf("a page of 2 behind 1 has %d metas of %d", len(got), read)
	}
	if got := found(t, qb.Window(metas, qb.Query{}.Page(0, 1))); len(got) != 0 || read != 3 {
		t.Errorf("a page of none has %d metas", len(got))
	}
	for _, err := range qb.Window(metas, qb.Query{Offset: -1}) {
		if err == nil {
			t.Error("a negative offset is taken")
		}
	}
}

func TestCursorFaults(t *testing.T) {
	sorts := []qb.Sort{qb.UpdatedTime().Desc()}
	text, err := cursors.Encode(qb.PositionOf(filled, sorts))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	newer := slices.Clone(raw)
	newer[0]++
	for name, c := range map[string]struct {
		in    qb.Cursors
		text  string
		sorts []qb.Sort
		want  qb.Fault
	}{
		"other store":   {qb.Cursors{Store: uuid.New(), Model: "person"}, text, sorts, qb.CursorDamaged},
		"other model":   {qb.Cursors{Store: cursors.Store, Model: "task"}, text, sorts, qb.CursorOtherModel},
		"other order":   {cursors, text, []qb.Sort{qb.UpdatedTime().Asc()}, qb.CursorOtherOrder},
		"no order":      {cursors, text, nil, qb.CursorOtherOrder},
		"other version": {cursors, base64.RawURLEncoding.EncodeToString(newer), sorts, qb.CursorOtherVersion},
		"empty":         {cursors, "", sorts, qb.CursorDamaged},
		"no base64":     {cursors, "!" + text[1:], sorts, qb.CursorDamaged},
		"cut":           {cursors, text[:len(text)-4], sorts, qb.CursorDamaged},
		"longer":        {cursors, text + "AAAA", sorts, qb.CursorDamaged},
		"too long":      {cursors, strings.Repeat("A", qb.MaxCursor+4), sorts, qb.CursorDamaged},
	} {
		_, err := c.in.Decode(c.text, c.sorts)
		got, ok := errors.AsType[*qb.CursorError](err)
		if !ok || got.Fault != c.want {
			t.Errorf("%s: %v, want fault %d", name, err, c.want)
		}
	}
	for i := range raw {
		changed := slices.Clone(raw)
		changed[i] ^= 0x40
		if _, err := cursors.Decode(base64.RawURLEncoding.EncodeToString(changed), sorts); err == nil {
			t.Errorf("byte %d may be changed", i)
		}
	}
}

func TestCursorOfLongKeys(t *testing.T) {
	m := filled
	m.UpdatedBy = strings.Repeat("a", qb.MaxCursor)
	_, err := cursors.Encode(qb.PositionOf(m, []qb.Sort{qb.UpdatedBy().Asc()}))
	if got, ok := errors.AsType[*qb.CursorError](err); !ok || got.Fault != qb.CursorTooLong {
		t.Errorf("a cursor of a long key gave %v", err)
	}
}

// TestPositionOfAnotherOrder: a query does not take it, whatever runs it.
func TestPositionOfAnotherOrder(t *testing.T) {
	q := qb.Query{Sort: []qb.Sort{qb.UpdatedTime().Desc()}}.From(qb.PositionOf(filled, nil))
	if got, ok := errors.AsType[*qb.CursorError](q.Validate()); !ok || got.Fault != qb.CursorOtherOrder {
		t.Errorf("a position of another order gave %v", q.Validate())
	}
}

// FuzzCursor: whatever is signed is read or refused, and what is read is written the same.
func FuzzCursor(f *testing.F) {
	sorts := []qb.Sort{qb.UpdatedTime().Desc(), qb.Data("v").Asc(), qb.RevStatus().Asc(), qb.IsDeleted().Asc(), qb.TotalRevisionCount().Asc()}
	text, err := cursors.Encode(qb.PositionOf(filled, sorts))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := cursors.Decode(cursors.Resign(text), sorts)
		if err != nil {
			if _, ok := errors.AsType[*qb.CursorError](err); !ok {
				t.Fatalf("%q gave %v", text, err)
			}
			return
		}
		p.Passes(filled)
		again, err := cursors.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		if q, err := cursors.Decode(again, sorts); err != nil || q.ID() != p.ID() {
			t.Fatalf("%q became %q, which gave %v", text, again, err)
		}
	})
}

func sequence(metas []resource.Meta) func(func(resource.Meta, error) bool) {
	return func(yield func(resource.Meta, error) bool) {
		for _, m := range metas {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func found(t *testing.T, metas func(func(resource.Meta, error) bool)) []resource.ID {
	t.Helper()
	var ids []resource.ID
	for m, err := range metas {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ResourceID)
	}
	return ids
}

func idsOf(metas []resource.Meta) []resource.ID {
	var ids []resource.ID
	for _, m := range metas {
		ids = append(ids, m.ResourceID)
	}
	return ids
}
