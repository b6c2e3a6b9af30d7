package qb_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// TestParsedConditions parses conditions on attributes of filled.
func TestParsedConditions(t *testing.T) {
	for text, want := range map[string]any{
		`{"field_path":"rev_status","operator":"eq","value":"draft"}`:                                       true,
		`{"type":"DataSearchCondition","field_path":"created_by","operator":"in","value":["alice",3,null]}`: true,
		`{"field_path":"created_by","operator":"eq","value":3}`:                                             false,
		`{"field_path":"created_by","operator":"ne","value":null}`:                                          true,
		`{"field_path":"schema_version","operator":"ne","value":3}`:                                         nil,
		`{"field_path":"total_revision_count","operator":"eq","value":2.0}`:                                 true,
		`{"field_path":"total_revision_count","operator":"gt","value":true}`:                                true,
		`{"field_path":"is_deleted","operator":"eq","value":0}`:                                             true,
		`{"field_path":"is_deleted","operator":"eq","value":2}`:                                             false,
		`{"field_path":"created_time","operator":"lte","value":"2024-03-01T20:00:00.123456+08:00"}`:         true,
		`{"field_path":"created_time","operator":"lt","value":{"$datetime":"2024-03-01T12:00:00.123457"}}`:  true,
		`{"field_path":"updated_by","operator":"regex","value":"^z"}`:                                       true,
		`{"field_path":"updated_by","operator":"ends_with","value":"ë","transform":null}`:                   true,
		`{"operator":"not","conditions":[{"field_path":"rev_status","operator":"eq","value":"stable"}]}`:    true,
		`{"type":"DataSearchGroup","operator":"or","conditions":[]}`:                                        false,
		`{"field_path":"title","operator":"exists","value":false}`:                                          true,
	} {
		q, err := qb.ParseQuery([]byte(`{"conditions":[` + text + `]}`))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := truthOf(filled, q.Where); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}

func TestParsedSortsAndPages(t *testing.T) {
	q, err := qb.ParseQuery([]byte(`{"sorts":[{"type":"meta","key":"rev_created_time","direction":"-"},` +
		`{"type":"data","field_path":"a.b"},{"key":"created_by"},{"type":"ResourceDataSearchSort","field_path":"c",` +
		`"direction":"-"}],"limit":0,"offset":3}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []qb.Sort{qb.RevCreatedTime().Desc(), qb.Data("a.b").Asc(), qb.CreatedBy().Asc(), qb.Data("c").Desc()}
	if fmt.Sprint(q.Sort) != fmt.Sprint(want) || q.Limit != opt.Of(0) || q.Offset != 3 {
		t.Errorf("parsed %+v", q)
	}
	if q, err := qb.ParseQuery([]byte(`{}`)); err != nil || q.Where != nil || q.Limit.IsSet() {
		t.Errorf("an empty query gave %+v, %v", q, err)
	}
}

// TestFiltersNeverMatchUnset checks each list and range filter.
func TestFiltersNeverMatchUnset(t *testing.T) {
	for _, text := range []string{
		`{"rev_statuses":["draft"]}`, `{"rev_created_bys":["alice"]}`, `{"rev_updated_bys":["Bob"]}`,
		`{"rev_created_time_start":"2024-01-01T00:00:00Z"}`, `{"rev_created_time_end":"2025-01-01T00:00:00Z"}`,
		`{"rev_updated_time_start":"2024-01-01T00:00:00Z"}`, `{"rev_updated_time_end":"2025-01-01T00:00:00Z"}`,
	} {
		q, err := qb.ParseQuery([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if !qb.Match(filled, q.Where) || qb.Match(resource.Meta{}, q.Where) || qb.Match(resource.Meta{}, qb.Not{q.Where}) {
			t.Errorf("%s matches wrongly", text)
		}
	}
}

// TestDataConditionsLookIntoIndexedDataOnly: a path that names an attribute is
// a key there like any other.
func TestDataConditionsLookIntoIndexedDataOnly(t *testing.T) {
	q, err := qb.ParseQuery([]byte(`{"data_conditions":[{"field_path":"created_by","operator":"eq","value":"alice"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if qb.Match(filled, q.Where) {
		t.Error("an attribute answered for indexed data")
	}
	x, err := resource.NewIndexed(map[string]any{"created_by": "alice"})
	if err != nil {
		t.Fatal(err)
	}
	if m := (resource.Meta{IndexedData: opt.Of(x)}); !qb.Match(m, q.Where) {
		t.Error("indexed data did not answer")
	}
}

func TestParseRefuses(t *testing.T) {
	cond := func(rest string) string {
		return `{"conditions":[{"field_path":"a","operator":"eq","value":1},{` + rest + `}]}`
	}
	deep := strings.Repeat(`{"operator":"and","conditions":[`, qb.MaxDepth+1) + strings.Repeat(`]}`, qb.MaxDepth+1)
	many := `{"conditions":[` + strings.Repeat(`{"field_path":"a","operator":"eq","value":1},`, qb.MaxNodes) +
		`{"field_path":"a","operator":"eq","value":1}]}`
	for text, path := range map[string]string{
		`{"limit":` + strings.Repeat(" ", qb.MaxBytes) + `1}`: ``,
		`[]`:                              ``,
		`{"is_delted":true}`:              `is_delted`,
		`{"is_deleted":"yes"}`:            `is_deleted`,
		`{"limit":-1}`:                    `limit`,
		`{"limit":1.5}`:                   `limit`,
		`{"offset":"1"}`:                  `offset`,
		`{"created_bys":"alice"}`:         `created_bys`,
		`{"created_bys":[1]}`:             `created_bys`,
		`{"created_time_start":"monday"}`: `created_time_start`,
		`{"sorts":{}}`:                    `sorts`,
		`{"sorts":[{"type":"meta","key":"indexed_data"}]}`:   `sorts[0].key`,
		`{"sorts":[{"type":"x","key":"created_by"}]}`:        `sorts[0].type`,
		`{"sorts":[{"key":"created_by","direction":"asc"}]}`: `sorts[0].direction`,
		`{"sorts":[{"key":"created_by","nulls":"last"}]}`:    `sorts[0].nulls`,
		`{"sorts":[1]}`:      `sorts[0]`,
		`{"conditions":{}}`:  `conditions`,
		`{"conditions":[1]}`: `conditions[0]`,
		cond(`"field_path":"a","operator":"near","value":1`):                         `conditions[1].operator`,
		cond(`"field_path":"a","operator":"eq"`):                                     `conditions[1]`,
		cond(`"field_path":1,"operator":"eq","value":1`):                             `conditions[1].field_path`,
		cond(`"field_path":"a","op":"eq","value":1`):                                 `conditions[1].op`,
		cond(`"type":"X","operator":"eq"`):                                           `conditions[1].type`,
		cond(`"operator":"xor","conditions":[]`):                                     `conditions[1].operator`,
		cond(`"operator":"and","conditions":[{}]`):                                   `conditions[1].conditions[0].field_path`,
		cond(`"operator":"and","conditions":1`):                                      `conditions[1].conditions`,
		cond(`"field_path":"a","operator":"regex","value":"("`):                      `conditions[1].value`,
		cond(`"field_path":"a","operator":"eq","value":{"$datetime":"x"}`):           `conditions[1].value`,
		cond(`"field_path":"a","operator":"eq","value":1,"transform":"upper"`):       `conditions[1].transform`,
		cond(`"field_path":"created_by","operator":"gt","value":1`):                  `conditions[1].value`,
		cond(`"field_path":"created_by","operator":"regex","value":"("`):             `conditions[1].value`,
		cond(`"field_path":"created_by","operator":"regex","value":"(?=a)b"`):        `conditions[1].value`,
		cond(`"field_path":"created_time","operator":"regex","value":"["`):           `conditions[1].value`,
		cond(`"field_path":"created_by","operator":"contains","value":{"$flags":1}`): `conditions[1].value`,
		cond(`"field_path":"created_time","operator":"gt","value":"x"`):              `conditions[1].value`,
		cond(`"field_path":"total_revision_count","operator":"gt","value":"1"`):      `conditions[1].value`,
		`{"conditions":[` + deep + `]}`:                                              `conditions[0]` + strings.Repeat(`.conditions[0]`, qb.MaxDepth),
		many:                                                                         fmt.Sprintf("conditions[%d]", qb.MaxNodes),
		`{"created_bys":[` + strings.Repeat(`"a",`, qb.MaxValues) + `"a"]}`:          `created_bys`,
	} {
		_, err := qb.ParseQuery([]byte(text))
		e, ok := errors.AsType[*qb.ParseError](err)
		if !ok || e.Path != path {
			t.Errorf("%.120s: %v; want an error at %q", text, err, path)
		}
	}
	for _, text := range []string{``, `{`, `{"limit":1,"limit":2}`, `{} {}`} {
		_, err := qb.ParseQuery([]byte(text))
		if _, ok := errors.AsType[*payload.SyntaxError](err); !ok {
			t.Errorf("%q: %v; want a syntax error", text, err)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add([]byte(`{"conditions":[{"operator":"or","conditions":[{"field_path":"a","operator":"regex","value":"x+","transform":"len"}]}]}`))
	f.Add([]byte(`{"data_conditions":[{"field_path":"n","operator":"in","value":[1,{"$datetime":"2024-03-01T00:00:00"}]}],"limit":1}`))
	f.Add([]byte(`{"conditions":[{"type":"ResourcePosition","keys":[null],"resource_id":"a"},{"type":"HasIndexedData"}],"sorts":[{"field_path":"a"}]}`))
	f.Add([]byte(`{"data_conditions":[{"field_path":"created_by","operator":"ne","value":{"$float":"-inf"}}],"conditions":[{"field_path":"n","operator":"contains","value":{"$flags":5}}]}`))
	f.Add([]byte(`{"rev_statuses":["draft"],"sorts":[{"key":"rev_created_time","direction":"-"}],"offset":2}`))
	x, err := resource.NewIndexed(map[string]any{"n": 1, "a": "text", "l": []any{1, "x"}})
	if err != nil {
		f.Fatal(err)
	}
	m := filled
	m.IndexedData = opt.Of(x)
	f.Fuzz(func(t *testing.T, text []byte) {
		q, err := qb.ParseQuery(text)
		if err != nil {
			return
		}
		if err := q.Validate(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if qb.Match(m, q.Where) && qb.Match(m, qb.Not{q.Where}) {
			t.Errorf("%s: true and false", text)
		}
		printed := qb.Format(q.Where)
		switch where, err := qb.ParseWhere(printed, qb.WhereOptions{}); {
		case err != nil && strings.Contains(err.Error(), "more than"): // a query has filters beside
		case err != nil:
			t.Errorf("%s is printed as %s: %v", text, printed, err)
		case truthOf(m, where) != truthOf(m, q.Where):
			t.Errorf("%s is %v, and as %s %v", text, truthOf(m, q.Where), printed, truthOf(m, where))
		}
		if qb.Compare(m, resource.Meta{}, q.Sort) != -qb.Compare(resource.Meta{}, m, q.Sort) {
			t.Errorf("%s: the order is not one", text)
		}
		written, err := q.MarshalJSON()
		if err != nil { // such as the year 0
			return
		}
		again, err := qb.ParseQuery(written)
		if err != nil || qb.Match(m, again.Where) != qb.Match(m, q.Where) || !slices.Equal(again.Sort, q.Sort) {
			t.Errorf("%s is written as %s, %v", text, written, err)
		}
	})
}
