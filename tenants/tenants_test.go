package tenants_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func TestNewTenantHasPlansAndTemplates(t *testing.T) {
	t.Parallel()
	db, shop := tenanttest.New(t)
	var plans []struct {
		ServiceType  string
		PricePerHour decimal.Decimal
	}
	var templates []string
	var at time.Time
	err := db.Read(t.Context(), shop,
		tenants.ListQ(&plans, `select service_type, price_per_hour from plans order by sort_order`),
		tenants.ListQ(&templates, `select name from kasm_workspace_templates order by sort_order`),
		tenants.GetQ(&at, "time", `select now()`))
	if err != nil {
		t.Fatal(err)
	}
	if len(plans) != 6 || plans[0].ServiceType != "developer_basic" || !plans[0].PricePerHour.Equal(decimal.RequireFromString("0.15")) {
		t.Errorf("plans: %v", plans)
	}
	if len(templates) != 6 || templates[0] != "Ubuntu with VS Code" {
		t.Errorf("templates: %v", templates)
	}
	rate, ok := shop.WholesaleRate("developer_basic")
	if !ok || rate.String() != "0.09" {
		t.Errorf("wholesale rate %v %v", rate, ok)
	}
	err = db.In(t.Context(), shop, func(tx tenants.Tx) error {
		_, err := tenants.Get[uuid.UUID](context.Background(), tx, "plan", `select id from plans where service_type = $1`, "business_pro")
		return err
	})
	if err != nil {
		t.Error(err)
	}
	found, central, ok := db.Registry().ByHost(shop.Slug + ".ezscale.test:8080")
	if !ok || central || found.ID != shop.ID {
		t.Errorf("by host: %v %v %v", found.Slug, central, ok)
	}
}
