package main

import (
	"cmp"
	"fmt"
	"maps"
	"strconv"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/cli/models"
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
	values := map[string]string{
		"encoding":      a.global.encoding,
		"models":        digest,
		"strict-models": strconv.FormatBool(a.strict()),
	}
	maps.Copy(values, a.global.rights.shared())
	return values, nil
}

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
		if a.origins[name] == settings.FromDefault || mine[name] == theirs || name == "encoding" && theirs == "" {
			continue
		}
		return &failure{Exit: exitError, Code: codeOwned, Message: fmt.Sprintf(
			"--%s is %q here and %q at the worker that owns the store (process %d); leave it out, or restart that worker with it",
			name, mine[name], cmp.Or(theirs, "not given"), card.PID)}
	}
	return nil
}

func maskURL(url string) string { return settings.Mask(url) }
