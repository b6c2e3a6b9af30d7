package pypeer

import (
	"encoding/json"

	"github.com/specstar-worker/worker/resource"
)

// Answers asks a memory store of the original, which holds metas in their JSON form and
// keeps them in an encoding, queries of any kind. A query that is a JSON text is an
// expression of the original's builder: QB["age"].gt(3).
func (p *Peer) Answers(enc resource.Encoding, metas []resource.Meta, queries []json.RawMessage) ([]Query, error) {
	texts := make([]string, len(metas))
	for i, m := range metas {
		texts[i] = string(m.Append(resource.JSON, nil))
	}
	var answers []Query
	err := p.Call("answers", map[string]any{"encoding": enc, "metas": texts, "queries": queries}, &answers)
	for i := range answers {
		answers[i].Query = queries[i]
	}
	return answers, err
}
