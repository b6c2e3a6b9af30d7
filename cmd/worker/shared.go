package main

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/cli/models"
	"github.com/specstar-worker/worker/internal/cli/rules"
	"github.com/specstar-worker/worker/internal/cli/settings"
	"github.com/specstar-worker/worker/internal/owner"
)

// shared returns the settings that all processes of one store must agree on, by
// flag name.
func (a *app) shared() (map[string]string, error) {
	digest, err := models.Digest(a.global.models)
	if err != nil {
		return nil, err
	}
	ruled, err := rules.Digest(a.global.rules)
	if err != nil {
		return nil, err
	}
	revisions, err := a.revisionsDir()
	if err != nil {
		return nil, err
	}
	values := map[string]string{
		"objects":       settings.Mask(a.global.objects),
		"revisions":     revisions,
		"encoding":      a.global.encoding,
		"models":        digest,
		"rules":         ruled,
		"strict-models": strconv.FormatBool(a.strict()),
	}
	maps.Copy(values, a.global.rights.shared())
	return values, nil
}

// revisionsDir returns --revisions as other processes would write it, whose working
// directory is another one.
func (a *app) revisionsDir() (string, error) {
	place, err := a.global.place()
	if err != nil || place.Revisions == "" {
		return "", err
	}
	dir, err := filepath.Abs(place.Revisions)
	if err != nil {
		return "", fmt.Errorf("find the directory of revisions: %w", err)
	}
	return "disk:" + dir, nil
}

// parts are the settings that say where parts of a store are. To leave one out is to
// say that there is no such part.
var parts = []string{"objects", "revisions"}

// contradiction refuses settings given to this command that differ from those of
// the store's owner: they would be ignored, since the owner does the work.
func (a *app) contradiction(card owner.Card, store uuid.UUID) error {
	if card.Store != store {
		return nil
	}
	mine, err := a.shared()
	if err != nil {
		return err
	}
	for _, name := range sortedKeys(mine) {
		theirs := card.Settings[name]
		ignored := a.origins[name] == settings.FromDefault && !slices.Contains(parts, name)
		travels := name == "rules" && mine[name] == rules.Off // with the job
		if ignored || travels || mine[name] == theirs || name == "encoding" && theirs == "" {
			continue
		}
		return &failure{Exit: exitError, Code: codeOwned, Message: fmt.Sprintf(
			"--%s is %q here and %q at the worker that owns the store (process %d); make it the same here, or restart that worker",
			name, cmp.Or(mine[name], "not given"), cmp.Or(theirs, "not given"), card.PID)}
	}
	return nil
}

func maskURL(url string) string { return settings.Mask(url) }
