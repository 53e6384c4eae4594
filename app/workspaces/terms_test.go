package workspaces_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

// terms bills by the month and remembers what it was told.
type terms struct {
	mu     sync.Mutex
	refuse bool
	told   []string
}

func (t *terms) note(what string, service uuid.UUID) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refuse {
		return fail.Coded(fail.PaymentRequired, "payment_required", "The rest of this month costs more than there is.")
	}
	t.told = append(t.told, what+" "+service.String())
	return nil
}

func (t *terms) Ordered(_ context.Context, _ tenants.Tx, _, service, _ uuid.UUID) error {
	return t.note("ordered", service)
}

func (t *terms) Destroyed(_ context.Context, _ tenants.Tx, service uuid.UUID) error {
	return t.note("destroyed", service)
}

// TestOrdersBeginAndEndMonthlyPricesR25: the order and the end of a service are told
// in their transactions, and a refusal leaves nothing behind.
func TestOrdersBeginAndEndMonthlyPricesR25(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	by := &terms{refuse: true}
	w.service.Terms = by
	if _, err := w.service.Order(w.ctx, w.shop, workspaces.Order{UserID: w.user, PlanType: "developer_basic", StartedBy: "customer"}); !fail.Is(err, fail.PaymentRequired) {
		t.Fatalf("want 402, got %v", err)
	}
	var left int64
	if err := w.db.Read(w.ctx, w.shop, tenants.GetQ(&left, "count", `select (select count(*) from services) + (select count(*) from kasm_workspaces)`)); err != nil || left != 0 {
		t.Errorf("a refused order left %d rows, %v", left, err)
	}
	by.refuse = false
	desk, err := w.service.Order(w.ctx, w.shop, workspaces.Order{UserID: w.user, PlanType: "developer_basic", StartedBy: "customer"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := w.service.Destroy(w.ctx, w.shop, workspaces.Who{UserID: w.user}, desk.ID, "customer"); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"ordered " + desk.ServiceID.String(), "destroyed " + desk.ServiceID.String()}; !slices.Equal(by.told, want) {
		t.Errorf("want %v, got %v", want, by.told)
	}
}
