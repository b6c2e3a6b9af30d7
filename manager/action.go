package manager

import (
	"fmt"
	"math/bits"
	"strings"
)

// Action is a set of things that may be done, one bit each, in the order of the
// original's ResourceAction. Stored permission entries hold it as that integer,
// and so does JSON.
type Action uint16

// The single actions. An [Event] has exactly one of them.
const (
	ActionCreate              Action = 1 << iota // a new resource
	ActionGet                                    // a resource as of its current revision
	ActionGetResourceRevision                    // a resource as of a revision that is named
	ActionListRevisions                          // the infos of a resource's revisions
	ActionGetMeta                                // a meta; also: seeing a row of a search
	ActionSearchResources                        // searches and counts
	ActionUpdate                                 // a new revision
	ActionPatch                                  // a new revision by JSON Patch
	ActionSwitch                                 // another current revision
	ActionDelete                                 // marking a resource deleted
	ActionPermanentlyDelete                      // removing a resource with its revisions
	ActionRestore                                // undoing a delete
	ActionDump                                   // dump and verify; also: having a row in a dump
	ActionLoad                                   // loads of archives and records
	ActionMigrate                                // migrations of payloads, backfills of metas
	ActionModify                                 // changing the current revision in place
)

// The groups of the original.
const (
	ActionCreateOrUpdate = ActionCreate | ActionUpdate | ActionModify
	ActionRead           = ActionGet | ActionGetMeta | ActionGetResourceRevision | ActionListRevisions
	ActionReadList       = ActionSearchResources
	ActionWrite          = ActionCreate | ActionUpdate | ActionModify | ActionPatch
	ActionLifecycle      = ActionSwitch | ActionDelete | ActionPermanentlyDelete | ActionRestore
	ActionBackup         = ActionDump | ActionLoad | ActionMigrate
	ActionFull           = ActionRead | ActionReadList | ActionWrite | ActionLifecycle | ActionBackup
	ActionOwner          = ActionRead | ActionPatch | ActionUpdate | ActionModify | ActionLifecycle
)

// actionNames are the names of the single actions by bit.
var actionNames = [...]string{
	"create", "get", "get_resource_revision", "list_revisions", "get_meta", "search_resources",
	"update", "patch", "switch", "delete", "permanently_delete", "restore",
	"dump", "load", "migrate", "modify",
}

// Has reports whether a holds everything in b.
func (a Action) Has(b Action) bool { return a&b == b }

// String returns the names of the single actions in a, joined by "|"; "none"
// for the empty set.
func (a Action) String() string {
	if a == 0 {
		return "none"
	}
	names := make([]string, 0, bits.OnesCount16(uint16(a)))
	for i, name := range actionNames {
		if a&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "|")
}

// ParseAction reads names of actions or groups joined by "|", as in "get|update"
// or "read|read_list".
func ParseAction(s string) (Action, error) {
	var a Action
	for name := range strings.SplitSeq(s, "|") {
		b := actionNamed(strings.TrimSpace(name))
		if b == 0 {
			return 0, fmt.Errorf("action %q is not known; use %s, create_or_update, read, read_list, write, lifecycle, backup, full or owner",
				name, strings.Join(actionNames[:], ", "))
		}
		a |= b
	}
	return a, nil
}

// actionNamed returns the action or group of that name, 0 for none.
func actionNamed(name string) Action {
	for i, n := range actionNames {
		if n == name {
			return 1 << i
		}
	}
	switch name {
	case "create_or_update":
		return ActionCreateOrUpdate
	case "read":
		return ActionRead
	case "read_list":
		return ActionReadList
	case "write":
		return ActionWrite
	case "lifecycle":
		return ActionLifecycle
	case "backup":
		return ActionBackup
	case "full":
		return ActionFull
	case "owner":
		return ActionOwner
	}
	return 0
}

// action is what doing op needs a right for, on a resource that exists or does not.
func (o Op) action(exists bool) Action {
	switch o {
	case OpCreate:
		return ActionCreate
	case OpUpdate:
		return ActionUpdate
	case OpUpsert:
		if exists {
			return ActionUpdate
		}
		return ActionCreate
	case OpModify:
		return ActionModify
	case OpPatch:
		return ActionPatch
	case OpSwitch:
		return ActionSwitch
	case OpMigrate:
		return ActionMigrate
	case OpPurge:
		return ActionPermanentlyDelete
	case OpDelete:
		return ActionDelete
	case OpRestore:
		return ActionRestore
	}
	return ActionFull // an operation that is not in this table needs every right
}
