package archive

import "github.com/specstar-worker/worker/resource"

// Version is the version of the stream this package reads and writes. It is the
// only one the original has written since 0.4.
const Version = 2

// Record is one entry of an archive: [Header], [ModelStart], [Meta],
// [Revision], [Blob], [ModelEnd] or [EOF]. A record owns its memory: it stays
// valid after the next one was read.
type Record interface{ record() }

// Header is the first record of every archive.
type Header struct {
	// Version is the version of the stream; a frame without it means 2.
	Version int
}

// ModelStart opens the section of a model.
type ModelStart struct{ Model string }

// Meta is the current state of one resource.
type Meta struct{ Meta resource.Meta }

// Revision is one stored revision with its payload.
type Revision struct{ Revision resource.Revision }

// Blob is the content of one blob that the section's payloads refer to.
type Blob struct {
	FileID string
	Data   []byte
	// Size is what the writer claims; the reader does not compare it with Data.
	Size int64
	// ContentType is a MIME type, empty when unknown.
	ContentType string
}

// ModelEnd closes the section of a model and repeats its name.
type ModelEnd struct{ Model string }

// EOF is the last record: an archive without it is cut off.
type EOF struct{}

func (Header) record()     {}
func (ModelStart) record() {}
func (Meta) record()       {}
func (Revision) record()   {}
func (Blob) record()       {}
func (ModelEnd) record()   {}
func (EOF) record()        {}
