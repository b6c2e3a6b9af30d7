package check

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func uniqueChecks() []check {
	return []check{
		{"G24/holders_are_found", holdersFound},
		{"G24/holders_are_those_that_equal", holdersEqual},
		{"G24/holders_are_live", holdersLive},
		{"G24/holders_follow_every_write", holdersFollow},
		{"G24/holders_need_a_unique_path", holdersNeedUniquePath},
		{"G24/unique_path_of_a_model_that_has_rows", uniqueLater},
		{"G24/unique_paths_that_differ_by_case", uniqueByCase},
		{"G24/racing_units_see_each_other", racingHolders},
	}
}

// useUnique makes the model with two unique paths.
func (s *subject) useUnique(t T) storage.Stores {
	t.Helper()
	s.use(t)
	ok(t, "declare unique paths", s.SaveModel(t.Context(), storage.ModelInfo{
		Name: model, IndexedPaths: []string{"email", "home.zip"}, UniquePaths: []string{"email", "home.zip"},
	}))
	stores, err := s.Build(t.Context(), model)
	ok(t, "build", err)
	return stores
}

// holding returns a meta with a value at email.
func holding(t T, id resource.ID, value any) resource.Meta {
	t.Helper()
	x, err := resource.NewIndexed(map[string]any{"email": value, "other": value})
	ok(t, "index", err)
	m := newMeta(id, 1)
	m.IndexedData = opt.Of(x)
	return m
}

func (s *subject) wantHolders(t T, value any, want ...resource.ID) {
	t.Helper()
	var got []resource.ID
	err := s.Unit().Update(t.Context(), storage.Batch{Refs: refsTo("p1")}, func(v storage.View) (storage.Writes, error) {
		var err error
		got, err = v.Holders(model, "email", value)
		return storage.Writes{}, err
	})
	ok(t, "holders", err)
	if !slices.Equal(got, want) {
		t.Fatalf("holders of %#v are %q; want %q", value, got, want)
	}
}

func holdersFound(t T, s *subject) {
	stores := s.useUnique(t)
	noon := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	long := make([]byte, 5000)
	for i := range long {
		long[i] = 'x'
	}
	values := []any{
		"a@b.c", "A@b.c", "", "it's \"quoted\" % _ \\ \x01", "a\x00b", "a\x00c", "é😀", string(long),
		int64(1), int64(-7), int64(1 << 60), uint64(1<<64 - 1), 0.5, 1e300, noon, []byte("bytes"),
		[]any{int64(1), "a"},
		map[string]any{"k": int64(2)},
		nil,
	}
	metas := make([]resource.Meta, len(values))
	for i, v := range values {
		values[i] = s.withoutNUL(v)
		metas[i] = holding(t, resource.ID([]byte{'p', byte('a' + i)}), values[i])
	}
	metas = append(metas, newMeta("unindexed", 1))
	ok(t, "save", stores.Metas.SaveMany(t.Context(), metas))
	for i, v := range values {
		if v == nil {
			s.wantHolders(t, v)
			continue
		}
		s.wantHolders(t, v, metas[i].ResourceID)
	}
	// Equal values of another kind, and unequal ones that look alike.
	s.wantHolders(t, 1.0, "pi")
	s.wantHolders(t, true, "pi")
	s.wantHolders(t, []any{1.0, "a"}, "pq")
	for _, v := range []any{"1", int64(0), false, "a", "a\x00", float64(1 << 60 * 2), int64(1<<60 + 1), "nobody", []any{"a", int64(1)}} {
		s.wantHolders(t, v)
	}
	ok(t, "save another", stores.Metas.SaveMany(t.Context(), []resource.Meta{holding(t, "p0", "a@b.c")}))
	s.wantHolders(t, "a@b.c", "p0", "pa")
}

// withoutNUL returns a value that the store takes: a NUL becomes another control
// character where that is needed.
func (s *subject) withoutNUL(v any) any {
	if text, ok := v.(string); ok && s.Traits().NoNUL {
		return strings.ReplaceAll(text, "\x00", "\x02")
	}
	return v
}

