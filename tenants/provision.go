package tenants

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/text/currency"

	"github.com/ezscale/ezscale/app/fail"
)

// NewTenant is what a new shop begins with. Name and Email are needed.
type NewTenant struct {
	Name           string
	Email          string // the owner's
	OwnerName      string
	Slug           string // made from Name when empty; never changes
	Domain         string // a domain of the shop's own, may be empty
	DomainVerified bool   // the domain's owner is known already
	TimeZone       string // UTC when empty
	Currency       string // USD when empty
	TrialDays      int    // 0 is no trial
	House          bool   // the provider's own shop
	Branding       Branding

	id uuid.UUID // of a shop that was elsewhere; a new one when it is nil
}

// Inside makes the first people of a new shop, in the transaction that creates
// it, with the shop's own rights. It answers with the owner's user id, so that the
// owner can be found at sign-in on the central domain; uuid.Nil makes no sign-in.
type Inside func(ctx context.Context, tx Tx) (owner uuid.UUID, err error)

// Create makes a shop in one transaction: role, schema, all migrations, what it
// begins with, its central rows, and what inside does (inside may be nil). When
// the slug is taken by the same owner it changes nothing and created is false.
// What was typed wrong comes back as fail.Invalid, field by field.
func (db *DB) Create(ctx context.Context, n NewTenant, inside Inside) (t Tenant, created bool, err error) {
	if nested() {
		return Tenant{}, false, errors.New("a tenant cannot be created inside another transaction")
	}
	if n, err = db.checked(n); err != nil {
		return Tenant{}, false, err
	}
	conn, err := db.admin.Acquire(ctx)
	if err != nil {
		return Tenant{}, false, fault(ctx, "acquire a connection", err)
	}
	defer conn.Release()
	var row tenantRow
	for try := 0; ; try++ {
		err = transact(ctx, conn, "begin; set local search_path to central, pg_temp", func(tx pgx.Tx) error {
			row, created, err = db.create(ctx, tx, n, inside)
			return err
		})
		if try == 5 || !collided(err) {
			break
		}
		if err := pause(ctx, backoff(20*time.Millisecond, try)); err != nil {
			return Tenant{}, false, err
		}
	}
	if err != nil {
		return Tenant{}, false, err
	}
	if !created {
		if err := db.registry.Refresh(ctx); err != nil {
			return Tenant{}, false, err
		}
		t, _ = db.registry.ByID(row.ID)
		return t, false, nil
	}
	return db.registry.put(row, n.verifiedDomains()), true, nil
}

func (n NewTenant) verifiedDomains() []domainRow {
	if n.Domain == "" || !n.DomainVerified {
		return nil
	}
	return []domainRow{{Domain: n.Domain, Type: "primary"}}
}

// checked tidies what was typed and says everything that is wrong with it.
func (db *DB) checked(n NewTenant) (NewTenant, error) {
	wrong := fail.Fields{}
	n.Name = strings.TrimSpace(n.Name)
	if count := utf8.RuneCountInString(n.Name); count == 0 || count > 120 {
		wrong.Add("name", "Give the shop a name of up to 120 letters.")
	}
	n.Email = strings.ToLower(strings.TrimSpace(n.Email))
	if addr, err := mail.ParseAddress(n.Email); err != nil || addr.Address != n.Email || len(n.Email) > 254 {
		wrong.Add("email", "This is not an e-mail address.")
	}
	n.OwnerName = strings.TrimSpace(n.OwnerName)
	n.Slug = cmp.Or(n.Slug, slugOf(n.Name))
	if problem := slugProblem(n.Slug); problem != "" {
		wrong.Add("slug", "%s", problem)
	}
	if n.Domain != "" {
		domain, problem := db.normalDomain(n.Domain)
		if problem != "" {
			wrong.Add("domain", "%s", problem)
		}
		n.Domain = domain
	}
	n.TimeZone = cmp.Or(strings.TrimSpace(n.TimeZone), "UTC")
	if _, err := time.LoadLocation(n.TimeZone); err != nil || n.TimeZone == "Local" {
		wrong.Add("time_zone", "This time zone is not known. Use a name such as Europe/Berlin.")
	}
	n.Currency = strings.ToUpper(cmp.Or(strings.TrimSpace(n.Currency), "USD"))
	if unit, err := currency.ParseISO(n.Currency); err != nil || unit.String() != n.Currency {
		wrong.Add("currency", "This currency is not known. Use its three letters, such as USD or EUR.")
	}
	if n.TrialDays < 0 || n.TrialDays > 365 {
		wrong.Add("trial_days", "A trial lasts up to 365 days.")
	}
	n.Branding.PrimaryColor = cmp.Or(n.Branding.PrimaryColor, defaultPrimary)
	n.Branding.SecondaryColor = cmp.Or(n.Branding.SecondaryColor, defaultSecondary)
	n.Branding.check(wrong)
	return n, wrong.Err()
}

