package web

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// desktops puts customers' desktops into the states that pages show, as the
// reconciler does when the desktop host tells of them.
type desktops struct {
	*world
	shop  tenants.Tenant
	meter *metering.Service
}

func desksIn(w *world, shop tenants.Tenant) desktops {
	return desktops{world: w, shop: shop, meter: metering.NewService(slog.New(slog.NewTextHandler(io.Discard, nil)))}
}

// do runs fn in a transaction of the shop.
func (d desktops) do(fn func(ctx context.Context, tx tenants.Tx) error) {
	d.t.Helper()
	ctx := context.Background()
	if err := d.deps.DB.In(ctx, d.shop, func(tx tenants.Tx) error { return fn(ctx, tx) }); err != nil {
		d.t.Fatal(err)
	}
}

func (d desktops) exec(sql string, args ...any) {
	d.t.Helper()
	d.do(func(ctx context.Context, tx tenants.Tx) error {
		_, err := tx.Exec(ctx, "-- test\n"+sql, args...)
		return err
	})
}

// credit gives a customer money to spend.
func (d desktops) credit(user accounts.User, amount string) {
	d.t.Helper()
	if err := d.deps.Ledger.Grant(context.Background(), d.shop, "test", user.ID, decimal.RequireFromString(amount), "test", ""); err != nil {
		d.t.Fatal(err)
	}
}

// price sets what an hour of a plan costs from now on.
func (d desktops) price(plan, amount string) {
	d.t.Helper()
	rate := decimal.RequireFromString(amount)
	if _, err := d.deps.Billing.SetPlan(context.Background(), d.shop, billing.PlanChange{Type: plan, PricePerHour: &rate, Actor: "test"}); err != nil {
		d.t.Fatal(err)
	}
}

// order orders a desktop that is then getting ready.
func (d desktops) order(user accounts.User, plan string) workspaces.Workspace {
	d.t.Helper()
	w, err := d.deps.Workspaces.Order(context.Background(), d.shop, workspaces.Order{UserID: user.ID, PlanType: plan, StartedBy: metering.ByCustomer})
	if err != nil {
		d.t.Fatal(err)
	}
	return w
}

// runs makes a desktop run since a time, with every block charged that began
// before the last proof.
func (d desktops) runs(w workspaces.Workspace, since, proved time.Time) {
	d.t.Helper()
	d.do(func(ctx context.Context, tx tenants.Tx) error {
		if err := observe(ctx, tx, w.ID, "running", "running", since); err != nil {
			return err
		}
		opening := metering.Opening{WorkspaceID: w.ID, UserID: w.UserID, PlanID: w.PlanID, Run: 1, DesktopID: "d-" + w.ID.String(), StartedBy: metering.ByCustomer}
		if _, err := d.meter.Open(ctx, tx, opening, since); err != nil {
			return err
		}
		return d.meter.Prove(ctx, tx, []uuid.UUID{w.ID}, proved)
	})
}

func observe(ctx context.Context, tx tenants.Tx, id uuid.UUID, status, observed string, at time.Time) error {
	_, err := tx.Exec(ctx, `-- test: what a desktop was seen as
update kasm_workspaces set status = $2, observed_state = $3, desired_state = case when $2 = 'running' then 'running' else 'stopped' end,
    provisioned_at = coalesce(provisioned_at, $4), last_started_at = $4, deadline_at = null where id = $1`, id, status, observed, at)
	return err
}

// stops ends the run of a desktop.
func (d desktops) stops(w workspaces.Workspace, at time.Time) {
	d.t.Helper()
	d.do(func(ctx context.Context, tx tenants.Tx) error {
		if _, err := d.meter.Close(ctx, tx, w.ID, at, metering.ByCustomer); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `-- test: a desktop that stopped
update kasm_workspaces set status = 'stopped', desired_state = 'stopped', observed_state = 'stopped', last_stopped_at = $2 where id = $1`, w.ID, at)
		return err
	})
}

// ran is a whole session of the past.
func (d desktops) ran(w workspaces.Workspace, from time.Time, length time.Duration) {
	d.t.Helper()
	d.runs(w, from, from.Add(time.Second))
	d.stops(w, from.Add(length))
}

// fails leaves a desktop that never came.
func (d desktops) fails(w workspaces.Workspace, sentence string) {
	d.t.Helper()
	d.exec(`update kasm_workspaces set status = 'failed', desired_state = 'stopped', failure = $2, failure_code = 'no_capacity' where id = $1`, w.ID, sentence)
}

// bill closes the month that ends at a time.
func (d desktops) bill(edge time.Time) []billing.Invoice {
	d.t.Helper()
	made, err := d.deps.Billing.CloseCycle(context.Background(), d.shop, edge)
	if err != nil {
		d.t.Fatal(err)
	}
	return made
}

// ada is a customer with credit, signed in at the shop.
func (w *world) ada(t testing.TB) (desktops, accounts.User, *browser) {
	t.Helper()
	d := desksIn(w, w.a)
	user := w.person(w.a, "ada@example.com", accounts.Customer)
	d.credit(user, "20.00")
	return d, user, w.at(w.a).signIn("", "ada@example.com")
}

func at(hour, minute int) time.Time {
	return time.Date(noon.Year(), noon.Month(), noon.Day(), hour, minute, 0, 0, time.UTC)
}

// withLog keeps what is logged.
func withLog(to io.Writer) func(*Deps) {
	return func(d *Deps) { d.Log = slog.New(slog.NewTextHandler(to, nil)) }
}
