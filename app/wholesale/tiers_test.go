package wholesale

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func TestTiersAreMadeChangedAndRemoved(t *testing.T) {
	t.Parallel()
	db, shop := tenanttest.New(t)
	s := New(Config{DB: db})
	tier := Tier{ID: "t-" + uuid.NewString()[:8], Name: "Partner", Fee: decimal.RequireFromString("25"), Discount: decimal.RequireFromString("50"), Commission: decimal.RequireFromString("5")}
	if err := s.AddTier(t.Context(), "op", tier); err != nil {
		t.Fatal(err)
	}
	var refused *fail.Error
	if err := s.AddTier(t.Context(), "op", tier); !errors.As(err, &refused) || refused.Fields["id"] == "" {
		t.Errorf("the same tier twice: %v", err)
	}
	if _, err := s.Agree(t.Context(), "op", shop, Change{Tier: &tier.ID}); err != nil {
		t.Fatal(err)
	}
	rate := func() string {
		fresh, _ := db.Registry().ByID(shop.ID)
		rate, _ := fresh.WholesaleRate("business_basic")
		return rate.String()
	}
	if got := rate(); got != "0.06" {
		t.Errorf("half off 0.12 is %s", got)
	}
	tier.Discount, tier.Name = decimal.RequireFromString("25"), "Partners"
	if err := s.SetTier(t.Context(), "op", tier); err != nil || rate() != "0.09" {
		t.Errorf("a quarter off 0.12 is %s, %v", rate(), err)
	}
	if err := s.RemoveTier(t.Context(), "op", tier.ID); !fail.Is(err, fail.Conflict) || !strings.Contains(err.Error(), "resellers in this tier") {
		t.Errorf("a tier in use is removed: %v", err)
	}
	basic := "basic"
	if _, err := s.Agree(t.Context(), "op", shop, Change{Tier: &basic}); err != nil {
		t.Fatal(err)
	}
	var uses []TierUse
	if err := db.CentralRead(t.Context(), TierUsesQ(&uses)); err != nil || len(uses) < 4 {
		t.Errorf("got %v, %v", uses, err)
	}
	if err := s.RemoveTier(t.Context(), "op", tier.ID); err != nil {
		t.Error(err)
	}
	if err := s.SetTier(t.Context(), "op", tier); !fail.Is(err, fail.NotFound) {
		t.Errorf("got %v", err)
	}
	for field, wrong := range map[string]Tier{"id": {ID: "A", Name: "x"}, "name": {ID: "abc"}, "fee": {ID: "abc", Name: "x", Fee: decimal.NewFromInt(-1)},
		"discount": {ID: "abc", Name: "x", Discount: decimal.NewFromInt(101)}, "commission": {ID: "abc", Name: "x", Commission: decimal.NewFromInt(-1)}} {
		if err := s.AddTier(t.Context(), "op", wrong); !errors.As(err, &refused) || refused.Fields[field] == "" {
			t.Errorf("%s: got %v", field, err)
		}
	}
}
