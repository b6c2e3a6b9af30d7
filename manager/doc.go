// Package manager holds the rules of versioned resources: what an operation
// does to a model, how a store is dumped to and loaded from an archive, how
// rows of older versions are completed, and how a store is verified.
//
// A [Catalog] joins the models of one store; a [Manager] speaks for one of
// them. Both are safe for concurrent use. Neither knows a queue: a queued save
// arrives as a [SaveJob], a queued load as a [storage.Claim], and the ledger row
// of either commits with its last effect, so that a repeat finds it ended.
//
// The rules are those of the original Python package (autocrud 0.9.0), except
// where the original loses data: create of an id that exists is refused,
// concurrent updates both survive, a revision number is never issued twice, and
// a damaged archive changes nothing.
//
// Handlers ([Options].Handlers) are told of everything that is done on whose
// behalf ([Catalog.Using]), may refuse it, and may hide rows of listings. Package
// permission has handlers that ask who may do what.
//
// Refusals are no failures of the machine: they are reported as an [Outcome]
// with a [Code] in batches, and as a *[RefusedError] by methods that do one thing.
package manager
