package billing

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// The kinds of coupon.
const (
	PercentCoupon = "percent"
	AmountCoupon  = "amount"
)

// Coupon takes something off a customer's invoices: a share, or an amount of each.
// Months is on how many invoices, nil for all; MaxUses how many customers may use
// it; ExpiresAt is until when they may begin to.
type Coupon struct {
	ID        uuid.UUID        `db:"id"`
	Code      string           `db:"code"`
	Name      string           `db:"name"`
	Kind      string           `db:"kind"`
	Percent   *decimal.Decimal `db:"percent"`
	Amount    *decimal.Decimal `db:"amount"`
	Currency  string           `db:"currency"`
	Months    *int             `db:"months"`
	MaxUses   *int             `db:"max_uses"`
	Used      int              `db:"used"`
	ExpiresAt *time.Time       `db:"expires_at"`
	Status    string           `db:"status"` // active, retired
	CreatedAt time.Time        `db:"created_at"`
}

// Off is what the coupon takes off, for people: "10 %", "$5.00".
func (c Coupon) Off() string {
	switch {
	case c.Percent != nil:
		return c.Percent.String() + " %"
	case c.Amount != nil:
		return money.Of(*c.Amount, c.Currency).Format()
	}
	return ""
}

// Open says that a customer may begin to use the coupon now.
func (c Coupon) Open(now time.Time) bool {
	return c.Status == "active" && (c.ExpiresAt == nil || now.Before(*c.ExpiresAt)) && (c.MaxUses == nil || c.Used < *c.MaxUses)
}

// CustomerCoupon is a coupon that a customer uses. MonthsLeft is nil for one without
// an end.
type CustomerCoupon struct {
	UserID     uuid.UUID        `db:"user_id"`
	CouponID   uuid.UUID        `db:"coupon_id"`
	Code       string           `db:"code"`
	Name       string           `db:"name"`
	Percent    *decimal.Decimal `db:"percent"`
	Amount     *decimal.Decimal `db:"amount"`
	Currency   string           `db:"currency"`
	MonthsLeft *int             `db:"months_left"`
}

// Off is what the coupon takes off, for people.
func (c CustomerCoupon) Off() string {
	return Coupon{Percent: c.Percent, Amount: c.Amount, Currency: c.Currency}.Off()
}

// couponCode is what a code is made of, once it is in capitals.
var couponCode = regexp.MustCompile(`^[A-Z0-9][A-Z0-9._-]{1,39}$`)

// NewCoupon is what a shop wants to give.
type NewCoupon struct {
	Code      string
	Name      string
	Percent   *decimal.Decimal // one of the two
	Amount    *decimal.Decimal
	Months    *int
	MaxUses   *int
	ExpiresAt *time.Time
	Actor     string
}

func (n *NewCoupon) check(now time.Time, currency string) error {
	n.Code, n.Name = strings.ToUpper(strings.TrimSpace(n.Code)), strings.TrimSpace(n.Name)
	wrong := fail.Fields{}
	if !couponCode.MatchString(n.Code) {
		wrong.Add("code", "Use 2 to 40 letters, digits, dots, dashes and underscores.")
	}
	switch {
	case (n.Percent == nil) == (n.Amount == nil):
		wrong.Add("percent", "Give a percentage or an amount, one of the two.")
	case n.Percent != nil && (!n.Percent.IsPositive() || n.Percent.GreaterThan(decimal.NewFromInt(100)) || n.Percent.Exponent() < -4):
		wrong.Add("percent", "Give a percentage above 0 and up to 100.")
	case n.Amount != nil && (!n.Amount.IsPositive() || n.Amount.GreaterThan(decimal.NewFromInt(100_000)) || !n.Amount.Equal(money.Round(*n.Amount, currency))):
		wrong.Add("amount", "Give an amount above zero, in whole units of %s.", money.Of(money.Unit(currency), currency).Format())
	}
	if n.Months != nil && (*n.Months < 1 || *n.Months > 120) {
		wrong.Add("months", "Give 1 to 120 months, or leave it out for no end.")
	}
	if n.MaxUses != nil && (*n.MaxUses < 1 || *n.MaxUses > 1_000_000) {
		wrong.Add("max_uses", "Give at least 1, or leave it out for no limit.")
	}
	if n.ExpiresAt != nil && !n.ExpiresAt.After(now) {
		wrong.Add("expires_at", "Give a day that is still to come.")
	}
	if len(n.Name) > 120 {
		wrong.Add("name", "Use at most 120 characters.")
	}
	return wrong.Err()
}

