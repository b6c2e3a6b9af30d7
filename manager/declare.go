package manager

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/storage"
)

// DeclareModel makes the model that is declared, or replaces what was declared of
// it, see [Catalog.Declare].
func (c *Catalog) DeclareModel(ctx context.Context, m *model.Model) (*Manager, error) {
	declaration, err := m.Declaration().JSON()
	if err != nil {
		return nil, err
	}
	return c.Declare(ctx, storage.ModelInfo{Name: m.Declaration().Name, Declaration: declaration})
}

// declaredInfo completes info by what its declaration says. A declaration that
// cannot be compiled, or is of another model, is refused.
func declaredInfo(info storage.ModelInfo) (storage.ModelInfo, error) {
	if len(info.Declaration) == 0 {
		return info, nil
	}
	m, err := compileDeclaration(info)
	if err != nil {
		return info, &RefusedError{Code: CodeInvalid, Model: info.Name, Message: err.Error()}
	}
	d := m.Declaration()
	if d.Name != info.Name {
		return info, &RefusedError{Code: CodeInvalid, Model: info.Name, Message: fmt.Sprintf("the declaration of model %s is of a model %s", info.Name, d.Name)}
	}
	if info.Encoding != "" && d.Encoding != "" && info.Encoding != d.Encoding {
		return info, otherEncoding(info, d.Encoding)
	}
	if info.Declaration, err = d.JSON(); err != nil {
		return info, err
	}
	if d.Encoding != "" {
		info.Encoding = d.Encoding
	}
	info.SchemaVersion = m.SchemaVersion()
	info.UniquePaths = m.UniquePaths()
	info.IndexedPaths = sortedUnion(info.IndexedPaths, m.IndexedPaths())
	return info, nil
}

// sameEncoding refuses a declaration whose encoding is not the one that the store
// writes the model's payloads in: the hashes of equal payloads would differ.
func sameEncoding(known, more storage.ModelInfo) error {
	if len(more.Declaration) == 0 || known.Encoding == "" || more.Encoding == "" || known.Encoding == more.Encoding {
		return nil
	}
	return otherEncoding(known, more.Encoding)
}

func otherEncoding[E ~string](info storage.ModelInfo, declared E) error {
	return &RefusedError{
		Code: CodeInvalid, Model: info.Name,
		Message: fmt.Sprintf("payloads of model %s are written in %s, the declaration says %s; declare encoding: %s", info.Name, info.Encoding, declared, info.Encoding),
	}
}
