package main

import (
	"cmp"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/settings"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/permission"
)

// The kinds of --permission.
const (
	permissionOff  = "off"
	permissionACL  = "acl"
	permissionRBAC = "rbac"
)

// rights are the settings of who may do what.
type rights struct {
	user, permission, policy, root string
	maxAge                         time.Duration
	trustPublishers                bool
}

func (r *rights) register(f *pflag.FlagSet) {
	f.StringVar(&r.user, "user", "", "`NAME` on whose behalf the command acts (default: the user of this process)")
	f.StringVar(&r.permission, "permission", permissionOff, "`KIND` of permission entries that are asked: off, acl or rbac")
	f.StringVar(&r.policy, "permission-policy", "strict", "`NAME` strict (a deny wins, nothing is allowed unless an entry does) or permissive")
	f.StringVar(&r.root, "root-user", permission.DefaultRootUser, "`NAME` of the user who may do everything and gives the rights")
	f.DurationVar(&r.maxAge, "permission-max-age", permission.DefaultMaxAge, "`DURATION` after which entries written by other processes count at the latest")
	f.BoolVar(&r.trustPublishers, "trust-publishers", false, "take jobs of the root user, and jobs that change permission entries, from the queue")
}

// on reports whether rights are asked for.
func (r *rights) on() bool { return r.permission != permissionOff }

// check refuses settings that would be ignored.
func (r *rights) check(origins settings.Origins) error {
	switch r.permission {
	case permissionOff:
		for _, name := range []string{"permission-policy", "root-user", "permission-max-age", "trust-publishers"} {
			if o := origins[name]; o != "" && o != settings.FromDefault {
				return usage("--%s says how permission entries are asked, and none are: add --permission acl or rbac, or leave it out", name)
			}
		}
		return nil
	case permissionACL, permissionRBAC:
	default:
		return usage("--permission %s is not known; use off, acl or rbac", r.permission)
	}
	if r.policy != "strict" && r.policy != "permissive" {
		return usage("--permission-policy %s is not known; use strict or permissive", r.policy)
	}
	if r.root == "" {
		return usage("--root-user is empty; name the user who may do everything")
	}
	if r.maxAge < 0 {
		return usage("--permission-max-age %s: it cannot be negative", r.maxAge)
	}
	return nil
}

// shared are the settings that all processes of one store must agree on.
func (r *rights) shared() map[string]string {
	if !r.on() {
		return map[string]string{"permission": permissionOff}
	}
	return map[string]string{
		"permission": r.permission, "permission-policy": r.policy, "root-user": r.root,
		"trust-publishers": strconv.FormatBool(r.trustPublishers),
	}
}

// model is the model of the entries.
func (r *rights) model() string {
	if r.permission == permissionRBAC {
		return permission.RBACModel
	}
	return permission.ACLModel
}

// checker returns who decides over the store of c, when rights are asked for.
func (r *rights) checker(c *manager.Catalog) permission.Checker {
	cfg := permission.Config{Policy: permission.Strict, RootUser: r.root, MaxAge: opt.Of(r.maxAge)}
	if r.policy == "permissive" {
		cfg.Policy = permission.Permissive
	}
	if r.permission == permissionRBAC {
		return permission.NewRBAC(c, cfg)
	}
	return permission.NewACL(c, cfg)
}

// served is the catalog as jobs from the queue may use it.
func (r *rights) served(c *manager.Catalog) *manager.Catalog {
	if !r.on() {
		return c
	}
	checker := r.checker(c)
	if !r.trustPublishers {
		checker = permission.Composite{permission.Publishers{
			RootUser: r.root, Advice: "the worker takes them with --trust-publishers, when all who can publish may do everything",
		}, checker}
	}
	return c.WithHandlers(permission.Handler(checker))
}

// catalog returns the models of a store as the command's user may look at them.
func (a *app) catalog(s *store) *manager.Catalog {
	c := manager.NewCatalog(s.Factory, s.blobs, manager.Options{})
	r := &a.global.rights
	if r.on() {
		c = c.WithHandlers(permission.Handler(r.checker(c)))
	}
	return c.Using(manager.Scope{User: r.userName()})
}

// userName returns on whose behalf the command acts.
func (r *rights) userName() string {
	if r.user != "" {
		return r.user
	}
	u, err := user.Current()
	if err != nil {
		return "worker"
	}
	return cmp.Or(u.Username, "worker")
}

// advice ends the message of a command that was forbidden: the way out.
func (r *rights) advice() string {
	return fmt.Sprintf("; --user NAME acts as another user, and user %s gives rights by entries of model %s", r.root, r.model())
}

// isRefused reports whether err is a refusal with that code.
func isRefused(err error, code manager.Code) bool {
	e, ok := errors.AsType[*manager.RefusedError](err)
	return ok && e.Code == code
}
