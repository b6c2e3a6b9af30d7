package resource

// Status is the state of a revision.
type Status string

// The two states of a revision: a draft may still be modified in place.
const (
	Draft  Status = "draft"
	Stable Status = "stable"
)

// Valid reports whether s is one of the two known states.
func (s Status) Valid() bool { return s == Draft || s == Stable }
