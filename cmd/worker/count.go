package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

func (a *app) countCommand() *cobra.Command {
	var f filter
	var e explaining
	var by string
	cmd := &cobra.Command{
		Use:   "count MODEL",
		Short: "Count the resources that a query selects",
		Long: `count counts the metas of one model that a query selects, deleted ones too unless
it says otherwise. With --by it also counts how many there are of each value of an
attribute or of indexed data, the most frequent first; null, unset and missing are
one value, and so are 1 and 1.0.

` + whereHelp,
		Example: `  worker count person
  worker count person --where "data.age between 30 and 39"
  worker count person --by rev_status
  worker count person --by data.address.city --limit 10 -o json
  worker count person --query '{"is_deleted":false}'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if e.asked() {
				if by != "" || f.limit != 0 {
					return usage("--explain is of the query alone, without --by and --limit")
				}
				return a.explain(cmd.Context(), args[0], &f, e, true)
			}
			return a.count(cmd.Context(), args[0], &f, by)
		},
	}
	f.register(cmd.Flags())
	e.register(cmd.Flags())
	cmd.Flags().StringVar(&by, "by", "", "count by the values of `KEY`, an attribute or data.NAME")
	cmd.Flags().IntVar(&f.limit, "limit", 0, "with --by, at most `N` values (0: all)")
	return completed(cmd)
}

func (a *app) count(ctx context.Context, model string, f *filter, by string) error {
	q, err := f.parse(a.stdin)
	if err != nil {
		return err
	}
	if by != "" {
		return a.countBy(ctx, model, q, by, f.limit)
	}
	if f.limit > 0 {
		return usage("--limit needs --by: it is one of values")
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

// valueCount is how many metas have a value.
type valueCount struct {
	Value any   `json:"value"`
	Count int64 `json:"count"`
}

func (a *app) countBy(ctx context.Context, model string, q qb.Query, by string, limit int) error {
	key, err := qb.ParseGrouping(by)
	switch {
	case err != nil:
		return misread("--by", err)
	case a.format == render.IDs:
		return usage("--by has no ids: use -o table, json or ndjson")
	}
	var n qb.Counts
	err = a.viewModel(ctx, model, func(r *manager.Reader) error {
		n, err = r.CountBy(ctx, q, key, limit)
		return err
	})
	if err != nil {
		return err
	}
	values := make([]valueCount, len(n.Values))
	for i, v := range n.Values {
		values[i] = valueCount{Value: shownValue(v.Value), Count: v.Count}
	}
	if a.format == render.Table {
		return a.printCounts(n.Total, values)
	}
	return render.Document(a.stdout, a.format, struct {
		Count int64        `json:"count"`
		By    []valueCount `json:"by"`
	}{n.Total, values})
}

func (a *app) printCounts(total int64, values []valueCount) error {
	list := render.NewList(a.stdout, render.Table, "VALUE", "COUNT")
	for _, v := range values {
		cell, err := valueCell(v.Value)
		if err != nil {
			return err
		}
		if err := list.Add(render.Row{Cells: []string{cell, fmt.Sprint(v.Count)}}); err != nil {
			return err
		}
	}
	if err := list.Close(); err != nil {
		return err
	}
	a.note("%d in all", total)
	return nil
}

// shownValue is a value as it is in JSON; times are as in metas.
func shownValue(v any) any {
	if t, ok := v.(time.Time); ok {
		return string(resource.AppendTime(nil, t))
	}
	return v
}

// valueCell shows a value in a table: texts as they are, null and what is like it as (none).
func valueCell(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "(none)", nil
	case string:
		return v, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("show value: %w", err)
	}
	return string(b), nil
}
