package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/storage"
)

// states counts the indexes that worker indexes lists.
func states(t *testing.T, args ...string) map[storage.IndexState]int {
	t.Helper()
	var rows []indexRow
	cli(t, append([]string{"indexes", "-o", "json"}, args...)...).into(t, &rows)
	n := map[storage.IndexState]int{}
	for _, x := range rows {
		if x.Model != "person" || x.Problem != "" {
			t.Errorf("%+v", x)
		}
		n[x.State]++
	}
	return n
}

func TestIndexesAreDeclaredMadeAndDropped(t *testing.T) {
	dir := t.TempDir()
	store := "sqlite:" + filepath.Join(dir, "store")
	declare := func(indexes string) {
		t.Helper()
		path, saves := filepath.Join(dir, "models.yaml"), filepath.Join(dir, "saves.ndjson")
		for file, text := range map[string]string{
			path:  "name: person\nfields: [{name: age, type: int}]\nindexed_fields: [age]\nindexes: " + indexes + "\n",
			saves: `{"op":"upsert","resource_id":"person:1","data":{"age":3}}` + "\n",
		} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cli(t, "save", "person", "--from", saves, "--models", path, "--store", store).ok(t)
	}
	declare("[{keys: [rev_created_time]}, {equal: age}]")
	if got := states(t, "--store", store); got[storage.IndexThere] != 7 {
		t.Errorf("of a new model: %v", got)
	}
	declare("[{keys: [rev_created_time]}, {keys: [rev_status, data.age]}]")
	if got := states(t, "--store", store); got[storage.IndexThere] != 6 || got[storage.IndexMissing] != 1 || got[storage.IndexUnwanted] != 1 {
		t.Errorf("declared again: %v", got)
	}
	if got := states(t, "--store", store, "--make", "person"); got[storage.IndexThere] != 7 || got[storage.IndexUnwanted] != 1 {
		t.Errorf("made: %v", got)
	}
	if got := states(t, "--store", store, "--make", "--drop"); got[storage.IndexThere] != 7 || got[storage.IndexDropped] != 1 {
		t.Errorf("dropped: %v", got)
	}
	declare("[{elements: age}]")
	if r := cli(t, "indexes", "--make", "--store", store); r.code != exitProblems {
		t.Errorf("an index that SQLite does not have: %+v", r)
	}
	if r := cli(t, "indexes", "nobody", "--store", store); r.code != exitError {
		t.Errorf("of a model that is not there: %+v", r)
	}
	if r := cli(t, "indexes", "--drop", "--store", store); r.code != exitUsage {
		t.Errorf("drop alone: %+v", r)
	}
	cli(t, "indexes", "--make", "--store", "sqlite:"+filepath.Join(dir, "nothing")).ok(t)
}

func TestExplain(t *testing.T) {
	store := loaded(t)
	out := cli(t, "search", "person", "--store", store, "--where", "rev_status = 'draft'", "--sort", "-rev_created_time", "--explain").ok(t)
	for _, part := range []string{"statement\n  SELECT data FROM", `$1 = "draft"`, "plan\n  SEARCH person_meta USING INDEX person_meta_status"} {
		if !strings.Contains(out, part) {
			t.Errorf("explained as %s\nwhich lacks %q", out, part)
		}
	}
	var x storage.Explanation
	cli(t, "count", "person", "--store", store, "--where", "rev_updated_by = 'ann'", "--explain", "--analyze", "-o", "json").into(t, &x)
	if len(x.Statements) != 1 || len(x.Statements[0].Plan) == 0 || x.Scan || x.Advice == nil {
		t.Errorf("%+v", x)
	}
	if r := cli(t, "count", "person", "--store", store, "--analyze"); r.code != exitUsage {
		t.Errorf("--analyze alone: %+v", r)
	}
	if out := cli(t, "search", "person", "--store", "disk:"+t.TempDir(), "--explain").ok(t); out != "" {
		t.Errorf("of a store that is not there: %s", out)
	}
}
