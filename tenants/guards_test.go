package tenants_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// books is a shop with one finalised invoice, one charged block and one ledger entry.
func books(t *testing.T) (*tenants.DB, tenants.Tenant) {
	t.Helper()
	db, shop := tenanttest.New(t)
	err := db.In(t.Context(), shop, func(tx tenants.Tx) error {
		user, err := owner(t.Context(), tx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), `with
			service as (insert into services (user_id, plan_id, service_type, created_at) select $1, id, service_type, $2 from plans limit 1 returning id, plan_id),
			desk as (insert into kasm_workspaces (user_id, service_id, plan_id, template_id, workspace_type, template_name, vcpu, ram_mb, desired_state, status, changed_at, created_at)
				select $1, s.id, s.plan_id, t.id, 'developer', t.name, 1, 1, 'running', 'running', $2, $2 from service s, (select id, name from kasm_workspace_templates limit 1) t returning id, plan_id),
			session as (insert into kasm_usage_sessions (kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour, wholesale_cost_per_hour, block_seconds, currency, started_at, last_proof_at, created_at)
				select id, $1, 1, 'd', plan_id, 1, 'p', 's', 0.15, 0.09, 900, 'USD', $2, $2, $2 from desk returning id)
			insert into usage_blocks (session_id, block_no, user_id, starts_at, seconds, rate, wholesale_rate, currency, proof_at, charged_at) select id, 0, $1, $2, 900, 0.15, 0.09, 'USD', $2, $2 from session`, user, tx.Now())
		if err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), `with invoice as (insert into invoices (user_id, period_start, period_end, currency, created_at) values ($1, $2, $2, 'USD', $2) returning id)
			insert into invoice_items (invoice_id, position, description, workspace_type, cost_per_hour, block_seconds, blocks, quantity, exact, amount, currency, period_start, period_end)
			select id, 1, 'd', 'developer', 0.15, 900, 1, 0.25, 0.0375, 0.04, 'USD', $2, $2 from invoice`, user, tx.Now())
		if err != nil {
			return err
		}
		if _, err = tx.Exec(t.Context(), `update invoices set number = 'A-1', status = 'open', finalised_at = $1`, tx.Now()); err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), `with account as (insert into ledger_accounts (user_id, kind, currency, balance) values ($1, 'credit', 'USD', 5) returning id)
			insert into ledger_entries (cause, account_id, amount, created_at) select 'c', id, 5, $2 from account`, user, tx.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return db, shop
}

