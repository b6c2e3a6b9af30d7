package peertest

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

// object is a JSON object of a query.
type object map[string]any

// query draws a ResourceMetaSearchQuery. A page has an order that leaves no ties.
func (d *wireDrawing) query(t *testing.T) json.RawMessage {
	t.Helper()
	q := object{}
	if d.IntN(10) > 0 {
		q[pickOf(d.Rand, "conditions", "conditions", "data_conditions")] = d.some(2, func() any { return d.cond(pickOf(d.Rand, 0, 0, 1, 2, 4), false) })
	}
	if _, ok := q["data_conditions"]; ok {
		q["data_conditions"] = d.some(2, func() any { return d.cond(pickOf(d.Rand, 0, 1, 2), true) })
	}
	d.filters(q)
	if d.IntN(2) == 0 {
		sorts := d.some(3, d.sort)
		q["sorts"] = append(sorts, object{"type": "ResourceMetaSearchSort", "key": "resource_id", "direction": pickOf(d.Rand, "+", "-")})
		if d.IntN(2) == 0 {
			q["limit"], q["offset"] = pickOf(d.Rand, 0, 1, 3, 100), d.IntN(4)
		}
	}
	b, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// some draws up to n elements.
func (d *wireDrawing) some(n int, draw func() any) []any {
	list := make([]any, d.IntN(n+1))
	for i := range list {
		list[i] = draw()
	}
	return list
}

// filters adds some of the filters beside conditions.
func (d *wireDrawing) filters(q object) {
	if d.IntN(5) == 0 {
		q["is_deleted"] = d.IntN(2) == 0
	}
	for _, name := range []string{"created_bys", "updated_bys", "rev_created_bys", "rev_updated_bys"} {
		if d.IntN(12) == 0 {
			q[name] = d.some(4, func() any { return pickOf(d.Rand, d.texts...) })
		}
	}
	if d.IntN(10) == 0 {
		q["rev_statuses"] = d.some(2, func() any { return pickOf(d.Rand, "draft", "stable") })
	}
	for _, name := range []string{"created_time", "updated_time", "rev_created_time", "rev_updated_time"} {
		if d.IntN(14) == 0 {
			q[name+pickOf(d.Rand, "_start", "_end")] = d.time()
		}
	}
}

func (d *wireDrawing) time() any {
	return object{"$datetime": pickOf(d.Rand, d.times...).Format(time.RFC3339Nano)}
}

func (d *wireDrawing) sort() any {
	dir := pickOf(d.Rand, "+", "-")
	if d.IntN(2) == 0 {
		return object{"type": "ResourceDataSearchSort", "field_path": pickOf(d.Rand, wirePaths[:4]...), "direction": dir}
	}
	return object{"type": "ResourceMetaSearchSort", "direction": dir, "key": pickOf(d.Rand, "created_time", "updated_time", "resource_id",
		"current_revision_id", "created_by", "updated_by", "is_deleted", "schema_version", "total_revision_count", "rev_created_time", "rev_updated_time")}
}

func (d *wireDrawing) cond(depth int, data bool) any {
	if depth > 0 && d.IntN(4) > 0 {
		return object{"type": "DataSearchGroup", "operator": pickOf(d.Rand, "and", "or", "not"), "conditions": d.some(3, func() any { return d.cond(depth-1, data) })}
	}
	c := object{"type": "DataSearchCondition"}
	if !data && d.IntN(3) == 0 {
		return d.onAttribute(c)
	}
	i := d.IntN(len(wirePaths))
	c["field_path"] = pickOf(d.Rand, wirePaths[i], wirePaths[i], wirePaths[i], wirePaths[i], wirePaths[i], "missing")
	if d.IntN(8) == 0 {
		c["transform"] = "len"
		return d.compared(c, func() any { return pickOf[any](d.Rand, d.IntN(4), 1.5, true) })
	}
	return d.compared(c, func() any { return d.near(pickOf(d.Rand, d.values[i]...)) })
}

// near is a value, or one that nearly equals it.
func (d *wireDrawing) near(v any) any {
	switch v := v.(type) {
	case float64:
		return pickOf[any](d.Rand, v, v, math.Nextafter(v, 0), -v)
	case int64:
		return pickOf[any](d.Rand, v, v, v/2+1, float64(v), v == 1)
	case bool:
		return pickOf[any](d.Rand, v, v, 1, 0.0)
	case []any:
		return pickOf[any](d.Rand, v, v, append([]any{"red"}, v...), d.list())
	}
	return v
}

func (d *wireDrawing) onAttribute(c object) any {
	m := pickOf(d.Rand, d.metas...)
	names := []string{"resource_id", "current_revision_id", "schema_version", "total_revision_count", "created_time", "updated_time", "created_by", "updated_by", "is_deleted"}
	if d.filled || d.IntN(4) == 0 {
		names = append(names, "rev_status", "rev_created_by", "rev_updated_by", "rev_created_time", "rev_updated_time")
	}
	name := pickOf(d.Rand, names...)
	c["field_path"] = name
	if d.IntN(10) == 0 {
		c["transform"] = "len"
		return d.compared(c, func() any { return d.IntN(5) })
	}
	return d.compared(c, func() any {
		switch name {
		case "resource_id":
			return pickOf[any](d.Rand, string(m.ResourceID), "a:05")
		case "current_revision_id":
			return string(m.CurrentRevisionID)
		case "schema_version":
			return pickOf(d.Rand, "1", "2", "x")
		case "total_revision_count":
			return pickOf[any](d.Rand, d.IntN(4), 1.5, 2.0, true)
		case "is_deleted":
			return pickOf[any](d.Rand, true, false, 1, 0.5)
		case "rev_status":
			return pickOf(d.Rand, "draft", "stable", "other")
		case "created_by", "updated_by", "rev_created_by", "rev_updated_by":
			return pickOf(d.Rand, d.texts...)
		}
		return d.time()
	})
}

// compared completes a condition with an operator and its operand.
func (d *wireDrawing) compared(c object, operand func() any) any {
	c["operator"] = pickOf(d.Rand, everyOperator...)
	switch c["operator"] {
	case "in", "not_in":
		c["value"] = d.some(3, operand)
		if d.IntN(8) == 0 {
			c["value"] = operand()
		}
	case "exists", "isna", "is_null":
		c["value"] = pickOf[any](d.Rand, true, false, true, false, 1, 0, nil, "x")
	case "contains", "starts_with", "ends_with":
		c["value"] = operand()
		if d.IntN(2) == 0 {
			c["value"] = d.part()
		}
	case "regex":
		c["value"] = pickOf(d.Rand, "^a", "b$", "", "^$", "[0-9]+", "(a|b)+", "é", "l.", "^.$", "(?i)A", "a*b?", "[^a]", "^(?:a|li){1,2}", "中|%", `\.`, "None|True", "T[0-9]|:0", "(?s)a.")
	default:
		c["value"] = operand()
	}
	return c
}

// part is a part of a text, or what the texts of other values have.
func (d *wireDrawing) part() any {
	text := []rune(pickOf(d.Rand, d.texts...))
	if len(text) == 0 || d.IntN(3) == 0 {
		return pickOf[any](d.Rand, "", "a", "%", "_", "'", ", ", "None", "True", "[", "{'k': ", "1", ".0", "e+", "2024-03-01 08:0", "+00:00", ":", nil, true, 1, 0.5, []any{"a"})
	}
	from := d.IntN(len(text))
	return string(text[from : from+1+d.IntN(len(text)-from)])
}
