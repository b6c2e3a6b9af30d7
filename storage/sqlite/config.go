package sqlite

import (
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Config says where a store is and how it is opened.
type Config struct {
	// Dir is the store's directory; it is made when it is not there.
	Dir string
	// TablePrefix is put in front of the models' tables. Stores with different
	// prefixes may share a directory; each has its own id, models and jobs.
	TablePrefix string
	// Encoding is how metas and revision infos are written. Empty means as the
	// store was made, msgpack for a new one. A store keeps its encoding: another
	// one is refused.
	Encoding resource.Encoding
	// Revisions, when not nil, keeps the revisions of the models, in the original's
	// layout. Then metas are outside, too: in Metas, or when that is nil, those of a
	// model in DIR/<model>/meta.db, the file of the original's FileSqliteMetaStore.
	// Only jobs and what else is ours alone is in DIR/.worker/ledger.db. There are no
	// tables of models then, and so no prefix. The factory closes both media.
	Revisions storage.RevisionMedium
	// Metas keeps the metas of the models; it goes with Revisions.
	Metas storage.MetaMedium
	// ReadOnly opens an existing store for reading: nothing is made or changed.
	ReadOnly bool
	// Now is the clock of leases and ledger times; nil means time.Now.
	Now func() time.Time
}

const (
	fileName = "specstar.db"
	blobsDir = "_blobs"
)

// Exists reports whether dir holds a store.
func Exists(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, fileName))
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// busyTimeout is how long a connection waits for another process' transaction,
// in milliseconds. Transactions are short; a longer wait means a stuck process.
const busyTimeout = "busy_timeout(10000)"

// writeDSN names the writing connection. The log is checkpointed every 20,000
// pages: with the default of 1,000 every batch of saves would pay for one.
func writeDSN(path string) string {
	return dsn(path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			busyTimeout, "journal_mode(wal)", "synchronous(full)",
			"wal_autocheckpoint(20000)", "journal_size_limit(134217728)", "cache_size(-65536)",
		},
	})
}

// readDSN names a reading connection. Its mode is rw, which makes no file, and
// query_only refuses every write: with mode ro the last connection could not
// remove the log and the shared memory file that reading needs.
func readDSN(path string, extra url.Values) string {
	v := url.Values{
		"mode":    {"rw"},
		"_pragma": {busyTimeout, "query_only(1)", "cache_size(-16384)"},
	}
	for k := range extra {
		v[k] = extra[k]
	}
	return dsn(path, v)
}

func dsn(path string, v url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + v.Encode()
}
