package qb

import "fmt"

// sortKeys are the attributes that the original sorts by.
var sortKeys = map[string]Attr{
	"created_time": AttrCreatedTime, "updated_time": AttrUpdatedTime, "resource_id": AttrResourceID,
	"current_revision_id": AttrCurrentRevisionID, "created_by": AttrCreatedBy, "updated_by": AttrUpdatedBy,
	"is_deleted": AttrIsDeleted, "schema_version": AttrSchemaVersion,
	"total_revision_count": AttrTotalRevisionCount,
	"rev_created_time":     AttrRevCreatedTime, "rev_updated_time": AttrRevUpdatedTime,
}

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
		attr, ok := sortKeys[key]
		if !ok {
			return Sort{}, &ParseError{Path: o.path + ".key", Reason: fmt.Sprintf("%q is no sort key", key)}
		}
		return Sort{attr: attr}, nil
	}
	return Sort{}, &ParseError{Path: o.path + ".type", Reason: fmt.Sprintf("%v is not known", tag)}
}
