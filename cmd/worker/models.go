package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func (a *app) modelsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "models",
		Short: "List what is in the store",
		Long: `models lists the models of the store with the number of resources (deleted ones
too), of stored revisions, and of resources that lack any of the five rev_*
fields and wait for a backfill. With -o json it also tells how payloads are
encoded, the schema version of new revisions (null for none), the indexed and the
unique fields, and whether the model was declared.

The file given with --models declares models, so that what is saved is checked
and stored with the bytes, and the hash, of the original. Each document of it is
one model, or a list under the key models:

  name: person
  encoding: json                # how payloads are stored: json or msgpack
  schema_version: "2"           # of new revisions; leave it out for none
  fields:                       # in the order in which they are stored
    - {name: name, type: str}
    - {name: age, type: int?, default: null}
    - {name: tags, type: "list[str]", default: []}
    - {name: address, type: Address?, default: null}
    - {name: photo, type: binary, optional: true}
  types:
    Address: {fields: [{name: city, type: str}]}
  indexed_fields: [age, address.city]
  unique_fields: [name]
  unknown_fields: refuse        # or drop, or keep

Kinds of types are str, int, float, bool, datetime, date, time, duration, uuid,
decimal, bytes, binary, enum, any, list[T], set[T], tuple[T, U], map[T], struct
and the names of types; "A | B" is one of both, "T?" may be null. docs/models.md
tells more.`,
		Example: `  worker models
  worker models --store sqlite:./copy -o json
  worker save person --from changes.ndjson --models person.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.models(cmd.Context()) },
	}
}

// modelRow is what is in a store of one model.
type modelRow struct {
	Name      string `json:"name"`
	Metas     int64  `json:"metas"`
	Revisions int64  `json:"revisions"`
	UnsetRev  int64  `json:"unset_rev"`

	Encoding      resource.Encoding `json:"encoding"`
	SchemaVersion opt.Value[string] `json:"schema_version"`
	IndexedFields []string          `json:"indexed_fields"`
	UniqueFields  []string          `json:"unique_fields"`
	Declared      bool              `json:"declared"`
}

func (a *app) models(ctx context.Context) error {
	list := render.NewList(a.stdout, a.format, "MODEL", "RESOURCES", "REVISIONS", "WITHOUT REV_*")
	err := a.view(ctx, func(s *store, snap *manager.Snapshot) error {
		rows, err := a.modelRows(ctx, s, snap)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := list.Add(render.Row{ID: r.Name, Value: r, Cells: []string{
				r.Name, strconv.FormatInt(r.Metas, 10), strconv.FormatInt(r.Revisions, 10), strconv.FormatInt(r.UnsetRev, 10),
			}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return list.Close()
}

// modelRows counts the models whose resources the user may all see.
func (a *app) modelRows(ctx context.Context, s *store, snap *manager.Snapshot) ([]modelRow, error) {
	infos, err := s.Models(ctx)
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	rows := make([]modelRow, 0, len(infos))
	for _, m := range infos {
		r, err := snap.Open(ctx, m.Name)
		if errors.Is(err, storage.ErrNotFound) {
			continue // made after the snapshot
		}
		if err != nil {
			return nil, err
		}
		st, err := r.Stats(ctx)
		if isRefused(err, manager.CodeForbidden) {
			a.note("model %s is not shown: %s", m.Name, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, modelRow{
			Name: m.Name, Metas: st.Metas, Revisions: st.Revisions, UnsetRev: st.UnsetRev,
			Encoding: m.Encoding, SchemaVersion: m.SchemaVersion, Declared: len(m.Declaration) > 0,
			IndexedFields: append([]string{}, m.IndexedPaths...), UniqueFields: append([]string{}, m.UniquePaths...),
		})
	}
	return rows, nil
}
