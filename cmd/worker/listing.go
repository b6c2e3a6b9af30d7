package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// listOptions say how a search lists what it finds.
type listOptions struct {
	after    string
	withData bool
	page     bool
	// alone: nobody will ask for the next page.
	alone bool
}

func (o *listOptions) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.after, "after", "", "go on behind `CURSOR`, which the page before has given")
	flags.BoolVar(&o.withData, "with-data", false, "list resources with their current revision and payload, not metas alone")
	flags.BoolVar(&o.page, "page", false, `with -o json: {"items": […], "next": CURSOR}, next being null on the last page`)
}

// pageHelp tells of pages to those who ask for help.
const pageHelp = `When --limit cuts the result, the cursor of the next page follows on standard error
as "next: CURSOR", and with --page in the document. --after CURSOR goes on behind the
last result, also when rows were written or removed meanwhile, where --offset would
repeat or skip some. A cursor belongs to its model and --sort.`

// hit is a result, with the meta that its place is known by.
type hit struct {
	row  render.Row
	meta resource.Meta
	err  error // why the payload is not shown
}

// list searches a model and writes what it finds.
func (a *app) list(ctx context.Context, model string, f *filter, o listOptions) error {
	q, err := f.parse(a.stdin)
	switch {
	case err != nil:
		return err
	case o.page && (a.format != render.JSON || !q.Limit.IsSet()):
		return usage("--page needs -o json and --limit")
	}
	header := []string{"ID", "REVISION", "STATUS", "REV CREATED", "UPDATED", "BY", "DELETED"}
	if o.withData {
		header = append(header, "DATA")
	}
	p := listPage{list: render.NewList(a.stdout, a.format, header...), whole: o.page}
	err = a.viewModel(ctx, model, func(r *manager.Reader) error {
		from, err := r.From(q, o.after)
		if err != nil {
			return usage("--after: %w", err)
		}
		results := metasOf
		if o.withData {
			results = resourcesOf
		}
		if err := p.read(results(ctx, r, from)); err != nil {
			return fmt.Errorf("search model %s: %w", model, err)
		}
		if o.alone {
			return nil
		}
		return p.findNext(ctx, r, from)
	})
	return a.endList(p, err)
}

// endList completes the output and says what is left to say.
func (a *app) endList(p listPage, err error) error {
	if p.whole {
		if err != nil {
			return err
		}
		err = render.Document(a.stdout, a.format, p)
	} else {
		err = complete(p.list, err)
	}
	if err != nil {
		return err
	}
	if next, ok := p.Next.Get(); ok && !p.whole {
		a.note("next: %s", next)
	}
	if p.noNext != nil {
		a.note("%v", p.noNext)
	}
	if p.failed > 0 {
		a.note("%d of %d payloads cannot be shown; in their place is the error", p.failed, p.n)
		return exit(exitPartly)
	}
	return nil
}

// listPage is what a search shows, written as it comes or kept as a whole.
type listPage struct {
	Items []any             `json:"items"`
	Next  opt.Value[string] `json:"next"`

	list   *render.List
	whole  bool
	n      int
	failed int
	last   resource.Meta
	noNext error // why there is no cursor although there is more
}

// read takes results.
func (p *listPage) read(results iter.Seq2[hit, error]) error {
	p.Items = []any{}
	for r, err := range results {
		if err != nil {
			return err
		}
		p.n, p.last = p.n+1, r.meta
		if r.err != nil {
			p.failed++
		}
		if p.whole {
			p.Items = append(p.Items, r.row.Value)
			continue
		}
		if err := p.list.Add(r.row); err != nil {
			return err
		}
	}
	return nil
}

// findNext makes the cursor of the next page, when there is one.
func (p *listPage) findNext(ctx context.Context, r *manager.Reader, q qb.Query) error {
	limit, limited := q.Limit.Get()
	if !limited || p.n == 0 || p.n < limit {
		return nil
	}
	rest := qb.Query{Where: q.Where, Sort: q.Sort}.From(qb.PositionOf(p.last, q.Sort)).Page(1, 0)
	for _, err := range r.Search(ctx, rest) {
		if err != nil {
			return err
		}
		next, err := r.Cursor(p.last, q.Sort)
		if _, long := errors.AsType[*qb.CursorError](err); long {
			p.noNext = fmt.Errorf("there is more, but no cursor: %w", err)
			return nil
		}
		p.Next = opt.Of(next)
		return err
	}
	return nil
}

// metasOf are the metas that a query selects.
func metasOf(ctx context.Context, r *manager.Reader, q qb.Query) iter.Seq2[hit, error] {
	return func(yield func(hit, error) bool) {
		for m, err := range r.Search(ctx, q) {
			if !yield(hit{row: metaRow(m), meta: m}, err) || err != nil {
				return
			}
		}
	}
}

// resourcesOf are the resources that a query selects, with their payloads as JSON.
func resourcesOf(ctx context.Context, r *manager.Reader, q qb.Query) iter.Seq2[hit, error] {
	return func(yield func(hit, error) bool) {
		for item, err := range r.Resources(ctx, q) {
			if !yield(resourceRow(item), err) || err != nil {
				return
			}
		}
	}
}

// dataCell is how many bytes of a payload a table shows.
const dataCell = 100

func resourceRow(item manager.Listed) hit {
	r := hit{row: metaRow(item.Meta), meta: item.Meta, err: item.Err}
	shown := item.Data
	if r.err == nil {
		shown, r.err = payload.AppendJSON(nil, item.Data)
	}
	if r.err != nil {
		r.row.Value = struct {
			Meta  resource.Meta `json:"meta"`
			Error string        `json:"error"`
		}{item.Meta, r.err.Error()}
		r.row.Cells = append(r.row.Cells, "error: "+oneLine.Replace(r.err.Error()))
		return r
	}
	r.row.Value = found{Meta: item.Meta, Info: item.Info, Data: json.RawMessage(shown)}
	cell := bytes.ToValidUTF8(shown[:min(len(shown), dataCell)], nil)
	if len(shown) > dataCell {
		cell = append(cell, "…"...)
	}
	r.row.Cells = append(r.row.Cells, string(cell))
	return r
}