func TestWhatIsFinalStays(t *testing.T) {
	t.Parallel()
	db, shop := books(t)
	change := func(sql string) error {
		return db.In(t.Context(), shop, func(tx tenants.Tx) error {
			_, err := tx.Exec(t.Context(), sql)
			return err
		})
	}
	for _, sql := range []string{
		`update invoices set total = 1`, `update invoices set number = 'A-2'`, `update invoices set description = 'x'`, `delete from invoices`,
	} {
		if err := change(sql); !tenants.IsRestricted(err) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{
		`update usage_blocks set rate = 0`, `delete from usage_blocks`, `update ledger_entries set amount = 1`, `delete from ledger_entries`, `delete from users`, `truncate invoices`,
	} {
		if err := change(sql); !tenants.IsDenied(err) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{
		`update invoices set status = 'paid', paid_at = now()`,
		`update usage_blocks set invoice_item_id = (select id from invoice_items)`,
	} {
		if err := change(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if err := change(`update usage_blocks set invoice_item_id = null`); !tenants.IsRestricted(err) {
		t.Errorf("a block billed twice: %v", err)
	}
	if err := change(`update ledger_accounts set balance = -1`); !tenants.IsCheck(err, "wallet_floor") {
		t.Error(err)
	}
	// Not even the owner of the tables changes what is final.
	for _, sql := range []string{`update s.usage_blocks set rate = 0`, `delete from s.usage_blocks`, `update s.ledger_entries set amount = 1`, `delete from s.ledger_entries`} {
		if err := db.Owner(t.Context(), strings.Replace(sql, "s.", shop.Schema()+".", 1)); !tenants.IsRestricted(err) {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestConstraintsAreKnownByName(t *testing.T) {
	t.Parallel()
	db, shop := books(t)
	err := db.In(t.Context(), shop, func(tx tenants.Tx) error {
		_, err := owner(t.Context(), tx)
		return err
	})
	if !tenants.IsUnique(err, "users_email") || tenants.IsUnique(err, "other") || tenants.IsExclusion(err, "") {
		t.Error(err)
	}
	err = db.In(t.Context(), shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into kasm_usage_sessions (kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour, wholesale_cost_per_hour, block_seconds, currency, started_at, last_proof_at, stopped_at, created_at)
			select kasm_workspace_id, user_id, 2, 'e', plan_id, 1, 'p', 's', 1, 1, 900, 'USD', $1, $1, $1, $1 from kasm_usage_sessions`, tx.Now().Add(time.Hour))
		return err
	})
	if err != nil {
		t.Errorf("a session without length: %v", err)
	}
	err = db.In(t.Context(), shop, func(tx tenants.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into kasm_usage_sessions (kasm_workspace_id, user_id, run, desktop_id, plan_id, plan_version, plan_name, service_type, cost_per_hour, wholesale_cost_per_hour, block_seconds, currency, started_at, last_proof_at, stopped_at, created_at)
			select kasm_workspace_id, user_id, 3, 'e', plan_id, 1, 'p', 's', 1, 1, 900, 'USD', $1, $1, $2, $1 from kasm_usage_sessions where run = 1`, tx.Now().Add(time.Hour), tx.Now().Add(2*time.Hour))
		return err
	})
	if !tenants.IsExclusion(err, "sessions_do_not_overlap") {
		t.Error(err)
	}
}

func TestRowsAreStrict(t *testing.T) {
	t.Parallel()
	db, shop := tenanttest.New(t)
	type row struct{ Name, Description string }
	err := db.In(t.Context(), shop, func(tx tenants.Tx) error {
		_, missing := tenants.List[row](t.Context(), tx, `select name from plans`)
		_, extra := tenants.List[row](t.Context(), tx, `select name, description, vcpu from plans`)
		_, many := tenants.Get[row](t.Context(), tx, "plan", `select name, description from plans`)
		if missing == nil || extra == nil || many == nil {
			t.Errorf("missing: %v, extra: %v, many: %v", missing, extra, many)
		}
		at, err := tenants.Get[time.Time](t.Context(), tx, "time", `select timestamptz '2026-03-01 12:00+01'`)
		if err != nil || at.Location() != time.UTC || at.Hour() != 11 {
			t.Error(at, err)
		}
		none, found, err := tenants.Find[uuid.UUID](t.Context(), tx, `select id from users`)
		if err != nil || found || none != uuid.Nil {
			t.Error(none, found, err)
		}
		empty, err := tenants.List[*time.Time](t.Context(), tx, `select null::timestamptz`)
		if err != nil || len(empty) != 1 || empty[0] != nil {
			t.Error(empty, err)
		}
		return errors.New("rolled back")
	})
	if err == nil || err.Error() != "rolled back" {
		t.Error(err)
	}
}

func TestSessionStore(t *testing.T) {
	t.Parallel()
	store, token := tenanttest.DB(t).SessionStore(), uuid.NewString()
	if _, found, err := store.FindCtx(t.Context(), token); found || err != nil {
		t.Error(found, err)
	}
	for _, data := range []string{"one", "two"} {
		if err := store.CommitCtx(t.Context(), token, []byte(data), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got, found, err := store.FindCtx(t.Context(), token); string(got) != data || !found || err != nil {
			t.Error(string(got), found, err)
		}
	}
	if err := store.DeleteCtx(t.Context(), token); err != nil {
		t.Error(err)
	}
	if err := store.Commit(token, []byte{}, time.Now().Add(-time.Second)); err != nil {
		t.Error(err)
	}
	if _, found, err := store.Find(token); found || err != nil {
		t.Error("an expired session was found", err)
	}
	if n, err := store.Sweep(t.Context()); n < 1 || err != nil {
		t.Error(n, err)
	}
	if err := store.Delete(token); err != nil {
		t.Error(err)
	}
}