func (db *DB) create(ctx context.Context, tx pgx.Tx, n NewTenant, inside Inside) (row tenantRow, created bool, err error) {
	central := CentralTx{transaction{tx, db.cfg.Now()}}
	if err := lockSlug(ctx, central, n.Slug); err != nil {
		return row, false, err
	}
	old, found, err := Find[tenantRow](ctx, central, tenantsSQL+" where t.slug = $1", n.Slug)
	switch {
	case err != nil:
		return row, false, err
	case found && old.DroppedAt != nil:
		return row, false, fail.Fields{"slug": "A shop that is gone had this short name. Choose another."}.Err()
	case found && old.OwnerEmail == n.Email:
		return old, false, nil
	case found:
		return row, false, fail.Fields{"slug": "Another shop has this short name. Choose another."}.Err()
	}
	if row, err = db.insertTenant(ctx, central, n); err != nil {
		return row, false, err
	}
	if err := db.buildSchema(ctx, tx, row.SchemaName); err != nil {
		return row, false, err
	}
	if err := seed(ctx, tx, n.Currency); err != nil {
		return row, false, fmt.Errorf("seed the shop: %w", err)
	}
	if inside == nil {
		return row, true, nil
	}
	return row, true, db.runInside(ctx, tx, row, n, inside)
}

// buildSchema makes role, schema and tables. The role may be there already: roles
// belong to the whole cluster, and it may have been left by another database.
func (db *DB) buildSchema(ctx context.Context, tx pgx.Tx, schema string) error {
	var b strings.Builder
	fmt.Fprintf(&b, `
do $$ begin
    if not exists (select 1 from pg_roles where rolname = '%[1]s') then
        create role %[1]s nologin inherit in role ezscale_tenant;
        grant %[1]s to ezscale_app;
    end if;
end $$;
set local synchronous_commit = on;
create schema %[1]s;
grant usage on schema %[1]s to %[1]s, ezscale_shared;
set local search_path to %[1]s, pg_temp;
%[2]s;
insert into goose_db_version (version_id, is_applied) values (0, true);
`, schema, gooseTable)
	for _, m := range db.tenant {
		fmt.Fprintf(&b, "%s;\ninsert into goose_db_version (version_id, is_applied) values (%d, true);\n", strings.TrimRight(m.up, "; \n\t"), m.version)
	}
	if _, err := tx.Conn().PgConn().Exec(ctx, b.String()).ReadAll(); err != nil {
		return fmt.Errorf("build schema %s: %w", schema, err)
	}
	return nil
}

// gooseTable is how goose makes its own table, so that goose can go on by hand.
const gooseTable = `create table goose_db_version (
	id integer primary key generated by default as identity,
	version_id bigint not null,
	is_applied boolean not null,
	tstamp timestamp not null default now()
)`

// runInside hands the transaction on with the tenant's rights, and takes them
// back to write where the owner is found at sign-in.
func (db *DB) runInside(ctx context.Context, tx pgx.Tx, row tenantRow, n NewTenant, inside Inside) error {
	snap := db.registry.list.Load()
	t := row.tenant(db.domain, n.verifiedDomains(), zones{})
	t.catalog = snap.catalog
	if _, err := tx.Exec(ctx, "set local role "+db.roleOf(t)); err != nil {
		return fmt.Errorf("take on the shop's role: %w", err)
	}
	owner, err := inside(ctx, Tx{transaction{tx, db.cfg.Now()}, t})
	if err != nil {
		return err
	}
	if _, err := tx.Conn().PgConn().Exec(ctx, "set local role none; set local search_path to central, pg_temp").ReadAll(); err != nil {
		return fmt.Errorf("give the shop's role back: %w", err)
	}
	if owner == uuid.Nil {
		return nil
	}
	const sql = `-- insert reseller login
		insert into central.reseller_logins (email, tenant_id, user_id) values ($1, $2, $3)
		on conflict (email, tenant_id) do update set user_id = excluded.user_id`
	_, err = CentralTx{transaction{tx, db.cfg.Now()}}.Exec(ctx, sql, n.Email, row.ID, owner)
	return err
}
