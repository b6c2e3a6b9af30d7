package pgtest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// DatabaseOptions say how one database differs from its cluster.
type DatabaseOptions struct {
	// Locale is a locale of the operating system: "C.UTF-8", "en_US.UTF-8".
	Locale string
	// ICULocale makes ICU the provider of collations, with this locale: "en-US".
	ICULocale string
	// TimeZone is that of new sessions: "Asia/Taipei".
	TimeZone string
}

// CreateDatabase makes an empty database and returns its address.
func (s *Server) CreateDatabase(ctx context.Context, name string, o DatabaseOptions) (string, error) {
	statements := []string{"CREATE DATABASE " + quote(name) + " TEMPLATE template0" + s.strategy() + o.clauses()}
	if o.TimeZone != "" {
		statements = append(statements, "ALTER DATABASE "+quote(name)+" SET timezone = "+literal(o.TimeZone))
	}
	if err := s.administer(ctx, statements...); err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	return s.DSN(name), nil
}

// DropDatabase removes a database and ends the sessions in it.
func (s *Server) DropDatabase(ctx context.Context, name string) error {
	if err := s.administer(ctx, "DROP DATABASE "+quote(name)+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop database %s: %w", name, err)
	}
	return nil
}

// strategy copies the files of the template instead of logging them page by
// page: half the time, as long as nothing waits for the disk.
func (s *Server) strategy() string {
	if s.options.Durable {
		return ""
	}
	return " STRATEGY file_copy"
}

func (o DatabaseOptions) clauses() string {
	var b strings.Builder
	if o.ICULocale != "" {
		b.WriteString(" LOCALE_PROVIDER icu ICU_LOCALE " + literal(o.ICULocale))
	}
	if o.Locale != "" {
		b.WriteString(" LOCALE " + literal(o.Locale))
	}
	return b.String()
}

// administer runs statements outside of any transaction, in the database that
// every cluster has.
func (s *Server) administer(ctx context.Context, statements ...string) (err error) {
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
