package postgres

import (
	"errors"
)

// checkWhere refuses to open a store without the place of its revisions, or with one
// that it does not have: it would show none and write new ones beside them.
func (f *Factory) checkWhere(outside bool) error {
	switch {
	case outside == (f.medium != nil):
		return nil
	case outside:
		return errors.New("its revisions are not in the database: open it with their place, which the worker takes by --objects or --revisions")
	}
	return errors.New("its revisions are in the database: open it without a place for them, which the worker takes by --objects or --revisions")
}

// checkForeign does so for tables that others have made: whether all their models
// have tables of revisions, or none.
func (f *Factory) checkForeign(found []candidate) error {
	inside := 0
	for _, c := range found {
		if c.inside {
			inside++
		}
	}
	if len(found) == 0 || inside > 0 && inside < len(found) {
		return nil
	}
	return f.checkWhere(inside == 0)
}
