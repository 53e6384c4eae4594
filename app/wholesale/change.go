package wholesale

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Figure is a reseller's own figure, or with Tier the wish to have the tier's.
type Figure struct {
	Value decimal.Decimal
	Tier  bool
}

func (f *Figure) value() *decimal.Decimal {
	if f == nil || f.Tier {
		return nil
	}
	return &f.Value
}

// Change is what is to be agreed anew with a reseller; nil leaves things as they
// are. A cycle that is closed keeps the terms it was closed with.
type Change struct {
	Tier       *string
	Mode       *string
	CycleDay   *int
	Currency   *string
	Discount   *Figure
	Fee        *Figure
	Commission *Figure
}

// ParseFigure reads a figure as people write it; "tier", or nothing, is the tier's.
func ParseFigure(text string) (*Figure, error) {
	text = strings.TrimSpace(text)
	if text == "" || text == "tier" {
		return &Figure{Tier: true}, nil
	}
	v, err := decimal.NewFromString(strings.TrimSuffix(text, "%"))
	if err != nil || len(text) > 20 || v.Exponent() < -6 {
		return nil, fail.New(fail.Invalid, "Write a number such as 10, or tier for what the tier says.")
	}
	return &Figure{Value: v}, nil
}

func (c Change) check() error {
	wrong := fail.Fields{}
	if c.Mode != nil && *c.Mode != ModeWholesale && *c.Mode != ModeCommission {
		wrong.Add("mode", "Choose wholesale or commission.")
	}
	if c.CycleDay != nil && (*c.CycleDay < 1 || *c.CycleDay > 28) {
		wrong.Add("cycle_day", "The cycle begins on a day from 1 to 28.")
	}
	if c.Currency != nil && !money.Known(*c.Currency) {
		wrong.Add("currency", "This currency is not known. Use its three letters, such as USD.")
	}
	hundred := decimal.NewFromInt(100)
	for name, f := range map[string]*Figure{"discount": c.Discount, "commission": c.Commission} {
		if v := f.value(); v != nil && (v.IsNegative() || v.GreaterThan(hundred) || v.Exponent() < -4) {
			wrong.Add(name, "Write percent from 0 to 100, with up to four places.")
		}
	}
	if v := c.Fee.value(); v != nil && (v.IsNegative() || v.GreaterThan(decimal.New(1, 9))) {
		wrong.Add("fee", "Write an amount of zero or more.")
	}
	return wrong.Err()
}

// Terms are what the reseller has agreed to now; fail.NotFound for the house,
// which pays nobody.
func (s *Service) Terms(ctx context.Context, t tenants.Tenant) (terms Terms, err error) {
	err = s.DB.CentralRead(ctx, termsQ(&terms, t.ID))
	return terms, err
}

// Agree changes a reseller's terms and answers with the new ones. Rates of blocks
// were locked when their sessions began, so a discount touches later sessions only
// (R4); fee, mode and cycle day count from the cycle that is closed next.
func (s *Service) Agree(ctx context.Context, actor string, t tenants.Tenant, c Change) (Terms, error) {
	if err := c.check(); err != nil {
		return Terms{}, err
	}
	err := s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		found, err := updateTerms(ctx, tx, t.ID, c)
		if tenants.IsForeignKey(err, "") {
			return fail.Fields{"tier": "There is no such tier. Choose basic, pro or enterprise."}.Err()
		}
		if err != nil {
			return err
		}
		if !found {
			return fail.New(fail.Conflict, "The provider's own shop pays nobody and has no terms.")
		}
		return audit(ctx, tx, actor, &t.ID, "tenant.terms", t.Slug, c.words())
	})
	if err != nil {
		return Terms{}, err
	}
	if err := s.DB.Registry().Refresh(ctx); err != nil {
		return Terms{}, err
	}
	if _, err := s.next(ctx, t); err != nil {
		return Terms{}, err
	}
	return s.Terms(ctx, t)
}

func (c Change) words() map[string]string {
	words := map[string]string{}
	for name, v := range map[string]*string{"tier": c.Tier, "mode": c.Mode, "currency": c.Currency} {
		if v != nil {
			words[name] = *v
		}
	}
	for name, f := range map[string]*Figure{"discount": c.Discount, "fee": c.Fee, "commission": c.Commission} {
		switch {
		case f == nil:
		case f.Tier:
			words[name] = "tier"
		default:
			words[name] = f.Value.String()
		}
	}
	if c.CycleDay != nil {
		words["cycle_day"] = strconv.Itoa(*c.CycleDay)
	}
	return words
}

// SetSettings changes the provider's settings.
func (s *Service) SetSettings(ctx context.Context, actor string, v Settings) error {
	wrong := fail.Fields{}
	if _, err := time.LoadLocation(v.TimeZone); err != nil || v.TimeZone == "" || v.TimeZone == "Local" {
		wrong.Add("time_zone", "This time zone is not known. Use a name such as Europe/Berlin.")
	}
	if v.TermDays < 0 || v.TermDays > 90 {
		wrong.Add("term_days", "An invoice is due within 90 days.")
	}
	if v.SuspendDays < 1 || v.SuspendDays > 365 {
		wrong.Add("suspend_days", "Write a number of days from 1 to 365.")
	}
	if err := wrong.Err(); err != nil {
		return err
	}
	return s.DB.Central(ctx, func(tx tenants.CentralTx) error {
		values := map[string]string{"time_zone": v.TimeZone, "wholesale_term_days": strconv.Itoa(v.TermDays), "wholesale_suspend_days": strconv.Itoa(v.SuspendDays)}
		for key, value := range values {
			if err := saveSetting(ctx, tx, key, value); err != nil {
				return err
			}
		}
		return audit(ctx, tx, actor, nil, "wholesale.settings", "", values)
	})
}
