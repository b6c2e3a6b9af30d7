package jobs

import _ "embed"

//go:embed envelope.schema.json
var envelopeSchema string

// EnvelopeSchema returns the JSON Schema (draft 2020-12) of an envelope, for
// programs in other languages.
func EnvelopeSchema() string { return envelopeSchema }
