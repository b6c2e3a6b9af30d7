package qb

import (
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/resource"
)

func parseSorts(path string, v any) ([]Sort, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, &ParseError{Path: path, Reason: "a list is expected"}
	}
	if len(list) > MaxNodes {
		return nil, &ParseError{Path: path, Reason: fmt.Sprintf("more than %d sorts", MaxNodes)}
	}
	var sorts []Sort
	for i, e := range list {
		o, err := asObject(fmt.Sprintf("%s[%d]", path, i), e)
		if err != nil {
			return nil, err
		}
		s, err := parseSort(o)
		if err != nil {
			return nil, err
		}
		sorts = append(sorts, s)
	}
	return sorts, nil
}

func parseSort(o object) (Sort, error) {
	s, err := parseSortKey(o)
	if err != nil {
		return Sort{}, err
	}
	switch d, given := o.fields["direction"]; {
	case !given || d == "+":
	case d == "-":
		s.desc = true
	default:
		return Sort{}, &ParseError{Path: o.path + ".direction", Reason: fmt.Sprintf("%v is neither + nor -", d)}
	}
	return s, nil
}

func parseSortKey(o object) (Sort, error) {
	tag, tagged := o.fields["type"]
	_, byPath := o.fields["field_path"]
	switch {
	case tag == "ResourceDataSearchSort" || tag == "data" || !tagged && byPath:
		if err := o.only("type", "direction", "field_path"); err != nil {
			return Sort{}, err
		}
		path, err := o.text("field_path")
		return Sort{path: path}, err
	case tag == "ResourceMetaSearchSort" || tag == "meta" || !tagged:
		if err := o.only("type", "direction", "key"); err != nil {
			return Sort{}, err
		}
		key, err := o.text("key")
		if err != nil {
			return Sort{}, err
		}
		attr := Attr(key)
		if attr.Kind() == KindNone {
			return Sort{}, &ParseError{Path: o.path + ".key", Reason: fmt.Sprintf("%q is no sort key", key)}
		}
		return Sort{attr: attr}, nil
	}
	return Sort{}, &ParseError{Path: o.path + ".type", Reason: fmt.Sprintf("%v is not known", tag)}
}

// parsePosition reads a position in the order of sorts.
func parsePosition(o object, sorts []Sort) (Position, error) {
	id, err := o.text("resource_id")
	if err != nil {
		return Position{}, err
	}
	list, ok := o.fields["keys"].([]any)
	if !ok || len(list) != len(sorts) {
		return Position{}, &ParseError{Path: o.path + ".keys", Reason: fmt.Sprintf("a list of %d values is expected, one for each of sorts", len(sorts))}
	}
	p := Position{sorts: slices.Clone(sorts), keys: make([]any, len(list)), id: resource.ID(id)}
	for i, s := range sorts {
		at := fmt.Sprintf("%s.keys[%d]", o.path, i)
		if list[i] == nil {
			continue
		}
		if s.attr == "" {
			if p.keys[i], err = dataOperand(at, list[i]); err != nil {
				return Position{}, err
			}
			continue
		}
		if p.keys[i], ok = attrOperand(s.attr.Kind(), list[i]); !ok {
			return Position{}, &ParseError{Path: at, Reason: kindNames[s.attr.Kind()] + " is expected, or null"}
		}
	}
	return p, nil
}
