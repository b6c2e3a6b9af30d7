package jobs

import (
	"encoding/json"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
)

// Dump writes an archive of the store, as it is at one moment, to a target. One that is
// taken up again after an interruption starts over.
type Dump struct {
	// Target is where the archive goes, see [SplitTarget]; empty means [TargetDownload].
	Target string
	// Models are the models to dump; none means all.
	Models []string
	// Query, a query in JSON, selects resources of exactly one model; nil selects all.
	// Its order, limit and offset do not matter.
	Query json.RawMessage
}

// Verify reads the store and lists what is wrong with it.
type Verify struct {
	// Models are the models to verify; none means all, and what is garbage, too.
	Models []string
}

func (Dump) kind() Kind   { return KindDump }
func (Verify) kind() Kind { return KindVerify }

// NewDump returns the envelope of a dump in the bulk lane.
func NewDump(user string, d Dump) Envelope { return newEnvelope("", user, LaneBulk, d) }

// NewVerify returns the envelope of a verification in the bulk lane; no models means all.
func NewVerify(user string, models ...string) Envelope {
	return newEnvelope("", user, LaneBulk, Verify{Models: models})
}

// DumpOutcome is what becomes of a dump, as its row has it.
type DumpOutcome struct {
	manager.DumpStats
	// Target is where the archive is, without what may be secret; SHA256 is its hash.
	Target string `json:"target"`
	SHA256 string `json:"sha256"`
	// Object is the name of the archive beside the queue, of a dump to be downloaded.
	Object string `json:"object,omitzero"`
	// Snapshot is when the dump began: what was committed before is in it.
	Snapshot time.Time `json:"snapshot"`
}

type wireDump struct {
	Target string          `json:"target,omitzero"`
	Models []string        `json:"models,omitempty"`
	Query  json.RawMessage `json:"query,omitempty"`
}

type wireVerify struct {
	Models []string `json:"models,omitempty"`
}

func (d *decoder) dump() (Args, error) {
	var v Dump
	err := d.object(func(key string) error {
		switch key {
		case "target":
			return d.target(&v.Target)
		case "models":
			return d.texts(&v.Models, MaxModels)
		case "query":
			return d.query(&v.Query)
		}
		return d.unknown()
	})
	if err == nil && v.Query != nil && len(v.Models) != 1 {
		err = d.fieldErrorf("query", "selects resources of one model: name it")
	}
	return v, err
}

func (d *decoder) target(s *string) error {
	if err := d.text(s); err != nil {
		return err
	}
	if _, _, err := SplitTarget(*s); err != nil {
		return d.errorf("%w", err)
	}
	return nil
}

// query reads a query, which must be one that can be asked.
func (d *decoder) query(q *json.RawMessage) error {
	if c := d.in.Peek(); c != '{' {
		return d.errorf("an object is expected, not %s", kindOf(c))
	}
	if err := d.json((*[]byte)(q)); err != nil {
		return err
	}
	if _, err := qb.ParseQuery(*q); err != nil {
		return d.wrap(err)
	}
	return nil
}

func (d *decoder) verify() (Args, error) {
	var v Verify
	err := d.object(func(key string) error {
		if key == "models" {
			return d.texts(&v.Models, MaxModels)
		}
		return d.unknown()
	})
	return v, err
}
