package tenants

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
)

// The causes of a suspension: what caused it decides what ends it.
const (
	ForOperator = "operator" // somebody of the provider decided it
	ForUnpaid   = "unpaid"   // a wholesale invoice is not paid
	ForTrial    = "trial"    // its trial ended, and it cannot pay
)

// StatusChange is what a shop becomes, and who decided that and why.
type StatusChange struct {
	Status Status
	Actor  string // as the audit log shows it
	Reason string // a sentence for the owner
	Cause  string // of a suspension; empty is ForOperator
}

// Standing is where a shop stands in its life, as read under its lock.
type Standing struct {
	ID           uuid.UUID
	Slug         string
	Status       Status
	House        bool
	SuspendedFor string
	TrialEndsAt  *time.Time
	ClosedAt     *time.Time
	ReleasedAt   *time.Time
	DroppedAt    *time.Time
}

// LockStanding reads where a shop stands and keeps it so until the transaction
// ends; fail.NotFound when there is no such shop.
func LockStanding(ctx context.Context, tx CentralTx, id uuid.UUID) (Standing, error) {
	return Get[Standing](ctx, tx, "shop", `-- lock tenant
		select id, slug, status, house, coalesce(suspended_for, '') as suspended_for, trial_ends_at, closed_at, released_at, dropped_at
		from central.tenants where id = $1 for update`, id)
}

// ChangeStatus writes what a shop is from now on, and who decided it. It says what
// the shop was; a shop that is that already is left as it is. A closed shop stays
// closed, and the house never closes: fail.Conflict.
func ChangeStatus(ctx context.Context, tx CentralTx, id uuid.UUID, c StatusChange) (was Standing, changed bool, err error) {
	was, err = LockStanding(ctx, tx, id)
	switch {
	case err != nil || was.Status == c.Status:
		return was, false, err
	case was.Status == Closed:
		return was, false, fail.New(fail.Conflict, "This shop is closed and cannot be opened again.")
	case was.House && !c.Status.Open():
		return was, false, fail.New(fail.Conflict, "The provider's own shop cannot be suspended or closed.")
	}
	if c.Cause == "" {
		c.Cause = ForOperator
	}
	_, err = tx.Exec(ctx, `-- set tenant status
		update central.tenants
		set status = $2::text,
		    suspended_at = case when $2 = 'suspended' then $3::timestamptz end,
		    suspended_reason = case when $2 = 'suspended' then $4::text end,
		    suspended_for = case when $2 = 'suspended' then $5::text end,
		    closed_at = case when $2 = 'closed' then $3::timestamptz end,
		    trial_ends_at = case when status = 'trial' and $2 = 'active' then least(trial_ends_at, $3::timestamptz) else trial_ends_at end
		where id = $1`, id, c.Status, tx.Now(), c.Reason, c.Cause)
	if err != nil {
		return was, false, err
	}
	return was, true, auditBy(ctx, tx, c.Actor, id, "tenant."+string(c.Status), map[string]string{"was": string(was.Status), "reason": c.Reason})
}

// SetStatus is ChangeStatus in a transaction of its own, by the provider. It only
// marks the shop; what follows from that is the business of its life.
func (db *DB) SetStatus(ctx context.Context, id uuid.UUID, status Status, reason string) error {
	err := db.Central(ctx, func(tx CentralTx) error {
		_, _, err := ChangeStatus(ctx, tx, id, StatusChange{Status: status, Actor: "provider", Reason: reason})
		return err
	})
	if err != nil {
		return err
	}
	return db.registry.Refresh(ctx)
}

func auditBy(ctx context.Context, tx CentralTx, actor string, id uuid.UUID, action string, detail map[string]string) error {
	_, err := tx.Exec(ctx, `-- central audit by
		insert into central.audit_log (at, actor, tenant_id, action, detail) values ($1, $2, $3, $4, $5)`, tx.Now(), actor, id, action, detail)
	return err
}
