package indexadvice_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/indexadvice"
)

func TestFor(t *testing.T) {
	draft, ann, at := qb.RevStatus().Eq("draft"), qb.RevUpdatedBy().Eq("ann"), time.Unix(0, 0)
	for name, tc := range map[string]struct {
		q     qb.Query
		count bool
		want  []string
	}{
		"nothing":                           {},
		"equality, then order":              {q: qb.Where(draft, ann).OrderBy(qb.RevCreatedTime().Desc()), want: []string{"rev_status, rev_updated_by, rev_created_time"}},
		"order alone":                       {q: qb.Query{}.OrderBy(qb.RevUpdatedTime().Asc()), want: []string{"rev_updated_time"}},
		"a count has no order":              {q: qb.Where(draft).OrderBy(qb.RevCreatedTime().Desc()), count: true, want: []string{"rev_status"}},
		"two directions":                    {q: qb.Where(draft).OrderBy(qb.CreatedBy().Asc(), qb.RevCreatedTime().Desc()), want: []string{"rev_status"}},
		"what is fixed orders nothing":      {q: qb.Where(draft).OrderBy(qb.RevStatus().Asc(), qb.CreatedBy().Asc()), want: []string{"rev_status, created_by"}},
		"deleted ones come last":            {q: qb.Where(qb.IsDeleted().Eq(false), draft).OrderBy(qb.CreatedBy().Asc()), want: []string{"rev_status, is_deleted, created_by"}},
		"the id is part of every index":     {q: qb.Where(draft).OrderBy(qb.ResourceID().Desc()), want: []string{"rev_status"}},
		"a range without an order":          {q: qb.Where(draft, qb.RevUpdatedTime().Gte(at)), want: []string{"rev_status, rev_updated_time"}},
		"the order comes before the range":  {q: qb.Where(draft, qb.RevUpdatedTime().Gte(at)).OrderBy(qb.CreatedTime().Asc()), want: []string{"rev_status, created_time"}},
		"several values":                    {q: qb.Where(qb.RevStatus().In("draft", "stable"), ann), want: []string{"rev_updated_by, rev_status"}},
		"unset":                             {q: qb.Where(qb.RevStatus().IsUnset()), want: []string{"rev_status"}},
		"data that is equal":                {q: qb.Where(qb.Data("sku").Eq("x"), draft), want: []string{"data.sku (equality)", "rev_status"}},
		"a range of data":                   {q: qb.Where(draft, qb.Data("price").Gt(5)), want: []string{"rev_status, data.price"}},
		"an order of data":                  {q: qb.Where(draft).OrderBy(qb.Data("price").Desc()), want: []string{"rev_status, data.price"}},
		"elements":                          {q: qb.Where(qb.Data("tags").Contains("x")), want: []string{"elements of data.tags"}},
		"alternatives":                      {q: qb.Where(qb.Or{draft, ann})},
		"negation":                          {q: qb.Where(qb.Not{draft})},
		"a condition in a group of its own": {q: qb.Where(qb.And{qb.Or{draft}}), want: []string{"rev_status"}},
		"no index for texts that begin so":  {q: qb.Where(qb.CreatedBy().StartsWith("a"))},
	} {
		var got []string
		for _, x := range indexadvice.For(tc.q, tc.count) {
			got = append(got, x.String())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestServes(t *testing.T) {
	status, by, at := storage.IndexKey{Attr: qb.AttrRevStatus}, storage.IndexKey{Attr: qb.AttrRevUpdatedBy}, storage.IndexKey{Attr: qb.AttrRevCreatedTime}
	have := []storage.IndexKey{status, by, at}
	for want, keys := range map[bool][][]storage.IndexKey{
		true:  {{}, {status}, {status, by}, have},
		false: {{by}, {status, at}, {status, by, at, {Path: "x"}}},
	} {
		for _, k := range keys {
			if indexadvice.Serves(have, k) != want {
				t.Errorf("%v serves %v: %v", have, k, !want)
			}
		}
	}
}
