package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// explaining are the flags that ask how a query is answered instead of the answer.
type explaining struct{ explain, analyze bool }

func (e *explaining) register(flags *pflag.FlagSet) {
	flags.BoolVar(&e.explain, "explain", false, "show how the store answers the query, and the index that it lacks, instead of the answer")
	flags.BoolVar(&e.analyze, "analyze", false, "with --explain, run the query and show what it took (PostgreSQL)")
}

func (e *explaining) asked() bool { return e.explain || e.analyze }

// explain shows how the query that flags describe is answered.
func (a *app) explain(ctx context.Context, model string, f *filter, e explaining, count bool) error {
	if !e.explain {
		return usage("--analyze goes with --explain")
	}
	q, err := f.parse(a.stdin)
	if err != nil {
		return err
	}
	o := storage.ExplainOptions{Count: count, Analyze: e.analyze}
	return a.viewModel(ctx, model, func(r *manager.Reader) error {
		x, err := r.Explain(ctx, q, o)
		if err != nil {
			return err
		}
		if a.format == render.JSON || a.format == render.NDJSON {
			return render.Document(a.stdout, a.format, x)
		}
		_, err = fmt.Fprint(a.stdout, explanationText(x))
		return err
	})
}

// explanationText is an explanation for people.
func explanationText(x storage.Explanation) string {
	var b strings.Builder
	for _, s := range x.Statements {
		fmt.Fprintf(&b, "statement\n  %s\n", render.Printable(s.SQL))
		for i, v := range s.Args {
			fmt.Fprintf(&b, "  $%d = %s\n", i+1, render.Printable(argText(v)))
		}
		b.WriteString("plan\n")
		for _, line := range s.Plan {
			fmt.Fprintf(&b, "  %s\n", render.Printable(line))
		}
	}
	if len(x.Program) > 0 {
		b.WriteString("by the program\n")
	}
	for _, note := range x.Program {
		fmt.Fprintf(&b, "  %s\n", render.Printable(note))
	}
	if len(x.Advice) > 0 {
		b.WriteString("an index would serve it\n")
	}
	for _, i := range x.Advice {
		fmt.Fprintf(&b, "  on %s: %s\n    %s\n", render.Printable(i.On), i.Why, render.Printable(i.Statement))
	}
	return b.String()
}

// argText is how a parameter is shown.
func argText(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}
