package overlay_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/internal/overlay"
)

func TestParse(t *testing.T) {
	head, changes, err := overlay.Parse("what\nhow\n-- a.go\nold\n-- instead\nnew\n-- b.go\nx\n-- instead\n")
	if err != nil || head != "what\nhow" || len(changes) != 2 {
		t.Fatalf("%q %+v %v", head, changes, err)
	}
	if c := changes[0]; c.File != "a.go" || c.Old != "old" || c.New != "new" {
		t.Fatalf("%+v", c)
	}
	if c := changes[1]; c.Old != "x" || c.New != "" {
		t.Fatalf("%+v", c)
	}
	if _, _, err := overlay.Parse("what\n-- a.go\nold\n"); err == nil {
		t.Fatal("half a change was taken")
	}
}

func TestWrite(t *testing.T) {
	const file = "internal/overlay/overlay.go"
	dir := t.TempDir()
	args, err := overlay.Write(dir, []overlay.Change{{File: file, Old: "\npackage overlay\n", New: "\npackage other\n"}})
	if err != nil || len(args) != 2 {
		t.Fatalf("%q, %v", args, err)
	}
	b, err := os.ReadFile(args[1])
	if err != nil {
		t.Fatal(err)
	}
	var o struct{ Replace map[string]string }
	if err := json.Unmarshal(b, &o); err != nil || len(o.Replace) != 1 {
		t.Fatalf("%s, %v", b, err)
	}
	for from, to := range o.Replace {
		text, err := os.ReadFile(to)
		if err != nil || !strings.HasSuffix(from, file) || !strings.Contains(string(text), "package other") {
			t.Fatalf("%s: %v", from, err)
		}
	}
	for _, wrong := range []overlay.Change{{File: file, Old: "nowhere to be found"}, {File: file, Old: "err"}, {File: "none.go", Old: "x"}} {
		if _, err := overlay.Write(dir, []overlay.Change{wrong}); err == nil {
			t.Errorf("%+v was taken", wrong)
		}
	}
}
