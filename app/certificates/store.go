package certificates

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// entry is what is kept under a key, without its value.
type entry struct {
	Key      string
	Size     int64
	Modified time.Time
}

func storeValue(ctx context.Context, db *tenants.DB, key string, sealed []byte) error {
	return db.Central(ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(ctx, `-- store certificate value
			insert into central.certificates (key, value, modified_at) values ($1, $2, clock_timestamp())
			on conflict (key) do update set value = excluded.value, modified_at = excluded.modified_at`, key, sealed)
		return err
	})
}

func loadValue(ctx context.Context, db *tenants.DB, key string) (sealed []byte, found bool, err error) {
	err = db.CentralRead(ctx, tenants.FindQ(&sealed, &found, `-- load certificate value
		select value from central.certificates where key = $1`, key))
	return sealed, found, err
}

// deleteValues removes a key and all below it.
func deleteValues(ctx context.Context, db *tenants.DB, key string) error {
	return db.Central(ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(ctx, `-- delete certificate values
			delete from central.certificates where key = $1 or key like $2`, key, below(key))
		return err
	})
}

// entriesBelow lists what lies below a path, or everything for an empty one.
func entriesBelow(ctx context.Context, db *tenants.DB, path string) (list []entry, err error) {
	err = db.CentralRead(ctx, tenants.ListQ(&list, `-- certificate entries
		select key, octet_length(value)::bigint as size, modified_at as modified
		from central.certificates
		where $1 = '' or key like $2
		order by key`, path, below(path)))
	return list, err
}

func findEntry(ctx context.Context, db *tenants.DB, key string) (e entry, found bool, err error) {
	err = db.CentralRead(ctx, tenants.FindQ(&e, &found, `-- certificate entry
		select key, octet_length(value)::bigint as size, modified_at as modified
		from central.certificates where key = $1`, key))
	return e, found, err
}

// below is the pattern of everything under a path; names may hold what a pattern
// gives a meaning to.
func below(path string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(path) + "/%"
}

// takeLease takes a free lease, or one that has run out, by the database's clock.
func takeLease(ctx context.Context, db *tenants.DB, name string, holder uuid.UUID, lease time.Duration) (taken bool, err error) {
	err = db.Central(ctx, func(tx tenants.CentralTx) error {
		n, err := tx.Exec(ctx, `-- take certificate lock
			insert into central.certificate_locks (name, holder, expires_at)
			values ($1, $2, clock_timestamp() + make_interval(secs => $3))
			on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at
			where certificate_locks.expires_at < clock_timestamp()`, name, holder, lease.Seconds())
		taken = n == 1
		return err
	})
	return taken, err
}

// renewLease prolongs a lease; false when another has taken it meanwhile.
func renewLease(ctx context.Context, db *tenants.DB, name string, holder uuid.UUID, lease time.Duration) (kept bool, err error) {
	err = db.Central(ctx, func(tx tenants.CentralTx) error {
		n, err := tx.Exec(ctx, `-- renew certificate lock
			update central.certificate_locks set expires_at = clock_timestamp() + make_interval(secs => $3)
			where name = $1 and holder = $2`, name, holder, lease.Seconds())
		kept = n == 1
		return err
	})
	return kept, err
}

func endLease(ctx context.Context, db *tenants.DB, name string, holder uuid.UUID) error {
	return db.Central(ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(ctx, `-- end certificate lock
			delete from central.certificate_locks where name = $1 and holder = $2`, name, holder)
		return err
	})
}
