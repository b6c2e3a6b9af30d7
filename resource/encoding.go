package resource

import "fmt"

// Encoding is how a payload, meta or info is written.
type Encoding string

// The two encodings of the original.
const (
	JSON    Encoding = "json"
	Msgpack Encoding = "msgpack"
)

// ParseEncoding returns the encoding with the given name.
func ParseEncoding(name string) (Encoding, error) {
	switch e := Encoding(name); e {
	case JSON, Msgpack:
		return e, nil
	}
	return "", fmt.Errorf("encoding %q is not known; use json or msgpack", name)
}
