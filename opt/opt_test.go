package opt_test

import (
	"encoding/json"
	"testing"

	"github.com/specstar-worker/worker/opt"
)

func TestThreeStatesSurviveJSON(t *testing.T) {
	type doc struct {
		Two   opt.Value[string]  `json:"two,omitzero"`
		Three opt.Value[*string] `json:"three,omitzero"`
	}
	empty := ""
	for _, tc := range []struct {
		name string
		in   doc
		want string
	}{
		{"unset", doc{}, `{}`},
		{"set to empty", doc{Two: opt.Of(""), Three: opt.Of(&empty)}, `{"two":"","three":""}`},
		{"set to null", doc{Three: opt.Of[*string](nil)}, `{"three":null}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := json.Marshal(tc.in)
			if err != nil || string(b) != tc.want {
				t.Fatalf("Marshal = %s, %v; want %s", b, err, tc.want)
			}
			var back doc
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			if back.Two != tc.in.Two || back.Three.IsSet() != tc.in.Three.IsSet() {
				t.Fatalf("round trip of %s gave %+v", tc.want, back)
			}
			p, _ := back.Three.Get()
			q, _ := tc.in.Three.Get()
			if (p == nil) != (q == nil) || p != nil && *p != *q {
				t.Fatalf("pointer state changed: %v, %v", p, q)
			}
		})
	}
}

func TestNullUnsetsAPlainValue(t *testing.T) {
	v := opt.Of("x")
	if err := json.Unmarshal([]byte("null"), &v); err != nil || v.IsSet() {
		t.Fatalf("null gave %v, %v; want unset", v, err)
	}
}

func TestOr(t *testing.T) {
	if got := (opt.Value[int]{}).Or(7); got != 7 {
		t.Fatalf("unset.Or(7) = %d", got)
	}
	if got := opt.Of(0).Or(7); got != 0 {
		t.Fatalf("Of(0).Or(7) = %d", got)
	}
}
