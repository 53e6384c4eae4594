package billing

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/tenants"
)

// advance is a price that is billed before its time: the line and who pays it.
type advance struct {
	userID uuid.UUID
	line   Line
}

// advances are the subscriptions of the cycle that begins, for the invoice of the
// one that ends (R25).
func advances(ctx context.Context, tx tenants.Tx, c Cycle) ([]advance, error) {
	return nil, nil
}

// reduction is what a coupon takes off a document: a share, or an amount.
type reduction struct {
	code    string
	percent decimal.Decimal
	amount  decimal.Decimal
}

// off is the reduction of these lines, at most what they come to.
func (r reduction) off(lines []Line, currency string) decimal.Decimal {
	if r.percent.IsPositive() {
		return PercentOff(lines, r.percent, currency)
	}
	return r.amount
}

// reductions are the coupons that customers have, for documents made at a time.
func reductions(ctx context.Context, tx tenants.Tx, kind string, docs []document, at time.Time) (map[uuid.UUID]reduction, error) {
	return nil, nil
}

// taxed writes the tax of its class on each line, as the customer's country and
// papers are now.
func taxed(lines []Line, to customer, taxes []TaxRate) {
	for i := range lines {
		l := &lines[i]
		r := taxFor(taxes, to, l.TaxClass)
		l.TaxName, l.TaxPercent, l.TaxInclusive = r.Name, r.Percent, r.Inclusive
	}
}

func taxFor(taxes []TaxRate, to customer, class string) TaxRate {
	if to.TaxExempt && to.VATNumber != "" {
		return TaxRate{Class: class}
	}
	for _, country := range []string{to.Country, ""} {
		for _, r := range taxes {
			if r.Class == class && r.Country == country {
				return r
			}
		}
	}
	return TaxRate{Class: class}
}

// termDays is how many days after its date an invoice is due (R23).
func termDays(ctx context.Context, tx tenants.Tx) (int, error) { return 7, nil }
