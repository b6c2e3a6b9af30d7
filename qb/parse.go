package qb

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// Limits of a parsed query.
const (
	// MaxDepth is how deep groups may be nested.
	MaxDepth = 16
	// MaxNodes is how many conditions and groups there may be.
	MaxNodes = 256
	// MaxValues is how many operands all lists together may hold.
	MaxValues = 10_000
	// MaxPattern is how many bytes a pattern may have.
	MaxPattern = 64 << 10
	// MaxBytes is how long the text may be.
	MaxBytes = 4 << 20
)

// ParseError says what is wrong with a query, and where.
type ParseError struct {
	// Path leads to the place: conditions[1].operator.
	Path string
	// Reason is what is wrong there.
	Reason string
}

// Error names the place and what is wrong there.
func (e *ParseError) Error() string {
	if e.Path == "" {
		return "query: " + e.Reason
	}
	return "query: " + e.Path + ": " + e.Reason
}

// ParseQuery reads the original's ResourceMetaSearchQuery in JSON (spec, "Query"):
// its filters, conditions, data_conditions, sorts, limit and offset. Conditions,
// groups and sorts may carry the "type" tags of the original's library or of
// its HTTP parameters, or none. A datetime is RFC 3339 text, with or without a
// zone, or {"$datetime": text}.
//
// Unknown keys and operators, values of a type that the attribute cannot be
// ordered against, and queries beyond [MaxDepth], [MaxNodes], [MaxValues] and [MaxPattern]
// are refused with a [*ParseError], as is text beyond [MaxBytes]; text that is
// not JSON, or repeats a key, with a [*payload.SyntaxError].
//
// What the original answers is answered as it does: a value of another type than
// the attribute's is equal to none of its values, parts and patterns are looked
// for in the text of any attribute ([TextComparison]), and nothing is in what is
// no list. Patterns of the operator regex are those of package regexp, where $ does
// not match before a final newline.
func ParseQuery(b []byte) (Query, error) {
	if len(b) > MaxBytes {
		return Query{}, &ParseError{Reason: fmt.Sprintf("the text is longer than %d bytes", MaxBytes)}
	}
	canonical, err := payload.Canonical(resource.JSON, b)
	if err != nil {
		return Query{}, fmt.Errorf("query: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(canonical))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return Query{}, fmt.Errorf("query: %w", err)
	}
	var p parser
	return p.query(v)
}

// parser counts what a query uses up, and keeps its position until its order is known.
type parser struct {
	nodes, values int
	position      opt.Value[object]
}

func (p *parser) query(v any) (Query, error) {
	fields, ok := v.(map[string]any)
	if !ok {
		return Query{}, &ParseError{Reason: "an object is expected"}
	}
	var q Query
	var where And
	for _, name := range sortedKeys(fields) {
		cond, err := p.member(name, fields[name], &q)
		if err != nil {
			return Query{}, err
		}
		if cond != nil {
			where = append(where, cond)
		}
	}
	if len(where) > 0 {
		q.Where = where
	}
	if o, ok := p.position.Get(); ok {
		after, err := parsePosition(o, q.Sort)
		q.After = opt.Of(after)
		return q, err
	}
	return q, nil
}

// member reads one key of a query: it returns the condition that the key
// stands for, or sets the order or page.
func (p *parser) member(name string, v any, q *Query) (Cond, error) {
	switch name {
	case "conditions":
		return p.conditions(name, v, false)
	case "data_conditions":
		conds, err := p.conditions(name, v, true)
		if err != nil {
			return nil, err
		}
		return And{HasIndexed{}, conds}, nil
	case "sorts":
		var err error
		q.Sort, err = parseSorts(name, v)
		return nil, err
	case "limit":
		n, err := parseCount(name, v)
		q.Limit = opt.Of(n)
		return nil, err
	case "offset":
		var err error
		q.Offset, err = parseCount(name, v)
		return nil, err
	}
	for _, f := range filters {
		if f.name == name {
			return p.filter(name, f.attr, f.op, v)
		}
	}
	return nil, &ParseError{Path: name, Reason: "the key is not known"}
}

// filters are those of the original's query beside conditions. They never
// match an unset attribute.
var filters = [...]struct {
	name string
	attr Attr
	op   Op
}{
	{"is_deleted", AttrIsDeleted, OpEq},
	{"created_time_start", AttrCreatedTime, OpGte},
	{"created_time_end", AttrCreatedTime, OpLte},
	{"updated_time_start", AttrUpdatedTime, OpGte},
	{"updated_time_end", AttrUpdatedTime, OpLte},
	{"rev_created_time_start", AttrRevCreatedTime, OpGte},
	{"rev_created_time_end", AttrRevCreatedTime, OpLte},
	{"rev_updated_time_start", AttrRevUpdatedTime, OpGte},
	{"rev_updated_time_end", AttrRevUpdatedTime, OpLte},
	{"created_bys", AttrCreatedBy, OpIn},
	{"updated_bys", AttrUpdatedBy, OpIn},
	{"rev_statuses", AttrRevStatus, OpIn},
	{"rev_created_bys", AttrRevCreatedBy, OpIn},
	{"rev_updated_bys", AttrRevUpdatedBy, OpIn},
}

// filter reads the value of a filter, whose type must be the attribute's.
func (p *parser) filter(path string, attr Attr, op Op, v any) (Cond, error) {
	list := []any{v}
	if op == OpIn {
		var err error
		if list, err = p.list(path, v); err != nil {
			return nil, err
		}
	}
	values := make([]any, len(list))
	for i, e := range list {
		x, ok := attrOperand(attr.Kind(), e)
		if !ok {
			return nil, &ParseError{Path: path, Reason: kindNames[attr.Kind()] + " is expected"}
		}
		values[i] = x
	}
	return Comparison{attr: attr, op: op, values: values}, nil
}
