package diskblob

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/specstar-worker/worker/storage"
)

const (
	sidecarSuffix = ".blobmeta"
	tempPrefix    = ".specstar-tmp-"
	sessionsDir   = "_sessions"

	// lockName is the file whose lock decides who may make blobs visible: writers
	// share it, whoever removes blobs by their age holds it alone.
	lockName = ".specstar-lock"

	// maxName is the length limit of a file name on the common file systems.
	maxName = 255
)

// fileName returns the name of a blob's file, or why no file can hold the id.
func fileName(id string) (string, error) {
	switch {
	case id == "":
		return "", fmt.Errorf("blob id is empty: %w", storage.ErrUnusableName)
	case !utf8.ValidString(id):
		return "", fmt.Errorf("blob id %q is not UTF-8: %w", id, storage.ErrUnusableName)
	case strings.IndexByte(id, 0) >= 0:
		return "", fmt.Errorf("blob id %q contains a NUL: %w", id, storage.ErrUnusableName)
	}
	name := strings.ReplaceAll(strings.ReplaceAll(id, "/", "_"), "..", "_")
	switch {
	case len(name)+len(sidecarSuffix) > maxName:
		return "", fmt.Errorf("blob id of %d bytes is longer than %d: %w", len(id), maxName-len(sidecarSuffix), storage.ErrUnusableName)
	case !isBlobName(name) || name == "." || strings.ContainsRune(name, '\\'):
		return "", fmt.Errorf("blob id %q cannot be a file name here: %w", id, storage.ErrUnusableName)
	}
	return name, nil
}

// isBlobName reports whether a file of that name may be a blob's.
func isBlobName(name string) bool {
	return name != sessionsDir && name != lockName && !strings.HasSuffix(name, sidecarSuffix) && !strings.HasPrefix(name, tempPrefix)
}
