package archive

import "fmt"

// The codes of an [Error]; they are part of the command line's contract.
const (
	// CodeTruncated: the input ends inside a frame or before the EOF record.
	CodeTruncated = "archive_truncated"
	// CodeCorrupt: a frame cannot be what it claims to be, or is over a limit.
	CodeCorrupt = "archive_corrupt"
	// CodeVersion: the header names a version this package does not know.
	CodeVersion = "archive_version"
	// CodeStructure: every frame is fine, but not in this place.
	CodeStructure = "archive_structure"
)

// Error says what is wrong with an archive and where.
type Error struct {
	// Code is one of the Code constants.
	Code string
	// Offset is the first byte of the bad frame in the plain (decompressed)
	// stream, or the end of the input when a frame is missing.
	Offset int64
	// Err says what was found.
	Err error
}

// Error renders offset, code and cause.
func (e *Error) Error() string {
	return fmt.Sprintf("archive at byte %d: %v (%s)", e.Offset, e.Err, e.Code)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
