package chaos

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"sync"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Kind is what an event tells.
type Kind string

// The kinds of events.
const (
	Invoked   Kind = "invoke"    // a job is about to be submitted
	Accepted  Kind = "ok"        // the queue, or the command line, took it
	Unknown   Kind = "unknown"   // nobody knows whether it was taken
	Ended     Kind = "end"       // its row was seen to be final
	Read      Kind = "read"      // a resource was read
	Loaded    Kind = "visible"   // so many resources of an archive were seen
	Struck    Kind = "fault"     // a nemesis came
	Healed    Kind = "heal"      // what it broke was put right
	Recovered Kind = "recovered" // every job that was accepted before has ended
)

// Event is one line of the history. Only the fields that its kind has are there.
type Event struct {
	// At is the time since the start of the run.
	At   time.Duration `json:"t"`
	Kind Kind          `json:"k"`
	// Client is who submitted or read; 0 for the harness.
	Client int `json:"c,omitempty"`
	// Job is the id of the job, What its kind: save, load, backfill.
	Job  string `json:"job,omitempty"`
	What string `json:"what,omitempty"`
	// Fate is how a job ends that cannot be done; empty for the others.
	Fate string `json:"fate,omitempty"`
	// Ops are the operations of a save.
	Ops []Op `json:"ops,omitempty"`
	// Archive is what a load brings, and Size how many resources that are.
	Archive string `json:"archive,omitempty"`
	Size    int    `json:"size,omitempty"`
	// Sequence is the message's place in its stream.
	Sequence uint64 `json:"seq,omitempty"`
	// State and Finished are those of the row that was seen to be final, Outcomes how
	// its operations ended.
	State    storage.JobState `json:"state,omitempty"`
	Finished time.Time        `json:"finished,omitzero"`
	Outcomes []Outcome        `json:"outcomes,omitempty"`
	// Since is when the read began, Resource and Number what was read: the number of
	// the current revision, 0 when there was none.
	Since    time.Duration `json:"since,omitempty"`
	Resource resource.ID   `json:"id,omitempty"`
	Number   int           `json:"n,omitempty"`
	// Nemesis is the name of the one that came.
	Nemesis string `json:"nemesis,omitempty"`
	Note    string `json:"note,omitempty"`
}

// Op is one operation of a save, as it was sent.
type Op struct {
	Op       string              `json:"op"`
	Resource resource.ID         `json:"id"`
	Token    string              `json:"token,omitempty"`
	Expected resource.RevisionID `json:"expected,omitempty"`
}

// Outcome is how an operation ended, as the ledger tells it.
type Outcome struct {
	Effect   string              `json:"effect"`
	Resource resource.ID         `json:"resource_id"`
	Revision resource.RevisionID `json:"revision_id,omitempty"`
	Code     string              `json:"code,omitempty"`
}

// Recorder writes the history down and keeps it. It is safe for concurrent use.
type Recorder struct {
	start time.Time

	mu     sync.Mutex
	file   *os.File
	out    *bufio.Writer
	sum    hash.Hash
	events []Event
	err    error
}

// NewRecorder starts a history in a file.
func NewRecorder(path string) (*Recorder, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("record the history: %w", err)
	}
	return &Recorder{start: time.Now(), file: f, out: bufio.NewWriterSize(f, 1<<16), sum: sha256.New()}, nil
}

// Now returns the time since the start.
func (r *Recorder) Now() time.Duration { return time.Since(r.start) }

// Add writes an event down with the present time.
func (r *Recorder) Add(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.At = r.Now()
	r.events = append(r.events, e)
	line, err := json.Marshal(e)
	line = append(line, '\n')
	if err == nil {
		_, err = r.out.Write(line)
	}
	if err != nil && r.err == nil {
		r.err = err
	}
	_, _ = r.sum.Write(line) // never fails
}

// Events returns what was written down so far.
func (r *Recorder) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[:len(r.events):len(r.events)]
}

// Close brings the history to the disk and returns its SHA-256.
func (r *Recorder) Close() (sha string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, step := range []func() error{func() error { return r.err }, r.out.Flush, r.file.Sync, r.file.Close} {
		if err := step(); err != nil {
			return "", fmt.Errorf("record the history: %w", err)
		}
	}
	return hex.EncodeToString(r.sum.Sum(nil)), nil
}
