package jobs

import (
	"errors"
	"fmt"
	"strings"
)

// The ways in which a load names its source.
const (
	sourceUpload = "upload"
	sourceFile   = "file"
)

// splitSource splits "upload:NAME" or "file:PATH".
func splitSource(s string) (scheme, rest string, err error) {
	scheme, rest, ok := strings.Cut(s, ":")
	switch {
	case !ok || scheme != sourceUpload && scheme != sourceFile:
		return "", "", fmt.Errorf("%q is neither upload:NAME nor file:PATH", s)
	case rest == "":
		return "", "", errors.New("names nothing")
	case scheme == sourceUpload && strings.ContainsAny(rest, "/\\"):
		return "", "", fmt.Errorf("%q holds a path; an upload has a plain name", s)
	}
	return scheme, rest, nil
}
