package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

func (a *app) getCommand() *cobra.Command {
	var revision string
	cmd := &cobra.Command{
		Use:   "get MODEL ID",
		Short: "Show a resource: its meta, the current revision and its payload",
		Long: `get shows one resource, deleted or not. A msgpack payload is shown as JSON: bytes
as base64, times as RFC 3339.`,
		Example: `  worker get person person:p1
  worker get person person:p1 --revision person:p1:2 -o json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.get(cmd.Context(), args[0], resource.ID(args[1]), resource.RevisionID(revision))
		},
	}
	cmd.Flags().StringVar(&revision, "revision", "", "show revision `R` instead of the current one")
	return cmd
}

// found is a resource as of one revision.
type found struct {
	Meta resource.Meta         `json:"meta"`
	Info resource.RevisionInfo `json:"info"`
	Data json.RawMessage       `json:"data"`
}

func (a *app) get(ctx context.Context, model string, id resource.ID, revision resource.RevisionID) error {
	var f *found
	err := a.viewModel(ctx, model, func(metas storage.MetaReader, revisions storage.RevisionReader) error {
		var err error
		f, err = find(ctx, metas, revisions, id, revision)
		return err
	})
	switch {
	case err == nil && f == nil, errors.Is(err, storage.ErrNotFound) && revision == "":
		return &failure{
			Exit: exitError, Code: codeNotFound, Model: model,
			Message: fmt.Sprintf("model %s has no resource %s in store %s", model, id, a.global.store),
		}
	case errors.Is(err, storage.ErrNotFound):
		return &failure{
			Exit: exitError, Code: codeNotFound, Model: model,
			Message: fmt.Sprintf("model %s has no resource %s with revision %s; worker revisions %s %s lists them", model, id, revision, model, id),
		}
	case err != nil:
		return fmt.Errorf("get %s of model %s: %w", id, model, err)
	case a.format != render.Table:
		return render.Document(a.stdout, a.format, f)
	}
	return a.printFound(f)
}

func find(ctx context.Context, metas storage.MetaReader, revisions storage.RevisionReader, id resource.ID, revision resource.RevisionID) (*found, error) {
	meta, err := metas.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	key := resource.RevisionKey{Resource: id, Revision: meta.CurrentRevisionID, SchemaVersion: meta.SchemaVersion}
	if revision != "" {
		if key, err = findKey(ctx, revisions, meta, revision); err != nil {
			return nil, err
		}
	}
	r, err := revisions.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	data, err := payload.AppendJSON(nil, r.Data)
	if err != nil {
		return nil, fmt.Errorf("show payload: %w", err)
	}
	return &found{Meta: meta, Info: r.Info, Data: data}, nil
}

// findKey returns where a revision is stored: at the meta's schema version when
// it is there, else at the last one listed.
func findKey(ctx context.Context, revisions storage.RevisionReader, meta resource.Meta, revision resource.RevisionID) (resource.RevisionKey, error) {
	var key resource.RevisionKey
	for info, err := range revisions.List(ctx, meta.ResourceID) {
		if err != nil {
			return key, err
		}
		if info.RevisionID != revision {
			continue
		}
		if key = info.Key(); key.SchemaVersion == meta.SchemaVersion {
			return key, nil
		}
	}
	if key.Revision == "" {
		return key, storage.ErrNotFound
	}
	return key, nil
}

func (a *app) printFound(f *found) error {
	list := render.NewList(a.stdout, render.Table, "ID", "REVISION", "STATUS", "CREATED", "BY", "UPDATED", "BY", "DELETED")
	deleted := ""
	if f.Meta.IsDeleted {
		deleted = "deleted"
	}
	i := f.Info
	if err := list.Add(render.Row{Cells: []string{
		string(i.ResourceID), string(i.RevisionID), string(i.Status), stamp(i.CreatedTime), i.CreatedBy, stamp(i.UpdatedTime), i.UpdatedBy, deleted,
	}}); err != nil {
		return err
	}
	if err := list.Close(); err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, f.Data, "", "  "); err != nil {
		return fmt.Errorf("show payload: %w", err)
	}
	_, err := fmt.Fprintf(a.stdout, "\n%s\n", pretty.Bytes())
	return err
}

func (a *app) revisionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "revisions MODEL ID",
		Short:   "List the revisions of a resource by number",
		Example: `  worker revisions person person:p1`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.revisions(cmd.Context(), args[0], resource.ID(args[1]))
		},
	}
}

func (a *app) revisions(ctx context.Context, model string, id resource.ID) error {
	list := render.NewList(a.stdout, a.format, "REVISION", "STATUS", "CREATED", "BY", "UPDATED", "BY", "PARENT", "HASH")
	n := 0
	err := a.viewModel(ctx, model, func(_ storage.MetaReader, revisions storage.RevisionReader) error {
		for i, err := range revisions.List(ctx, id) {
			if err != nil {
				return fmt.Errorf("list revisions of %s of model %s: %w", id, model, err)
			}
			n++
			if err := list.Add(render.Row{ID: string(i.RevisionID), Value: i, Cells: []string{
				string(i.RevisionID), string(i.Status), stamp(i.CreatedTime), i.CreatedBy, stamp(i.UpdatedTime), i.UpdatedBy,
				string(i.ParentRevisionID.Or("")), i.DataHash.Or(""),
			}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return &failure{
			Exit: exitError, Code: codeNotFound, Model: model,
			Message: fmt.Sprintf("model %s has no resource %s in store %s", model, id, a.global.store),
		}
	}
	return list.Close()
}
