package tenants

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Lines is where the rows of one table go to: CSV with a header line.
type Lines func(table string, columns []string) (io.WriteCloser, error)

// Omit says what of a shop a snapshot leaves out.
type Omit struct {
	Tables  []string
	Columns map[string]string // "table.column" to what stands in its place, an SQL expression
	Rows    map[string]string // table to the condition of the rows that are kept
}

// textual makes COPY write the same bytes wherever it runs.
const textual = "set local datestyle to iso; set local timezone to 'UTC'; set local intervalstyle to iso_8601; set local extra_float_digits to 1; set local bytea_output to hex"

// Snapshot gives every table of a shop as it was at one moment, in the order of their
// names, rows by their keys. central is the provider's tables of which the shop's rows
// are wanted, too. Nothing is locked, and nothing is held in memory.
func (db *DB) Snapshot(ctx context.Context, t Tenant, central []string, omit Omit, to Lines) error {
	conn, err := db.admin.Acquire(ctx)
	if err != nil {
		return fault(ctx, "acquire a connection", err)
	}
	defer conn.Release()
	begin := fmt.Sprintf("begin isolation level repeatable read read only; set local search_path to %s, pg_temp; %s", t.Schema(), textual)
	return transact(ctx, conn, begin, func(tx pgx.Tx) error {
		tables, err := shapes(ctx, tx, t.Schema())
		if err != nil {
			return err
		}
		for _, s := range tables {
			if omit.leaves(s.Table) {
				continue
			}
			if err := copyOut(ctx, tx, s.Table, s.Columns, s.selecting(t.Schema(), omit, ""), to); err != nil {
				return err
			}
		}
		provider, err := shapes(ctx, tx, "central")
		if err != nil {
			return err
		}
		for _, s := range provider {
			if owner := ownerColumn(s, central); owner != "" {
				if err := copyOut(ctx, tx, "central."+s.Table, s.Columns, s.selecting("central", omit, owner+" = '"+t.ID.String()+"'"), to); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// ownerColumn is by what a table of the provider's names a shop, when it is wanted.
func ownerColumn(s shape, wanted []string) string {
	for _, table := range wanted {
		if table == s.Table {
			for _, column := range s.Columns {
				if column == "tenant_id" {
					return column
				}
			}
		}
	}
	return ""
}

func (o Omit) leaves(table string) bool {
	for _, name := range o.Tables {
		if name == table {
			return true
		}
	}
	return false
}

// shape is a table with its columns in their order, and the key that orders its rows.
type shape struct {
	Table   string   `db:"table"`
	Columns []string `db:"columns"`
	Key     []string `db:"key"`
}

func shapes(ctx context.Context, tx pgx.Tx, schema string) ([]shape, error) {
	return List[shape](ctx, CentralTx{transaction{tx: tx}}, `-- shapes of tables
		select c.relname as table,
		       (select array_agg(a.attname::text order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
		       coalesce((select array_agg(a.attname::text order by k.n) from pg_index i, unnest(i.indkey::int[]) with ordinality k(att, n), pg_attribute a
		                 where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid and a.attnum = k.att), '{}') as key
		from pg_class c where c.relnamespace = $1::regnamespace and c.relkind = 'r' order by c.relname`, schema)
}

func (s shape) selecting(schema string, omit Omit, only string) string {
	chosen := make([]string, len(s.Columns))
	for n, column := range s.Columns {
		name := pgx.Identifier{column}.Sanitize()
		chosen[n] = name
		if instead, ok := omit.Columns[s.Table+"."+column]; ok {
			chosen[n] = instead + " as " + name
		}
	}
	sql := "select " + strings.Join(chosen, ", ") + " from " + pgx.Identifier{schema, s.Table}.Sanitize() + " x"
	var where []string
	if only != "" {
		where = append(where, only)
	}
	if kept, ok := omit.Rows[s.Table]; ok {
		where = append(where, kept)
	}
	if len(where) > 0 {
		sql += " where " + strings.Join(where, " and ")
	}
	key := "x::text"
	if len(s.Key) > 0 {
		names := make([]string, len(s.Key))
		for n, column := range s.Key {
			names[n] = pgx.Identifier{column}.Sanitize()
		}
		key = strings.Join(names, ", ")
	}
	return sql + " order by " + key
}

func copyOut(ctx context.Context, tx pgx.Tx, table string, columns []string, sql string, to Lines) error {
	w, err := to(table, columns)
	if err != nil {
		return err
	}
	if _, err := tx.Conn().PgConn().CopyTo(ctx, w, "copy ("+sql+") to stdout with (format csv, header true)"); err != nil {
		_ = w.Close()
		return fault(ctx, "copy "+table, err)
	}
	return w.Close()
}

// Returning is a shop that comes from another installation, or from the past.
type Returning struct {
	ID     uuid.UUID
	New    NewTenant
	Tables []Arriving // of the shop's schema
	Omit   Omit       // as its snapshot was made
	// Check compares what was loaded, read again as in a snapshot, with what should be
	// there; an error undoes everything.
	Check Lines
	// Settle ends what cannot go on here: statements in the shop's schema.
	Settle []string
	Due    []DueRow
}

// Arriving is one table's rows as CSV with a header line.
type Arriving struct {
	Table   string
	Columns []string
	Open    func() (io.ReadCloser, error)
}

// DueRow is something that the shop is to be told later.
type DueRow struct {
	Kind, Key, DueAt, Payload string
}
