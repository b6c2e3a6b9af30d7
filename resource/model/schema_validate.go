package model

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// noLoader refuses to fetch schemas: a declaration is complete.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not part of the schema", quote(url))
}

// compileSchema makes a JSON schema ready to validate by.
func compileSchema(raw []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, wrong(schemaPath, "%v", err)
	}
	const url = "model:schema"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	if err := c.AddResource(url, doc); err != nil {
		return nil, wrong(schemaPath, "%v", err)
	}
	s, err := c.Compile(url)
	if err != nil {
		return nil, wrong(schemaPath, "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return s, nil
}

// validate checks a payload, in the form in which JSON stores it, by the schema.
// That form bounds the numbers, which the validator does not.
func (m *Model) validate(stored []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(stored))
	if err != nil {
		return err
	}
	err = m.schema.Validate(v)
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	reason := "does not fit the schema"
	if e := invalid.BasicOutput().Error; e != nil {
		reason = e.String()
	}
	return &ValueError{Path: pathOf(invalid.InstanceLocation), Reason: reason}
}

// pathOf writes the steps to a value in the form of other paths.
func pathOf(steps []string) string {
	path := ""
	for _, step := range slices.Backward(steps) {
		if step != "" && strings.Trim(step, "0123456789") == "" {
			step = "[" + step + "]"
		}
		path = join(step, path)
	}
	return path
}
