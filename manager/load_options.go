package manager

import (
	"fmt"
	"io"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
)

// Source is a plain (decompressed) archive that can be read at any place, more
// than once, by several goroutines.
type Source interface {
	io.ReaderAt
	// Size is the archive's length in bytes.
	Size() int64
}

// OnDuplicate says what a load does with a resource that exists, deleted or not.
type OnDuplicate string

// The ways to treat existing resources. The first three are the original's.
const (
	// RaiseError refuses the whole load when any resource exists; nothing of it
	// is ever visible then.
	RaiseError OnDuplicate = "raise_error"
	// Skip leaves existing resources and their revisions alone.
	Skip OnDuplicate = "skip"
	// Overwrite replaces the meta as archived and adds the archived revisions.
	// Local revisions that the archive lacks stay, and the revision count is the
	// larger of both, so that no number is issued twice.
	Overwrite OnDuplicate = "overwrite"
	// Newer overwrites where the archived meta is newer, by updated_time, then
	// count, then number of the current revision, and skips otherwise. Equal ones
	// with other content are refused as ambiguous.
	Newer OnDuplicate = "newer"
)

// ParseOnDuplicate returns the way with the given name; "" means [RaiseError].
func ParseOnDuplicate(name string) (OnDuplicate, error) {
	switch d := OnDuplicate(name); d {
	case "":
		return RaiseError, nil
	case RaiseError, Skip, Overwrite, Newer:
		return d, nil
	}
	return "", fmt.Errorf("on_duplicate %q is not known; use raise_error, skip, overwrite or newer", name)
}

// LoadOptions refine a load. The zero value loads all sections with [RaiseError]
// and declares the models it meets.
type LoadOptions struct {
	// OnDuplicate; empty means [RaiseError].
	OnDuplicate OnDuplicate
	// Models names the only models to load; empty means all. Other sections are
	// still checked. A model that the archive lacks is refused as unknown.
	Models []string
	// AllowMissingRevision takes metas whose current revision is not in the
	// archive; the original writes such.
	AllowMissingRevision bool
	// StrictModels refuses models that the store does not have, unless
	// AllowUnknownModel.
	StrictModels      bool
	AllowUnknownModel bool
	// DivideAbove is how many resources a load has at most that [Catalog.PlanLoad] does at
	// once; 0 means 10,000.
	DivideAbove int64
	// ChunkRows is how many resources a chunk of a divided load has at most; 0 means 1,000.
	ChunkRows int64
	// Limits bound what the archive may hold; the zero value means the defaults of
	// package archive.
	Limits archive.Limits
}

// chunkRows is ChunkRows with its default.
func (o *LoadOptions) chunkRows() int64 {
	if o.ChunkRows > 0 {
		return o.ChunkRows
	}
	return defaultChunkRows
}

// LoadStats counts what a load did with one model.
type LoadStats struct {
	// Loaded, Skipped and Total count resources, as the original counts them.
	Loaded  int64 `json:"loaded"`
	Skipped int64 `json:"skipped"`
	Total   int64 `json:"total"`
	// Revisions and Blobs count records taken from the archive, repeats once.
	Revisions int64 `json:"revisions"`
	Blobs     int64 `json:"blobs"`
	// Bytes is the length of the payloads and blobs taken.
	Bytes int64 `json:"bytes"`
	// Unchanged counts those loaded resources that were in the store exactly so.
	Unchanged int64 `json:"unchanged"`
}

// add sums up two counts.
func (s LoadStats) add(o LoadStats) LoadStats {
	return LoadStats{
		Loaded:    s.Loaded + o.Loaded,
		Skipped:   s.Skipped + o.Skipped,
		Total:     s.Total + o.Total,
		Revisions: s.Revisions + o.Revisions,
		Blobs:     s.Blobs + o.Blobs,
		Bytes:     s.Bytes + o.Bytes,
		Unchanged: s.Unchanged + o.Unchanged,
	}
}

// Records are archive records of one model in memory, for [Catalog.LoadRecordsBulk].
type Records struct {
	Model     string
	Metas     []resource.Meta
	Revisions []resource.Revision
	Blobs     []archive.Blob
}
