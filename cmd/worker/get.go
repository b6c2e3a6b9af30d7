package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
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
	err := a.viewModel(ctx, model, func(r *manager.Reader) error {
		res, err := r.Get(ctx, id, manager.GetOptions{Revision: revision, IncludeDeleted: true})
		if err != nil {
			return err
		}
		data, err := payload.AppendJSON(nil, res.Data)
		if err != nil {
			return fmt.Errorf("show payload of %s of model %s: %w", id, model, err)
		}
		f = &found{Meta: res.Meta, Info: res.Info, Data: data}
		return nil
	})
	missing := isRefused(err, manager.CodeNotFound)
	switch {
	case err == nil && f == nil, missing && revision == "":
		return &failure{
			Exit: exitError, Code: codeNotFound, Model: model,
			Message: fmt.Sprintf("model %s has no resource %s in store %s", model, id, a.global.storeName()),
		}
	case missing:
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
	err := a.viewModel(ctx, model, func(r *manager.Reader) error {
		for i, err := range r.Revisions(ctx, id) {
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
		return complete(list, err)
	}
	if n == 0 {
		return &failure{
			Exit: exitError, Code: codeNotFound, Model: model,
			Message: fmt.Sprintf("model %s has no resource %s in store %s", model, id, a.global.storeName()),
		}
	}
	return list.Close()
}
