package tenants

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ezscale/ezscale/app/fail"
)

// IsUnique reports whether err is a refusal by the named unique constraint or
// index; an empty name stands for any.
func IsUnique(err error, constraint string) bool { return isConstraint(err, "23505", constraint) }

// IsCheck reports whether err is a refusal by the named check constraint; an
// empty name stands for any.
func IsCheck(err error, constraint string) bool { return isConstraint(err, "23514", constraint) }

// IsExclusion reports whether err is a refusal by the named exclusion
// constraint; an empty name stands for any.
func IsExclusion(err error, constraint string) bool { return isConstraint(err, "23P01", constraint) }

// IsForeignKey reports whether err is a refusal by the named foreign key; an
// empty name stands for any.
func IsForeignKey(err error, constraint string) bool { return isConstraint(err, "23503", constraint) }

// IsRestricted reports whether err is the database refusing to change something
// that is final: a finalised invoice, a charged block, a ledger entry.
func IsRestricted(err error) bool { return sqlState(err) == "23001" }

// IsDenied reports whether err is the database refusing for want of a right,
// which is what code that forgot the tenant gets.
func IsDenied(err error) bool { return sqlState(err) == "42501" }

func isConstraint(err error, state, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == state && (constraint == "" || pg.ConstraintName == constraint)
}

func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// fault names the statement an error came from, and turns the errors that pass
// by themselves (no connection, a lock or statement that took too long) into
// fail.Unavailable.
func fault(ctx context.Context, sql string, err error) error {
	if err == nil {
		return nil
	}
	var known *fail.Error
	if errors.As(err, &known) {
		return err
	}
	named := fmt.Errorf("%s: %w", statementName(sql), err)
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%w (%w)", named, cause)
	}
	switch {
	case cut(err):
		return fail.Wrap(&cutOff{named}, fail.Unavailable, "The database does not answer at the moment. Please try again.")
	case passing(err):
		return fail.Wrap(named, fail.Unavailable, "The database is busy. Please try again in a moment.")
	}
	return named
}

// cutOff marks an error of a connection that broke.
type cutOff struct{ error }

func (c *cutOff) Unwrap() error { return c.error }

// IsCutOff reports whether err came from a connection to the database that broke
// under a statement, because the database died or the way to it did.
func IsCutOff(err error) bool {
	var c *cutOff
	return errors.As(err, &c)
}

// cut recognises it. A broken connection has many words and no state; one that
// the driver has closed since has only these.
func cut(err error) bool {
	var network *net.OpError
	closed := pgconn.SafeToRetry(err) && strings.HasSuffix(err.Error(), "conn closed")
	var connect *pgconn.ConnectError
	refused := errors.As(err, &connect) && sqlState(err) == ""
	return closed || refused || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

func passing(err error) bool {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return true
	}
	switch sqlState(err) {
	case "55P03", "57014", "40P01", "40001", "53300", "57P01", "57P02", "57P03":
		return true
	}
	return false
}

// statementName is the text of the `-- name` comment that begins a statement,
// else its first words.
func statementName(sql string) string {
	sql = strings.TrimSpace(sql)
	line, _, _ := strings.Cut(sql, "\n")
	if name, ok := strings.CutPrefix(line, "--"); ok {
		return strings.TrimSpace(name)
	}
	return line[:min(len(line), 60)]
}
