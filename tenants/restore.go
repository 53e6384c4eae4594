package tenants

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ezscale/ezscale/app/fail"
)

// Restore makes a shop of what a snapshot has of it, with the same ids, or nothing at
// all. Only its own schema and its own rows at the provider are written. Triggers do
// not run while rows are loaded, since what they would do is in the rows; foreign keys
// and all other constraints hold. Errors: Conflict when the id, the slug or the schema
// exist here; Invalid for a table or a column that is not known here.
func (db *DB) Restore(ctx context.Context, r Returning) (Tenant, error) {
	n, err := db.checked(r.New)
	if err != nil {
		return Tenant{}, err
	}
	conn, err := db.admin.Acquire(ctx)
	if err != nil {
		return Tenant{}, fault(ctx, "acquire a connection", err)
	}
	defer conn.Release()
	var row tenantRow
	err = transact(ctx, conn, "begin; set local search_path to central, pg_temp; "+textual, func(tx pgx.Tx) error {
		row, err = db.restore(ctx, tx, n, r)
		return err
	})
	if err != nil {
		return Tenant{}, err
	}
	return db.registry.put(row, nil), nil
}

func (db *DB) restore(ctx context.Context, tx pgx.Tx, n NewTenant, r Returning) (row tenantRow, err error) {
	central := CentralTx{transaction{tx, db.cfg.Now()}}
	if err := lockSlug(ctx, central, n.Slug); err != nil {
		return row, err
	}
	taken, err := Get[bool](ctx, central, "answer", `-- shop is here
		select exists (select from central.tenants where id = $1 or slug = $2)`, r.ID, n.Slug)
	if err != nil {
		return row, err
	}
	if taken {
		return row, fail.New(fail.Conflict, "This shop, or one with the same short name, is here already; nothing was changed.")
	}
	n.id = r.ID
	if row, err = db.insertTenant(ctx, central, n); err != nil {
		return row, err
	}
	if err := db.buildSchema(ctx, tx, row.SchemaName); err != nil {
		return row, err
	}
	if err := db.load(ctx, tx, row.SchemaName, r); err != nil {
		return row, err
	}
	return row, restoreCentral(ctx, central, row, r)
}

func (db *DB) load(ctx context.Context, tx pgx.Tx, schema string, r Returning) error {
	tables, err := shapes(ctx, tx, schema)
	if err != nil {
		return err
	}
	known := map[string]shape{}
	for _, s := range tables {
		known[s.Table] = s
	}
	for _, a := range r.Tables {
		if s, ok := known[a.Table]; !ok || r.Omit.leaves(a.Table) || !slices.Equal(s.Columns, a.Columns) {
			return fail.New(fail.Invalid, "The file has a table %q that is not known here, or not in this form. Was it made by another version?", a.Table)
		}
	}
	order, err := parentsFirst(ctx, tx, schema)
	if err != nil {
		return err
	}
	if err := eachTable(ctx, tx, schema, order, "disable trigger user"); err != nil {
		return err
	}
	for _, name := range order {
		for _, a := range r.Tables {
			if a.Table == name {
				if err := copyIn(ctx, tx, schema, a); err != nil {
					return err
				}
			}
		}
	}
	if err := execute(ctx, tx, fmt.Sprintf(sequencesSQL, schema)); err != nil {
		return fmt.Errorf("set the sequences: %w", err)
	}
	for _, s := range tables {
		if slices.ContainsFunc(r.Tables, func(a Arriving) bool { return a.Table == s.Table }) {
			if err := copyOut(ctx, tx, s.Table, s.Columns, s.selecting(schema, r.Omit, ""), r.Check); err != nil {
				return err
			}
		}
	}
	if err := settleIn(ctx, tx, schema, r.Settle); err != nil {
		return err
	}
	return eachTable(ctx, tx, schema, order, "enable trigger user")
}

// settleIn ends what cannot go on. Constraints that wait for the end are looked at
// then: a table with such checks pending cannot be changed.
func settleIn(ctx context.Context, tx pgx.Tx, schema string, statements []string) error {
	for _, sql := range statements {
		if err := execute(ctx, tx, "set local search_path to "+schema+", pg_temp; "+sql); err != nil {
			return unsettled(err)
		}
	}
	if err := execute(ctx, tx, "set constraints all immediate; set local search_path to central, pg_temp"); err != nil {
		return refused(err)
	}
	return nil
}

