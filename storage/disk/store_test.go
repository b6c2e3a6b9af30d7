package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

var unset = opt.Value[string]{}

func TestPutIsCreateOnly(t *testing.T) {
	m := cats(t, t.TempDir())
	stored, err := m.Put(t.Context(), []storage.Content{contentOf("u", "1"), contentOf("v", "1"), contentOf("u", "2")})
	equal(t, "put", must(t, stored, err), true, true, false)
	stored, err = m.Put(t.Context(), []storage.Content{contentOf("v", "2"), contentOf("w", "2")})
	equal(t, "put again", must(t, stored, err), false, true)
	contents, err := m.Read(t.Context(), []string{"u", "none", "v", "w"})
	var got []string
	for _, c := range must(t, contents, err) {
		got = append(got, c.UID+" "+string(c.Info)+" "+string(c.Data))
	}
	equal(t, "read", got, "u info 1 data 1", "none  ", "v info 1 data 1", "w info 2 data 2")
	if contents[1].Info != nil {
		t.Errorf("a content that is not there has info %q, want nil", contents[1].Info)
	}
	if err := m.Replace(t.Context(), []storage.Content{contentOf("v", "3"), contentOf("x", "3")}); err != nil {
		t.Fatal(err)
	}
	infos, err := m.Infos(t.Context(), []string{"v", "x", "none"})
	got = nil
	for _, b := range must(t, infos, err) {
		got = append(got, string(b))
	}
	equal(t, "infos after replace", got, "info 3", "info 3", "")
	if err := m.RemoveContents(t.Context(), []string{"u", "none", "v", "w", "x", "../x"}); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, m.Contents(t.Context())); len(got) != 0 {
		t.Errorf("after removing all: %v", got)
	}
}

func TestClaimsAndPoints(t *testing.T) {
	dir := t.TempDir()
	m := cats(t, dir)
	uids, err := m.Claim(t.Context(), []storage.Entry{entry("a", 1, unset, "u"), entry("a", 10, unset, "v"), entry("b", 1, opt.Of("2"), "w")})
	equal(t, "claims", must(t, uids, err), "u", "v", "w")
	uids, err = m.Claim(t.Context(), []storage.Entry{entry("a", 1, unset, "x"), entry("a", 2, unset, "y"), entry("a", 2, opt.Of(""), "z")})
	equal(t, "claims of taken keys", must(t, uids, err), "u", "y", "z")
	if err := m.Point(t.Context(), []storage.Entry{entry("a", 1, unset, "p"), entry("c", 1, unset, "q"), entry("a", 1, unset, "r")}); err != nil {
		t.Fatal(err)
	}
	keys := []resource.RevisionKey{entry("a", 1, unset, "").Key, entry("none", 1, unset, "").Key, entry("c", 1, unset, "").Key, {Resource: "a/b", Revision: "a"}}
	uids, err = m.Lookup(t.Context(), keys)
	equal(t, "lookup", must(t, uids, err), "r", "", "q", "")
	want := []storage.Entry{entry("b", 1, opt.Of("2"), "w"), entry("a", 1, unset, "r"), entry("a", 2, unset, "y"), entry("a", 2, opt.Of(""), "z"), entry("a", 10, unset, "v")}
	equal(t, "entries", collect(t, m.Entries(t.Context(), slices.Values([]resource.ID{"b", "none", "a", ".."}))), want...)
	if err := m.RemoveEntries(t.Context(), append(keys, want[0].Key, want[2].Key, want[3].Key)); err != nil {
		t.Fatal(err)
	}
	equal(t, "all entries left", collect(t, m.All(t.Context())), want[4])
	left, err := filepath.Glob(filepath.Join(dir, "cat/data/resource/*/*"))
	equal(t, "directories left", must(t, left, err), filepath.Join(dir, "cat/data/resource/a/a:10"))
}

