package tenants

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Bare runs a statement the way code would that forgot the tenant.
func (db *DB) Bare(ctx context.Context, sql string, args ...any) error {
	_, err := db.app.Exec(ctx, sql, args...)
	return err
}

// Idle tells how many connections the pool has, and how many of them are in use.
func (db *DB) Idle() (total, used int32) {
	s := db.app.Stat()
	return s.TotalConns(), s.AcquiredConns()
}

// Owner runs a statement with all rights.
func (db *DB) Owner(ctx context.Context, sql string, args ...any) error {
	_, err := db.admin.Exec(ctx, sql, args...)
	return err
}

// OwnerList reads with all rights.
func OwnerList[T any](ctx context.Context, db *DB, sql string, args ...any) ([]T, error) {
	rows, err := db.admin.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, rowTo[T]())
}

// InUTC is what every new connection must pass.
func InUTC(ctx context.Context, conn *pgx.Conn) error { return inUTC(ctx, conn) }

// SlugProblem and SlugOf are the rules of short names.
func SlugProblem(slug string) string { return slugProblem(slug) }

// SlugOf makes a short name.
func SlugOf(name string) string { return slugOf(name) }

// DomainProblem is the rule of domains.
func (db *DB) DomainProblem(domain string) string {
	_, problem := db.normalDomain(domain)
	return problem
}

// ParseMigration reads one migration file.
func ParseMigration(name, text string) (up string, err error) {
	m, err := parseMigration(name, text)
	return m.up, err
}

// Rules knows what names a shop may have, without a database.
func Rules(central, edge string) *DB { return &DB{domain: central, cfg: Config{EdgeHost: edge}} }
