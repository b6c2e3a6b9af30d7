package manager

import (
	"fmt"
	"strings"

	"github.com/specstar-worker/worker/opt"
)

// Migration is a way from one schema version of a model to another, in Go.
type Migration struct {
	Model string
	// From is the version of the payloads it takes; unset: those without one.
	From opt.Value[string]
	// To is the version of those it gives.
	To string
	// Apply returns the payload at version To, in the encoding of the one it is given,
	// which it must not change. It runs inside of a unit of work, perhaps more than
	// once, so it must depend on its argument alone and not wait for anything. An
	// error refuses the migration of that resource.
	Apply func(data []byte) ([]byte, error)
}

// step is one way between two versions, declared or in Go.
type step struct {
	from  opt.Value[string]
	to    string
	apply func([]byte) ([]byte, error)
}

// steps returns the ways between versions of a model, those in Go first.
func (m *Manager) steps(f *form) []step {
	var all []step
	for _, g := range m.catalog.opts.Migrations {
		if g.Model == m.name {
			all = append(all, step{g.From, g.To, g.Apply})
		}
	}
	if f.model != nil {
		for _, s := range f.model.Steps() {
			all = append(all, step{s.From, s.To, s.Apply})
		}
	}
	return all
}

// pathTo returns the shortest way between two versions, nil when there is none. Of
// equally short ones it is the one whose steps come first.
func pathTo(steps []step, from opt.Value[string], to string) []step {
	type place struct {
		version opt.Value[string]
		path    []step
	}
	seen := map[opt.Value[string]]bool{from: true}
	queue := []place{{version: from}}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, s := range steps {
			next := opt.Of(s.to)
			if s.from != at.version || seen[next] {
				continue
			}
			path := append(at.path[:len(at.path):len(at.path)], s)
			if s.to == to {
				return path
			}
			seen[next] = true
			queue = append(queue, place{next, path})
		}
	}
	return nil
}

// versionName is a schema version as messages show it.
func versionName(v opt.Value[string]) string {
	if s, ok := v.Get(); ok {
		return fmt.Sprintf("version %q", s)
	}
	return "no version"
}

// knownSteps lists the ways there are, for a message.
func knownSteps(steps []step) string {
	if len(steps) == 0 {
		return "none is declared"
	}
	names := make([]string, len(steps))
	for i, s := range steps {
		names[i] = fmt.Sprintf("%s to %q", versionName(s.from), s.to)
	}
	return "there are " + strings.Join(names, ", ")
}

// atDeclared returns the payload of a resource as it is at the declared schema version.
func (m *Manager) atDeclared(r Resource) ([]byte, error) {
	info := m.Info()
	target, declared := info.SchemaVersion.Get()
	if !declared || r.Info.SchemaVersion == info.SchemaVersion {
		return r.Data, nil
	}
	f, err := m.formOf(info)
	if err != nil {
		return nil, err
	}
	steps := m.steps(f)
	path := pathTo(steps, r.Info.SchemaVersion, target)
	if path == nil {
		return nil, &RefusedError{
			Code: CodeNotMigrated, Model: m.name, ResourceID: r.Meta.ResourceID,
			Message: fmt.Sprintf("%s of model %s is at %s and the model at %q, without a migration between (%s)",
				r.Info.RevisionID, m.name, versionName(r.Info.SchemaVersion), target, knownSteps(steps)),
		}
	}
	data := r.Data
	for _, s := range path {
		if data, err = s.apply(data); err != nil {
			return nil, fmt.Errorf("migrate to version %q: %w", s.to, err)
		}
	}
	return data, nil
}
