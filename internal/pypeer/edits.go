package pypeer

import (
	"encoding/json"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// Edit is one operation that the original is told to do.
type Edit struct {
	// Op is create, update, upsert (create_or_update), modify, patch, switch,
	// delete, restore or purge (permanently_delete); forget, which saves the meta as
	// releases before 0.9 do, without rev_*; or backfill, of all resources.
	Op         string      `json:"op"`
	ResourceID resource.ID `json:"resource_id"`
	// Data is the new value; Patch, of a patch or a modify, an RFC 6902 array instead.
	Data  json.RawMessage `json:"data,omitempty"`
	Patch json.RawMessage `json:"patch,omitempty"`
	// Status of the new revision; empty says none.
	Status resource.Status `json:"status,omitempty"`
	// RevisionID is the revision to switch to.
	RevisionID resource.RevisionID `json:"revision_id,omitempty"`
	User       string              `json:"user"`
	Time       time.Time           `json:"time"`
}

// Apply does the operations one after another and returns for each the name of the
// exception it raised, empty when it raised none.
func (a *App) Apply(model string, edits []Edit) (raised []string, err error) {
	return raised, a.call("apply", map[string]any{"model": model, "work": edits}, &raised)
}