func eachTable(ctx context.Context, tx pgx.Tx, schema string, tables []string, alteration string) error {
	for _, name := range tables {
		if err := execute(ctx, tx, "alter table "+pgx.Identifier{schema, name}.Sanitize()+" "+alteration); err != nil {
			return fmt.Errorf("alter %s: %w", name, err)
		}
	}
	return nil
}

func execute(ctx context.Context, tx pgx.Tx, sql string) error {
	_, err := tx.Conn().PgConn().Exec(ctx, sql).ReadAll()
	return err
}

func copyIn(ctx context.Context, tx pgx.Tx, schema string, a Arriving) error {
	in, err := a.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	names := make([]string, len(a.Columns))
	for n, column := range a.Columns {
		names[n] = pgx.Identifier{column}.Sanitize()
	}
	sql := "copy " + pgx.Identifier{schema, a.Table}.Sanitize() + " (" + strings.Join(names, ", ") + ") from stdin with (format csv, header match)"
	if _, err := tx.Conn().PgConn().CopyFrom(ctx, in, sql); err != nil {
		return refused(err)
	}
	return nil
}

// refused words what the database does not take: rows come from a file.
func refused(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23")) {
		return fail.New(fail.Invalid, "The file's rows do not fit: %s (%s). Nothing was changed.", pg.Message, pg.TableName)
	}
	return err
}

// unsettled words what a statement of Settle raises.
func unsettled(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23514" {
		return fail.New(fail.Conflict, "%s", pg.Message)
	}
	return fmt.Errorf("settle: %w", err)
}

// parentsFirst orders the tables so that what is referred to comes before.
func parentsFirst(ctx context.Context, tx pgx.Tx, schema string) ([]string, error) {
	type arrow struct {
		Child  string `db:"child"`
		Parent string `db:"parent"`
	}
	q := CentralTx{transaction{tx: tx}}
	tables, err := shapes(ctx, tx, schema)
	if err != nil {
		return nil, err
	}
	arrows, err := List[arrow](ctx, q, `-- foreign keys
		select c.relname as child, p.relname as parent from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class p on p.oid = k.confrelid
		where k.contype = 'f' and k.connamespace = $1::regnamespace and k.confrelid <> k.conrelid and p.relnamespace = c.relnamespace`, schema)
	if err != nil {
		return nil, err
	}
	var order []string
	for len(order) < len(tables) {
		before := len(order)
		for _, s := range tables {
			waits := slices.ContainsFunc(arrows, func(a arrow) bool { return a.Child == s.Table && !slices.Contains(order, a.Parent) })
			if !waits && !slices.Contains(order, s.Table) {
				order = append(order, s.Table)
			}
		}
		if len(order) == before {
			return nil, errors.New("tables refer to each other in a circle")
		}
	}
	return order, nil
}

// sequencesSQL lets every sequence of a schema go on after the rows that are there.
const sequencesSQL = `do $$ declare s record; begin
for s in select t.relname as tab, a.attname as col, pg_get_serial_sequence(format('%%I.%%I', n.nspname, t.relname), a.attname) as seq
         from pg_class t join pg_namespace n on n.oid = t.relnamespace join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
         where n.nspname = '%[1]s' and t.relkind = 'r' and t.relname <> 'goose_db_version'
           and pg_get_serial_sequence(format('%%I.%%I', n.nspname, t.relname), a.attname) is not null loop
    execute format('select setval(%%L, coalesce((select max(%%I) from %[1]s.%%I), 0) + 1, false)', s.seq, s.col, s.tab);
end loop; end $$`

func restoreCentral(ctx context.Context, tx CentralTx, row tenantRow, r Returning) error {
	for _, d := range r.Due {
		if _, err := tx.Exec(ctx, `-- restore due
			insert into central.due (schema_name, tenant_id, kind, key, due_at, payload) values ($1, $2, $3, $4, $5::text::timestamptz, $6::text::jsonb) on conflict do nothing`,
			row.SchemaName, row.ID, d.Kind, d.Key, d.DueAt, d.Payload); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf(`-- restore logins
		insert into central.reseller_logins (email, tenant_id, user_id) select email, $1, id from %s.users where role in ('owner', 'staff') and status = 'active' on conflict do nothing`, row.SchemaName), row.ID); err != nil {
		return err
	}
	return auditBy(ctx, tx, "import", row.ID, "tenant.imported", map[string]string{"slug": row.Slug})
}

func (n NewTenant) idOrNew() uuid.UUID {
	if n.id == uuid.Nil {
		return uuid.New()
	}
	return n.id
}
