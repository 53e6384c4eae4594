package billing

import (
	"context"

	"github.com/ezscale/ezscale/tenants"
)

// TaxesQ reads the rates in force, the countries before everywhere else.
func TaxesQ(dst *[]TaxRate) tenants.Query {
	return tenants.ListQ(dst, `-- billing.TaxesQ
		select name, tax_class, country, percent, inclusive from tax_rates where status = 'active' order by country = '', country, tax_class`)
}

// lockTaxes lets one change of the rates happen at a time.
func lockTaxes(ctx context.Context, tx tenants.Tx) error { return tx.Lock(ctx, "taxes") }

func retireTax(ctx context.Context, tx tenants.Tx, country, class string) error {
	_, err := tx.Exec(ctx, `-- billing.retireTax
		update tax_rates set status = 'retired' where country = $1 and tax_class = $2 and status = 'active'`, country, class)
	return err
}

func insertTax(ctx context.Context, tx tenants.Tx, r TaxRate) error {
	_, err := tx.Exec(ctx, `-- billing.insertTax
		insert into tax_rates (name, tax_class, country, percent, inclusive) values ($1, $2, $3, $4, $5)`, r.Name, r.Class, r.Country, r.Percent, r.Inclusive)
	return err
}
