package disk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/specstar-worker/worker/internal/shmdir"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// act is one call of a history with what it changes: texts of contents by uid and
// uids by key, "" for none.
type act struct {
	name     string
	do       func(context.Context, storage.ModelMedium) error
	contents map[string]string
	entries  map[resource.RevisionKey]string
}

var (
	a1 = entry("a", 1, unset, "u")
	a2 = entry("a", 2, unset, "w")
	b1 = entry("b", 1, unset, "v")
)

// history is calls in an order in which a store does them: contents before entries,
// entries away before contents.
func history() []act {
	put := func(contents ...storage.Content) func(context.Context, storage.ModelMedium) error {
		return func(ctx context.Context, m storage.ModelMedium) error {
			_, err := m.Put(ctx, contents)
			return err
		}
	}
	claim := func(list ...storage.Entry) func(context.Context, storage.ModelMedium) error {
		return func(ctx context.Context, m storage.ModelMedium) error {
			_, err := m.Claim(ctx, list)
			return err
		}
	}
	type keys = map[resource.RevisionKey]string
	return []act{
		{"put two", put(contentOf("u", "1"), contentOf("v", "1")), map[string]string{"u": "1", "v": "1"}, nil},
		{"claim two", claim(a1, b1), nil, keys{a1.Key: "u", b1.Key: "v"}},
		{"put over a torn one", put(contentOf("w", "1")), map[string]string{"w": "1"}, nil},
		{"claim in a directory", claim(a2), nil, keys{a2.Key: "w"}},
		{"point", func(ctx context.Context, m storage.ModelMedium) error {
			return m.Point(ctx, []storage.Entry{{Key: a1.Key, UID: "w"}})
		}, nil, keys{a1.Key: "w"}},
		{"replace", func(ctx context.Context, m storage.ModelMedium) error {
			return m.Replace(ctx, []storage.Content{contentOf("w", "2"), contentOf("x", "2")})
		}, map[string]string{"w": "2", "x": "2"}, nil},
		{"put what is there", put(contentOf("w", "3")), nil, nil},
		{"remove an entry", func(ctx context.Context, m storage.ModelMedium) error {
			return m.RemoveEntries(ctx, []resource.RevisionKey{b1.Key})
		}, nil, keys{b1.Key: ""}},
		{"remove contents", func(ctx context.Context, m storage.ModelMedium) error {
			return m.RemoveContents(ctx, []string{"u", "v"})
		}, map[string]string{"u": "", "v": ""}, nil},
	}
}

