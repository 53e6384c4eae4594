package payments

import (
	"context"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

func (s *Service) findOwed(ctx context.Context, invoice uuid.UUID) (inv owed, err error) {
	return inv, s.DB.CentralRead(ctx, tenants.GetQ(&inv, "invoice", `-- payments.findOwed
		select id, tenant_id, coalesce(number, '') as number, status, currency, amount_due, coalesce(checkout_id, '') as checkout_id, coalesce(checkout_url, '') as checkout_url,
			coalesce(processor_id, '') as processor_id, payment_epoch as epoch
		from central.wholesale_invoices where id = $1`, invoice))
}

func (s *Service) keepWholesaleCheckout(ctx context.Context, inv owed, opened session) error {
	return s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(ctx, `-- payments.keepWholesaleCheckout
			update central.wholesale_invoices set checkout_id = $2, checkout_url = $3 where id = $1 and status = 'open' and payment_epoch = $4`, inv.ID, opened.ID, opened.URL, inv.Epoch)
		return err
	})
}

// keepWholesaleIntent remembers the payment of an invoice, and its card for the next.
func (s *Service) keepWholesaleIntent(ctx context.Context, inv owed, in intent) error {
	return s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(ctx, `-- payments.keepWholesaleIntent
			update central.wholesale_invoices set processor_id = $2, payment_failure = '' where id = $1 and status = 'open'`, inv.ID, in.ID)
		if err != nil || in.Method == "" || in.Status != "succeeded" {
			return err
		}
		_, err = tx.Exec(ctx, `-- payments.keepWholesaleIntent, the card
			update central.reseller_cards set method_id = $3, updated_at = $4 where tenant_id = $1 and customer_id = $2`, inv.TenantID, in.Customer, in.Method, tx.Now())
		return err
	})
}

// failWholesale ends an attempt that came to nothing; the next has a key of its own.
func (s *Service) failWholesale(ctx context.Context, invoice uuid.UUID, epoch int, failure string) error {
	return s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(ctx, `-- payments.failWholesale
			update central.wholesale_invoices set payment_epoch = payment_epoch + 1, payment_failure = $3, checkout_id = null, checkout_url = null, processor_id = null
			where id = $1 and status = 'open' and payment_epoch = $2`, invoice, epoch, failure)
		return err
	})
}

// resellerCard is who a reseller is in the provider's account, and its saved card;
// both are empty when it never paid there.
func (s *Service) resellerCard(ctx context.Context, reseller uuid.UUID, account string) (customer, method string, err error) {
	var row struct{ CustomerID, MethodID string }
	found := false
	err = s.DB.CentralRead(ctx, tenants.FindQ(&row, &found, `-- payments.resellerCard
		select customer_id, method_id from central.reseller_cards where tenant_id = $1 and account = $2`, reseller, account))
	return row.CustomerID, row.MethodID, err
}

func (s *Service) keepResellerCard(ctx context.Context, reseller uuid.UUID, account, customer, method string) error {
	return s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(ctx, `-- payments.keepResellerCard
			insert into central.reseller_cards (tenant_id, account, customer_id, method_id, updated_at) values ($1, $2, $3, $4, $5)
			on conflict (tenant_id, account) do nothing`, reseller, account, customer, method, tx.Now())
		return err
	})
}
