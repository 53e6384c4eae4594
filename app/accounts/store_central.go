package accounts

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// tries is how full a bucket is.
type tries struct {
	Bucket    string
	Count     int
	ExpiresAt time.Time
}

// countTries adds one try to each bucket; a bucket whose window is over starts
// anew. Afterwards it clears some windows that ended a day ago, stepping around
// those that another transaction holds, so that the table needs no sweeper.
func countTries(ctx context.Context, tx tenants.CentralTx, buckets []bucket, now time.Time) ([]tries, error) {
	var counts []tries
	for _, b := range buckets {
		c, err := tenants.Get[tries](ctx, tx, "attempt", `-- count a try
			insert into central.attempts as a (bucket, count, expires_at) values ($1, 1, $3)
			on conflict (bucket) do update set
				count      = case when a.expires_at <= $2 then 1 else least(a.count, 1000000) + 1 end,
				expires_at = case when a.expires_at <= $2 then excluded.expires_at else a.expires_at end
			returning a.bucket, a.count, a.expires_at`, b.name, now, now.Add(b.window))
		if err != nil {
			return nil, err
		}
		counts = append(counts, c)
	}
	_, err := tx.Exec(ctx, `-- clear old tries
		delete from central.attempts where bucket in (
			select bucket from central.attempts where expires_at < $1 order by expires_at limit 20 for update skip locked)`, now.Add(-24*time.Hour))
	return counts, err
}

// forgive takes one try back from the machine and all from the person, locking
// in the order in which tries are counted.
func forgive(ctx context.Context, tx tenants.CentralTx, machine, person string) error {
	if _, err := tx.Exec(ctx, `-- take a try back
		update central.attempts set count = greatest(count - 1, 0) where bucket = $1`, machine); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `-- forgive tries
		delete from central.attempts where bucket = $1`, person)
	return err
}

func loginsQ(dst *[]uuid.UUID, email string) tenants.Query {
	return tenants.ListQ(dst, `-- shops of a reseller's person
		select tenant_id from central.reseller_logins where email = $1 order by tenant_id limit 20`, email)
}

func insertLogin(ctx context.Context, tx tenants.CentralTx, email string, tenant, user uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- insert reseller login
		insert into central.reseller_logins (email, tenant_id, user_id) values ($1, $2, $3)
		on conflict (email, tenant_id) do update set user_id = excluded.user_id`, email, tenant, user)
	return err
}

func deleteLogin(ctx context.Context, tx tenants.CentralTx, email string, tenant uuid.UUID) error {
	_, err := tx.Exec(ctx, `-- delete reseller login
		delete from central.reseller_logins where email = $1 and tenant_id = $2`, email, tenant)
	return err
}

const operatorColumns = `id, email, name, session_epoch, created_at`

type operatorRow struct {
	Operator
	PasswordHash string
}

func operatorByEmailQ(dst *operatorRow, found *bool, email string) tenants.Query {
	return tenants.FindQ(dst, found, `-- operator by email
		select `+operatorColumns+`, password_hash from central.operators where email = $1`, email)
}

// OperatorFindQ asks for one operator as a part of a CentralRead.
func OperatorFindQ(dst *Operator, found *bool, id uuid.UUID) tenants.Query {
	return tenants.FindQ(dst, found, `-- operator by id
		select `+operatorColumns+` from central.operators where id = $1`, id)
}

func operatorsQ(dst *[]Operator) tenants.Query {
	return tenants.ListQ(dst, `-- operators
		select `+operatorColumns+` from central.operators order by email`)
}

func insertOperator(ctx context.Context, tx tenants.CentralTx, o Operator, hash string) (Operator, error) {
	return tenants.Get[Operator](ctx, tx, "operator", `-- insert operator
		insert into central.operators (email, name, password_hash, created_at) values ($1, $2, $3, $4)
		returning `+operatorColumns, o.Email, o.Name, hash, tx.Now())
}

func setOperatorPassword(ctx context.Context, tx tenants.CentralTx, email, hash string) (Operator, error) {
	return tenants.Get[Operator](ctx, tx, "operator", `-- set operator password
		update central.operators set password_hash = $2, session_epoch = session_epoch + 1 where email = $1
		returning `+operatorColumns, email, hash)
}

// lockOperators holds every operator, so that two removals cannot leave nobody.
func lockOperators(ctx context.Context, tx tenants.CentralTx) ([]uuid.UUID, error) {
	return tenants.List[uuid.UUID](ctx, tx, `-- lock operators
		select id from central.operators order by id for update`)
}

func deleteOperator(ctx context.Context, tx tenants.CentralTx, id uuid.UUID) (Operator, error) {
	return tenants.Get[Operator](ctx, tx, "operator", `-- delete operator
		delete from central.operators where id = $1 returning `+operatorColumns, id)
}
