package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// filter are the flags that select resources.
type filter struct {
	query         string
	sort          []string
	limit, offset int
}

func (f *filter) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.query, "query", "", "`JSON` of the original's ResourceMetaSearchQuery, @FILE, or - for standard input")
}

func (f *filter) registerPage(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.sort, "sort", nil, "`KEY` to sort by, -KEY for descending; repeat for more keys")
	flags.IntVar(&f.limit, "limit", 0, "at most `N` results (0: all that the query allows)")
	flags.IntVar(&f.offset, "offset", 0, "leave out the first `N` results")
}

// parse returns the query that the flags describe. Flags come before what the
// query says.
func (f *filter) parse(stdin io.Reader) (qb.Query, error) {
	text, err := argument(f.query, stdin)
	if err != nil {
		return qb.Query{}, err
	}
	var q qb.Query
	if strings.TrimSpace(text) != "" {
		if q, err = qb.ParseQuery([]byte(text)); err != nil {
			return q, usage("--query: %w", err)
		}
	}
	if len(f.sort) > 0 {
		if q.Sort, err = parseSort(f.sort); err != nil {
			return q, err
		}
	}
	if f.limit < 0 || f.offset < 0 {
		return q, usage("--limit and --offset must not be negative")
	}
	if f.limit > 0 {
		q.Limit = opt.Of(f.limit)
	}
	if f.offset > 0 {
		q.Offset = f.offset
	}
	return q, nil
}

// parseSort passes the keys through the query language, which knows them.
func parseSort(keys []string) ([]qb.Sort, error) {
	type sort struct {
		Type      string `json:"type"`
		Key       string `json:"key"`
		Direction string `json:"direction"`
	}
	sorts := make([]sort, len(keys))
	for i, k := range keys {
		sorts[i] = sort{"meta", strings.TrimLeft(k, "+-"), "+"}
		if strings.HasPrefix(k, "-") {
			sorts[i].Direction = "-"
		}
	}
	b, err := json.Marshal(map[string]any{"sorts": sorts})
	if err != nil {
		return nil, fmt.Errorf("encode sort keys: %w", err)
	}
	q, err := qb.ParseQuery(b)
	if err != nil {
		return nil, usage("--sort %s: %w", strings.Join(keys, ","), err)
	}
	return q.Sort, nil
}

// argument returns a flag's text, the content of the file after @, or standard
// input for "-".
func argument(v string, stdin io.Reader) (string, error) {
	switch {
	case v == "-":
		b, err := io.ReadAll(stdin)
		if err != nil {
			return "", fmt.Errorf("read standard input: %w", err)
		}
		return string(b), nil
	case strings.HasPrefix(v, "@"):
		b, err := os.ReadFile(v[1:])
		if err != nil {
			return "", fmt.Errorf("read query: %w", err)
		}
		return string(b), nil
	}
	return v, nil
}

func (a *app) searchCommand() *cobra.Command {
	var f filter
	cmd := &cobra.Command{
		Use:   "search MODEL",
		Short: "List the metas of resources that a query selects",
		Long: `search lists the metas of one model, deleted ones too unless the query says
otherwise. The query is the original's ResourceMetaSearchQuery as JSON; times are
RFC 3339 text.`,
		Example: `  worker search person --limit 10
  worker search person --query '{"is_deleted":false,"rev_statuses":["draft"]}' --sort -rev_created_time
  worker search person --query '{"conditions":[{"field_path":"age","operator":"gt","value":30}]}' -o ids
  worker search person --query @query.json -o ndjson`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.search(cmd.Context(), args[0], &f) },
	}
	f.register(cmd.Flags())
	f.registerPage(cmd.Flags())
	return cmd
}

func (a *app) search(ctx context.Context, model string, f *filter) error {
	q, err := f.parse(a.stdin)
	if err != nil {
		return err
	}
	list := render.NewList(a.stdout, a.format, "ID", "REVISION", "STATUS", "REV CREATED", "UPDATED", "BY", "DELETED")
	err = a.viewModel(ctx, model, func(r *manager.Reader) error {
		for m, err := range r.Search(ctx, q) {
			if err != nil {
				return fmt.Errorf("search model %s: %w", model, err)
			}
			if err := list.Add(metaRow(m)); err != nil {
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

func metaRow(m resource.Meta) render.Row {
	deleted := ""
	if m.IsDeleted {
		deleted = "deleted"
	}
	revCreated := ""
	if t, ok := m.Rev.CreatedTime.Get(); ok {
		revCreated = stamp(t)
	}
	return render.Row{ID: string(m.ResourceID), Value: m, Cells: []string{
		string(m.ResourceID), string(m.CurrentRevisionID), string(m.Rev.Status.Or("")), revCreated,
		stamp(m.UpdatedTime), m.UpdatedBy, deleted,
	}}
}

// stamp renders a time for a table.
func stamp(t time.Time) string {
	if resource.IsNaive(t) {
		return t.Format("2006-01-02T15:04:05")
	}
	return t.Format(time.RFC3339)
}

func (a *app) countCommand() *cobra.Command {
	var f filter
	cmd := &cobra.Command{
		Use:     "count MODEL",
		Short:   "Count the resources that a query selects",
		Example: `  worker count person --query '{"is_deleted":false}'`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.count(cmd.Context(), args[0], &f) },
	}
	f.register(cmd.Flags())
	return cmd
}

func (a *app) count(ctx context.Context, model string, f *filter) error {
	q, err := f.parse(a.stdin)
	if err != nil {
		return err
	}
	var n int64
	err = a.viewModel(ctx, model, func(r *manager.Reader) error {
		n, err = r.Count(ctx, q)
		return err
	})
	if err != nil {
		return err
	}
	if a.format == render.Table || a.format == render.IDs {
		_, err := fmt.Fprintln(a.stdout, n)
		return err
	}
	return render.Document(a.stdout, a.format, struct {
		Count int64 `json:"count"`
	}{n})
}