func TestOneClaimWins(t *testing.T) {
	dir := t.TempDir()
	const n = 64
	won := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		m := cats(t, dir) // each a process of its own, as far as the files know
		wg.Go(func() {
			uids, err := m.Claim(t.Context(), []storage.Entry{entry("a", 1, unset, fmt.Sprint("uid", i))})
			if err != nil {
				t.Error(err)
				return
			}
			won[i] = uids[0]
		})
	}
	wg.Wait()
	winner := slices.Compact(slices.Clone(won))
	if len(winner) != 1 || !strings.HasPrefix(winner[0], "uid") {
		t.Errorf("winners are %q, want one", winner)
	}
}

func TestOnePutWins(t *testing.T) {
	dir := t.TempDir()
	place := filepath.Join(dir, "cat/data/store/u")
	// Torn: the first who puts has to move it away while the others try.
	if err := errors.Join(os.MkdirAll(place, 0o700), os.WriteFile(filepath.Join(place, dataFile), []byte("torn"), 0o600)); err != nil {
		t.Fatal(err)
	}
	const n = 64
	var mu sync.Mutex
	var winners []string
	var wg sync.WaitGroup
	for i := range n {
		m, text := cats(t, dir), fmt.Sprint(i)
		wg.Go(func() {
			stored, err := m.Put(t.Context(), []storage.Content{contentOf("u", text)})
			if err != nil {
				t.Error(err)
			} else if stored[0] {
				mu.Lock()
				winners = append(winners, text)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	contents, err := cats(t, dir).Read(t.Context(), []string{"u"})
	if got := string(must(t, contents, err)[0].Data); len(winners) != 1 || got != "data "+winners[0] {
		t.Errorf("winners are %q and the content is %q, want one whose content stays", winners, got)
	}
	noTemps(t, dir)
}

// noTemps checks that nothing is left of writing.
func noTemps(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "*/*", ownDir, tempPrefix+"*"))
	if len(left) > 0 || err != nil {
		t.Errorf("left of writing: %v (%v)", left, err)
	}
}

func TestTornContentsAreFree(t *testing.T) {
	dir := t.TempDir()
	m := cats(t, dir)
	for name, files := range map[string]map[string]string{
		"empty":    {},
		"no-info":  {dataFile: "d"},
		"cut-info": {dataFile: "d", infoFile: ""},
		"no-data":  {infoFile: "i"},
	} {
		place := filepath.Join(dir, "cat/data/store", name)
		err := os.MkdirAll(place, 0o700)
		for f, text := range files {
			err = errors.Join(err, os.WriteFile(filepath.Join(place, f), []byte(text), 0o600))
		}
		infos, infosErr := m.Infos(t.Context(), []string{name})
		contents, readErr := m.Read(t.Context(), []string{name})
		if err := errors.Join(err, infosErr, readErr); err != nil || infos[0] != nil || contents[0].Info != nil {
			t.Errorf("%s: info %q, content %q (%v), want none", name, infos[0], contents[0], err)
		}
		if got := collect(t, m.Contents(t.Context())); !slices.ContainsFunc(got, func(c storage.StoredContent) bool { return c.UID == name }) {
			t.Errorf("%s is not among what is stored: %v", name, got)
		}
		stored, err := m.Put(t.Context(), []storage.Content{contentOf(name, "1")})
		equal(t, name, must(t, stored, err), true)
		contents, err = m.Read(t.Context(), []string{name})
		if got := string(must(t, contents, err)[0].Data); got != "data 1" {
			t.Errorf("%s holds %q after put", name, got)
		}
	}
	noTemps(t, dir)
}

func TestStoredContents(t *testing.T) {
	now := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	r := open(t, Config{Dir: t.TempDir(), Now: func() time.Time { return now }})
	m := r.Model("cat")
	must2 := func(_ []bool, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string) {
		t.Helper()
		got := collect(t, m.Contents(t.Context()))
		if len(got) != 1 || got[0].UID != "u" || got[0].Bytes != 12 || !got[0].Time.Equal(now) {
			t.Errorf("%s: %v, want u with 12 bytes at %s", what, got, now)
		}
	}
	must2(m.Put(t.Context(), []storage.Content{contentOf("u", "1")}))
	check("put")
	now = now.Add(time.Hour)
	must2(m.Put(t.Context(), []storage.Content{contentOf("u", "1")}))
	check("put of what is there")
}

func TestModels(t *testing.T) {
	dir := t.TempDir()
	r := open(t, Config{Dir: dir})
	for _, name := range []string{"sales-order", "cat"} {
		if _, err := r.Model(name).Claim(t.Context(), []storage.Entry{entry("a", 1, unset, "u")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "_blobs/_sessions"), 0o700), os.MkdirAll(filepath.Join(dir, "empty/data/resource"), 0o700)); err != nil {
		t.Fatal(err)
	}
	names, err := r.Models(t.Context())
	equal(t, "models", must(t, names, err), "cat", "sales-order")
}

func TestReadingMakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "revisions")
	r := open(t, Config{Dir: dir, ReadOnly: true})
	m := r.Model("cat")
	names, err := r.Models(t.Context())
	infos, infosErr := m.Infos(t.Context(), []string{"u"})
	uids, uidsErr := m.Lookup(t.Context(), []resource.RevisionKey{entry("a", 1, unset, "").Key})
	if err := errors.Join(err, infosErr, uidsErr); err != nil || len(names) != 0 || infos[0] != nil || uids[0] != "" {
		t.Errorf("reading gives %v, %v, %v (%v), want nothing", names, infos, uids, err)
	}
	if n := len(collect(t, m.All(t.Context()))) + len(collect(t, m.Contents(t.Context()))) + len(collect(t, m.Entries(t.Context(), slices.Values([]resource.ID{"a"})))); n != 0 {
		t.Errorf("listing gives %d, want nothing", n)
	}
	_, putErr := m.Put(t.Context(), []storage.Content{contentOf("u", "1")})
	_, claimErr := m.Claim(t.Context(), []storage.Entry{entry("a", 1, unset, "u")})
	for what, err := range map[string]error{
		"put": putErr, "claim": claimErr,
		"replace":         m.Replace(t.Context(), []storage.Content{contentOf("u", "1")}),
		"point":           m.Point(t.Context(), []storage.Entry{entry("a", 1, unset, "u")}),
		"remove entries":  m.RemoveEntries(t.Context(), []resource.RevisionKey{entry("a", 1, unset, "").Key}),
		"remove contents": m.RemoveContents(t.Context(), []string{"u"}),
	} {
		if !errors.Is(err, errReadOnly) {
			t.Errorf("%s gives %v, want %v", what, err, errReadOnly)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stat gives %v, want no directory", err)
	}
}

func TestFirstWriteRemovesWhatCrashesLeft(t *testing.T) {
	dir := t.TempDir()
	own := filepath.Join(dir, "cat/data", ownDir)
	past := time.Now().Add(-2 * staleAfter)
	now := func() time.Time { return past }
	// What earlier versions left is as old as the file, else the name tells.
	old, fresh := filepath.Join(own, tempPrefix+"OLD"), filepath.Join(own, tempPrefix+"FRESH")
	named := filepath.Join(dir, "cat/data", (&tree{now: now}).tempName())
	moved := filepath.Join(dir, "cat/data", (&tree{now: time.Now}).tempName())
	for _, place := range []string{old, fresh, named, moved} {
		if err := errors.Join(os.MkdirAll(place, 0o700), os.WriteFile(filepath.Join(place, dataFile), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Chtimes(old, past, past), os.Chtimes(moved, past, past)); err != nil {
		t.Fatal(err)
	}
	m := cats(t, dir)
	if got := collect(t, m.Contents(t.Context())); len(got) != 0 {
		t.Errorf("contents are %v, want none", got)
	}
	if _, err := os.Stat(old); err != nil {
		t.Errorf("reading removed the old directory: %v", err)
	}
	if _, err := m.Put(t.Context(), []storage.Content{contentOf("u", "1")}); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(own)
	if err != nil || len(left) != 2 || left[0].Name() != filepath.Base(moved) || left[1].Name() != filepath.Base(fresh) {
		t.Errorf("left are %v (%v), want what may still be written", left, err)
	}
}
