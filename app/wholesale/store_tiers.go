package wholesale

import (
	"context"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// TierUse is a tier with how many resellers are in it.
type TierUse struct {
	Tier
	Resellers int `db:"resellers"`
}

// TierUsesQ lists the tiers with their resellers, those that are closed left out.
func TierUsesQ(dst *[]TierUse) tenants.Query {
	return tenants.ListQ(dst, `-- wholesale.tierUses
		select r.id, r.name, r.monthly_fee as fee, r.wholesale_discount_percent as discount, r.commission_percent as commission,
			(select count(*) from central.tenant_billing b join central.tenants t on t.id = b.tenant_id where b.plan_id = r.id and t.status <> 'closed')::int as resellers
		from central.reseller_tiers r order by r.monthly_fee, r.id`)
}

func insertTier(ctx context.Context, tx tenants.CentralTx, t Tier) error {
	_, err := tx.Exec(ctx, `-- wholesale.insertTier
		insert into central.reseller_tiers (id, name, monthly_fee, wholesale_discount_percent, commission_percent) values ($1, $2, $3, $4, $5)`,
		t.ID, t.Name, t.Fee, t.Discount, t.Commission)
	return err
}

func updateTier(ctx context.Context, tx tenants.CentralTx, t Tier) error {
	n, err := tx.Exec(ctx, `-- wholesale.updateTier
		update central.reseller_tiers set name = $2, monthly_fee = $3, wholesale_discount_percent = $4, commission_percent = $5 where id = $1`,
		t.ID, t.Name, t.Fee, t.Discount, t.Commission)
	if err == nil && n == 0 {
		err = fail.Missing("tier")
	}
	return err
}

func deleteTier(ctx context.Context, tx tenants.CentralTx, id string) error {
	n, err := tx.Exec(ctx, `-- wholesale.deleteTier
		delete from central.reseller_tiers where id = $1`, id)
	if err == nil && n == 0 {
		err = fail.Missing("tier")
	}
	return err
}
