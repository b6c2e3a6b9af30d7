package disk

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func TestNamesThatNoFileCanHave(t *testing.T) {
	dir := t.TempDir()
	r := open(t, Config{Dir: filepath.Join(dir, "revisions")})
	m := r.Model("cat")
	for _, name := range []string{"", ".", "..", "../x", "/etc/passwd", "a/b", "nul\x00", "\xff", strings.Repeat("x", 256)} {
		version := name
		if name == "" || strings.Trim(name, ".") == "" { // of a version only: v_.. is a name
			version = "a/b"
		}
		key := entry("a", 1, unset, "").Key
		for what, k := range map[string]resource.RevisionKey{
			"resource": {Resource: resource.ID(name), Revision: key.Revision},
			"revision": {Resource: key.Resource, Revision: resource.RevisionID(name)},
			"version":  {Resource: key.Resource, Revision: key.Revision, SchemaVersion: opt.Of(version)},
		} {
			_, err := m.Claim(t.Context(), []storage.Entry{{Key: k, UID: "u"}})
			refused(t, "claim of "+what, name, err)
			refused(t, "point of "+what, name, m.Point(t.Context(), []storage.Entry{{Key: k, UID: "u"}}))
			uids, err := m.Lookup(t.Context(), []resource.RevisionKey{k})
			equal(t, "lookup of "+what, must(t, uids, err), "")
			if err := m.RemoveEntries(t.Context(), []resource.RevisionKey{k}); err != nil {
				t.Errorf("remove of %s %q: %v, want nothing", what, name, err)
			}
		}
		_, err := m.Claim(t.Context(), []storage.Entry{{Key: key, UID: name}})
		refused(t, "claim of uid", name, err)
		_, err = m.Put(t.Context(), []storage.Content{contentOf(name, "1")})
		refused(t, "put", name, err)
		refused(t, "replace", name, m.Replace(t.Context(), []storage.Content{contentOf(name, "1")}))
		_, err = r.Model(name).Put(t.Context(), []storage.Content{contentOf("u", "1")})
		refused(t, "model", name, err)
		contents, err := m.Read(t.Context(), []string{name})
		if must(t, contents, err)[0].Info != nil {
			t.Errorf("read of %q gives a content", name)
		}
		if got := collect(t, m.Entries(t.Context(), slices.Values([]resource.ID{resource.ID(name)}))); len(got) != 0 {
			t.Errorf("entries of %q: %v, want none", name, got)
		}
	}
	if made, err := os.ReadDir(dir); len(made) != 0 || err != nil {
		t.Errorf("made %v (%v), want nothing", made, err)
	}
}

func refused(t *testing.T, what, name string, err error) {
	t.Helper()
	if !errors.Is(err, storage.ErrUnusableName) {
		t.Errorf("%s %q gives %v, want %v", what, name, err, storage.ErrUnusableName)
	}
}

func TestNamesAreTakenAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	m := cats(t, dir)
	var want []storage.Entry
	for _, id := range []resource.ID{"person:p1", "CON", "con", "...", "a b", "日本", "-rf", "*", `a\b`, "no_ver", resource.ID(strings.Repeat("x", 253))} {
		want = append(want, entry(id, 1, opt.Of(".."), "uid:1"), entry(id, 1, opt.Of(""), "u"))
	}
	uids, err := m.Claim(t.Context(), want)
	if len(must(t, uids, err)) != len(want) {
		t.Fatalf("claimed %v", uids)
	}
	got := collect(t, m.All(t.Context()))
	byKey := func(a, b storage.Entry) int {
		if c := strings.Compare(string(a.Key.Resource), string(b.Key.Resource)); c != 0 {
			return c
		}
		return compareEntries(a, b)
	}
	slices.SortFunc(got, byKey)
	slices.SortFunc(want, byKey)
	equal(t, "entries", got, want...)
}