// CreateCoupon makes a coupon in the shop's currency. Errors: Invalid (code, percent,
// amount, months, max_uses, expires_at, name), Conflict when the code is taken.
func (s *Service) CreateCoupon(ctx context.Context, t tenants.Tenant, n NewCoupon) (c Coupon, err error) {
	err = s.db.In(ctx, t, func(tx tenants.Tx) error {
		if err := n.check(tx.Now(), tx.Tenant().Currency); err != nil {
			return err
		}
		c, err = insertCoupon(ctx, tx, n)
		if tenants.IsUnique(err, "coupons_code") {
			wrong := fail.Fields{}
			wrong.Add("code", "There is a coupon with this code already.")
			return wrong.Err()
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, n.Actor, "coupon.created", c.Code, map[string]string{"off": c.Off()})
	})
	return c, err
}

// RetireCoupon lets nobody begin to use a coupon any more; who uses it keeps it.
// Errors: NotFound.
func (s *Service) RetireCoupon(ctx context.Context, t tenants.Tenant, code, actor string) error {
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		c, err := lockCoupon(ctx, tx, code)
		if err != nil || c.Status == "retired" {
			return err
		}
		if err := retireCoupon(ctx, tx, c.ID); err != nil {
			return err
		}
		return audit(ctx, tx, actor, "coupon.retired", c.Code, nil)
	})
}

// Redeem lets a customer begin to use a coupon by its code. Errors: Invalid (code):
// there is none, it is used up, over, used before, or another one is in use.
func (s *Service) Redeem(ctx context.Context, t tenants.Tenant, user uuid.UUID, code string) error {
	return s.db.In(ctx, t, func(tx tenants.Tx) error { return redeem(ctx, tx, user, code, "customer", false) })
}

// AssignCoupon gives a customer a coupon in place of the one in use. Errors: Invalid
// (code), NotFound for an unknown customer.
func (s *Service) AssignCoupon(ctx context.Context, t tenants.Tenant, user uuid.UUID, code, actor string) error {
	return s.db.In(ctx, t, func(tx tenants.Tx) error { return redeem(ctx, tx, user, code, actor, true) })
}

func redeem(ctx context.Context, tx tenants.Tx, user uuid.UUID, code, actor string, instead bool) error {
	if _, err := lockCustomer(ctx, tx, user); err != nil {
		return err
	}
	c, err := lockCoupon(ctx, tx, code)
	if fail.Is(err, fail.NotFound) || err == nil && !c.Open(tx.Now()) {
		return notRedeemed("This code is not valid, or not any more.")
	}
	if err != nil {
		return err
	}
	if has, found, err := couponOf(ctx, tx, user); err != nil {
		return err
	} else if found && !instead && (has.MonthsLeft == nil || *has.MonthsLeft > 0) {
		return notRedeemed("You use the coupon " + has.Code + " already; one counts at a time.")
	}
	first, err := insertRedemption(ctx, tx, c.ID, user, actor)
	if err != nil {
		return err
	}
	if !first {
		return notRedeemed("This coupon was used on this account before.")
	}
	if err := useCoupon(ctx, tx, c, user); err != nil {
		return err
	}
	return audit(ctx, tx, actor, "coupon.redeemed", user.String(), map[string]string{"code": c.Code})
}

func notRedeemed(sentence string) error {
	wrong := fail.Fields{}
	wrong.Add("code", "%s", sentence)
	return wrong.Err()
}

// reduction is what a coupon takes off a document: a share, or an amount of its
// currency.
type reduction struct {
	code     string
	percent  decimal.Decimal
	amount   decimal.Decimal
	currency string
}

// off is the reduction of these lines, at most what they come to.
func (r reduction) off(lines []Line, currency string) decimal.Decimal {
	switch {
	case r.percent.IsPositive():
		return PercentOff(lines, r.percent, currency)
	case r.currency == currency:
		return r.amount
	}
	return decimal.Zero
}

// reductions are the coupons that count on documents made now. One of its months is
// used up by each invoice that it takes something off; a document that costs nothing
// uses none.
func reductions(ctx context.Context, tx tenants.Tx, _ string, docs []document, _ time.Time) (map[uuid.UUID]reduction, error) {
	coupons, err := lockCouponsOf(ctx, tx, userIDs(docs))
	if err != nil || len(coupons) == 0 {
		return nil, err
	}
	all := map[uuid.UUID]reduction{}
	for _, c := range coupons {
		r := reduction{code: c.Code, currency: c.Currency}
		if c.Percent != nil {
			r.percent = *c.Percent
		}
		if c.Amount != nil {
			r.amount = *c.Amount
		}
		all[c.UserID] = r
	}
	var used []uuid.UUID
	for _, d := range docs {
		if r, has := all[d.userID]; has && costsAnything(d.lines) && r.off(d.lines, d.currency).IsPositive() {
			used = append(used, d.userID)
		}
	}
	return all, spendCoupons(ctx, tx, used)
}

func costsAnything(lines []Line) bool {
	for _, l := range lines {
		if l.Amount.IsPositive() {
			return true
		}
	}
	return false
}
