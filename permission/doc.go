// Package permission says who may do what to which resources: the checkers of
// the original (autocrud 0.9.0, autocrud.permission) over the events of package
// manager, and its stored entries, which both programs share.
//
// A [Checker] answers [Allow], [Deny] or [NotApplicable]. [Handler] makes it
// guard a catalog: anything but Allow refuses, and an error keeps the thing from
// being done as well. Listings show the rows that their user may see: to search
// takes [manager.ActionSearchResources] on the model, and each row
// [manager.ActionGetMeta]; of a dump each row takes [manager.ActionDump].
//
// [ACL] and [RBAC] look the rights up in entries that are resources themselves,
// of the models [ACLModel] and [RBACModel]; only the root user may see or change
// those. docs/permission.md lists where decisions differ from the original's.
package permission
