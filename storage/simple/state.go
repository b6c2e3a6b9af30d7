package simple

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// encoding is how metas and infos are kept.
const encoding = resource.Msgpack

// State is everything a store holds but its blobs.
type State struct {
	// ID is that of the store.
	ID     uuid.UUID
	Models map[string]*Model
	Jobs   Jobs
	// Staged is what loads have staged, by job, chunk and model.
	Staged map[uuid.UUID]map[int]map[string]Writes
	// Condemned holds, by blob, the models that remembered it.
	Condemned map[string][]string
}

// Model is everything of one model.
type Model struct {
	Info  storage.ModelInfo
	Metas map[resource.ID]Meta
	// Revisions are in the order of [CompareKeys].
	Revisions map[resource.ID][]Revision
	// Blobs are the ids of the blobs that the model remembers.
	Blobs map[string]bool
}

// Writes are checked writes to one model.
type Writes struct {
	Purge     []resource.ID
	Metas     []Meta
	Revisions []Revision
	Blobs     []string
}

// Meta is a meta with the bytes that are kept, which are the truth (G9). Nobody
// changes them.
type Meta struct {
	resource.Meta
	Stored []byte
}

// MarshalJSON writes the stored bytes.
func (m Meta) MarshalJSON() ([]byte, error) { return json.Marshal(m.Stored) }

// UnmarshalJSON reads them.
func (m *Meta) UnmarshalJSON(b []byte) (err error) {
	if err := json.Unmarshal(b, &m.Stored); err != nil {
		return err
	}
	m.Meta, err = resource.DecodeMeta(encoding, m.Stored)
	return err
}

// Revision is a revision that has a JSON form.
type Revision struct{ resource.Revision }

type revisionJSON struct{ Info, Data []byte }

// MarshalJSON writes the encoded info and the payload.
func (r Revision) MarshalJSON() ([]byte, error) {
	return json.Marshal(revisionJSON{Info: r.Info.Append(encoding, nil), Data: r.Data})
}

// UnmarshalJSON reads them.
func (r *Revision) UnmarshalJSON(b []byte) (err error) {
	var raw revisionJSON
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	r.Data = raw.Data
	r.Info, err = resource.DecodeRevisionInfo(encoding, raw.Info)
	return err
}

// NewState returns the state of a new store.
func NewState() *State {
	return &State{
		ID: uuid.New(), Models: map[string]*Model{}, Jobs: NewJobs(),
		Staged: map[uuid.UUID]map[int]map[string]Writes{}, Condemned: map[string][]string{},
	}
}

// Encode returns the state as JSON.
func (st *State) Encode() ([]byte, error) {
	data, err := json.Marshal(st)
	if err != nil {
		return nil, fmt.Errorf("encode the state of the store: %w", err)
	}
	return data, nil
}

// Decode returns a state that shares nothing with the one that was encoded.
func Decode(data []byte) (*State, error) {
	st := new(State)
	if err := json.Unmarshal(data, st); err != nil {
		return nil, fmt.Errorf("decode the state of the store: %w", err)
	}
	if st.Jobs.Marks == nil { // written by a program that knew none
		st.Jobs.Marks = map[uuid.UUID]storage.Mark{}
	}
	if st.Jobs.Plans == nil { // written before there were any
		st.Jobs.Plans = map[uuid.UUID]storage.Plan{}
	}
	if st.Jobs.Trail == nil { // written before there was one
		st.Jobs.Trail = map[uuid.UUID]storage.Audit{}
	}
	return st, nil
}

func (st *State) model(name string) (*Model, error) {
	m, ok := st.Models[name]
	if !ok {
		return nil, fmt.Errorf("model %s: %w", name, storage.ErrNotFound)
	}
	return m, nil
}

func (st *State) names() []string { return slices.Sorted(maps.Keys(st.Models)) }

// saveModel makes a model or replaces what is remembered of it.
func (st *State) saveModel(info storage.ModelInfo) {
	m, ok := st.Models[info.Name]
	if !ok {
		m = &Model{Metas: map[resource.ID]Meta{}, Revisions: map[resource.ID][]Revision{}, Blobs: map[string]bool{}}
		st.Models[info.Name] = m
	}
	m.Info = copyInfo(info)
}

func copyInfo(info storage.ModelInfo) storage.ModelInfo {
	info.IndexedPaths, info.UniquePaths = slices.Clone(info.IndexedPaths), slices.Clone(info.UniquePaths)
	info.Declaration = bytes.Clone(info.Declaration)
	return info
}

// prepare refuses what could not be read again (G20), and copies what the caller
// may use again.
func prepare(w storage.ModelWrites) (Writes, error) {
	ready := Writes{Purge: slices.Clone(w.Purge), Blobs: slices.Clone(w.Blobs)}
	for _, m := range w.Metas {
		row, err := encodeMeta(m)
		if err != nil {
			return Writes{}, err
		}
		ready.Metas = append(ready.Metas, row)
	}
	for _, r := range w.Revisions {
		if err := r.Info.Check(); err != nil {
			return Writes{}, err
		}
		info, err := resource.DecodeRevisionInfo(encoding, r.Info.Append(encoding, nil))
		if err != nil {
			return Writes{}, fmt.Errorf("encode the info of %s: %w", r.Info.RevisionID, err)
		}
		ready.Revisions = append(ready.Revisions, Revision{resource.Revision{Info: info, Data: bytes.Clone(r.Data)}})
	}
	return ready, nil
}

func encodeMeta(m resource.Meta) (Meta, error) {
	if err := m.Check(); err != nil {
		return Meta{}, err
	}
	stored := m.Append(encoding, nil)
	back, err := resource.DecodeMeta(encoding, stored)
	if err != nil {
		return Meta{}, fmt.Errorf("encode the meta of %s: %w", m.ResourceID, err)
	}
	return Meta{Meta: back, Stored: stored}, nil
}

// apply writes to a model.
func (st *State) apply(name string, w Writes) error {
	m, err := st.model(name)
	if err != nil {
		return err
	}
	for _, id := range w.Purge {
		delete(m.Metas, id)
		delete(m.Revisions, id)
	}
	for _, r := range w.Revisions {
		revs := m.Revisions[r.Info.ResourceID]
		if i, found := find(revs, r.Info.Key()); found {
			revs[i] = r // the key is pointed at the new uid (G10)
		} else {
			m.Revisions[r.Info.ResourceID] = slices.Insert(revs, i, r)
		}
	}
	for _, row := range w.Metas {
		m.Metas[row.ResourceID] = row
	}
	for _, id := range w.Blobs {
		m.Blobs[id] = true
	}
	return nil
}
