package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// filter are the flags that select resources, order them and cut a page.
type filter struct {
	condition
	sort          []string
	limit, offset int
}

func (f *filter) registerPage(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.sort, "sort", nil, "`KEY` to sort by, an attribute or data.NAME, -KEY for descending; more keys behind commas, or repeat")
	flags.IntVar(&f.limit, "limit", 0, "at most `N` results (0: all that the query allows)")
	flags.IntVar(&f.offset, "offset", 0, "leave out the first `N` results")
}

// parse returns the query that the flags describe. Flags come before what the
// query says.
func (f *filter) parse(stdin io.Reader) (qb.Query, error) {
	q, err := f.condition.parse(stdin)
	if err != nil {
		return q, err
	}
	sorts, err := parseOrder(f.sort)
	if err != nil {
		return q, err
	}
	if len(sorts) > 0 {
		q.Sort = sorts
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
			return "", fmt.Errorf("read %s: %w", v, err)
		}
		return string(b), nil
	}
	return v, nil
}

func (a *app) searchCommand() *cobra.Command {
	var f filter
	var e explaining
	var o listOptions
	cmd := &cobra.Command{
		Use:   "search MODEL",
		Short: "List the metas of resources that a query selects",
		Long: `search lists the metas of one model, deleted ones too unless the query says
otherwise. A query is an expression (--where), the original's
ResourceMetaSearchQuery as JSON (--query), or both.

` + pageHelp + `

With --explain it shows how the store answers the query instead: the statement, the
database's plan for it, what is left to the program, and, where many resources are
read or sorted, the index that would spare that. docs/queries.md tells more.

` + whereHelp,
		Example: `  worker search person --limit 10
  worker search person --where "rev_status = 'draft' and data.age > 30" --sort -data.age
  worker search person --where "not is_deleted and rev_created_time in last 7 days" -o ids
  worker search person --where 'data.tags contains "new" or data["home town"] is missing'
  worker search person --query '{"is_deleted":false,"rev_statuses":["draft"]}' --sort -rev_created_time
  worker search person --query '{"conditions":[{"field_path":"age","operator":"gt","value":30}]}' -o ids
  worker search person --query @query.json -o ndjson
  worker search person --limit 100 --page -o json | jq -r .next
  worker search person --limit 100 --after "$next"
  worker search person --with-data -o ndjson
  worker search person --where "data.age > 30" --sort -data.age --limit 20 --explain`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if e.asked() {
				if o != (listOptions{}) {
					return usage("--explain is of the query alone, without --after, --with-data and --page")
				}
				return a.explain(cmd.Context(), args[0], &f, e, false)
			}
			return a.list(cmd.Context(), args[0], &f, o)
		},
	}
	f.register(cmd.Flags())
	f.registerPage(cmd.Flags())
	o.register(cmd.Flags())
	e.register(cmd.Flags())
	return completed(cmd)
}

// search lists the metas of one page.
func (a *app) search(ctx context.Context, model string, f *filter) error {
	return a.list(ctx, model, f, listOptions{alone: true})
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
