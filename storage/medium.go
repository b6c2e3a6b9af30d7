package storage

import (
	"context"
	"iter"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// RevisionMedium keeps the revisions of models outside of the database that keeps
// their metas: in a bucket or a directory, in the original's layout. It knows no
// transactions, so it promises less than a [RevisionStore] and the factory that
// uses it makes up for that: contents are written first, where nobody finds them,
// then an entry leads from a key to a content.
type RevisionMedium interface {
	// Model returns the part of one model, which need not be there yet.
	Model(name string) ModelMedium
	// Models returns the names under which the medium holds anything, in any order.
	Models(ctx context.Context) ([]string, error)
	// Exclusive reports whether [ModelMedium.Claim] excludes others that claim the
	// same key at the same time: it does not on an object store without
	// conditional writes.
	Exclusive() bool
	// Close frees what the medium holds.
	Close() error
}

// ModelMedium is one model's part of a [RevisionMedium]. All methods are safe for
// concurrent use; each runs its requests in parallel within the medium's bounds.
// ErrUnavailable when the medium is down or full.
type ModelMedium interface {
	// Put stores contents durably under uids that are free, data before info, and
	// reports for each whether it did: false means that the uid has a content
	// already, which is left as it is. Contents need an entry to be found.
	Put(ctx context.Context, contents []Content) ([]bool, error)
	// Replace stores contents under their uids, whatever is there.
	Replace(ctx context.Context, contents []Content) error
	// Claim makes entries for keys that have none, and returns for each entry the
	// uid that its key leads to afterwards: another one's when it was not free.
	// The content is stored before.
	Claim(ctx context.Context, entries []Entry) ([]string, error)
	// Point makes keys lead to the uids of entries, whatever they led to.
	Point(ctx context.Context, entries []Entry) error
	// Lookup returns for each key the uid it leads to, "" for none.
	Lookup(ctx context.Context, keys []resource.RevisionKey) ([]string, error)
	// Entries returns the entries of resources, in the order of ids, those of each by
	// revision number, then schema version (none first). Memory stays bounded
	// whatever the number of ids.
	Entries(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[Entry, error]
	// All returns every entry of the model, those of one resource together.
	All(ctx context.Context) iter.Seq2[Entry, error]
	// Count returns how many entries the model has, without looking where they lead.
	Count(ctx context.Context) (int64, error)
	// Infos returns the infos of contents; nil for a content that is not there.
	Infos(ctx context.Context, uids []string) ([][]byte, error)
	// Read returns contents in the order of uids; one that is not there has a nil
	// Info.
	Read(ctx context.Context, uids []string) ([]Content, error)
	// Contents returns what is stored under uids, whether an entry leads there or
	// not, in any order and without the bytes.
	Contents(ctx context.Context) iter.Seq2[StoredContent, error]
	// RemoveEntries removes entries of keys; one that is not there is no error.
	RemoveEntries(ctx context.Context, keys []resource.RevisionKey) error
	// RemoveContents removes contents, info before data; one that is not there is no error.
	RemoveContents(ctx context.Context, uids []string) error
}

// Content is a payload with its encoded info. Its uid is that of the info, unless
// another content had that one first.
type Content struct {
	UID  string
	Info []byte
	Data []byte
}

// Entry leads from a key to a content.
type Entry struct {
	Key resource.RevisionKey
	UID string
}

// StoredContent says what is stored under a uid.
type StoredContent struct {
	UID string
	// Bytes is how many bytes data and info take.
	Bytes int64
	// Time is when the content was last written, by the clock of the medium.
	Time time.Time
}
