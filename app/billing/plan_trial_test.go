package billing_test

import (
	"testing"

	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/fail"
)

func TestSetPlanByTheMonthR25(t *testing.T) {
	t.Parallel()
	b := setup(t, "UTC", "USD", "2026-09-01T00:00:00Z")
	price, hour, trial, hours, block, long := dec("30"), dec("0.25"), 7, 10, 600, 366
	p, err := b.SetPlan(t.Context(), b.shop, billing.PlanChange{Type: "business_basic", Price: &price, PricePerHour: &hour, TrialDays: &trial, IncludedHours: &hours, BlockSeconds: &block, Actor: "owner"})
	if err != nil || p.TrialDays != 7 || p.IncludedHours != 10 || !p.Price.Equal(price) {
		t.Errorf("got %+v, %v", p, err)
	}
	if p, err = b.SetPlan(t.Context(), b.shop, billing.PlanChange{Type: "business_basic", PricePerHour: &hour}); err != nil || p.TrialDays != 7 {
		t.Errorf("got %+v, %v", p, err)
	}
	if _, err = b.SetPlan(t.Context(), b.shop, billing.PlanChange{Type: "business_basic", TrialDays: &long}); !fail.Is(err, fail.Invalid) {
		t.Errorf("a trial of %d days passes: %v", long, err)
	}
}