func TestAForeignLinkIsNamedAndNotFollowed(t *testing.T) {
	for _, target := range []string{"/etc/passwd", "../../../store/../x", "../../../store/", "../../store/u", "../../../store/u/", "u"} {
		dir := t.TempDir()
		m := cats(t, dir)
		name := filepath.Join(dir, "cat/data/resource/a/a:1/no_ver")
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.Symlink(target, name)); err != nil {
			t.Fatal(err)
		}
		e := entry("a", 1, unset, "u")
		_, claimErr := m.Claim(t.Context(), []storage.Entry{e})
		_, lookupErr := m.Lookup(t.Context(), []resource.RevisionKey{e.Key})
		for what, err := range map[string]error{"claim": claimErr, "lookup": lookupErr, "all": listError(t, m)} {
			if err == nil || !strings.Contains(err.Error(), "a:1/no_ver") {
				t.Errorf("link to %q: %s gives %v, want an error that names the link", target, what, err)
			}
		}
		if err := m.Point(t.Context(), []storage.Entry{e}); err != nil {
			t.Errorf("point does not replace the link: %v", err)
		}
		equal(t, "entries", collect(t, m.All(t.Context())), e)
	}
}

// listError returns the error of listing all.
func listError(t *testing.T, m storage.ModelMedium) (found error) {
	t.Helper()
	for _, err := range m.All(t.Context()) {
		found = err
	}
	return found
}

func TestWritesStayInTheDirectory(t *testing.T) {
	for _, planted := range []string{
		"cat", "cat/data", "cat/data/store", "cat/data/resource", "cat/data/resource/a", "cat/data/resource/a/a:1",
		"cat/data/.specstar", "cat/data/store/u", "cat/data/.specstar/lock",
	} {
		dir, outside := t.TempDir(), t.TempDir()
		name := filepath.Join(dir, planted)
		target := outside
		if strings.HasSuffix(planted, "lock") {
			target = filepath.Join(outside, "lock")
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.Symlink(target, name)); err != nil {
			t.Fatal(err)
		}
		m := cats(t, dir)
		_, putErr := m.Put(t.Context(), []storage.Content{contentOf("u", "1")})
		_, claimErr := m.Claim(t.Context(), []storage.Entry{entry("a", 1, unset, "u")})
		replaceErr := m.Replace(t.Context(), []storage.Content{contentOf("u", "1")})
		pointErr := m.Point(t.Context(), []storage.Entry{entry("a", 1, unset, "u")})
		if errors.Join(putErr, claimErr, replaceErr, pointErr) == nil {
			t.Errorf("%s led out of the directory and nothing was refused", planted)
		}
		if made, err := os.ReadDir(outside); len(made) != 0 || err != nil {
			t.Errorf("%s: made %v (%v) outside", planted, made, err)
		}
	}
}

func TestADanglingLinkIsAnEntry(t *testing.T) {
	m := cats(t, t.TempDir())
	e := entry("a", 1, unset, "gone")
	if err := m.Point(t.Context(), []storage.Entry{e}); err != nil {
		t.Fatal(err)
	}
	equal(t, "entries", collect(t, m.All(t.Context())), e)
	uids, err := m.Claim(t.Context(), []storage.Entry{entry("a", 1, unset, "u")})
	equal(t, "claim", must(t, uids, err), "gone")
	contents, err := m.Read(t.Context(), uids)
	if must(t, contents, err)[0].Info != nil {
		t.Errorf("read gives %v, want no info", contents[0])
	}
}

func TestALinkInsteadOfADirectoryIsNotLeftOut(t *testing.T) {
	for _, planted := range []string{"a", "b/b:1"} {
		dir := t.TempDir()
		m := cats(t, dir)
		name := filepath.Join(dir, "cat/data/resource", planted)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.Symlink("../other", name)); err != nil {
			t.Fatal(err)
		}
		if err := listError(t, m); err == nil || !strings.Contains(err.Error(), planted) {
			t.Errorf("listing gives %v, want an error that names %s", err, planted)
		}
	}
}

func TestAPipeIsNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	place := filepath.Join(dir, "cat/data/store/u")
	if err := errors.Join(os.MkdirAll(place, 0o700), mkfifo(filepath.Join(place, infoFile))); err != nil {
		t.Fatal(err)
	}
	if _, err := cats(t, dir).Read(t.Context(), []string{"u"}); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("read gives %v, want a refusal", err)
	}
}
