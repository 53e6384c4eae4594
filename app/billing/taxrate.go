package billing

import (
	"context"
	"regexp"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// standardClass is the tax class of everything that the shop has not set apart.
const standardClass = "standard"

var (
	countryCode = regexp.MustCompile(`^([A-Z]{2})?$`)
	taxClass    = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
)

// taxed writes the tax of its class on each line, as the customer's country and
// papers are now.
func taxed(lines []Line, to customer, taxes []TaxRate) {
	for i := range lines {
		l := &lines[i]
		r := taxFor(taxes, to.Country, l.TaxClass, to.TaxExempt)
		l.TaxName, l.TaxPercent, l.TaxInclusive = r.Name, r.Percent, r.Inclusive
	}
}

// taxFor is the tax on a class in a country: the country's own rate, else the one for
// everywhere else; none for a customer who is exempt, or where the shop has no rate.
func taxFor(taxes []TaxRate, country, class string, exempt bool) TaxRate {
	if exempt {
		return TaxRate{Class: class}
	}
	for _, c := range []string{country, ""} {
		for _, r := range taxes {
			if r.Class == class && r.Country == c {
				return r
			}
		}
	}
	return TaxRate{Class: class}
}

// SetTax puts a rate in force for a country and class in place of the one before;
// documents that are made keep theirs. Errors: Invalid (name, country, tax_class,
// percent).
func (s *Service) SetTax(ctx context.Context, t tenants.Tenant, r TaxRate, actor string) error {
	r.Country, r.Name, r.Class = strings.ToUpper(strings.TrimSpace(r.Country)), strings.TrimSpace(r.Name), strings.TrimSpace(r.Class)
	if r.Class == "" {
		r.Class = standardClass
	}
	wrong := fail.Fields{}
	if r.Name == "" || len(r.Name) > 40 {
		wrong.Add("name", "Give the tax a name of up to 40 characters, such as VAT.")
	}
	if !countryCode.MatchString(r.Country) {
		wrong.Add("country", "Give a country's two letters, such as DE, or nothing for everywhere else.")
	}
	if !taxClass.MatchString(r.Class) {
		wrong.Add("tax_class", "Use small letters, digits, dashes and underscores.")
	}
	if r.Percent.IsNegative() || r.Percent.GreaterThan(decimal.NewFromInt(100)) || r.Percent.Exponent() < -4 {
		wrong.Add("percent", "Give a percentage from 0 to 100, with at most 4 decimal places.")
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		if err := lockTaxes(ctx, tx); err != nil {
			return err
		}
		if err := retireTax(ctx, tx, r.Country, r.Class); err != nil {
			return err
		}
		if err := insertTax(ctx, tx, r); err != nil {
			return err
		}
		return audit(ctx, tx, actor, "tax.set", place(r), map[string]string{"name": r.Name, "percent": r.Percent.String()})
	})
}

// RetireTax takes the rate of a country and class out of force. Errors: NotFound.
func (s *Service) RetireTax(ctx context.Context, t tenants.Tenant, country, class, actor string) error {
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		r := TaxRate{Country: strings.ToUpper(country), Class: class}
		active, err := activeTaxes(ctx, tx)
		if err != nil {
			return err
		}
		if !hasTax(active, r) {
			return fail.Missing("tax rate")
		}
		if err := retireTax(ctx, tx, r.Country, class); err != nil {
			return err
		}
		return audit(ctx, tx, actor, "tax.retired", place(r), nil)
	})
}

func hasTax(active []TaxRate, r TaxRate) bool {
	for _, a := range active {
		if a.Country == r.Country && a.Class == r.Class {
			return true
		}
	}
	return false
}

func place(r TaxRate) string {
	if r.Country == "" {
		return "everywhere else/" + r.Class
	}
	return r.Country + "/" + r.Class
}
