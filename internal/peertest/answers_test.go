package peertest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/goldenqueries"
	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// The operators and a value of every kind, those among them that the golden metas hold.
var (
	everyOperator = strings.Fields("eq ne gt gte lt lte in not_in is_null exists isna contains starts_with ends_with regex")
	everyOperand  = []string{
		`null`, `true`, `false`, `0`, `1`, `3`, `-1`, `2.5`, `3.0`, `1e17`, `""`, `"a"`, `"3"`, `"alice"`, `"Alpha"`, `"e"`, `"True"`, `"None"`, `"2024"`, `"%"`,
		`"\\\\"`, `"日"`, `"draft"`, `"(?=a)"`, `"2024-03-01T08:37:00.123456+00:00"`, `{"$datetime":"2024-03-01T08:37:00.123456+00:00"}`,
		`[]`, `["red"]`, `["red","blue"]`, `["alice",null]`, `[1,"todo"]`, `[null]`, `[true,"alice",2]`, `{}`, `{"a":1}`,
	}
	everyAttribute = strings.Fields(`resource_id current_revision_id schema_version total_revision_count created_time updated_time created_by updated_by
		is_deleted rev_status rev_created_by rev_updated_by rev_created_time rev_updated_time`)
	everyField = strings.Fields("code done meta.color meta.depth owner priority score state tags title nosuch indexed_data")
)

// answersOf counts what became of the answers that were compared.
type answersOf struct {
	same, found int
	ruled       map[string]int
}

// compareAnswers asks both sides queries of the same metas. Answers are equal, or a rule says
// why not.
func compareAnswers(t *testing.T, p *pypeer.Peer, enc resource.Encoding, metas []resource.Meta, queries []json.RawMessage) answersOf {
	t.Helper()
	answers, err := p.Answers(enc, metas, queries)
	if err != nil {
		t.Fatal(err)
	}
	n := answersOf{ruled: map[string]int{}}
	for _, a := range answers {
		rule := goldenqueries.Rule(a.Query)
		if a.Error != "" && rule == "" {
			rule = goldenqueries.Types
		}
		if rule == goldenqueries.Unset && strings.Contains(string(a.Query), `"limit"`) {
			n.ruled[rule]++ // a page shifts by the rows that differ
			continue
		}
		want, err := a.IDs, error(nil)
		var got []resource.ID
		switch rule {
		case "":
			got, err = ourAnswer(metas, a.Query)
			n.same++
		case goldenqueries.Unset: // the answer is theirs where all is set
			set := slices.DeleteFunc(slices.Clone(metas), func(m resource.Meta) bool { return !m.Rev.Complete() })
			got, err = ourAnswer(set, a.Query)
			want = slices.DeleteFunc(slices.Clone(want), func(id resource.ID) bool {
				return !slices.ContainsFunc(set, func(m resource.Meta) bool { return m.ResourceID == id })
			})
			n.ruled[rule]++
		default:
			n.ruled[rule]++
			continue
		}
		if a.Error != "" {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v, the original answers with %d ids", a.Query, err, len(want))
			continue
		}
		n.found += len(want)
		if !strings.Contains(string(a.Query), `"sorts"`) {
			slices.Sort(want)
			slices.Sort(got)
		}
		if d := cmp.Diff(want, got); d != "" && len(want)+len(got) > 0 {
			t.Errorf("%s: -original +ours\n%s", a.Query, d)
		}
	}
	return n
}

func ourAnswer(metas []resource.Meta, query json.RawMessage) ([]resource.ID, error) {
	q, err := qb.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	var ids []resource.ID
	all := func(yield func(resource.Meta, error) bool) {
		for _, m := range metas {
			if !yield(m, nil) {
				return
			}
		}
	}
	for m, err := range qb.Select(all, q) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, m.ResourceID)
	}
	return ids, nil
}

// TestConditionsAnswerAsTheOriginals compares every operator of every field and attribute with
// operands of every kind; a quarter of them but in the long tests.
func TestConditionsAnswerAsTheOriginals(t *testing.T) {
	p := pypeer.Start(t)
	var queries []json.RawMessage
	some := rand.New(rand.NewPCG(1, 1))
	for _, field := range slices.Concat(everyField, everyAttribute) {
		for _, op := range everyOperator {
			for _, operand := range everyOperand {
				for _, transform := range []string{`null`, `"len"`} {
					if os.Getenv("SPECSTAR_TEST_LONG") == "" && some.IntN(4) > 0 {
						continue
					}
					c := fmt.Sprintf(`{"type":"DataSearchCondition","field_path":%q,"operator":%q,"value":%s,"transform":%s}`, field, op, operand, transform)
					where := pickOf(some, `{"conditions":[%s]}`, `{"conditions":[%s]}`, `{"data_conditions":[%s]}`, `{"is_deleted":false,"conditions":[%s]}`,
						`{"conditions":[{"type":"DataSearchGroup","operator":"not","conditions":[%s]}]}`,
						`{"conditions":[{"type":"DataSearchGroup","operator":"not","conditions":[{"type":"DataSearchGroup","operator":"or","conditions":[%s]}]}]}`)
					queries = append(queries, json.RawMessage(fmt.Sprintf(where, c)))
				}
			}
		}
	}
	n := compareAnswers(t, p, resource.JSON, goldenRows(t), queries)
	t.Logf("%+v", n)
	if n.same < 4000 || n.found < 5*n.same || len(n.ruled) < 4 {
		t.Errorf("too little was compared: %+v", n)
	}
}

// goldenRows are golden metas of every kind.
func goldenRows(t *testing.T) []resource.Meta {
	t.Helper()
	var rows []resource.Meta
	for i, m := range goldenqueries.Metas(t) {
		version, _ := m.SchemaVersion.Get()
		if i < 14 || i%10 == 0 && i < 150 || i%53 == 0 || version == "2" {
			rows = append(rows, m)
		}
	}
	return rows
}

func pickOf[V any](src *rand.Rand, pool ...V) V { return pool[src.IntN(len(pool))] }