// tornDir returns a directory with the torn content w.
func tornDir(t *testing.T) string {
	t.Helper()
	dir := shmdir.New(t)
	place := filepath.Join(dir, "cat/data/store/w")
	if err := errors.Join(os.MkdirAll(place, 0o700), os.WriteFile(filepath.Join(place, dataFile), []byte("torn"), 0o600)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// expected is what may be found: for each uid and key one of some values.
type expected struct {
	contents map[string][]string
	entries  map[resource.RevisionKey][]string
}

// after returns what is expected after some acts and, unless it is nil, during
// another.
func after(done []act, during *act) expected {
	e := expected{map[string][]string{}, map[resource.RevisionKey][]string{}}
	for _, uid := range []string{"u", "v", "w", "x"} {
		e.contents[uid] = []string{""}
	}
	for _, k := range []resource.RevisionKey{a1.Key, a2.Key, b1.Key} {
		e.entries[k] = []string{""}
	}
	for _, a := range done {
		for uid, text := range a.contents {
			e.contents[uid] = []string{text}
		}
		for k, uid := range a.entries {
			e.entries[k] = []string{uid}
		}
	}
	if during != nil {
		for uid, text := range during.contents {
			e.contents[uid] = append(e.contents[uid], text)
		}
		for k, uid := range during.entries {
			e.entries[k] = append(e.entries[k], uid)
		}
	}
	return e
}

// check reports what is not as expected, and entries that lead nowhere.
func (e expected) check(ctx context.Context, m storage.ModelMedium) error {
	for uid, texts := range e.contents {
		c, err := m.Read(ctx, []string{uid})
		if err != nil {
			return err
		}
		ok := slices.ContainsFunc(texts, func(text string) bool {
			want := contentOf(uid, text)
			return text == "" && c[0].Info == nil || string(c[0].Info) == string(want.Info) && string(c[0].Data) == string(want.Data)
		})
		if !ok {
			return fmt.Errorf("content %s is %q, %q, want that of one of %q", uid, c[0].Info, c[0].Data, texts)
		}
	}
	for k, want := range e.entries {
		uids, err := m.Lookup(ctx, []resource.RevisionKey{k})
		if err != nil {
			return err
		}
		if !slices.Contains(want, uids[0]) {
			return fmt.Errorf("%s leads to %q, want one of %q", k.Revision, uids[0], want)
		}
	}
	for en, err := range m.All(ctx) {
		if err != nil {
			return err
		}
		if infos, err := m.Infos(ctx, []string{en.UID}); err != nil || infos[0] == nil {
			return fmt.Errorf("%s leads to %s, which is not there (%w)", en.Key.Revision, en.UID, err)
		}
	}
	return nil
}

// TestPowerCutAtEveryStep cuts the power before each step of a history, in many ways
// each, and does what was under way again; also where no two directories can be swapped.
func TestPowerCutAtEveryStep(t *testing.T) {
	for _, swaps := range []bool{true, false} {
		t.Run(fmt.Sprint("swaps ", swaps), func(t *testing.T) {
			t.Parallel()
			cutEverywhere(t, swaps)
		})
	}
}

// unsupported is the error of a step that a file system does not have.
func unsupported(s step, swaps bool) error {
	if s.op == "exchange" && !swaps {
		return errors.ErrUnsupported
	}
	return nil
}

func cutEverywhere(t *testing.T, swaps bool) {
	dir := tornDir(t)
	disk := simulate(t, dir)
	random := rand.New(rand.NewPCG(1, 2))
	r := open(t, Config{Dir: dir})
	var mu sync.Mutex
	var steps []step
	r.before = func(s step) error {
		mu.Lock()
		defer mu.Unlock()
		err := unsupported(s, swaps)
		if err == nil {
			steps = append(steps, s)
		}
		return err
	}
	acts, cuts, base := history(), 0, shmdir.New(t)
	for i, a := range acts {
		steps = nil
		if err := a.do(t.Context(), r.Model("cat")); err != nil {
			t.Fatalf("%s: %v", a.name, err)
		}
		want, done := after(acts[:i], &a), after(acts[:i+1], nil)
		for n := range len(steps) + 1 {
			if n > 0 {
				disk.do(steps[n-1])
			}
			if n == len(steps) {
				want = done // the call has returned
			}
			for _, p := range powerCuts(len(disk.pending), random) {
				cuts++
				again := cuts%8 == 0 // it syncs, which takes long
				what := fmt.Sprintf("%s: power cut after step %d of %d", a.name, n, len(steps))
				afterCut(t, base, what, disk, p, a, want, done, again, swaps)
			}
		}
	}
	if cuts < 500 {
		t.Errorf("the power was cut %d times only", cuts)
	}
}

// afterCut checks what a power cut leaves, and whether the act can be done again.
func afterCut(t *testing.T, base, what string, disk *simulated, p powerCut, a act, want, done expected, again, swaps bool) {
	t.Helper()
	dir := filepath.Join(base, what)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	disk.lose(t, p, dir)
	r, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	m := r.Model("cat")
	if !swaps {
		beginToWrite(t, m)
	}
	if err := want.check(t.Context(), m); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if again {
		if err := a.do(t.Context(), m); err != nil {
			t.Fatalf("%s, and again: %v", what, err)
		}
		if err := done.check(t.Context(), m); err != nil {
			t.Fatalf("%s, and again: %v", what, err)
		}
	}
	if err := errors.Join(r.Close(), os.RemoveAll(dir)); err != nil {
		t.Fatal(err)
	}
}

// beginToWrite does what a process does before it writes to a model for the first time.
func beginToWrite(t *testing.T, m storage.ModelMedium) {
	t.Helper()
	if _, err := m.(*modelFiles).prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestEveryStepFails lets each step of a history fail once, or together with all
// that follow as when the process ends, and does the call again.
func TestEveryStepFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		failure        error
		forever, swaps bool
	}{
		{syscall.ENOSPC, false, true},
		{syscall.EIO, false, true},
		{syscall.EIO, true, true},
		{syscall.EIO, false, false},
		{syscall.EIO, true, false},
	} {
		for i, a := range history() {
			n := 0
			for failAt(t, i, n, c.failure, c.forever, c.swaps) {
				n++
			}
			if n < 3 {
				t.Errorf("%s has %d steps only", a.name, n)
			}
		}
	}
}

// failAt lets the n-th step of the i-th act fail; false when it has no such step.
func failAt(t *testing.T, i, n int, failure error, forever, swaps bool) bool {
	t.Helper()
	dir := tornDir(t)
	r := open(t, Config{Dir: dir})
	var mu sync.Mutex
	seen, failed := 0, step{}
	acts, m := history(), r.Model("cat")
	for _, a := range acts[:i] {
		if err := a.do(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	// A process that starts now makes sure of the directories first.
	r = open(t, Config{Dir: dir})
	r.before = func(s step) error {
		mu.Lock()
		defer mu.Unlock()
		if err := unsupported(s, swaps); err != nil {
			return err
		}
		seen++
		if seen == n+1 || forever && seen > n {
			if failed.op == "" {
				failed = s
			}
			return failure
		}
		return nil
	}
	a := acts[i]
	err := a.do(t.Context(), r.Model("cat"))
	if failed.op == "" {
		if err != nil {
			t.Fatalf("%s: %v", a.name, err)
		}
		return false
	}
	what := fmt.Sprintf("%s: %s of %s gives %q", a.name, failed.op, failed.name, failure)
	if !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("%s: %v, want %v", what, err, storage.ErrUnavailable)
	}
	m = cats(t, dir)
	if !swaps {
		beginToWrite(t, m)
	}
	if err := after(acts[:i], &a).check(t.Context(), m); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	if !forever && failed.op != "removeall" && a.name != "replace" {
		noTemps(t, dir)
	}
	if err := a.do(t.Context(), m); err != nil {
		t.Fatalf("%s, and again: %v", what, err)
	}
	if err := after(acts[:i+1], nil).check(t.Context(), m); err != nil {
		t.Errorf("%s, and again: %v", what, err)
	}
	return true
}

// TestWhatCouldNotBeSyncedIsGone: to sync again would succeed without having written.
func TestWhatCouldNotBeSyncedIsGone(t *testing.T) {
	dir := t.TempDir()
	r := open(t, Config{Dir: dir})
	broken := ""
	r.before = func(s step) error {
		if s.op == "syncdir" && s.name == broken {
			return syscall.EIO
		}
		return nil
	}
	m := r.Model("cat")
	stored, err := m.Put(t.Context(), []storage.Content{contentOf("w", "1")})
	equal(t, "put", must(t, stored, err), true)
	broken = "cat/data/store"
	if _, err := m.Put(t.Context(), []storage.Content{contentOf("u", "1"), contentOf("w", "1")}); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("put gives %v, want %v", err, storage.ErrUnavailable)
	}
	infos, err := m.Infos(t.Context(), []string{"u", "w"})
	if must(t, infos, err)[0] != nil || infos[1] == nil {
		t.Errorf("infos are %q, want only that which was there before", infos)
	}
	broken = "cat/data/resource/a"
	if _, err := m.Claim(t.Context(), []storage.Entry{a1}); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("claim gives %v, want %v", err, storage.ErrUnavailable)
	}
	if got := collect(t, m.All(t.Context())); len(got) != 0 {
		t.Errorf("entries are %v, want none", got)
	}
}

// TestReplaceWithoutExchange: not every file system swaps directories.
func TestReplaceWithoutExchange(t *testing.T) {
	dir := t.TempDir()
	r := open(t, Config{Dir: dir})
	r.before = func(s step) error { return unsupported(s, false) }
	m := r.Model("cat")
	stored, err := m.Put(t.Context(), []storage.Content{contentOf("u", "1")})
	equal(t, "put", must(t, stored, err), true)
	if err := m.Replace(t.Context(), []storage.Content{contentOf("u", "2"), contentOf("u", "3")}); err != nil {
		t.Fatal(err)
	}
	contents, err := m.Read(t.Context(), []string{"u"})
	if got := string(must(t, contents, err)[0].Data); got != "data 3" {
		t.Errorf("content is %q, want the last one", got)
	}
	noTemps(t, dir)
}
