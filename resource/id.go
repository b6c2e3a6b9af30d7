package resource

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// ID names a resource within its model: "person:p1". Ids are compared bytewise.
type ID string

// RevisionID names a revision within its resource: the resource's id, a colon
// and the revision's number, "person:p1:3".
type RevisionID string

// MaxIDBytes is the length limit of a resource id, in bytes. A file name on the
// common file systems may not be longer.
const MaxIDBytes = 255

// NewID returns a fresh id for a resource of the model: the model's name, a
// colon and a random UUID, as the original's default id generator does.
func NewID(model string) ID { return ID(model + ":" + uuid.NewString()) }

// CheckNew reports why id may not be given to a new resource, nil when it may.
// New ids follow [A-Za-z0-9][A-Za-z0-9._:@~-]{0,254} and do not contain "..",
// so that every store can hold them. Ids that exist or are loaded are taken as
// they are, see [ID.CheckStored].
func (id ID) CheckNew() error {
	if err := id.CheckStored(); err != nil {
		return err
	}
	if !isAlphanumeric(id[0]) {
		return fmt.Errorf("resource id %q does not begin with a letter or digit", string(id))
	}
	for i := 1; i < len(id); i++ {
		if c := id[i]; !isAlphanumeric(c) && strings.IndexByte("._:@~-", c) < 0 {
			return fmt.Errorf("resource id %q has %q at byte %d; letters, digits and ._:@~- are allowed", string(id), c, i)
		}
	}
	if strings.Contains(string(id), "..") {
		return fmt.Errorf("resource id %q contains %q", string(id), "..")
	}
	return nil
}

// CheckStored reports why no store can hold id, nil when it is fine: it must be
// UTF-8, not be empty, not be longer than [MaxIDBytes] and not contain a NUL.
func (id ID) CheckStored() error {
	switch {
	case id == "":
		return fmt.Errorf("resource id is empty")
	case len(id) > MaxIDBytes:
		return fmt.Errorf("resource id of %d bytes is longer than %d", len(id), MaxIDBytes)
	case strings.IndexByte(string(id), 0) >= 0:
		return fmt.Errorf("resource id %q contains a NUL", string(id))
	case !utf8.ValidString(string(id)):
		return fmt.Errorf("resource id %q is not UTF-8", string(id))
	}
	return nil
}

// MaxRevisionNumber is the highest number a revision can have.
const MaxRevisionNumber = 1<<31 - 1

// Revision returns the id of the resource's n-th revision.
func (id ID) Revision(n int) RevisionID {
	return RevisionID(string(id) + ":" + strconv.Itoa(n))
}

// Number returns the revision's number, the digits behind the last colon; false
// when there are none or it is above [MaxRevisionNumber].
func (r RevisionID) Number() (int, bool) {
	i := strings.LastIndexByte(string(r), ':')
	if i < 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(r[i+1:]), 10, 31)
	if err != nil {
		return 0, false
	}
	return int(n), true
}

// Compare orders revision ids of one resource by number, ids without a number
// last and bytewise. It returns -1, 0 or +1.
func (r RevisionID) Compare(o RevisionID) int {
	n, okN := r.Number()
	m, okM := o.Number()
	switch {
	case okN && okM && n != m:
		if n < m {
			return -1
		}
		return 1
	case okN != okM:
		if okN {
			return -1
		}
		return 1
	default:
		return strings.Compare(string(r), string(o))
	}
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
