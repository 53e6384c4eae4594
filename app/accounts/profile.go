package accounts

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// How a customer pays: block by block from credit, or by card at the end of the
// month.
const (
	Prepaid  = "prepaid"
	Postpaid = "postpaid"
)

// EventLimits announces that a customer's cap, thresholds or way to pay are others
// than before: blocks that were refused may be tried again.
const EventLimits = "limits.changed"

// Profile is what a person's invoices and limits are made of. Amounts are in the
// shop's currency; a nil cap or threshold is none.
type Profile struct {
	PayMode       string           `db:"pay_mode"`
	PayModeChosen bool             `db:"pay_mode_chosen"` // by the customer, not by saving the first card
	Company       string           `db:"company"`
	Address       string           `db:"address"`
	Country       string           `db:"country"` // ISO 3166-1, or ""
	VATNumber     string           `db:"vat_number"`
	MonthlyCap    *decimal.Decimal `db:"monthly_cap"`
	WarnPercent   []int32          `db:"warn_percent"` // of the cap
	LowCredit     *decimal.Decimal `db:"low_credit"`
	ParkedAt      *time.Time       `db:"parked_at"`
	ParkedFor     json.RawMessage  `db:"parked_for"` // the bound that was passed, with its numbers
	SuspendedFor  string           `db:"suspended_for"`
	PostpaidOpen  bool             `db:"postpaid_open"` // the shop lets people pay at the end of the month
	Methods       int              `db:"methods"`       // cards that are saved
	EraseAskedAt  *time.Time       `db:"erase_asked_at"`
	EraseWaits    string           `db:"erase_waits_for"` // a sentence
	ErasedAt      *time.Time       `db:"erased_at"`
}

// MayPostpay says that paying at the end of the month can be chosen (R13).
func (p Profile) MayPostpay() bool { return p.PostpaidOpen && p.Methods > 0 }

// Details are who an invoice is made out to.
type Details struct{ Company, Address, Country, VATNumber string }

// Limits are a customer's own bounds on what is spent (R15).
type Limits struct {
	MonthlyCap  *decimal.Decimal
	WarnPercent []int
	LowCredit   *decimal.Decimal
}

// mostThresholds is how many warnings about one cap somebody may ask for.
const mostThresholds = 5

// SetDetails stores who a person's next invoices are made out to; earlier ones keep
// what they say (R19). Errors: Invalid (company, address, country, vat_number),
// NotFound.
func (s *Service) SetDetails(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, d Details) error {
	d, err := d.checked()
	if err != nil {
		return err
	}
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		if err := updateDetails(ctx, tx, id, d); err != nil {
			return err
		}
		return record(ctx, tx, actor, "user.billing_details", id.String())
	})
}

func (d Details) checked() (Details, error) {
	wrong := fail.Fields{}
	d.Company, d.Address = strings.TrimSpace(d.Company), strings.TrimSpace(strings.ReplaceAll(d.Address, "\r\n", "\n"))
	d.Country = strings.ToUpper(strings.TrimSpace(d.Country))
	if !plain(d.Company, false) || utf8.RuneCountInString(d.Company) > 200 {
		wrong.Add("company", "Use at most 200 characters, in one line.")
	}
	if !plain(d.Address, true) || utf8.RuneCountInString(d.Address) > 500 {
		wrong.Add("address", "Use at most 500 characters.")
	}
	if d.Country != "" && CountryName(d.Country) == "" {
		wrong.Add("country", "Choose a country from the list.")
	}
	number, problem := NormalVAT(d.VATNumber, d.Country)
	if d.VATNumber = number; problem != "" {
		wrong.Add("vat_number", "%s", problem)
	}
	return d, wrong.Err()
}

// plain says that a text has no control characters, but for line ends where there
// may be several lines.
func plain(text string, lines bool) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && (r != '\n' || !lines) })
}

// SetLimits stores a customer's bounds and announces limits.changed. Errors: Invalid
// (monthly_cap, warn_percent, low_credit), NotFound.
func (s *Service) SetLimits(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, l Limits) error {
	slices.Sort(l.WarnPercent)
	l.WarnPercent = slices.Compact(l.WarnPercent)
	if err := l.check(t.Currency); err != nil {
		return err
	}
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		if err := updateLimits(ctx, tx, id, l); err != nil {
			return err
		}
		if err := record(ctx, tx, actor, "user.limits", id.String()); err != nil {
			return err
		}
		return announceLimits(ctx, tx, id)
	})
}

func (l Limits) check(currency string) error {
	wrong := fail.Fields{}
	checkBound(wrong, "monthly_cap", l.MonthlyCap, currency)
	checkBound(wrong, "low_credit", l.LowCredit, currency)
	if len(l.WarnPercent) > mostThresholds {
		wrong.Add("warn_percent", "Choose at most %d.", mostThresholds)
	}
	for _, p := range l.WarnPercent {
		if p < 1 || p > 100 {
			wrong.Add("warn_percent", "Give whole percents from 1 to 100.")
		}
	}
	return wrong.Err()
}

func checkBound(wrong fail.Fields, field string, amount *decimal.Decimal, currency string) {
	switch {
	case amount == nil:
	case amount.IsNegative():
		wrong.Add(field, "Give an amount of zero or more, or leave it out.")
	case !amount.Equal(money.Round(*amount, currency)):
		wrong.Add(field, "The smallest amount in %s is %s.", currency, money.API(money.Unit(currency), currency))
	case amount.GreaterThan(decimal.NewFromInt(1_000_000)):
		wrong.Add(field, "Give at most %s.", money.Of(decimal.NewFromInt(1_000_000), currency).Format())
	}
}

// SetPayMode chooses how a customer pays from the next block on, and announces
// limits.changed. Paying at the end of the month needs a saved card and a shop that
// allows it (R13). Errors: Invalid (pay_mode), NotFound.
func (s *Service) SetPayMode(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, mode string) error {
	if mode != Prepaid && mode != Postpaid {
		return fail.Fields{"pay_mode": "Choose how to pay."}.Err()
	}
	return s.db.In(ctx, t, func(tx tenants.Tx) error {
		if _, err := lockUser(ctx, tx, id); err != nil {
			return err
		}
		p, err := profileOf(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case mode == Postpaid && !p.PostpaidOpen:
			return fail.Fields{"pay_mode": "This shop takes payment in advance only."}.Err()
		case mode == Postpaid && p.Methods == 0:
			return fail.Fields{"pay_mode": "Save a card first, so that there is something to charge at the end of the month."}.Err()
		}
		if err := updatePayMode(ctx, tx, id, mode); err != nil {
			return err
		}
		if err := record(ctx, tx, actor, "user.pay_mode."+mode, id.String()); err != nil {
			return err
		}
		return announceLimits(ctx, tx, id)
	})
}

func announceLimits(ctx context.Context, tx tenants.Tx, id uuid.UUID) error {
	return bus.Append(ctx, tx, EventLimits, map[string]string{"user_id": id.String()})
}
