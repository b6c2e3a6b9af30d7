package manager_test

import (
	"encoding/json"
	"testing"

	"github.com/specstar-worker/worker/manager"
)

// The integers are those of the original's ResourceAction.
func TestActionsAreTheIntegersOfTheOriginal(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{"create", 1},
		{"get", 2},
		{"get_resource_revision", 4},
		{"list_revisions", 8},
		{"get_meta", 16},
		{"search_resources", 32},
		{"update", 64},
		{"patch", 128},
		{"switch", 256},
		{"delete", 512},
		{"permanently_delete", 1024},
		{"restore", 2048},
		{"dump", 4096},
		{"load", 8192},
		{"migrate", 16384},
		{"modify", 32768},
		{"create_or_update", 32833},
		{"read", 30},
		{"read_list", 32},
		{"write", 32961},
		{"lifecycle", 3840},
		{"backup", 28672},
		{"full", 65535},
		{"owner", 36830},
		{"create | get", 3},
	} {
		a, err := manager.ParseAction(c.text)
		if err != nil || int(a) != c.want {
			t.Errorf("%s: %d, %v; want %d", c.text, a, err, c.want)
		}
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var back manager.Action
		if err := json.Unmarshal(b, &back); err != nil || back != a {
			t.Errorf("%s: %s reads as %d, %v", c.text, b, back, err)
		}
		if again, err := manager.ParseAction(a.String()); err != nil || again != a {
			t.Errorf("%s prints as %s, which reads as %d, %v", c.text, a, again, err)
		}
	}
	for _, bad := range []string{"", "none", "publish", "get|", "GET"} {
		if a, err := manager.ParseAction(bad); err == nil {
			t.Errorf("%q reads as %d", bad, a)
		}
	}
}

func TestAnActionHasItsParts(t *testing.T) {
	if !manager.ActionOwner.Has(manager.ActionRead|manager.ActionModify) || manager.ActionOwner.Has(manager.ActionRead|manager.ActionCreate) {
		t.Error("owner may read and modify, but not create")
	}
}
