package manager

import (
	"sync/atomic"

	"github.com/specstar-worker/worker/storage"
)

// Manager reads and changes the resources of one model. It is made by a
// [Catalog] and safe for concurrent use.
type Manager struct {
	Reader
	stores storage.Stores
	info   *atomic.Pointer[storage.ModelInfo] // shared by the views
	forms  *atomic.Pointer[form]              // as the model was last known; shared too
}

// Info returns what is known of the model.
func (m *Manager) Info() storage.ModelInfo { return *m.info.Load() }
