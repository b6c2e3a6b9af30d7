// Package faulty puts a store between a program and its store that fails as it
// is told: the third call of this method with that error, the next one after its
// effect, everything from then on. It is for tests of what builds on stores, and
// shows nothing while no fault is armed.
//
//	plan := new(faulty.Plan)
//	f := faulty.New(memory.New(), plan)
//	plan.Arm(faulty.Fault{On: []string{"Unit.Update"}, Skip: 2, Do: faulty.FailAfter(errors.New("connection lost"))})
//
// A method is named after what it is part of: Factory, Metas, Revisions, Unit,
// View, Ledger, Snapshot and Blobs.
package faulty
