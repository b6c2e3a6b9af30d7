package jobs

import _ "embed"

//go:embed envelope.schema.json
var envelopeSchema string

// EnvelopeSchema returns the JSON Schema (draft 2020-12) of an envelope, for
// programs in other languages.
func EnvelopeSchema() string { return envelopeSchema }

//go:embed event.schema.json
var eventSchema string

// EventSchema returns the JSON Schema (draft 2020-12) of an event, for programs in other
// languages.
func EventSchema() string { return eventSchema }
