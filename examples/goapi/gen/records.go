package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// namespace is that of the revisions' uids, so that every run makes the same.
var namespace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://go.dev/api"))

// version is one revision to be: what a payload says, and the release that made it.
type version struct {
	release string
	payload any
	indexed map[string]any
}

// section is the archive section of one model.
type section struct {
	model     string
	withRev   bool // whether metas carry the rev_* fields
	resources map[string][]version
}

// sections lays the history out as the archive has it. Packages and releases
// lack the rev_* fields, as everything written before release 0.9 of the
// original does: they are what a backfill is for.
func (h *history) sections() []section {
	packages := section{model: "go-package", resources: map[string][]version{}}
	for _, ps := range h.packages {
		for _, p := range ps {
			packages.resources[p.id()] = append(packages.resources[p.id()],
				version{p.Release, p, map[string]any{"package": p.Package, "since": p.Since, "symbols": p.Symbols}})
		}
	}
	all := section{model: "go-release", resources: map[string][]version{}}
	for _, s := range h.releases {
		all.resources[s.id()] = []version{{s.Version, s, map[string]any{"version": s.Version, "added": s.Added}}}
	}
	symbols := section{model: "go-symbol", withRev: true, resources: map[string][]version{}}
	for id, ss := range h.symbols {
		for _, s := range ss {
			symbols.resources[id] = append(symbols.resources[id],
				version{s.Release, s, map[string]any{"package": s.Package, "kind": s.Kind, "since": s.Since}})
		}
	}
	return []section{packages, all, symbols}
}

// write writes the section, resources by id.
func (s section) write(w *archive.Writer) error {
	if err := w.Write(archive.ModelStart{Model: s.model}); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(s.resources)) {
		if err := s.writeResource(w, resource.ID(id)); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	return w.Write(archive.ModelEnd{Model: s.model})
}

func (s section) writeResource(w *archive.Writer, id resource.ID) error {
	if err := id.CheckNew(); err != nil {
		return err
	}
	versions := s.resources[string(id)]
	revisions := make([]resource.Revision, len(versions))
	for i, v := range versions {
		r, err := v.revision(id, i+1)
		if err != nil {
			return err
		}
		revisions[i] = r
	}
	meta, err := s.meta(revisions, versions[len(versions)-1])
	if err != nil {
		return err
	}
	if err := w.Write(archive.Meta{Meta: meta}); err != nil {
		return err
	}
	for _, r := range revisions {
		if err := w.Write(archive.Revision{Revision: r}); err != nil {
			return err
		}
	}
	return nil
}

// meta returns the meta of a resource with the given revisions, last last.
func (s section) meta(revisions []resource.Revision, last version) (resource.Meta, error) {
	first, current := revisions[0].Info, revisions[len(revisions)-1].Info
	indexed, err := resource.NewIndexed(last.indexed)
	if err != nil {
		return resource.Meta{}, err
	}
	m := resource.Meta{
		CurrentRevisionID:  current.RevisionID,
		ResourceID:         current.ResourceID,
		TotalRevisionCount: len(revisions),
		CreatedTime:        first.CreatedTime,
		UpdatedTime:        current.UpdatedTime,
		CreatedBy:          first.CreatedBy,
		UpdatedBy:          current.UpdatedBy,
		IndexedData:        opt.Of(indexed),
	}
	if s.withRev {
		m.Rev = resource.RevMetaOf(current)
	}
	return m, nil
}

// revision returns the n-th revision of a resource: made by its release, on the
// release's day.
func (v version) revision(id resource.ID, n int) (resource.Revision, error) {
	i := slices.IndexFunc(releases, func(r release) bool { return r.Version == v.release })
	at, err := releases[i].time()
	if err != nil {
		return resource.Revision{}, err
	}
	data, err := encode(v.payload)
	if err != nil {
		return resource.Revision{}, err
	}
	info := resource.RevisionInfo{
		UID:         uuid.NewSHA1(namespace, []byte(id.Revision(n))),
		ResourceID:  id,
		RevisionID:  id.Revision(n),
		DataHash:    opt.Of(resource.DataHash(data)),
		Status:      resource.Stable,
		CreatedTime: at,
		UpdatedTime: at,
		CreatedBy:   v.release,
		UpdatedBy:   v.release,
	}
	if n > 1 {
		info.ParentRevisionID = opt.Of(id.Revision(n - 1))
	}
	return resource.Revision{Info: info, Data: data}, nil
}

// encode writes a payload as the original would: no spaces, nothing escaped that
// need not be.
func encode(payload any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(payload)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