// nearlyEqual are values that are equal across types, or nearly so.
func nearlyEqual() []any {
	return []any{
		true, false, int64(0), int64(1), 1.0, 0.1, math.Copysign(0, -1), -1.5, 1e300, 5e-324, 1e16, int64(1e16), int64(1e16) + 1, int64(math.MaxInt64),
		int64(math.MinInt64), float64(math.MinInt64), uint64(1) << 63, float64(1 << 63), uint64(math.MaxUint64), math.Inf(1), math.NaN(),
		"", "1", "a", "A", "a\x00b", "a\x00", "é", `q"'\`, "true", "[]", noon, "2026-03-01T12:00:00.123456Z", noon.Add(time.Microsecond),
		[]byte("a"), "YQ==",
		[]byte{},
		[]any{},
		[]any{int64(1)},
		[]any{1.0},
		[]any{"a", nil},
		map[string]any{},
		map[string]any{"k": int64(1)},
		map[string]any{"k": 1.0},
	}
}

func holdersEqual(t T, s *subject) {
	stores := s.useUnique(t)
	values := nearlyEqual()
	metas := make([]resource.Meta, len(values))
	for i, v := range values {
		values[i] = s.withoutNUL(v)
		metas[i] = holding(t, resource.ID(fmt.Sprintf("p%02d", i)), values[i])
	}
	ok(t, "save", stores.Metas.SaveMany(t.Context(), metas))
	// A store may keep a time as its text; then it holds the text.
	metas, err := stores.Metas.GetMany(t.Context(), idsOf(metas))
	ok(t, "get many", err)
	for i, v := range values {
		x, _ := metas[i].IndexedData.Get()
		kept, _ := x.Lookup("email")
		var want []resource.ID
		for _, m := range metas {
			x, _ := m.IndexedData.Get()
			if held, ok := x.Lookup("email"); ok && kept != nil && qb.Equal(held, kept) {
				want = append(want, m.ResourceID)
			}
		}
		s.wantHolders(t, v, want...)
	}
}

func holdersLive(t T, s *subject) {
	stores := s.useUnique(t)
	gone := holding(t, "p1", "x")
	gone.IsDeleted = true
	ok(t, "save", stores.Metas.SaveMany(t.Context(), []resource.Meta{gone}))
	s.wantHolders(t, "x")
	gone.IsDeleted = false
	ok(t, "restore", stores.Metas.SaveMany(t.Context(), []resource.Meta{gone}))
	s.wantHolders(t, "x", "p1")
}

func holdersFollow(t T, s *subject) {
	stores := s.useUnique(t)
	ok(t, "save", stores.Metas.SaveMany(t.Context(), []resource.Meta{holding(t, "p1", "x"), holding(t, "p2", "y")}))
	all, err := stores.Metas.GetMany(t.Context(), []resource.ID{"p1"})
	ok(t, "get", err)
	equal(t, "metas", len(all), 1)
	ok(t, "update", s.update(t, storage.Batch{Refs: refsTo("p1")}, storage.Writes{
		Models: writesOf(model, storage.ModelWrites{Metas: []resource.Meta{holding(t, "p1", "z")}}),
	}))
	s.wantHolders(t, "x")
	s.wantHolders(t, "z", "p1")
	ok(t, "purge", s.update(t, storage.Batch{Refs: refsTo("p1")}, storage.Writes{
		Models: writesOf(model, storage.ModelWrites{Purge: []resource.ID{"p1"}}),
	}))
	s.wantHolders(t, "z")
	ok(t, "delete", stores.Metas.Delete(t.Context(), []resource.ID{"p2"}))
	s.wantHolders(t, "y")
}

func holdersNeedUniquePath(t T, s *subject) {
	s.useUnique(t)
	err := s.Unit().Update(t.Context(), storage.Batch{Refs: refsTo("p1")}, func(v storage.View) (storage.Writes, error) {
		_, err := v.Holders(model, "other", "x")
		return storage.Writes{}, err
	})
	if err == nil {
		t.Fatalf("a path that is not unique was answered for")
	}
}

func uniqueLater(t T, s *subject) {
	stores := s.use(t)
	ok(t, "save", stores.Metas.SaveMany(t.Context(), []resource.Meta{holding(t, "p1", "x"), holding(t, "p2", "x")}))
	s.useUnique(t)
	s.wantHolders(t, "x", "p1", "p2")
	ok(t, "declare without", s.SaveModel(t.Context(), storage.ModelInfo{Name: model, IndexedPaths: []string{"email"}}))
	s.useUnique(t)
	s.wantHolders(t, "x", "p1", "p2")
}

// uniqueByCase declares paths that differ by case alone, then one of them without the
// other.
func uniqueByCase(t T, s *subject) {
	stores := s.use(t)
	x, err := resource.NewIndexed(map[string]any{"email": "lower", "Email": "upper"})
	ok(t, "index", err)
	m := newMeta("p1", 1)
	m.IndexedData = opt.Of(x)
	ok(t, "save", stores.Metas.SaveMany(t.Context(), []resource.Meta{m}))
	for _, paths := range [][]string{{"Email", "email"}, {"email"}, {"Email", "email"}} {
		ok(t, "declare unique paths", s.SaveModel(t.Context(), storage.ModelInfo{Name: model, IndexedPaths: []string{"Email", "email"}, UniquePaths: paths}))
		s.wantHolders(t, "lower", "p1")
		s.wantHolders(t, "upper")
	}
	err = s.Unit().Update(t.Context(), storage.Batch{Refs: refsTo("p1")}, func(v storage.View) (storage.Writes, error) {
		upper, err := v.Holders(model, "Email", "upper")
		equal(t, "holders at the path in upper case", upper, []resource.ID{"p1"})
		return storage.Writes{}, err
	})
	ok(t, "holders", err)
}

// racingHolders has units that each claim a value nobody holds: one gets it.
func racingHolders(t T, s *subject) {
	stores := s.useUnique(t)
	const racers = 8
	var wg sync.WaitGroup
	errs := make([]error, racers)
	for i := range racers {
		id := resource.ID([]byte{'p', byte('0' + i)})
		m := holding(t, id, "prize")
		wg.Go(func() {
			errs[i] = s.Unit().Update(t.Context(), storage.Batch{Refs: refsTo(id), Serial: []string{model}}, func(v storage.View) (storage.Writes, error) {
				holders, err := v.Holders(model, "email", "prize")
				if err != nil || len(holders) > 0 {
					return storage.Writes{}, err
				}
				return storage.Writes{Models: writesOf(model, storage.ModelWrites{Metas: []resource.Meta{m}})}, nil
			})
		})
	}
	wg.Wait()
	for _, err := range errs {
		ok(t, "claim", err)
	}
	n := 0
	for _, err := range stores.Metas.All(t.Context()) {
		ok(t, "read", err)
		n++
	}
	equal(t, "winners", n, 1)
}
