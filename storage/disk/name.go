package disk

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

const (
	contentsDir = "store"
	entriesDir  = "resource"
	dataFile    = "data"
	infoFile    = "info"
	noVersion   = "no_ver"
	versionMark = "v_"
	// targetPrefix precedes the uid in what a link of the layout holds.
	targetPrefix = "../../../" + contentsDir + "/"

	// ownDir is the one directory that the original does not know.
	ownDir     = ".specstar"
	lockName   = ownDir + "/lock"
	tempPrefix = "tmp-"

	// maxName is the length limit of a file name on the common file systems.
	maxName = 255
)

// checkName reports why no file can have a name; kind says what it names.
func checkName(kind, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%s is empty: %w", kind, storage.ErrUnusableName)
	case !utf8.ValidString(name):
		return fmt.Errorf("%s %q is not UTF-8: %w", kind, name, storage.ErrUnusableName)
	case name == "." || name == ".." || strings.ContainsAny(name, "/\x00"):
		return fmt.Errorf("%s %q cannot be a file name: %w", kind, name, storage.ErrUnusableName)
	case len(name) > maxName:
		return fmt.Errorf("%s %q of %d bytes is longer than %d: %w", kind, name, len(name), maxName, storage.ErrUnusableName)
	}
	return nil
}

// contentPath returns the directory of a content, or why there can be none.
func contentPath(uid string) (string, error) {
	if err := checkName("uid", uid); err != nil {
		return "", err
	}
	return contentsDir + "/" + uid, nil
}

// linkPath is where the link of a key is.
type linkPath struct {
	resource string // the directory of the resource
	revision string // the directory of the revision in it
	link     string // the link in that
}

// entryPath returns where a key's link is, or why there can be none.
func entryPath(k resource.RevisionKey) (linkPath, error) {
	version, named := k.SchemaVersion.Get()
	name := noVersion
	if named {
		name = versionMark + version
	}
	for _, n := range []struct{ kind, name string }{
		{"resource id", string(k.Resource)},
		{"revision id", string(k.Revision)},
		{"schema version", name},
	} {
		if err := checkName(n.kind, n.name); err != nil {
			return linkPath{}, err
		}
	}
	var p linkPath
	p.resource = entriesDir + "/" + string(k.Resource)
	p.revision = p.resource + "/" + string(k.Revision)
	p.link = p.revision + "/" + name
	return p, nil
}

// parseVersion returns the schema version of a link's name; false when it is none
// of the layout.
func parseVersion(name string) (opt.Value[string], bool) {
	if name == noVersion {
		return opt.Value[string]{}, true
	}
	v, ok := strings.CutPrefix(name, versionMark)
	return opt.Of(v), ok
}

// parseTarget returns the uid that a link leads to; false when the link is not one
// of the layout.
func parseTarget(target string) (string, bool) {
	uid, ok := strings.CutPrefix(target, targetPrefix)
	return uid, ok && checkName("uid", uid) == nil
}
