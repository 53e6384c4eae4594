package tenants

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ezscale/ezscale/app/fail"
)

// Querier is a transaction that statements can run in: a Tx or a CentralTx.
type Querier interface {
	// Exec runs a statement and says how many rows it touched.
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
	query(ctx context.Context, sql string, args []any) (pgx.Rows, error)
}

// Get reads exactly one row. T is a struct, whose fields match the columns by
// name (a missing or an extra column is an error), or a single value such as a
// string, time.Time, uuid.UUID or decimal.Decimal. No row is fail.Missing(what).
func Get[T any](ctx context.Context, q Querier, what, sql string, args ...any) (T, error) {
	v, found, err := Find[T](ctx, q, sql, args...)
	if err == nil && !found {
		err = fail.Missing(what)
	}
	return v, err
}

// Find is Get for a row that may well not be there.
func Find[T any](ctx context.Context, q Querier, sql string, args ...any) (v T, found bool, err error) {
	rows, err := q.query(ctx, sql, args)
	if err != nil {
		return v, false, err
	}
	v, found, err = one[T](rows)
	return v, found, fault(ctx, sql, err)
}

// List reads all rows, in the order the statement gives them.
func List[T any](ctx context.Context, q Querier, sql string, args ...any) ([]T, error) {
	rows, err := q.query(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, rowTo[T]())
	return list, fault(ctx, sql, err)
}

func one[T any](rows pgx.Rows) (v T, found bool, err error) {
	v, err = pgx.CollectExactlyOneRow(rows, rowTo[T]())
	if errors.Is(err, pgx.ErrNoRows) {
		var none T
		return none, false, nil
	}
	return v, err == nil, err
}

func rowTo[T any]() pgx.RowToFunc[T] {
	if isRow(reflect.TypeFor[T]()) {
		return pgx.RowToStructByName[T]
	}
	return pgx.RowTo[T]
}

// isRow tells a struct that stands for a row from a struct that is one value.
func isRow(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != reflect.TypeFor[time.Time]() &&
		!reflect.PointerTo(t).Implements(reflect.TypeFor[sql.Scanner]())
}
